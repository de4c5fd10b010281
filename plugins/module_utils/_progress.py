# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""How far a release is: told to whoever watches, and its lease kept while it waits."""

from __future__ import annotations

import collections.abc as c
import enum
import typing as t

from ._clock import Clock, Deadline
from ._cluster import Cluster
from ._errors import DeadlineExceeded, EdgeError, LeaseHeld, Unavailable
from ._lease import LIFETIME, Lease

Json = dict[str, t.Any]
Emit = c.Callable[[Json], None]

LEASE_SECONDS = LIFETIME + 15
POLL = 0.25


class Phase(enum.StrEnum):
    """The phases of a release, in their order."""

    LEASE = "lease"
    CLEAN = "clean"
    PULL = "pull"
    START = "start"
    SWITCH = "switch"
    RETIRE = "retire"
    DONE = "done"


class Progress:
    """One run: its phase, its steps so far, its lease."""

    def __init__(self, app: str, clock: Clock, emit: Emit) -> None:
        self.phase = Phase.LEASE
        self.steps: list[Json] = []
        self.lease: Lease
        self._app = app
        self._clock = clock
        self._emit = emit

    def acquire(self, cluster: Cluster, owner: str, nonce: str) -> None:
        """Wait for a run that was killed, whose lease will end; refuse beside one that goes on renewing it."""
        deadline = Deadline(self._clock, LEASE_SECONDS, "waiting for the lease")
        told = ""
        while True:
            try:
                self.lease = Lease.acquire(cluster, self._clock, self._app, owner, nonce)
                return
            except LeaseHeld as held:
                if deadline.expired():
                    raise
                if held.message != told:
                    self.say(held.message)
                    told = held.message
                self._clock.sleep(1.0)

    def enter(self, phase: Phase, message: str, **record: t.Any) -> None:
        """Write down what is done next, before it is done."""
        self.phase = phase
        self.lease.step(str(phase), **record)
        self.say(message)

    def say(self, message: str, step: str | None = None) -> None:
        event = {"at": round(self._clock.time(), 3), "phase": str(self.phase), "message": message}
        if step:
            event["step"] = step
        self.steps.append(event)
        self._emit({"app": self._app} | event)

    def wait(self, what: str, seconds: float, doubt_of: c.Callable[[], str | None]) -> None:
        """Until there is no doubt any more. An edge or a swarm that does not answer is a doubt."""
        deadline = Deadline(self._clock, seconds, what)
        told: str | None = None
        while True:
            try:
                doubt = doubt_of()
            except (EdgeError, Unavailable) as error:
                doubt = str(error)
            if doubt is None:
                return
            if deadline.expired():
                raise DeadlineExceeded(f"{what} took longer than {seconds:g} s: {doubt}")
            if doubt != told:
                self.say(doubt)
                told = doubt
            self.pause(POLL)

    def pause(self, seconds: float) -> None:
        """Sleep, and keep the lease."""
        end = Deadline(self._clock, seconds, "a pause")
        while not end.expired():
            self._clock.sleep(min(1.0, end.remaining()))
            self.lease.keep()
