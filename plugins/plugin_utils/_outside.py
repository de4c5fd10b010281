# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""Certificates as clients see them: connect to each address for each name, and believe nothing."""

from __future__ import annotations

import collections
import collections.abc as c
import concurrent.futures
import dataclasses
import errno
import hashlib
import pathlib
import socket
import ssl
import typing as t

from ..module_utils._certs import probe_name
from ..module_utils._certs_check import ALARM_AT
from ..module_utils._clock import Clock, Deadline
from ..module_utils._errors import InputError

AT_ONCE = 16
POLL = 1.0
NO_ROUTE = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # EHOSTUNREACH: a host that is dead


class NoRoute(Exception):
    """This machine cannot reach addresses of this kind at all."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a client was shown and accepted."""

    fingerprint: str
    not_before: float
    not_after: float


@dataclasses.dataclass(frozen=True)
class Seen:
    """What came of asking every address for every name."""

    shown: dict[str, dict[str, Shown]]  # by name and address
    problems: tuple[str, ...]
    notes: tuple[str, ...]


Client = c.Callable[[str, str], Shown]


def tls_client(ca_file: str | None, port: int, timeout: float) -> Client:
    """Verifies chain and name, by the authorities of this machine or of a file."""
    if ca_file and not pathlib.Path(ca_file).is_file():
        raise InputError(f"there is no CA file {ca_file}", remedy="Set certificates_client_ca_file to the CA's file.")
    context = ssl.create_default_context(cafile=ca_file)

    def ask(address: str, name: str) -> Shown:
        try:
            with (
                socket.create_connection((address, port), timeout) as plain,
                context.wrap_socket(plain, server_hostname=name) as tls,
            ):
                told = t.cast("dict[str, str]", tls.getpeercert())
                shown = tls.getpeercert(binary_form=True) or b""
        except OSError as error:
            if error.errno in NO_ROUTE:
                raise NoRoute from error
            raise
        moments = (ssl.cert_time_to_seconds(told[key]) for key in ("notBefore", "notAfter"))
        return Shown(hashlib.sha256(shown).hexdigest(), *moments)

    return ask


def look(
    client: Client, names: c.Sequence[str], addresses: c.Sequence[str], alarm_days: float | None, now: float
) -> Seen:
    """Ask once."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {
            (name, address): pool.submit(client, address, probe_name(name)) for name in names for address in addresses
        }
    shown: dict[str, dict[str, Shown]] = {name: {} for name in names}
    problems = []
    unreachable = collections.Counter[str]()
    for (name, address), future in futures.items():
        try:
            shown[name][address] = future.result()
        except NoRoute:
            unreachable[address] += 1
        except OSError as error:
            problems.append(f"{address} does not serve {name}: {_reason(error)}")
    for name, by_address in shown.items():
        problems += _judge(name, by_address, alarm_days, now)
        if not by_address and len(unreachable) == len(addresses):
            problems.append(f"{name} cannot be checked: this machine reaches no address of an edge")
    notes = [f"{address} is not checked: this machine has no way to it" for address in sorted(unreachable)]
    return Seen(shown, tuple(problems), tuple(notes))


def watch(ask: c.Callable[[], Seen], clock: Clock, seconds: float) -> Seen:
    """Ask until all is well, or the time is over: the edges take a new certificate one after the other."""
    deadline = Deadline(clock, seconds, "the edges")
    while (seen := ask()).problems and not deadline.expired():
        clock.sleep(POLL)
    return seen


def _judge(name: str, shown: c.Mapping[str, Shown], alarm_days: float | None, now: float) -> c.Iterator[str]:
    different = {one.fingerprint for one in shown.values()}
    if len(different) > 1:
        parts = ", ".join(f"{address} {one.fingerprint[:12]}" for address, one in shown.items())
        yield f"the edges do not show the same certificate for {name}: {parts}"
    for one in {one.fingerprint: one for one in shown.values()}.values():
        left = one.not_after - now
        alarm = (one.not_after - one.not_before) * ALARM_AT if alarm_days is None else alarm_days * 86400
        if left < alarm:
            yield f"the certificate for {name} is valid for {left / 86400:.1f} more days only"


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return str(error) or type(error).__name__
