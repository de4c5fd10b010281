# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""What containers wrote, as the engine gives it: a stream of frames, one line or a part of one in each."""

from __future__ import annotations

import collections.abc as c
import dataclasses

from ._clock import seconds_of

HEADER = 8
STDOUT, STDERR, ENGINE = 1, 2, 3
STREAMS = {STDOUT: "stdout", STDERR: "stderr"}
NANOSECOND = 9  # digits


@dataclasses.dataclass(frozen=True)
class Line:
    """`at` is RFC 3339 in UTC with nanoseconds, so lines sort by it as text."""

    at: str
    stream: str
    text: str


@dataclasses.dataclass(frozen=True)
class Log:
    """What was written, in its order, and what the engine could not read."""

    lines: tuple[Line, ...]
    errors: tuple[str, ...] = ()


def frames(raw: bytes) -> c.Iterator[tuple[int, bytes]]:
    """Stream and payload of each frame. What is in no frame comes as it is."""
    position = 0
    while position + HEADER <= len(raw) and raw[position] <= ENGINE and raw[position + 1 : position + 4] == b"\0\0\0":
        size = int.from_bytes(raw[position + 4 : position + HEADER], "big")
        position += HEADER
        yield raw[position - HEADER], raw[position : position + size]
        position += size
    if position < len(raw):
        yield STDOUT, raw[position:]


def parse(raw: bytes) -> Log:
    """A log that was asked for with timestamps. A line of more than 16 KiB comes in parts; each has the line's time."""
    lines: list[Line] = []
    errors: list[str] = []
    open_lines: dict[int, tuple[str, bytes]] = {}
    for stream, payload in frames(raw):
        if stream == ENGINE:
            errors.append(payload.decode(errors="replace").strip())
            continue
        stamp, _space, text = payload.partition(b" ")
        at, before = open_lines.pop(stream, (stamp.decode(errors="replace"), b""))
        if text.endswith(b"\n"):
            lines.append(_line(at, stream, before + text))
        else:
            open_lines[stream] = at, before + text
    lines += [_line(at, stream, text) for stream, (at, text) in open_lines.items()]
    return Log(tuple(lines), tuple(errors))


def moment(at: str) -> str:
    """A line's time as the engine takes it in `since`: seconds and nanoseconds."""
    _whole, _dot, fraction = at.rstrip("Z").partition(".")
    return f"{int(seconds_of(at))}.{fraction.ljust(NANOSECOND, '0')}"


def _line(at: str, stream: int, text: bytes) -> Line:
    return Line(at, STREAMS.get(stream, STREAMS[STDOUT]), text.decode(errors="replace").removesuffix("\n"))
