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


def test_run_gives_all_data_to_a_program_that_reads_late() -> None:
    """However long it takes to begin."""
    code = "import sys, time; time.sleep(1.5); print(len(sys.stdin.read()))"
    assert _process.run([sys.executable, "-c", code], data="x" * 1_000_000, seconds=60).stdout == "1000000\n"


def test_run_ends_what_takes_too_long() -> None:
    """The error names the program and the limit."""
    with pytest.raises(DeadlineExceeded, match=r"sleep ran longer than 0.1 s"):
        _process.run(["sleep", "60"], seconds=0.1)


def test_who_waits_is_told_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of what was said gets lost by it, and the program's input is empty."""
    monkeypatch.setattr(_process, "POLL", 0.05)
    calls: list[int] = []
    code = "import sys, time; print('x' * 1_000_000); time.sleep(0.5); print(len(sys.stdin.read()))"
    done = _process.run([sys.executable, "-c", code], progress=lambda: calls.append(1))
    assert (done.returncode, done.stdout) == (0, "x" * 1_000_000 + "\n0\n")
    assert len(calls) >= 2


def test_who_waits_may_end_it() -> None:
    """The program does not go on alone."""

    def stop() -> None:
        raise SeaworthyError("enough")

    with pytest.raises(SeaworthyError, match="enough"):
        _process.run(["sleep", "60"], progress=stop)


def test_who_waits_has_a_limit_too() -> None:
    """As without progress."""
    with pytest.raises(DeadlineExceeded, match="sleep ran longer"):
        _process.run(["sleep", "60"], seconds=0.3, progress=lambda: None)


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
