# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The issuer of certificates: what is due, from the order to the handshake on every edge.

Any manager may be it; who has the lease is (`_orders`). Everything that reaches outside is injected.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from . import _certs_writer
from ._certs import WILDCARD, Certificate, Settings
from ._certs_check import Check
from ._certs_writer import Served, Writer
from ._clock import Clock
from ._cluster import Cluster
from ._errors import InputError, SeaworthyError
from ._lease import LeaseLost
from ._orders import IssuerLease

RENEW_AT = 1 / 3  # of the lifetime left
VERIFY_SECONDS = 60.0
CLOCK_DIFFERENCE = 300.0
FAULTS = 2  # one may be about its name alone


class AuthorityFailure(SeaworthyError):
    """The certificate authority itself does not work: no fault of a name."""


class Authority(t.Protocol):
    """Where names point to, and who issues certificates."""

    def resolve(self, name: str) -> set[str]: ...

    def stored(self, name: str) -> Certificate | None:
        """What the last order on this host brought."""

    def check(self) -> None:
        """AuthorityFailure when it does not answer. Asking counts as nothing there."""

    def order(self, name: str, progress: c.Callable[[], None]) -> Certificate: ...


class Issuer:
    """Keeps a valid certificate for each name on every edge."""

    def __init__(
        self,
        settings: Settings,
        *,
        cluster: Cluster,
        authority: Authority,
        check: Check,
        clock: Clock,
        emit: c.Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._authority = authority
        self._check = check
        self._clock = clock
        self._emit = emit

    def due(self, force: c.Collection[str] = ()) -> dict[str, str]:
        """The names that need a new certificate, each with the reason."""
        unknown = set(force) - set(self._settings.names)
        if unknown:
            raise InputError(
                "these names are not in the list of this issuer",
                found=", ".join(sorted(unknown)),
                expected=", ".join(self._settings.names),
            )
        present = _certs_writer.served(self._cluster)
        found = {}
        for name in self._settings.names:
            reason = "it was asked for" if name in force else self._reason(present.get(name))
            if reason:
                found[name] = reason
        return found

    def run(self, lease: IssuerLease, force: c.Collection[str] = ()) -> dict[str, str]:
        """Issue what is due and bring it to every edge. Returns why a name failed; the others do not suffer."""
        writer = Writer(self._cluster, self._clock)
        failed: dict[str, str] = {}
        new: dict[str, str] = {}
        faults = 0  # of the authority, in a row
        for name, reason in self.due(force).items():
            self._emit(f"{name}: a new certificate is needed: {reason}")
            try:
                if faults == FAULTS:
                    raise SeaworthyError(f"{name} was not ordered, because the authority fails for every name")
                certificate = self._obtain(name, lease, force=name in force)
                new[name] = writer.create(name, certificate, self._settings.directory)
                faults = 0
            except LeaseLost:
                raise
            except SeaworthyError as error:
                faults += isinstance(error, AuthorityFailure)
                failed[name] = str(error)
                self._emit(f"{name}: failed: {error}")
        if writer.attach(new, self._settings.names):
            self._emit(f"the writers have: {', '.join(new) or 'nothing new'}")
        self._check.verify(VERIFY_SECONDS)
        writer.remove_unused()
        return failed

    def _reason(self, served: Served | None) -> str:
        if served is None:
            return "there is none"
        if served.directory != self._settings.directory:
            return f"the present one comes from {served.directory}"
        if self._is_due(served.not_before, served.not_after):
            return f"the present one is valid for {(served.not_after - self._clock.time()) / 86400:.1f} more days"
        return ""

    def _is_due(self, not_before: float, not_after: float) -> bool:
        return not_after - self._clock.time() < (not_after - not_before) * RENEW_AT

    def _obtain(self, name: str, lease: IssuerLease, force: bool) -> Certificate:
        """From an earlier order on this host that did not reach the edges, or by a new one."""
        stored = None if force else self._authority.stored(name)
        if stored and name in stored.names and not self._is_due(stored.not_before, stored.not_after):
            self._emit(f"{name}: using the certificate that was ordered before")
            return stored
        self._wait_or_not(name, lease, force)
        if not name.startswith(WILDCARD):  # those are proved by DNS records
            self._check_address(name)
            self._check.wait_for_answers(name)
        self._authority.check()
        certificate = self._order(name, lease)
        if name not in certificate.names:
            raise SeaworthyError(
                f"the new certificate is not for {name}", found=", ".join(certificate.names), expected=name
            )
        if not certificate.not_before <= self._clock.time() + CLOCK_DIFFERENCE < certificate.not_after:
            raise SeaworthyError(
                f"the new certificate for {name} is not valid now", remedy="Is this host's clock right?"
            )
        return certificate

    def _wait_or_not(self, name: str, lease: IssuerLease, force: bool) -> None:
        directory = self._settings.directory
        new = name not in _certs_writer.served(self._cluster)
        wait = lease.record.wait(name, directory, self._clock.time(), new)
        if wait and force:
            self._emit(f"{name}: ordered all the same, because it was asked for: {wait}")
        elif wait:
            raise SeaworthyError(
                f"{name} is not ordered now: {wait}",
                remedy=f"When the cause is removed: `seaworthy certs --force '{name}'` on a manager.",
            )

    def _order(self, name: str, lease: IssuerLease) -> Certificate:
        """What happened is in the swarm before and after, so the other managers respect it too."""
        history = lease.record.history(name, self._settings.directory).ordered(self._clock.time())
        lease.remember(name, history)  # before: this host may die in the middle
        try:
            certificate = self._authority.order(name, lease.keep)
        except LeaseLost:
            raise
        except SeaworthyError as error:
            ours = not isinstance(error, AuthorityFailure)
            lease.remember(name, history.failed(self._clock.time(), error.message, authority=not ours))
            raise
        lease.remember(name, history.succeeded(self._clock.time()))
        return certificate

    def _check_address(self, name: str) -> None:
        """An order for a name that does not lead here fails, and failures are limited."""
        found = self._authority.resolve(name)
        expected = set(self._settings.addresses)
        if not found or not found <= expected:
            raise InputError(
                f"{name} does not lead to the edges (nothing was ordered)",
                found=", ".join(sorted(found)) or "no address",
                expected=", ".join(sorted(expected)),
                remedy="Correct its A and AAAA records, and wait until the old ones are forgotten.",
            )
