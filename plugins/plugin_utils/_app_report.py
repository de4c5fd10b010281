# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""What `app_check` says about an application: for programs a dict, for people lines."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import textwrap
import typing as t

from ..module_utils._compose_findings import Asked
from ..module_utils._compose_keys import SERVICE_BY_PATH, TOP_BY_PATH, Key, Verdict
from ._apps import Checked
from ._sources import Sources

Json = dict[str, t.Any]

WIDTH = 110


def of(checked: Checked) -> Json:
    """The application, its services with every key, and all that is refused."""
    app, examination, sources = checked.app, checked.examination, checked.sources
    return {
        "name": app.name,
        "source": app.source,
        "files": [str(file) for file in sources.files],
        "services": [
            {
                "name": one.name,
                "class": one.kind,
                "wave": one.wave,
                "image": one.image,
                "verdicts": _keys(one.keys, sources, one.name, SERVICE_BY_PATH, sources.keys_of(one.name)),
            }
            for one in examination.services
        ],
        "left_out": list(examination.off),
        "verdicts": _keys(examination.top, sources, "", TOP_BY_PATH, sources.top_keys()),
        "refused": [dataclasses.asdict(refusal) for refusal in checked.refusals],
        "notes": list(examination.notes),
    }


def lines(report: Json) -> list[str]:
    """For a terminal."""
    found = [f"{report['name']}: {report['source']}, {', '.join(report['files'])}"]
    for service in sorted(report["services"], key=lambda one: (one["wave"], one["name"])):
        found.append(f"  {service['name']}: class {service['class']}, wave {service['wave']}, {service['image']}")
        found += _table(service["verdicts"])
    if report["left_out"]:
        found.append(f"  left out, because no profile of theirs is on: {', '.join(report['left_out'])}")
    if report["verdicts"]:
        found.append("  beside the services:")
        found += _table(report["verdicts"])
    return found + [f"  note: {note}" for note in report["notes"]]


def summary(refused: c.Sequence[c.Mapping[str, str]]) -> str:
    """All refusals, each with its file, its service, its key, the reason and what to do."""
    listed = [
        ": ".join(
            filter(None, [one["file"], one["service"] and f"service {one['service']}", one["key"], one["reason"]])
        )
        + "".join(f". {text}" for text in (one["found"] and f"Found: {one['found']}", one["remedy"]) if text)
        for one in refused
    ]
    head = "one thing cannot be released" if len(listed) == 1 else f"{len(listed)} things cannot be released"
    return "\n- ".join([f"{head}:", *listed])


def _keys(
    asked: c.Iterable[Asked], sources: Sources, service: str, table: c.Mapping[str, Key], written: c.Iterable[str]
) -> list[Json]:
    """The keys of the model, then those that Compose's parser has used up, like `env_file`."""
    found = {one.path: one.key for one in asked}
    for name in written:
        if name in table and name not in ("services", "name") and table[name].verdict is Verdict.USED:
            found.setdefault(name, table[name])
    return [
        {"key": path, "verdict": str(key.verdict), "says": key.says, "place": sources.place(service, path)}
        for path, key in found.items()
    ]


def _table(keys: c.Sequence[Json]) -> list[str]:
    """Kept keys on one line, each other key with its sentence."""
    kept = [one["key"] for one in keys if one["verdict"] == Verdict.KEPT]
    found = _paragraph("kept", ", ".join(kept)) if kept else []
    for verdict in (Verdict.TRANSLATED, Verdict.USED, Verdict.REFUSED):
        for one in keys:
            if one["verdict"] == verdict:
                found += _paragraph(verdict, f"{one['key']}: {one['says']}")
    return found


def _paragraph(verdict: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"    {verdict:<11}", subsequent_indent=" " * 15)
