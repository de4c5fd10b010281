# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates the table of inputs in each role's README from its meta/argument_specs.yml.

usage: python -m tests.tools.role_readme [--write]     (without --write it names the files that are out of date)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.run import ROOT
from tests.tree import roles

BEGIN, END = "<!-- inputs -->", "<!-- /inputs -->"


def table(specs: dict[str, Any]) -> str:
    """The inputs of every entry point as Markdown."""
    parts = []
    for entry, body in specs.items():
        options: dict[str, Any] = body.get("options", {})
        parts.append(f"### Entry point `{entry}`\n\n{_sentence(body['short_description'])}\n")
        if not options:
            parts.append("No inputs.\n")
            continue
        rows = ["| Input | Type | Default | Meaning |", "|---|---|---|---|"]
        rows += [_row(name, option) for name, option in options.items()]
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(name: str, option: dict[str, Any]) -> str:
    kind = str(option["type"]) + (f" of {option['elements']}" if "elements" in option else "")
    default = "**required**" if option.get("required") else _default(option)
    text = option["description"]
    meaning = " ".join(text) if isinstance(text, list) else str(text)
    if "choices" in option:
        meaning += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    return f"| `{name}` | {kind} | {default} | {_cell(meaning)} |"


def _default(option: dict[str, Any]) -> str:
    return f"`{_cell(json.dumps(option['default']))}`" if "default" in option else ""


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _wanted(role: str) -> tuple[Path, str, str]:
    directory = ROOT / "roles" / role
    readme = directory / "README.md"
    specs = yaml.safe_load((directory / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    defaults = yaml.safe_load((directory / "defaults" / "main.yml").read_text()) or {}
    for name, option in specs["main"].get("options", {}).items():
        if name in defaults:
            option.setdefault("default", defaults[name])
    found = readme.read_text()
    if found.count(BEGIN) != 1 or found.count(END) != 1:
        message = f"{readme}: expected one line '{BEGIN}' and one line '{END}' around the generated table"
        raise SystemExit(message)
    head, rest = found.split(BEGIN)
    tail = rest.split(END)[1]
    return readme, found, f"{head}{BEGIN}\n{table(specs)}{END}{tail}"


def outdated(*, write: bool = False) -> list[str]:
    """READMEs whose table is not what the argument specs say; ``write`` brings them up to date."""
    names = []
    for role in roles():
        readme, found, wanted = _wanted(role)
        if found == wanted:
            continue
        names.append(str(readme.relative_to(ROOT)))
        if write:
            readme.write_text(wanted)
    return names


if __name__ == "__main__":
    write = "--write" in sys.argv[1:]
    changed = outdated(write=write)
    for name in changed:
        print(("written  " if write else "outdated  ") + name)
    sys.exit(0 if write or not changed else 1)
