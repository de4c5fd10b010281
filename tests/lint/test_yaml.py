# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML of the collection: style and Ansible's own rules, nothing skipped."""

from __future__ import annotations

import re
from pathlib import Path

from tests.run import ROOT, run
from tests.tree import require_none, tracked


def test_yamllint() -> None:
    """Our rules for YAML (.yamllint)."""
    run(["yamllint", "--strict", "."], log="lint/yamllint.log").require_success()


def test_extension_is_yml() -> None:
    """One spelling, except where a tool knows only the other."""
    other = tracked(r"\.yaml$")
    allowed = re.compile(
        r"^(\.pre-commit-config\.yaml|changelogs/(config|changelog)\.yaml|examples/|tests/fixtures/|tests/unit/)"
    )
    require_none([path for path in other if not allowed.match(str(path))], "name it .yml")


def test_ansible_lint_production() -> None:
    """Profile production without a skip list, a warn list or a noqa."""
    result = run(["ansible-lint", "--offline", "-q", "--nocolor"], log="lint/ansible-lint.log", timeout=900)
    result.require_success()


def test_nothing_is_skipped() -> None:
    """Neither the settings nor a comment switch a rule off."""
    settings = (ROOT / ".ansible-lint").read_text()
    assert not re.search(r"^(skip_list|warn_list|enable_list|mock_)", settings, re.MULTILINE)
    assert not tracked(r"^\.ansible-lint-ignore$")
    found = [path for path in tracked(r"^(roles|playbooks|inventories|molecule)/.*\.yml$") if _silenced(path)]
    require_none(found, "repair the cause instead of a noqa")


def _silenced(path: Path) -> bool:
    return re.search(r"#\s*(noqa|yamllint disable)", (ROOT / path).read_text()) is not None


def test_tasks_hide_no_failure() -> None:
    """No ignore_errors, no shell."""
    bad = re.compile(r"^\s*(ignore_errors:\s*true|ansible\.builtin\.shell:|ansible\.builtin\.raw:)", re.MULTILINE)
    found = [path for path in tracked(r"^(roles|playbooks)/.*\.yml$") if bad.search((ROOT / path).read_text())]
    require_none(found, "use a module, and let failures be failures")
