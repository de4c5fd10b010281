# SPDX-License-Identifier: GPL-3.0-or-later
"""A swarm with certificates, an authority and edges in memory, for tests of everything about certificates."""

from __future__ import annotations

import base64
import collections.abc as c
import copy
import itertools
import typing as t

from ansible_collections.seaworthy.swarm.plugins.module_utils import _certs, _certs_check, _certs_issuer, _certs_writer
from ansible_collections.seaworthy.swarm.plugins.module_utils._certs_issuer import AuthorityFailure
from ansible_collections.seaworthy.swarm.plugins.module_utils._cluster import Filters
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    Conflict,
    EdgeError,
    SeaworthyError,
)
from ansible_collections.seaworthy.swarm.plugins.module_utils._orders import IssuerLease, Ledger
from tests.unit.plugins.fakes import FakeClock, FakeCluster

Json = dict[str, t.Any]
DAY = 86400.0
PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"
SETTINGS: Json = {
    "names": ["b.example.com", "a.example.com"],
    "email": "ops@example.com",
    "directory": "https://acme.example.com/dir",
    "addresses": ["192.0.2.11", "192.0.2.12"],
    "edges": [{"name": "m1", "address": "10.0.0.11"}, {"name": "m2", "address": "10.0.0.12"}],
}


class Swarm(FakeCluster):
    """The writer service, the secrets, and the nodes of two edges."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.stored: dict[str, Json] = {}
        self.attached: list[Json] = []
        self.index = 1
        self.stale = 0
        self.numbers = itertools.count(1)
        self.states = {"m1": "ready", "m2": "ready"}
        self.drained: set[str] = set()

    def secrets(self, filters: Filters | None = None) -> list[Json]:
        return copy.deepcopy(list(self.stored.values()))

    def create_secret(self, name: str, data: bytes, labels: t.Any = None) -> str:
        if any(item["Spec"]["Name"] == name for item in self.stored.values()):
            raise Conflict(f"secret {name} exists", status=409)
        id = f"id{next(self.numbers)}"
        self.stored[id] = {"ID": id, "Spec": {"Name": name, "Labels": labels}, "data": data.decode()}
        return id

    def remove_secret(self, id: str) -> None:
        del self.stored[id]

    def services(self, filters: Filters | None = None) -> list[Json]:
        return [self.service(_certs_writer.SERVICE)]

    def service(self, id: str) -> Json:
        template = {"ContainerSpec": {"Secrets": copy.deepcopy(self.attached)}}
        spec = {"Name": _certs_writer.SERVICE, "Mode": {"Global": {}}, "TaskTemplate": template}
        return {"ID": "s1", "Version": {"Index": self.index}, "Spec": spec}

    def update_service(self, id: str, version: int, spec: Json, registry_auth: t.Any = None) -> Json:
        if self.stale:
            self.stale -= 1
            raise Conflict("update out of sequence", status=500)
        assert version == self.index
        self.index += 1
        self.attached = spec["TaskTemplate"]["ContainerSpec"]["Secrets"]
        return {}

    def tasks(self, filters: Filters | None = None) -> list[Json]:
        spec = self.service(_certs_writer.SERVICE)["Spec"]["TaskTemplate"]
        return [{"Spec": spec, "NodeID": "n1", "DesiredState": "running", "Status": {"State": "running"}}]

    def nodes(self, filters: Filters | None = None) -> list[Json]:
        return [
            {
                "Description": {"Hostname": name},
                "Spec": {"Availability": "drain" if name in self.drained else "active"},
                "Status": {"State": state, "Addr": f"10.0.0.1{name[1:]}"},
            }
            for name, state in self.states.items()
        ]

    def names(self) -> list[str]:
        """The files that Traefik gets."""
        return sorted(item["File"]["Name"] for item in self.attached)


class World:
    """An authority that issues at once, and edges that show what the writer has."""

    def __init__(self, swarm: Swarm) -> None:
        self.swarm = swarm
        self.clock = swarm.clock
        self.addresses: dict[str, set[str]] = {}
        self.broken: set[str] = set()
        self.down = False
        self.faulty = False
        self.kept: dict[str, _certs.Certificate] = {}
        self.orders: list[str] = []
        self.moments: list[float] = []
        self.old: set[str] = set()
        self.silent: set[str] = set()
        self.silent_until = 0.0
        self.said: list[str] = []
        self.meanwhile: c.Callable[[], None] = lambda: None

    # -- the authority

    def resolve(self, name: str) -> set[str]:
        return self.addresses.get(name, {"192.0.2.11"})

    def stored(self, name: str) -> _certs.Certificate | None:
        return self.kept.get(name)

    def check(self) -> None:
        if self.down:
            raise AuthorityFailure("the certificate authority does not work, nothing was ordered")

    def order(self, name: str, progress: c.Callable[[], None]) -> _certs.Certificate:
        self.orders.append(name)
        self.moments.append(self.clock.time())
        self.meanwhile()
        progress()
        if self.faulty:
            raise AuthorityFailure("urn:ietf:params:acme:error:serverInternal")
        if name in self.broken:
            raise SeaworthyError(f"no certificate for {name}")
        return certificate(name, self.clock.time(), len(self.orders))

    # -- the edges

    def fingerprint(self, edge: _certs.Edge, name: str) -> str:
        if edge.name in self.silent:
            raise EdgeError(f"edge {edge.name} shows no certificate for {name}")
        if edge.name in self.old:
            return "another"
        attached = {item["SecretName"] for item in self.swarm.attached}
        for item in self.swarm.stored.values():
            labels = item["Spec"]["Labels"]
            exact = labels[_certs_writer.NAME_LABEL] in (name, f"*.{name.partition('.')[2]}")
            if exact and item["Spec"]["Name"] in attached:
                return str(labels[f"{_certs_writer.NAME_LABEL}.fingerprint"])
        raise EdgeError(f"edge {edge.name} shows no certificate for {name}")

    def answers(self, edge: _certs.Edge, name: str) -> bool:
        return edge.name not in self.silent and (edge.name != "m2" or self.clock.time() >= self.silent_until)

    # -- what is tested

    def check_of(self, **changes: t.Any) -> _certs_check.Check:
        settings = _certs.Settings.parse(SETTINGS | changes)
        return _certs_check.Check(
            settings, cluster=self.swarm, handshakes=self, clock=self.clock, emit=self.said.append
        )

    def issuer(self, **changes: t.Any) -> _certs_issuer.Issuer:
        return _certs_issuer.Issuer(
            _certs.Settings.parse(SETTINGS | changes),
            cluster=self.swarm,
            authority=self,
            check=self.check_of(**changes),
            clock=self.clock,
            emit=self.said.append,
        )

    def take(self, owner: str = "m1") -> IssuerLease:
        return IssuerLease.take(self.swarm, self.clock, Ledger(), owner, f"nonce of {owner} {self.clock.time()}")

    def run(self, owner: str = "m1", force: c.Collection[str] = (), **changes: t.Any) -> dict[str, str]:
        """As the timer of one manager does it."""
        lease = self.take(owner)
        try:
            return self.issuer(**changes).run(lease, force)
        finally:
            lease.release()


def certificate(name: str, now: float, serial: int, days: float = 90) -> _certs.Certificate:
    body = base64.b64encode(f"{name} {serial}".encode()).decode()
    return _certs.Certificate(PEM.format(body) * 2, KEY, (name,), now - 60, now + days * DAY, f"{serial:036X}")
