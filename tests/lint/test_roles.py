# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role has the same anatomy, and its inputs are declared once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.run import ROOT
from tests.tools.role_readme import outdated
from tests.tree import require_none, roles, tracked

ANATOMY = (
    "README.md",
    "meta/main.yml",
    "meta/argument_specs.yml",
    "defaults/main.yml",
    "tasks/main.yml",
    "tasks/preflight.yml",
)


def _load(path: Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.mark.parametrize("role", roles())
def test_anatomy(role: str) -> None:
    """You know one role, you know all."""
    missing = [name for name in ANATOMY if not (ROOT / "roles" / role / name).is_file()]
    require_none(missing, "missing")


@pytest.mark.parametrize("role", roles())
def test_defaults_are_the_argument_spec(role: str) -> None:
    """A default is declared, a declared input has a default or is required, and both say the same value."""
    spec = _load(Path("roles", role, "meta/argument_specs.yml"))["argument_specs"]
    options: dict[str, Any] = spec["main"].get("options", {})
    defaults: dict[str, Any] = _load(Path("roles", role, "defaults/main.yml")) or {}
    undeclared = sorted(set(defaults) - set(options))
    require_none(undeclared, "in defaults/main.yml, but not in meta/argument_specs.yml")
    without = sorted(name for name, option in options.items() if name not in defaults and not option.get("required"))
    require_none(without, "optional in meta/argument_specs.yml, but without a value in defaults/main.yml")
    both = sorted(name for name, option in options.items() if name in defaults and option.get("required"))
    require_none(both, "required in meta/argument_specs.yml, yet with a default")
    differ = {
        name: (value, options[name]["default"])
        for name, value in defaults.items()
        if "default" in options[name] and options[name]["default"] != value
    }
    assert differ == {}, "defaults/main.yml and meta/argument_specs.yml differ"


@pytest.mark.parametrize("role", roles())
def test_inputs_carry_the_name_of_the_role(role: str) -> None:
    """Public inputs are <role>_*, and each says what it is."""
    spec = _load(Path("roles", role, "meta/argument_specs.yml"))["argument_specs"]
    for entry, body in spec.items():
        assert body.get("short_description"), f"{entry} has no short_description"
        assert body.get("description"), f"{entry} has no description"
        for name, option in body.get("options", {}).items():
            assert name.startswith(f"{role}_"), name
            assert option.get("description"), f"{name} has no description"
            assert option.get("type"), f"{name} has no type"


@pytest.mark.parametrize("role", roles())
def test_main_is_a_table_of_contents(role: str) -> None:
    """tasks/main.yml imports the phases, each tagged; preflight always runs; tags appear nowhere else."""
    tasks = _load(Path("roles", role, "tasks/main.yml"))
    for task in tasks:
        phase = str(task["ansible.builtin.import_tasks"]).removesuffix(".yml")
        wanted = {"always"} if phase == "preflight" else {role, f"{role}_{phase}"}
        assert wanted <= set(task["tags"]) <= {"always", role, f"{role}_{phase}"}, phase
    others = [path for path in tracked(rf"^roles/{role}/tasks/.*\.yml$") if path.name != "main.yml"]
    tagged = [str(path) for path in others if re.search(r"^\s*tags:", (ROOT / path).read_text(), re.MULTILINE)]
    require_none(tagged, "tags belong into tasks/main.yml only")


@pytest.mark.parametrize("role", roles())
def test_defaults_hold_inputs_only(role: str) -> None:
    """At most 150 lines, no secret."""
    text = (ROOT / "roles" / role / "defaults/main.yml").read_text()
    assert text.count("\n") <= 150


def test_role_tables_are_current() -> None:
    """The tables of inputs in the roles' READMEs are generated: make docs."""
    require_none(outdated(), "run: make docs")


def test_facts_only_by_their_dictionary() -> None:
    """No injected facts (their default goes in ansible-core 2.24), no hard-coded group in a role."""
    injected = re.compile(
        r"\bansible_(distribution|hostname|fqdn|default_ipv4|os_family|architecture|processor\w*|memtotal_mb)\b"
    )
    grouped = re.compile(r"groups\[['\"]")
    files = tracked(r"^(roles|playbooks)/.*\.(yml|j2)$")
    found = [f"{path}: {m.group()}" for path in files for m in [injected.search((ROOT / path).read_text())] if m]
    require_none(found, "facts come from ansible_facts")
    named = [str(path) for path in tracked(r"^roles/.*\.(yml|j2)$") if grouped.search((ROOT / path).read_text())]
    require_none(named, "the group is a parameter of the role")
