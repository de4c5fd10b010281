# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Who may change an app, and which release of it serves: one permanent Docker config per app.

Its labels are the record. Every change is a compare-and-swap on the config's version index, which is also the
fencing token: an owner that was away too long can fail, but not overwrite. The config is never removed, because
removing has no version check.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import typing as t

from ._clock import Clock
from ._cluster import Cluster
from ._errors import Conflict, LeaseHeld, NotFound, SeaworthyError, Unavailable

LIFETIME = 60.0  # a swarm without a leader answers nothing for up to 20 s
PREFIX = "seaworthy-app-"
DATA = b"The labels of this config are the record of an application. Do not remove it.\n"

_TEXTS = ("owner", "nonce", "phase", "version", "document")
_NUMBERS = ("last", "serving")


class LeaseLost(SeaworthyError):
    """Somebody else owns the application now: stop, and change nothing more."""


@dataclasses.dataclass(frozen=True)
class Record:
    """What the labels say. `last` is the newest release number given out, `serving` the one that users get."""

    app: str
    owner: str = ""
    nonce: str = ""
    expires: float = 0.0
    phase: str = ""
    last: int = 0
    serving: int = 0
    version: str = ""
    document: str = ""

    @classmethod
    def read(cls, app: str, labels: c.Mapping[str, str]) -> Record:
        texts: dict[str, t.Any] = {name: labels.get(f"seaworthy.lease.{name}", "") for name in _TEXTS}
        numbers: dict[str, t.Any] = {name: int(labels.get(f"seaworthy.lease.{name}") or 0) for name in _NUMBERS}
        return cls(app=app, expires=float(labels.get("seaworthy.lease.expires") or 0), **texts, **numbers)

    def labels(self) -> dict[str, str]:
        values = {name: str(getattr(self, name)) for name in (*_TEXTS, *_NUMBERS)}
        values["expires"] = f"{self.expires:.3f}"
        return {"seaworthy.app": self.app} | {f"seaworthy.lease.{name}": value for name, value in values.items()}

    def held(self, now: float) -> bool:
        return bool(self.nonce) and self.expires > now


def read_record(cluster: Cluster, app: str) -> Record:
    """The record of an app; an empty one when it never had a release."""
    return records(cluster).get(app, Record(app))


def records(cluster: Cluster) -> dict[str, Record]:
    """The records of all apps."""
    specs = [
        config["Spec"] for config in cluster.configs({"name": [PREFIX]}) if config["Spec"]["Name"].startswith(PREFIX)
    ]
    names = {spec["Name"].removeprefix(PREFIX): spec.get("Labels") or {} for spec in specs}
    return {app: Record.read(app, labels) for app, labels in sorted(names.items())}


class Lease:
    """The right to change one app, for as long as it is kept."""

    def __init__(self, cluster: Cluster, clock: Clock, app: str, config: c.Mapping[str, t.Any]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._id = str(config["ID"])
        self._index = _index_of(config)
        self.record = _record_of(app, config)

    @classmethod
    def acquire(cls, cluster: Cluster, clock: Clock, app: str, owner: str, nonce: str) -> Lease:
        """Take the lease when it is free or has ended; else, or when another was faster: LeaseHeld."""
        try:
            config = cluster.config(PREFIX + app)
        except NotFound:
            with contextlib.suppress(Conflict):
                cluster.create_config(PREFIX + app, DATA, Record(app).labels())
            config = cluster.config(PREFIX + app)
        lease = cls(cluster, clock, app, config)
        if lease.record.held(clock.time()):
            raise LeaseHeld(app, lease.record.owner, lease.record.expires, clock.time())
        try:
            lease._swap(owner=owner, nonce=nonce, expires=_end(clock))
        except (Conflict, LeaseLost):
            winner = _record_of(app, cluster.config(PREFIX + app))
            raise LeaseHeld(app, winner.owner or "another run", winner.expires, clock.time()) from None
        return lease

    def keep(self) -> None:
        """Renew when half of the time is over. To be called in every waiting loop."""
        if self._clock.time() > self.record.expires - LIFETIME / 2:
            self.beat()

    def beat(self) -> None:
        """Renew now; while the swarm has no leader this may fail until the lease ends."""
        try:
            self._swap(expires=_end(self._clock))
        except Unavailable:
            if not self.record.held(self._clock.time()):
                raise

    def step(self, phase: str, **changes: t.Any) -> None:
        """Write down what is done next, before it is done."""
        self._swap(phase=phase, expires=_end(self._clock), **changes)

    def release(self) -> None:
        """Give the lease back; the record stays."""
        self._swap(owner="", nonce="", phase="", expires=0.0)

    def _swap(self, **changes: t.Any) -> None:
        name = PREFIX + self.record.app
        wanted = dataclasses.replace(self.record, **changes)
        failure: Conflict | Unavailable | None = None
        try:
            spec = {"Name": name, "Labels": wanted.labels()}
            self._cluster.update_config(self._id, self._index, spec)
        except (Conflict, Unavailable) as error:
            failure = error
        # Read it back: the answer may have been lost after the change was made, and the new index is in no answer.
        config = self._cluster.config(name)
        found = _record_of(self.record.app, config)
        if found == wanted:
            self._index = _index_of(config)
            self.record = wanted
        elif found.nonce != self.record.nonce or failure is None:
            raise LeaseLost(
                f"application {self.record.app} was taken over by {found.owner or 'another run'}", owner=found.owner
            ) from failure
        else:
            raise failure


def _end(clock: Clock) -> float:
    """As exact as the label holds it."""
    return round(clock.time() + LIFETIME, 3)


def _record_of(app: str, config: c.Mapping[str, t.Any]) -> Record:
    return Record.read(app, config["Spec"].get("Labels") or {})


def _index_of(config: c.Mapping[str, t.Any]) -> int:
    return int(config["Version"]["Index"])
