# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The output of a one-off command on its way to the operator: a file in memory that grows and is read on from a place.

It is not for the journal, which keeps for weeks what a command may print.
"""

from __future__ import annotations

import json
import pathlib
import time
import types
import typing as t

from ._logs import Line

LIMIT = 32 * 1024**2  # bytes
STEP = 1024**2
KEPT_SECONDS = 86400.0  # when nobody has read it to its end
SUFFIX = ".output"

Said = tuple[str, str]  # stream and text


class Output:
    """The file as its writer has it."""

    def __init__(self, path: pathlib.Path) -> None:
        for old in path.parent.glob(f"*{SUFFIX}"):
            if old.stat().st_mtime < time.time() - KEPT_SECONDS:
                old.unlink(missing_ok=True)
        path.touch(mode=0o600)
        self._file = path.open("a", encoding="utf-8")
        self._left = LIMIT

    def __enter__(self) -> t.Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, line: Line) -> None:
        if self._left <= 0:
            return
        text = json.dumps([line.stream, line.text])
        self._left -= len(text) + 1
        if self._left <= 0:
            text = json.dumps(["stderr", f"seaworthy: the rest of the output is left out (more than {LIMIT} bytes)"])
        self._file.write(f"{text}\n")
        self._file.flush()


def read(path: pathlib.Path, cursor: int) -> tuple[list[Said], int]:
    """The whole lines from this place on, at most so many bytes, and the place after them."""
    if not path.exists():
        return [], cursor
    with path.open("rb") as file:
        file.seek(cursor)
        raw = file.read(STEP)
        if raw and b"\n" not in raw:
            raw += file.readline()
    whole = raw[: raw.rfind(b"\n") + 1]
    said = [t.cast(Said, tuple(json.loads(line))) for line in whole.splitlines()]
    return said, cursor + len(whole)
