# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""What was ordered, what failed, and when the next order may be made: the record under the lease of certificates.

Every manager may be the issuer, so the record is in the swarm: one label of the lease's config for each name that was
ordered in the last week. It is a few hundred bytes, so a hundred names stay far below what the swarm takes (about a
megabyte), and lease and record change in one step: who lost the lease cannot write.

Let's Encrypt allows (https://letsencrypt.org/docs/rate-limits/):
- 5 failed validations for an account and host name in an hour. Here: waits of 15 min, 30 min, 1 h … 24 h after
  failures in a row, so 3 in the first hour;
- 300 new orders of an account in 3 h. Here: 250;
- 5 certificates for the same set of names in 7 days. Here: 4;
- 50 new certificates for a registered domain in 7 days; a renewal does not count. Here: 45, for names that have none.
What is left is for a hand (`--force`). Other authorities are only protected by the waits.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import json

from ._certs import LETS_ENCRYPT
from ._cluster import Cluster
from ._errors import NotFound
from ._lease import Holding

CONFIG = "seaworthy-certificates"
LABEL = "seaworthy.certificates."
FIRST_WAIT = 15 * 60.0
LONGEST_WAIT = 24 * 3600.0
WEEK = 7 * 86400.0
ORDERS_WINDOW = 3 * 3600.0
ORDERS = 250
SAME_NAME = 4
SAME_DOMAIN = 45
KEPT = 20  # the newest moments of a name; only force can make more of them in a week
REASON_LENGTH = 300


@dataclasses.dataclass(frozen=True)
class History:
    """The orders of one name at one authority: all of the last week, those that brought a certificate, and failures."""

    directory: str
    orders: tuple[int, ...] = ()
    issued: tuple[int, ...] = ()
    failures: int = 0  # in a row
    until: int = 0
    reason: str = ""

    @classmethod
    def read(cls, text: str) -> History:
        raw = json.loads(text)
        return cls(**{**raw, "orders": tuple(raw["orders"]), "issued": tuple(raw["issued"])})

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    def ordered(self, now: float) -> History:
        return dataclasses.replace(self, orders=(*self.orders, round(now))[-KEPT:])

    def succeeded(self, now: float) -> History:
        return History(self.directory, self.orders, (*self.issued, round(now))[-KEPT:])

    def failed(self, now: float, reason: str, authority: bool = False) -> History:
        """A failure of the authority itself says nothing about the name: the wait does not grow."""
        failures = self.failures + (0 if authority else 1)
        wait = FIRST_WAIT if authority else min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT)
        reason = " ".join(reason.split())[:REASON_LENGTH]
        return dataclasses.replace(self, failures=failures, until=round(now + wait), reason=reason)

    def since(self, now: float) -> History:
        """Without what is too long ago to matter."""
        orders, issued = (tuple(at for at in moments if at > now - WEEK) for moments in (self.orders, self.issued))
        return dataclasses.replace(self, orders=orders, issued=issued)

    def matters(self, now: float) -> bool:
        return bool(self.orders or self.issued or self.until > now)


@dataclasses.dataclass(frozen=True)
class Ledger:
    """The record. `names` is never changed in place."""

    owner: str = ""
    nonce: str = ""
    expires: float = 0.0
    names: c.Mapping[str, History] = dataclasses.field(default_factory=dict)

    config = CONFIG
    what = "the list of certificates"

    def seen(self, labels: c.Mapping[str, str]) -> Ledger:
        return Ledger(
            owner=labels.get("seaworthy.lease.owner", ""),
            nonce=labels.get("seaworthy.lease.nonce", ""),
            expires=float(labels.get("seaworthy.lease.expires") or 0),
            names={
                key.removeprefix(LABEL): History.read(value)
                for key, value in sorted(labels.items())
                if key.startswith(LABEL)
            },
        )

    def labels(self) -> dict[str, str]:
        return {
            "seaworthy.platform": "certificates",
            "seaworthy.lease.owner": self.owner,
            "seaworthy.lease.nonce": self.nonce,
            "seaworthy.lease.expires": f"{self.expires:.3f}",
            **{LABEL + name: history.text() for name, history in self.names.items()},
        }

    def held(self, now: float) -> bool:
        return bool(self.nonce) and self.expires > now

    def history(self, name: str, directory: str) -> History:
        """Of this authority; what another one did does not count."""
        found = self.names.get(name)
        return found if found and found.directory == directory else History(directory)

    def wait(self, name: str, directory: str, now: float, new: bool) -> str:
        """Why this name must not be ordered now, and until when; empty when it may. `new`: it has no certificate."""
        history = self.history(name, directory)
        if history.until > now:
            return f"the last order failed; the next one is made after {_moment(history.until)}: {history.reason}"
        if LETS_ENCRYPT not in directory:
            return ""
        others = {other: found for other, found in self.names.items() if found.directory == directory}
        domain = _domain(name)
        checks = [
            (f"certificates for {name}", history.issued, SAME_NAME, WEEK),
            ("orders", [at for found in others.values() for at in found.orders], ORDERS, ORDERS_WINDOW),
        ]
        if new:
            same = [at for other, found in others.items() if _domain(other) == domain for at in found.issued]
            checks.append((f"certificates for names of {domain}", same, SAME_DOMAIN, WEEK))
        for what, moments, most, window in checks:
            recent = sorted(at for at in moments if at > now - window)
            if len(recent) >= most:
                end = _moment(recent[-most] + window)
                return f"{len(recent)} {what} in {window / 3600:g} h are near the limit; the next is made after {end}"
        return ""


class IssuerLease(Holding[Ledger]):
    """The right to order certificates and to bring them to the edges."""

    def remember(self, name: str, history: History) -> None:
        """Write down what happened to a name; forget what is long ago."""
        now = self._clock.time()
        names = {other: found.since(now) for other, found in {**self.record.names, name: history}.items()}
        self.note(names={other: found for other, found in sorted(names.items()) if found.matters(now)})

    def release(self) -> None:
        """Give the lease back; the record stays."""
        self._swap(owner="", nonce="", expires=0.0)


def read(cluster: Cluster) -> Ledger:
    """The record as it is now."""
    try:
        config = cluster.config(CONFIG)
    except NotFound:
        return Ledger()
    return Ledger().seen(config["Spec"].get("Labels") or {})


def _domain(name: str) -> str:
    """The registered domain, or more: without the list of public suffixes the last two labels must do."""
    return ".".join(name.split(".")[-2:])


def _moment(at: float) -> str:
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M} UTC"
