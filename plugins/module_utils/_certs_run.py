# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""`seaworthy certs` on a manager: one run of the issuer under its lease, or the check alone."""

from __future__ import annotations

import collections.abc as c
import contextlib
import json
import pathlib
import socket
import typing as t
import uuid

from . import _certs_check, _orders
from ._acme import Lego
from ._certs import FILES, Settings
from ._certs_check import Check
from ._certs_issuer import Issuer
from ._clock import Clock, Deadline, SystemClock
from ._cluster import Cluster
from ._errors import InputError, LeaseHeld, SeaworthyError

SETTINGS = pathlib.Path("/etc/seaworthy/certs.json")
RESULT = pathlib.Path("/run/seaworthy/certs.json")
PATIENCE_SECONDS = 1800.0  # for a run that goes on elsewhere
CHECK_SECONDS = 20.0  # an edge may be restarting
POLL = 1.0

Emit = c.Callable[[str], None]


class KeptClock:
    """Whoever waits by this clock keeps the lease."""

    def __init__(self, clock: Clock, keep: c.Callable[[], None]) -> None:
        self._clock = clock
        self._keep = keep

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def time(self) -> float:
        return self._clock.time()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)
        self._keep()


def issue(force: c.Collection[str], emit: Emit) -> int:
    """The whole run that the timer starts. Why it failed is left in a file for whoever started it."""
    settings = _settings()
    if settings.source == FILES:
        raise InputError(
            "certificates of this estate come from files of the team, nothing is ordered",
            remedy="Put newer files into certificates_files_dir on the controller and run playbook site.",
        )
    cluster, clock = Cluster(), SystemClock()
    RESULT.parent.mkdir(mode=0o700, exist_ok=True)
    RESULT.unlink(missing_ok=True)
    reasons: list[str] = []
    try:
        with lease(cluster, clock, emit, patient=bool(force)) as held:
            kept = KeptClock(clock, held.keep)
            reasons += new_issuer(settings, cluster, kept, emit).run(held, force).values()
            reasons += new_check(settings, cluster, kept, emit).ending()
    except LeaseHeld as error:
        emit(error.message)
        reasons += [str(error)] if force else []
    except SeaworthyError as error:
        emit(str(error))
        reasons.append(str(error))
    RESULT.write_text(json.dumps(reasons))
    return 1 if reasons else 0


def check(emit: Emit) -> int:
    """Only look: every living edge serves each certificate, and none is near its end."""
    settings = _settings()
    found = new_check(settings, Cluster(), SystemClock(), emit)
    reasons = found.ending()
    try:
        found.verify(CHECK_SECONDS)
    except SeaworthyError as error:
        reasons.append(str(error))
    for reason in reasons:
        emit(reason)
    if not reasons:
        emit(f"every edge serves {len(settings.names)} certificates, none is near its end")
    return 1 if reasons else 0


@contextlib.contextmanager
def lease(cluster: Cluster, clock: Clock, emit: Emit, patient: bool) -> c.Iterator[_orders.IssuerLease]:
    """The lease of certificates; patient: after whoever has it now."""
    deadline = Deadline(clock, PATIENCE_SECONDS, "waiting for the lease of certificates")
    told = False
    while True:
        try:
            held = _orders.IssuerLease.take(cluster, clock, _orders.Ledger(), socket.gethostname(), uuid.uuid4().hex)
            break
        except LeaseHeld as error:
            if not patient or deadline.expired():
                raise
            if not told:
                emit(f"{error.message}; waiting")
                told = True
            clock.sleep(POLL)
    try:
        yield held
    finally:
        # It ends by time when the swarm does not answer, and who took it over has it.
        with contextlib.suppress(SeaworthyError):
            held.release()


def join(cluster: Cluster, clock: Clock) -> None:
    """Wait for the end of the run that goes on, on whatever manager; a later one is not ours to wait for."""
    deadline = Deadline(clock, PATIENCE_SECONDS, "a run of the issuer")
    first = now = _orders.read(cluster)
    while now.held(clock.time()) and now.nonce == first.nonce:
        if deadline.expired():
            raise LeaseHeld(now.what, now.owner, now.expires, clock.time())
        clock.sleep(POLL)
        now = _orders.read(cluster)


def new_check(settings: Settings, cluster: Cluster, clock: Clock, emit: Emit) -> Check:
    """With the real world around it."""
    handshakes = _certs_check.TlsHandshakes()
    return Check(settings, cluster=cluster, handshakes=handshakes, clock=clock, emit=emit)


def new_issuer(settings: Settings, cluster: Cluster, clock: Clock, emit: Emit) -> Issuer:
    """With the real world around it."""
    check = new_check(settings, cluster, clock, emit)
    return Issuer(settings, cluster=cluster, authority=Lego(settings), check=check, clock=clock, emit=emit)


def _settings() -> Settings:
    if not SETTINGS.exists():
        raise InputError(
            "this host knows nothing of certificates",
            found=f"no file {SETTINGS}",
            remedy="Run the command on a manager of an estate that playbook site has set up.",
        )
    raw: t.Any = json.loads(SETTINGS.read_text())
    return Settings.parse(raw)
