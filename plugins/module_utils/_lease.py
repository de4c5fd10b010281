# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Who may change a thing (an app; the certificates), and what is known of it: one permanent Docker config each.

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
DATA = b"The labels of this config are a record of Seaworthy. Do not remove it.\n"

_TEXTS = ("owner", "nonce", "phase", "version", "document")
_NUMBERS = ("last", "serving")


class LeaseLost(SeaworthyError):
    """Somebody else owns it now: stop, and change nothing more."""


class Leased(t.Protocol):
    """A record (a frozen dataclass) with a lease in it. An empty `nonce` means that nobody holds it."""

    @property
    def owner(self) -> str: ...

    @property
    def nonce(self) -> str: ...

    @property
    def expires(self) -> float: ...

    @property
    def config(self) -> str:
        """Name of the config that keeps it."""

    @property
    def what(self) -> str:
        """As people call it."""

    def labels(self) -> dict[str, str]: ...

    def seen(self, labels: c.Mapping[str, str]) -> t.Self:
        """The record of the same thing as these labels tell it."""

    def held(self, now: float) -> bool: ...


R = t.TypeVar("R", bound=Leased)


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

    @property
    def config(self) -> str:
        return PREFIX + self.app

    @property
    def what(self) -> str:
        return f"application {self.app}"

    def seen(self, labels: c.Mapping[str, str]) -> Record:
        return Record.read(self.app, labels)


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


class Holding(t.Generic[R]):
    """The right to change one thing, for as long as it is kept."""

    def __init__(self, cluster: Cluster, clock: Clock, empty: R, config: c.Mapping[str, t.Any]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._id = str(config["ID"])
        self._index = _index_of(config)
        self.record = _record_in(config, empty)

    @classmethod
    def take(cls, cluster: Cluster, clock: Clock, empty: R, owner: str, nonce: str) -> t.Self:
        """Take the lease when it is free or has ended; else, or when another was faster: LeaseHeld.

        `empty` is the record of a thing of which nothing is known yet.
        """
        try:
            config = cluster.config(empty.config)
        except NotFound:
            with contextlib.suppress(Conflict):
                cluster.create_config(empty.config, DATA, empty.labels())
            config = cluster.config(empty.config)
        lease = cls(cluster, clock, empty, config)
        if lease.record.held(clock.time()):
            raise LeaseHeld(empty.what, lease.record.owner, lease.record.expires, clock.time())
        try:
            lease._swap(owner=owner, nonce=nonce, expires=_end(clock))
        except (Conflict, LeaseLost):
            winner = _record_in(cluster.config(empty.config), empty)
            raise LeaseHeld(empty.what, winner.owner or "another run", winner.expires, clock.time()) from None
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

    def note(self, **changes: t.Any) -> None:
        """Write into the record, and renew."""
        self._swap(expires=_end(self._clock), **changes)

    def _swap(self, **changes: t.Any) -> None:
        wanted = dataclasses.replace(t.cast(t.Any, self.record), **changes)
        failure: Conflict | Unavailable | None = None
        try:
            spec = {"Name": wanted.config, "Labels": wanted.labels()}
            self._cluster.update_config(self._id, self._index, spec)
        except (Conflict, Unavailable) as error:
            failure = error
        # Read it back: the answer may have been lost after the change was made, and the new index is in no answer.
        config = self._cluster.config(wanted.config)
        found = _record_in(config, self.record)
        if found == wanted:
            self._index = _index_of(config)
            self.record = wanted
        elif found.nonce != self.record.nonce or failure is None:
            raise LeaseLost(
                f"{found.what} was taken over by {found.owner or 'another run'}", owner=found.owner
            ) from failure
        else:
            raise failure


class Lease(Holding[Record]):
    """The right to change one app."""

    @classmethod
    def acquire(cls, cluster: Cluster, clock: Clock, app: str, owner: str, nonce: str) -> Lease:
        """As `take`, by the name of the app."""
        return cls.take(cluster, clock, Record(app), owner, nonce)

    def step(self, phase: str, **changes: t.Any) -> None:
        """Write down what is done next, before it is done."""
        self.note(phase=phase, **changes)

    def release(self) -> None:
        """Give the lease back; the record stays."""
        self._swap(owner="", nonce="", phase="", expires=0.0)


def _end(clock: Clock) -> float:
    """As exact as the label holds it."""
    return round(clock.time() + LIFETIME, 3)


def _record_in(config: c.Mapping[str, t.Any], known: R) -> R:
    return known.seen(config["Spec"].get("Labels") or {})


def _index_of(config: c.Mapping[str, t.Any]) -> int:
    return int(config["Version"]["Index"])
