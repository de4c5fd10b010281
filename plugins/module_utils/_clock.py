# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Time, injected, so that tests need not wait for it."""

from __future__ import annotations

import datetime
import time
import typing as t

from ._errors import DeadlineExceeded


class Clock(t.Protocol):
    """What every waiting thing of ours asks for the time."""

    def monotonic(self) -> float: ...

    def time(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The clock of the machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def seconds_of(timestamp: str) -> float:
    """A moment as the engine writes it (RFC 3339), in seconds since 1970."""
    return datetime.datetime.fromisoformat(timestamp).timestamp()


class Deadline:
    """A moment after which `what` has failed."""

    def __init__(self, clock: Clock, seconds: float, what: str) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds
        self.seconds = seconds
        self.what = what

    def remaining(self) -> float:
        return max(0.0, self._end - self._clock.monotonic())

    def expired(self) -> bool:
        return self.remaining() <= 0.0

    def check(self) -> None:
        if self.expired():
            raise DeadlineExceeded(f"{self.what} took longer than {self.seconds:g} s")
