# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting programs from tests: whole output kept in a log, the whole process group ended when time is up."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".logs"


@dataclass(frozen=True)
class Result:
    """How a program ended and what it said (standard output and error, in order)."""

    argv: tuple[str, ...]
    returncode: int
    output: str
    log: Path

    def require_success(self) -> Result:
        """Fail the test, with the end of the output, when the program failed."""
        if self.returncode != 0:
            tail = "\n".join(self.output.splitlines()[-60:])
            message = f"{' '.join(self.argv)}\nended with {self.returncode}; whole log: {self.log}\n{tail}"
            raise AssertionError(message)
        return self


def run(
    argv: Sequence[object],
    *,
    log: str,
    timeout: float = 600,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> Result:
    """Run a program to its end; ``log`` is a path below ``.logs``. ``env`` adds to the environment."""
    words = tuple(str(word) for word in argv)
    path = LOGS / log
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        try:
            returncode = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _end_group(process)
            message = f"{' '.join(words)}\nran longer than {timeout:.0f} s and was ended; whole log: {path}"
            raise AssertionError(message) from None
        except BaseException:
            _end_group(process)
            raise
    return Result(words, returncode, path.read_text(errors="replace"), path)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
