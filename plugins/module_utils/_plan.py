# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""What a release is asked for, what exists, and what a run will therefore do."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from . import _compose, _edges
from ._app import App
from ._cluster import Cluster
from ._errors import InputError
from ._lease import Record

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be released. `secrets` maps each secret of the app to the name of a Swarm secret."""

    app: App
    model: Json
    state: str
    version: str | None
    registry: str | None
    secrets: c.Mapping[str, str]
    edges: tuple[_edges.Edge, ...]
    owner: str

    @classmethod
    def parse(cls, raw: Json) -> Request:
        app = raw["app"]
        return cls(
            app=App.parse(app["name"], app["app"], app.get("source")),
            model=app["model"],
            state=raw["state"],
            version=raw.get("version"),
            registry=app.get("registry"),
            secrets=raw.get("secrets") or {},
            edges=tuple(_edges.Edge(edge["name"], edge["address"]) for edge in raw["edges"]),
            owner=raw["owner"],
        )

    def fingerprint(self, version: str) -> str:
        return _compose.fingerprint(
            self.app, self.model, version=version, registry=self.registry, secret_names=self.secrets
        )


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run will do. `differs`: what serves is not what the files say, and this run leaves it so.

    `blue` is the release that serves, 0 when there is none; `leftovers` are releases that a killed run left.
    """

    release: bool
    reason: str
    version: str
    number: int
    blue: int
    leftovers: tuple[int, ...]
    document: str
    differs: bool = False

    @property
    def acts(self) -> bool:
        return self.release or bool(self.leftovers)


def decide(request: Request, record: Record, releases: c.Collection[int]) -> Plan:
    """Compare the request with the record and with the releases that exist."""
    app = request.app
    if releases and not record.last:
        raise InputError(
            f"the record of application {app.name} is missing, so nobody knows which release serves",
            found=f"services of {', '.join(f'r{number}' for number in sorted(releases))}",
            remedy="Remove the stacks that must not serve with `docker stack rm`, all of them if in doubt.",
        )
    blue = record.serving if record.serving in releases else 0
    if request.state == "restarted":
        _check_restart(request, record, blue)
    present = request.state == "present"
    version = (record.version if blue and present else request.version) or record.version or app.version
    if not version:
        raise InputError(f"{app.source}: version: the first release needs a version", file=app.source, key="version")
    document = request.fingerprint(version)
    same = document == record.document
    serves = f"{app.name} r{record.serving} (version {record.version}) serves"
    leftovers = tuple(sorted(set(releases) - {blue}))
    plan = Plan(True, "", version, record.last + 1, blue, leftovers, document)
    if request.state == "restarted":
        reason = f"version {version} (r{blue}) is restarted"
        return dataclasses.replace(plan, reason=reason if same else f"{reason}, with what the app's files now say")
    if blue and same:
        return dataclasses.replace(plan, release=False, reason=f"{serves}; nothing differs")
    if blue and present:
        reason = f"{serves}; the app's files say something else, which playbook deploy releases"
        return dataclasses.replace(plan, release=False, reason=reason, differs=True)
    reason = f"version {version} replaces {record.version} (r{blue})" if blue else f"first release, version {version}"
    return dataclasses.replace(plan, reason=reason)


def _check_restart(request: Request, record: Record, blue: int) -> None:
    if not blue:
        raise InputError(
            f"no release of application {request.app.name} serves, so none can be restarted",
            remedy="Release it with playbook deploy.",
        )
    if request.version not in (None, record.version):
        raise InputError(
            f"a restart of application {request.app.name} keeps the version that serves",
            found=request.version,
            expected=record.version,
            remedy="Release another version with playbook deploy.",
        )


def releases_of(cluster: Cluster, app: str) -> dict[int, list[Json]]:
    """The services of each release of an app that exists, also of those of which only a network is left."""
    filters = {"label": [f"seaworthy.app={app}"]}
    found: dict[int, list[Json]] = {}
    for network in cluster.networks(filters):
        found.setdefault(int(network["Labels"]["seaworthy.release"]), [])
    for service in cluster.services(filters):
        found.setdefault(int(service["Spec"]["Labels"]["seaworthy.release"]), []).append(service)
    return found
