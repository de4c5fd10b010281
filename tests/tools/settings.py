# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates the table of the collection's settings in docs/existing_hosts.md from the port and settings table.

usage: PYTHONPATH=.ansible/collections python -m tests.tools.settings [--write]
"""

from __future__ import annotations

import sys

from ansible_collections.seaworthy.swarm.plugins.module_utils._estate import SETTINGS
from tests.run import ROOT

PAGE = ROOT / "docs/existing_hosts.md"
BEGIN, END = "<!-- settings -->", "<!-- /settings -->"


def table() -> str:
    """All settings as Markdown."""
    rows = ["| Setting | Type | Default | Meaning |", "|---|---|---|---|"]
    for one in SETTINGS:
        default = "**required**" if one.required else f"`{one.default}`" if one.default else ""
        choices = f" One of {', '.join(f'`{choice}`' for choice in one.choices)}." if one.choices else ""
        rows.append(f"| `{one.name}` | {one.type} | {default} | {one.meaning}{choices} |")
    return "\n".join(rows) + "\n"


def outdated(*, write: bool = False) -> bool:
    """Whether the page has another table; ``write`` brings it up to date."""
    found = PAGE.read_text()
    head, rest = found.split(BEGIN)
    wanted = f"{head}{BEGIN}\n{table()}{END}{rest.split(END)[1]}"
    if write and found != wanted:
        PAGE.write_text(wanted)
    return found != wanted


if __name__ == "__main__":
    write = "--write" in sys.argv[1:]
    sys.exit(1 if outdated(write=write) and not write else 0)
