# SPDX-License-Identifier: GPL-3.0-or-later
"""The stream in which the engine gives what containers wrote."""

from __future__ import annotations

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _logs
from ansible_collections.seaworthy.swarm.plugins.module_utils._logs import Line

AT = "2026-11-25T08:45:28.123456789Z"
LATER = "2026-11-25T08:45:29.000000000Z"


def frame(stream: int, text: str) -> bytes:
    payload = text.encode()
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def test_lines_of_both_streams() -> None:
    log = _logs.parse(frame(1, f"{AT} out\n") + frame(2, f"{LATER} err\n"))
    assert log == _logs.Log((Line(AT, "stdout", "out"), Line(LATER, "stderr", "err")))


def test_the_parts_of_a_long_line_are_one_line() -> None:
    raw = frame(1, f"{AT} a") + frame(2, f"{AT} err\n") + frame(1, f"{AT} b") + frame(1, f"{AT} c\n")
    assert _logs.parse(raw).lines == (Line(AT, "stderr", "err"), Line(AT, "stdout", "abc"))


def test_a_last_line_without_newline() -> None:
    assert _logs.parse(frame(1, f"{AT} end")).lines == (Line(AT, "stdout", "end"),)


def test_empty_lines_and_lines_with_spaces_stay() -> None:
    texts = [line.text for line in _logs.parse(frame(1, f"{AT} \n") + frame(1, f"{AT}   two  \n")).lines]
    assert texts == ["", "  two  "]


def test_what_is_no_utf_8_is_replaced() -> None:
    payload = f"{AT} ".encode() + b"\xff\n"
    raw = bytes([1, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload
    assert _logs.parse(raw).lines[0].text == "\ufffd"


def test_what_the_engine_could_not_read() -> None:
    log = _logs.parse(frame(3, "Error grabbing logs: node m2 is not available\n"))
    assert log == _logs.Log((), ("Error grabbing logs: node m2 is not available",))


def test_a_stream_without_frames() -> None:
    assert list(_logs.frames(b"plain terminal text")) == [(1, b"plain terminal text")]


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("1970-01-01T00:00:01.000000002Z", "1.000000002"),
        ("1970-01-01T00:01:00.5Z", "60.500000000"),
        ("1970-01-01T00:01:00Z", "60.000000000"),
    ],
)
def test_moments(at: str, moment: str) -> None:
    assert _logs.moment(at) == moment
