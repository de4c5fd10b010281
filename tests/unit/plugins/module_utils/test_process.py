# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting programs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _process
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import DeadlineExceeded, SeaworthyError


def test_run_gives_what_was_said_and_the_exit_code() -> None:
    """Both outputs apart."""
    code = "import sys; print(sys.stdin.read().upper()); print('no', file=sys.stderr); sys.exit(3)"
    done = _process.run([sys.executable, "-c", code], data="text")
    assert (done.returncode, done.stdout, done.stderr) == (3, "TEXT\n", "no\n")


def test_run_without_data_gives_an_empty_input() -> None:
    """A program that asks gets an answer at once."""
    assert _process.run([sys.executable, "-c", "print(repr(input.__class__), len(open(0).read()))"]).returncode == 0


def test_run_takes_programs_that_do_not_read() -> None:
    """Data that nobody reads is no error."""
    assert _process.run(["true"], data="x" * 1_000_000).returncode == 0


def test_run_ends_what_takes_too_long() -> None:
    """The error names the program and the limit."""
    with pytest.raises(DeadlineExceeded, match=r"sleep ran longer than 0.1 s"):
        _process.run(["sleep", "60"], seconds=0.1)


def test_run_names_a_missing_program() -> None:
    """No traceback."""
    with pytest.raises(SeaworthyError, match="no-such-program is not installed"):
        _process.run(["no-such-program"])


def test_start_leaves_it_running_and_keeps_the_log(tmp_path: Path) -> None:
    """Its words are appended."""
    log = tmp_path / "log"
    log.write_text("before\n")
    pid = _process.start([sys.executable, "-c", "print('after')"], log)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert log.read_text() == "before\nafter\n"
