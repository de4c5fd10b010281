# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates the tables of docs/compose.md from the tables that the translation works by.

usage: PYTHONPATH=.ansible/collections python -m tests.tools.compose_doc [--write]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ansible_collections.seaworthy.swarm.plugins.module_utils._compose_keys import SERVICE, TOP, Key, Verdict
from tests.run import ROOT

PAGE = ROOT / "docs/compose.md"
BEGIN, END = "<!-- keys -->", "<!-- /keys -->"


def tables() -> str:
    """All keys as Markdown."""
    count = {verdict: sum(key.verdict is verdict for key in (*SERVICE, *TOP)) for verdict in Verdict}
    words = ", ".join(f"{number} {verdict}" for verdict, number in count.items())
    return f"{words}.\n\n### Keys of a service\n\n{_table(SERVICE)}\n### Keys beside the services\n\n{_table(TOP)}"


def outdated(*, write: bool = False) -> bool:
    """Whether the page has other tables; ``write`` brings it up to date."""
    found = PAGE.read_text()
    head, rest = found.split(BEGIN)
    wanted = f"{head}{BEGIN}\n{tables()}{END}{rest.split(END)[1]}"
    if write and found != wanted:
        PAGE.write_text(wanted)
    return found != wanted


def _table(keys: Iterable[Key]) -> str:
    rows = ["| Key | Verdict | What becomes of it, or why not |", "|---|---|---|"]
    for key in sorted(keys, key=lambda key: key.path):
        says = key.says[0].upper() + key.says[1:].rstrip(".") + "."
        becomes = f" (`{key.becomes}`)" if key.becomes not in ("", key.path) else ""
        rows.append(f"| `{key.path}` | {key.verdict}{becomes} | {_escaped(says)} |")
    return "\n".join(rows) + "\n"


def _escaped(text: str) -> str:
    """Outside of code, Markdown would take <app> for HTML."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts).replace("|", "\\|")


if __name__ == "__main__":
    write = "--write" in sys.argv[1:]
    sys.exit(1 if outdated(write=write) and not write else 0)
