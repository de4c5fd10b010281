# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The only place that starts programs: the host program has no AnsibleModule, hence no run_command, in these layers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ._errors import DeadlineExceeded, SeaworthyError

POLL = 1.0


class Program(subprocess.Popen[str]):
    """A program: no shell, its output is text, its standard input is what we give it."""


class Service(Program):
    """A program that outlives us, so that nobody waits for its end."""

    def __del__(self) -> None:
        """Its end is none of our business; Popen would complain that it still runs."""


def run(
    argv: Sequence[str],
    *,
    data: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    seconds: float | None = None,
    progress: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its standard input is ``data``, else empty. Whoever calls judges the exit code.

    ``progress`` is called each second meanwhile; when it raises, the program is ended. Not together with ``data``:
    Popen does not go on writing after it was interrupted.
    """
    pipe = subprocess.PIPE
    try:
        program = Program(list(argv), stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env, cwd=cwd)
    except FileNotFoundError:
        raise SeaworthyError(
            f"the program {argv[0]} is not installed", found="no such file on PATH", expected=argv[0]
        ) from None
    with program:
        try:
            if progress is None:
                stdout, stderr = program.communicate(data or "", timeout=seconds)
            else:
                stdout, stderr = _wait(program, seconds, progress)
        except subprocess.TimeoutExpired:
            program.kill()
            raise DeadlineExceeded(
                f"{argv[0]} ran longer than {seconds} s and was ended",
                found=" ".join(argv[:3]),
                expected=f"its end within {seconds} s",
                remedy="look at what it waits for; then run the same command again",
            ) from None
        except BaseException:
            program.kill()
            raise
    return subprocess.CompletedProcess(list(argv), program.returncode, stdout, stderr)


def _wait(program: Program, seconds: float | None, progress: Callable[[], None]) -> tuple[str, str]:
    """All of its output, in steps of a second; `subprocess.TimeoutExpired` when it takes longer than it may."""
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        left = POLL if end is None else min(POLL, max(0.0, end - time.monotonic()))
        try:
            return program.communicate(timeout=left)
        except subprocess.TimeoutExpired:
            if end is not None and time.monotonic() >= end:
                raise
            progress()


def start(argv: Sequence[str], log: Path) -> int:
    """Start a program that outlives us, in a session of its own, and return its id; ``log`` takes what it says."""
    with log.open("ab") as output:
        none = subprocess.DEVNULL
        return Service(list(argv), stdin=none, stdout=output, stderr=output, text=True, start_new_session=True).pid
