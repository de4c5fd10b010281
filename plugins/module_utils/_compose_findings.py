# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""What is found in a Compose file: each key with its row of the tables, and what is refused. Pure functions."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import json
import typing as t

from ._compose_keys import Key, Verdict
from ._errors import InputError

UNKNOWN = "this is no key that the platform knows"
LONGEST_FOUND = 200


@dataclasses.dataclass(frozen=True)
class Asked:
    """A key that somebody wrote, with the row that speaks for it."""

    path: str
    key: Key
    value: t.Any


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why something cannot be released. No service: the top level, or the app file when `file` names it."""

    service: str
    key: str
    reason: str
    found: str = ""
    remedy: str = ""
    file: str = ""

    def __str__(self) -> str:
        place = [self.file, f"service {self.service}" if self.service else "", self.key, self.reason]
        parts = [": ".join(filter(None, place))]
        if self.found:
            parts.append(f"found: {self.found}")
        if self.remedy:
            parts.append(self.remedy)
        return ". ".join(parts)


def asked(model: c.Mapping[str, t.Any], table: c.Mapping[str, Key]) -> list[Asked]:
    """Each key of the model, as deep as the table goes."""
    return list(_inside(model, table, _parents(table), "", ""))


def refusals_of(service: str, keys: c.Iterable[Asked]) -> list[Refusal]:
    """The keys that are refused whatever they say."""
    return [
        Refusal(service, one.path, one.key.says, found=shown(one.value))
        for one in keys
        if one.key.verdict is Verdict.REFUSED
    ]


def error(source: str, refusals: c.Sequence[Refusal]) -> InputError:
    """All refusals in one error; its fields are those of the first."""
    first = refusals[0]
    words = [str(refusal).removeprefix(f"{source}: ") for refusal in refusals]
    return InputError(
        f"{source}: {words[0]}" if len(words) == 1 else "\n- ".join([f"{source}: this is refused:", *words]),
        file=first.file or source,
        service=first.service or None,
        key=first.key,
        refused=[dataclasses.asdict(refusal) | {"file": refusal.file or source} for refusal in refusals],
    )


def shown(value: object) -> str:
    """A value for people, cut when it is long."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST_FOUND else text[:LONGEST_FOUND] + "…"


def taken(value: t.Any, table: c.Mapping[str, Key], pattern: str = "") -> t.Any:
    """The model without the keys that the table does not have: extensions (`x-`), and what is refused as unknown."""
    return _taken(value, table, _parents(table), pattern)


def _taken(value: t.Any, table: c.Mapping[str, Key], parents: c.Container[str], pattern: str) -> t.Any:
    if pattern and pattern not in parents:
        return value
    if isinstance(value, list):
        return [_taken(item, table, parents, f"{pattern}.*") for item in value]
    if isinstance(value, dict):
        rows = {name: _row(table, parents, pattern, name) for name in value}
        return {name: _taken(value[name], table, parents, row) for name, row in rows.items() if row}
    return value


def _parents(table: c.Iterable[str]) -> set[str]:
    parents = set()
    for path in table:
        while path := path.rpartition(".")[0]:
            parents.add(path)
    return parents


def _inside(
    value: t.Any, table: c.Mapping[str, Key], parents: c.Container[str], path: str, pattern: str
) -> c.Iterator[Asked]:
    steps: list[tuple[str, str, t.Any]] = []  # the path for people, the row or nothing, the value
    if isinstance(value, list):
        steps = [(f"{path}[{i}]", f"{pattern}.*", item) for i, item in enumerate(value)]
    elif isinstance(value, dict):
        rows = {name: _row(table, parents, pattern, name) for name in value}
        steps = [
            (f"{path}.{name}".lstrip("."), rows[name], item)
            for name, item in value.items()
            if rows[name] or not name.startswith("x-")
        ]
    for here, row, item in steps:
        if item is None or item == [] or item == {}:
            continue  # Compose prints some empty keys that nobody wrote
        key = table.get(row) if row else Key(here, Verdict.REFUSED, UNKNOWN)
        if key and not (key.verdict is Verdict.REFUSED and item in (False, "")):
            yield Asked(here, key, item)
        if row in parents:
            yield from _inside(item, table, parents, here, row)


def _row(table: c.Container[str], parents: c.Container[str], pattern: str, name: str) -> str:
    """The row for a name: its own, or that for any name, or nothing."""
    for row in (f"{pattern}.{name}".lstrip("."), f"{pattern}.*".lstrip(".")):
        if row in table or row in parents:
            return row
    return ""
