# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook as its operator sees it: each line with the moment at which it appeared."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.run import LOGS, ROOT


class Terminal:
    """`with Terminal(words, log) as terminal:` and read its lines; who leaves early kills the program."""

    def __init__(self, words: tuple[object, ...], *, log: str, timeout: float = 600) -> None:
        self._words = [str(word) for word in (ROOT / ".ci/venv", "runtime", "ansible-playbook", *words)]
        self._log = LOGS / "system" / log
        self._timer = threading.Timer(timeout, self.kill)
        self._process: subprocess.Popen[str]
        self.seen: list[tuple[float, str]] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._timer.cancel()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.write_text("".join(f"{at:.3f} {line}\n" for at, line in self.seen))

    def lines(self) -> Iterator[tuple[float, str]]:
        """Until it ends."""
        for line in self._process.stdout or ():
            self.seen.append((time.time(), line.rstrip("\n")))
            yield self.seen[-1]

    def returncode(self) -> int:
        """Read the rest, and say how it ended."""
        for _line in self.lines():
            pass
        return self._process.wait()

    def kill(self) -> None:
        """As a laptop does whose battery is empty."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
