# SPDX-License-Identifier: GPL-3.0-or-later
"""What a death of a host did to clients of the edges that live: told from the load and from the edges' own words."""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from tests.system.load import MIN_REQUESTS
from tests.system.loadgen import Stream

#: Seconds after the death in which requests may still fail, by method; a drill fails at five times as much.
GOALS = {"GET": 5.0, "POST": 10.0}
GUARD = 5

Look = dict[str, Any]
Failure = dict[str, Any]


def down_at(looks: Iterable[Look], dead: Collection[str]) -> float | None:
    """When every edge first showed these servers DOWN, or no longer at all; None when that never was."""
    for look in looks:
        if all(servers is not None and shown(servers, dead) for servers in look["edges"].values()):
            return float(look["at"])
    return None


def shown(servers: dict[str, str], dead: Collection[str]) -> bool:
    """Whether an edge that knows the service knows that these servers are dead."""
    return bool(servers) and not any(servers.get(server) == "UP" for server in dead)


def flaps(looks: Iterable[Look], dead: Collection[str], after: float) -> list[Look]:
    """The looks in which an edge believed in a dead server again."""
    return [
        look
        for look in looks
        if look["at"] > after and not all(servers is None or shown(servers, dead) for servers in look["edges"].values())
    ]


@dataclass(frozen=True)
class Death:
    """One death: when it was, when every living edge knew, and the result of the load (see loadgen.py)."""

    killed_at: float
    down_at: float | None
    result: dict[str, Any]
    streams: tuple[Stream, ...]

    def _methods(self) -> dict[str, str]:
        return {stream.name: stream.method for stream in self.streams}

    def window(self, method: str) -> float:
        """How long after the death a request was begun that failed."""
        times = [one["at"] for one in self.result["samples"] if self._methods()[one["stream"]] == method]
        return round(max(0.0, *(at - self.killed_at for at in times)), 1) if times else 0.0

    def late(self) -> list[Failure]:
        """Failed requests that were begun once every living edge knew."""
        return [one for one in self.result["samples"] if self.down_at is not None and one["at"] > self.down_at]

    def faults(self) -> list[str]:
        """Everything that is not as it must be; empty when all is well."""
        found = []
        if self.result["failed"] > len(self.result["samples"]):
            found.append(f"only {len(self.result['samples'])} of {self.result['failed']} failures were told in full")
        if self.result["sent"] < MIN_REQUESTS:
            found.append(f"only {self.result['sent']} requests were sent, expected {MIN_REQUESTS}")
        if early := [one for one in self.result["samples"] if one["at"] + one["seconds"] < self.killed_at]:
            found.append(f"{len(early)} requests failed before the host died: {early[:3]}")
        if self.down_at is None:
            found.append("the living edges never showed the dead servers DOWN")
        if late := self.late():
            found.append(
                f"{len(late)} requests failed after every living edge showed the dead servers DOWN: {late[:5]}"
            )
        for method, goal in GOALS.items():
            if self.window(method) > GUARD * goal:
                found.append(f"{method} failed up to {self.window(method)} s after the death, the goal is {goal:g} s")
        return found

    def facts(self) -> dict[str, Any]:
        """For the proof."""
        kinds: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        for one in self.result["samples"]:
            kinds[self._methods()[one["stream"]]][one["kind"]] += 1
        return {
            "sent": self.result["sent"],
            "failed": self.result["failed"],
            "failed_by_kind": {method: dict(counts) for method, counts in sorted(kinds.items())},
            "failed_for_seconds": {method: self.window(method) for method in GOALS},
            "down_after_seconds": None if self.down_at is None else round(self.down_at - self.killed_at, 1),
            "failed_after_down": len(self.late()),
            "websockets_ended": len(self.result["websockets"]["closed"]),
            "load_average": self.result["load_average"],
        }
