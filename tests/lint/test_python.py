# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python in plugins/ and tests/: style, types, headers."""

from __future__ import annotations

import ast
import re
import sys

from tests.run import ROOT, run
from tests.tree import require_none, tracked

PYTHON = tracked(r"\.py$")


def test_ruff_check() -> None:
    """No finding, nothing switched off in the code."""
    run(["ruff", "check", "."], log="lint/ruff.log").require_success()


def test_ruff_format() -> None:
    """Every file is formatted."""
    run(["ruff", "format", "--check", "."], log="lint/ruff-format.log").require_success()


def test_mypy_strict() -> None:
    """Strict types for the shipped code and the tests."""
    run(["mypy"], log="lint/mypy.log").require_success()


def test_nothing_is_silenced() -> None:
    """No comment switches a check off."""
    silencer = re.compile(r"#\s*(noqa|type:\s*ignore|pylint:\s*disable)")
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in PYTHON
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if silencer.search(line) and "re.compile" not in line
    ]
    require_none(found, "repair the cause instead of silencing it")


def test_modules_are_small() -> None:
    """A module is documentation, argument spec and one manager: the work is done in module_utils."""
    lines = {str(path): (ROOT / path).read_text().count("\n") for path in PYTHON if path.match("plugins/modules/*.py")}
    long = [f"{path}: {count}" for path, count in lines.items() if count > 300]
    require_none(long, "more than 300 lines: move work down into plugins/module_utils")


def test_module_utils_need_only_the_standard_library() -> None:
    """Hosts get no package of ours: what runs there imports the standard library and its neighbours."""
    # _lab*.py serves the lab on the controller and may use the docker package, imported where it is used.
    wrong = []
    for path in PYTHON:
        if path.parent.as_posix() != "plugins/module_utils" or path.name.startswith("_lab"):
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and node.level == 0
                else []
            )
            wrong += [f"{path}: {name}" for name in names if name.split(".")[0] not in sys.stdlib_module_names]
    require_none(wrong, "module_utils import the standard library only")
