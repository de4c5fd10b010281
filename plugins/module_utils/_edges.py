# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The internal entrypoint of each edge: Traefik's API and the preview of a release, by mutual TLS."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import http.client
import json
import pathlib
import socket
import ssl
import typing as t
import urllib.parse

from . import _routing
from ._errors import EdgeError

PORT = 8443
TIMEOUT = 3.0
PKI = pathlib.Path("/etc/seaworthy/pki")

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Edge:
    """A host that takes requests."""

    name: str
    address: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer to a request of ours."""

    status: int
    headers: c.Mapping[str, str]
    body: bytes


def tls_context(pki: pathlib.Path = PKI) -> ssl.SSLContext:
    """We show this host's certificate, and accept only a server whose certificate our own CA made."""
    try:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "host.crt", pki / "host.key")
    except (OSError, ssl.SSLError) as error:
        raise EdgeError(
            f"cannot use the certificates in {pki}: {error}", remedy="Run the role internal_ca on this host."
        ) from error
    return context


class _Connection(http.client.HTTPSConnection):
    """To an address, but with the name of the internal entrypoint."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        super().__init__(address, PORT, timeout=TIMEOUT)
        self._tls = context

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=_routing.INTERNAL_NAME)
        except BaseException:
            plain.close()
            raise


class Edges:
    """All edges of the estate."""

    def __init__(self, edges: c.Sequence[Edge], context: ssl.SSLContext) -> None:
        self.all = tuple(edges)
        self._context = context

    def router(self, edge: Edge, name: str) -> Json | None:
        """Traefik's own word on a router of a Swarm service; None when it knows none."""
        return self._api(edge, f"/api/http/routers/{urllib.parse.quote(name)}@swarm")

    def service(self, edge: Edge, name: str) -> Json | None:
        return self._api(edge, f"/api/http/services/{urllib.parse.quote(name)}@swarm")

    def version(self, edge: Edge) -> str:
        return str((self._api(edge, "/api/version") or {}).get("Version", ""))

    def preview(self, edge: Edge, preview: _routing.Preview) -> Answer:
        """Ask one release through one edge, as no user can."""
        return self._get(edge, preview.path, {_routing.PREVIEW_HEADER: preview.release})

    def _api(self, edge: Edge, path: str) -> Json | None:
        answer = self._get(edge, path, {})
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise EdgeError(f"edge {edge.name} answered {answer.status} to {path}", edge=edge.name)
        try:
            return t.cast(Json, json.loads(answer.body))
        except ValueError as error:
            raise EdgeError(f"edge {edge.name} answered no JSON to {path}", edge=edge.name) from error

    def _get(self, edge: Edge, path: str, headers: c.Mapping[str, str]) -> Answer:
        connection = _Connection(edge.address, self._context)
        try:
            connection.request("GET", path, headers={"Host": _routing.INTERNAL_NAME, **headers})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise EdgeError(
                f"edge {edge.name} ({edge.address}:{PORT}) did not answer: {error or type(error).__name__}",
                edge=edge.name,
            ) from error
        finally:
            connection.close()


def doubt_of_service(name: str, replicas: int, found: Json | None) -> str | None:
    """Why an edge does not yet send to all replicas of a service; None when it does."""
    if found is None:
        return f"does not know service {name}"
    status = found.get("serverStatus") or {}
    up = sum(state == "UP" for state in status.values())
    if up < replicas or len(status) > up:
        return f"has {up} of {replicas} servers of {name} UP, {len(status) - up} not"
    return None


def doubt_of_router(wanted: _routing.Router, found: Json | None) -> str | None:
    """Why an edge does not yet route as wanted; None when it does."""
    if found is None:
        return f"does not know router {wanted.name}"
    if found.get("status") != "enabled":
        return f"has router {wanted.name} {found.get('status')}: {'; '.join(found.get('error') or [])}"
    if (found.get("priority"), found.get("rule")) != (wanted.priority, wanted.rule):
        return f"has router {wanted.name} at priority {found.get('priority')}, not {wanted.priority}"
    return None


def doubt_of_preview(preview: _routing.Preview, answer: Answer) -> str | None:
    """Why an answer does not show that this release serves; None when it does.

    On the health path the app says so itself (2xx, 3xx). Elsewhere any answer of the app counts, but no 5xx.
    """
    if answer.headers.get(_routing.ANSWER_HEADER) != preview.router:
        return f"does not preview {preview.router} yet ({answer.status})"
    limit = 400 if preview.is_health else 500
    if answer.status >= limit:
        return f"got {answer.status} from {preview.router} for {preview.path}"
    return None
