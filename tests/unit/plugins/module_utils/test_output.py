# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of a one-off command, written by one program and read by another."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _output
from ansible_collections.seaworthy.swarm.plugins.module_utils._logs import Line
from ansible_collections.seaworthy.swarm.plugins.module_utils._output import Output


def line(text: str, stream: str = "stdout") -> Line:
    return Line("", stream, text)


def test_it_is_read_on_from_a_place(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "r.output"
    assert _output.read(path, 0) == ([], 0)
    with Output(path) as output:
        assert path.stat().st_mode & 0o777 == 0o600
        output.add(line("one\ttwo"))
        output.add(line("oops \x1b[31m", "stderr"))
        said, cursor = _output.read(path, 0)
        assert said == [("stdout", "one\ttwo"), ("stderr", "oops \x1b[31m")]
        assert _output.read(path, cursor) == ([], cursor)
        output.add(line("three"))
        assert _output.read(path, cursor)[0] == [("stdout", "three")]


def test_a_line_that_is_being_written_is_left_for_the_next_time(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "r.output"
    path.write_text('["stdout", "one"]\n["stdo')
    said, cursor = _output.read(path, 0)
    assert (said, cursor) == ([("stdout", "one")], 18)
    assert _output.read(path, cursor) == ([], cursor)


def test_a_long_output_is_read_in_steps(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_output, "STEP", 40)
    path = tmp_path / "r.output"
    texts = ["short", "x" * 100, "short again"]
    with Output(path) as output:
        for text in texts:
            output.add(line(text))
    found: list[str] = []
    cursor = 0
    while True:
        said, cursor = _output.read(path, cursor)
        if not said:
            break
        found += [text for _stream, text in said]
    assert found == texts


def test_an_endless_output_is_cut(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_output, "LIMIT", 50)
    path = tmp_path / "r.output"
    with Output(path) as output:
        for _round in range(100):
            output.add(line("x" * 10))
    said = _output.read(path, 0)[0]
    assert said[:-1] == [("stdout", "x" * 10)]
    assert said[-1][0] == "stderr"
    assert "is left out" in said[-1][1]


def test_what_nobody_read_is_removed_after_a_day(tmp_path: pathlib.Path) -> None:
    old, new = tmp_path / "old.output", tmp_path / "new.output"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    with Output(tmp_path / "r.output"):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["new.output", "r.output"]
