# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Do the edges serve the certificates that the writer has, and are those good for long enough?"""

from __future__ import annotations

import collections.abc as c
import hashlib
import http.client
import secrets
import socket
import ssl
import typing as t

from . import _certs_writer
from ._certs import FILES, Edge, Settings, probe_name
from ._certs_writer import Served
from ._clock import Clock, Deadline
from ._cluster import Cluster
from ._errors import EdgeError

ALARM_AT = 1 / 6  # of the lifetime left: a renewal is due at a third, so it has failed for long
ALARM_SECONDS_FILES = 7 * 86400.0  # nobody renews these but the team, which was warned 30 days before
POLL = 0.5
PORT = 443
HANDSHAKE_SECONDS = 3.0
ANSWER_SECONDS = 60.0


class Handshakes(t.Protocol):
    """What an edge shows to a client that asks for a name: the SHA-256 of the certificate."""

    def fingerprint(self, edge: Edge, name: str) -> str: ...

    def answers(self, edge: Edge, name: str) -> bool: ...


class Check:
    """Asks the edges whose nodes live. One that is down gets the certificates when it joins again."""

    def __init__(
        self,
        settings: Settings,
        *,
        cluster: Cluster,
        handshakes: Handshakes,
        clock: Clock,
        emit: c.Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._handshakes = handshakes
        self._clock = clock
        self._emit = emit
        self._told: set[str] = set()

    def living(self) -> list[Edge]:
        """The edges that can serve, as the swarm knows it; the others are named once."""
        reasons = _resting(self._cluster)
        found = []
        for edge in self._settings.edges:
            reason = reasons.get(edge.address) or reasons.get(edge.name)
            if not reason:
                found.append(edge)
            elif edge.name not in self._told:
                self._told.add(edge.name)
                self._emit(f"edge {edge.name} is left out: {reason}")
        if not found:
            raise EdgeError("no edge can serve: all their nodes are down or drained", remedy="See `docker node ls`.")
        return found

    def verify(self, seconds: float) -> None:
        """Every living edge shows for each name the certificate that the writer has, at the latest after this time."""
        deadline = Deadline(self._clock, seconds, "the edges")
        while doubts := list(self._doubts()):
            if deadline.expired():
                raise EdgeError(
                    f"not every edge serves its certificates after {seconds:g} s",
                    found="; ".join(doubts),
                    remedy="See `docker service logs edge_certs` and `docker service logs edge_traefik` on a manager.",
                )
            self._clock.sleep(POLL)

    def wait_for_answers(self, name: str) -> None:
        """An edge that has just started does not know the route of challenges for a moment."""
        deadline = Deadline(self._clock, ANSWER_SECONDS, "the answers to challenges")
        while silent := [edge.name for edge in self.living() if not self._handshakes.answers(edge, name)]:
            if deadline.expired():
                raise EdgeError(
                    f"not every edge answers a challenge for {name} (nothing was ordered)",
                    found=f"no answer from {', '.join(silent)} on port 80 for {ANSWER_SECONDS:g} s",
                    remedy="See `docker service ps edge_acme` and `docker service logs edge_traefik` on a manager.",
                )
            self._clock.sleep(POLL)

    def ending(self) -> list[str]:
        """What is wrong with the certificates themselves: none, or near its end."""
        present = _certs_writer.served(self._cluster)
        found = []
        for name in self._settings.names:
            if name not in present:
                found.append(f"{name} has no certificate")
            elif reason := near_end(present[name], self._clock.time()):
                found.append(f"{name}: {reason}")
        return found

    def _doubts(self) -> c.Iterator[str]:
        present = _certs_writer.served(self._cluster)
        edges = self.living()
        for name in self._settings.names:
            if name not in present:
                continue
            for edge in edges:
                try:
                    found = self._handshakes.fingerprint(edge, probe_name(name))
                except EdgeError as error:
                    yield str(error)
                    continue
                if found != present[name].fingerprint:
                    yield f"edge {edge.name} shows another certificate for {name}"


def near_end(served: Served, now: float) -> str:
    """Why a certificate is an alarm; empty when it is not."""
    left = served.not_after - now
    lifetime = served.not_after - served.not_before
    if now < served.not_before:
        return "its certificate is not valid yet; is this host's clock right?"
    if left <= 0:
        return f"its certificate ended {-left / 86400:.1f} days ago"
    if served.directory == FILES and left < ALARM_SECONDS_FILES:
        return f"its certificate is valid for {left / 86400:.1f} more days; put newer files in place"
    if served.directory != FILES and left < lifetime * ALARM_AT:
        return f"its certificate is valid for {left / 86400:.1f} more days; renewals must have failed for long"
    return ""


def _resting(cluster: Cluster) -> dict[str, str]:
    """By address and by name, the nodes that cannot serve, and why. A node whose state is not known may well serve."""
    found = {}
    for node in cluster.nodes():
        status = node.get("Status") or {}
        reason = ""
        if status.get("State") in ("down", "disconnected"):
            reason = f"the swarm says that its node is {status['State']}"
        elif node["Spec"].get("Availability") == "drain":
            reason = "its node is drained"
        if reason:
            found[str(status.get("Addr"))] = found[node["Description"]["Hostname"]] = reason
    return found


class TlsHandshakes:
    """What the edges show, with no trust in it: the caller compares."""

    def fingerprint(self, edge: Edge, name: str) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with (
                socket.create_connection((edge.address, PORT), HANDSHAKE_SECONDS) as plain,
                context.wrap_socket(plain, server_hostname=name) as tls,
            ):
                shown = tls.getpeercert(binary_form=True)
        except OSError as error:
            raise EdgeError(f"edge {edge.name} ({edge.address}) shows no certificate for {name}: {error}") from error
        return hashlib.sha256(shown or b"").hexdigest()

    def answers(self, edge: Edge, name: str) -> bool:
        """Ask for a token of our own: whoever answers challenges answers this one too."""
        token = secrets.token_hex(16)
        connection = http.client.HTTPConnection(edge.address, timeout=HANDSHAKE_SECONDS)
        try:
            connection.request("GET", f"/.well-known/acme-challenge/{token}", headers={"Host": name})
            answer = connection.getresponse()
            return answer.status == 200 and answer.read().startswith(f"{token}.".encode())
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
