# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on its way into the swarm, with the answers of a real engine (26.1) as recorded."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._cluster import Cluster
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    ClusterError,
    DeadlineExceeded,
    InputError,
    NotFound,
    Unavailable,
)
from ansible_collections.seaworthy.swarm.plugins.module_utils._membership import Membership, Wanted, endpoint, read
from tests.unit.plugins.fakes import FakeClock

Json = dict[str, t.Any]
SUBNETS = ("172.22.255.0/24", "fd22:255::/64")
FIRST = Wanted(True, "192.0.2.11", "10.201.0.0/16", 24, SUBNETS)
SECOND = dataclasses.replace(FIRST, address="192.0.2.12", join=("192.0.2.11", "192.0.2.13"), token="SWMTKN-secret")
WORKER = dataclasses.replace(SECOND, manager=False)


def membership(state: str = "active", *, manager: bool = True, address: str = "192.0.2.11", **tree: t.Any) -> Json:
    """The part Swarm of the engine's answer to /info."""
    managers = [{"NodeID": "n1", "Addr": "192.0.2.11:2377"}, {"NodeID": "n3", "Addr": "192.0.2.13:2377"}]
    cluster = {
        "ID": "cluster1",
        "Spec": {"Name": "default", "Labels": {"seaworthy.platform": "swarm"}},
        "DefaultAddrPool": ["10.201.0.0/16"],
        "SubnetSize": 24,
    } | tree
    return {
        "NodeID": "n1",
        "NodeAddr": address,
        "LocalNodeState": state,
        "ControlAvailable": manager,
        "Error": "",
        "RemoteManagers": managers,
        "Cluster": cluster if manager else None,
    }


OUTSIDE: Json = {
    "NodeID": "",
    "NodeAddr": "",
    "LocalNodeState": "inactive",
    "ControlAvailable": False,
    "Error": "",
    "RemoteManagers": None,
}


def gateway(*subnets: str, containers: Json | None = None) -> Json:
    return {
        "Name": "docker_gwbridge",
        "IPAM": {"Config": [{"Subnet": subnet} for subnet in subnets]},
        "Containers": containers or {},
    }


class Engine(Cluster):
    """An engine that does what it is told, after a while."""

    def __init__(self, swarm: Json | None, bridge: Json | None = None) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.swarm_part = swarm
        self.bridge = bridge
        self.asked: list[tuple[str, Json]] = []
        self.join_error: ClusterError | None = None
        self.seconds_to_join = 3.0
        self.becomes = membership(address="192.0.2.12")

    def info(self) -> Json:
        if self.swarm_part is None:
            raise Unavailable("no answer")
        return {"Swarm": self.swarm_part}

    def network(self, id: str) -> Json:
        if self.bridge is None:
            raise NotFound(f"no network {id}", status=404)
        return self.bridge

    def create_network(self, spec: Json) -> str:
        self.asked.append(("create_network", spec))
        return "net1"

    def remove_network(self, id: str) -> None:
        self.asked.append(("remove_network", {"id": id}))

    def swarm_init(self, body: Json) -> str:
        self.asked.append(("init", body))
        self.swarm_part = membership()
        return "n1"

    def swarm_join(self, body: Json) -> None:
        self.asked.append(("join", body))
        self.swarm_part = OUTSIDE | {"LocalNodeState": "pending"}
        self.clock.after(self.seconds_to_join, self._joined)
        if self.join_error:
            raise self.join_error

    def _joined(self) -> None:
        self.swarm_part = self.becomes


def make(engine: Engine, wanted: Wanted) -> Membership:
    return Membership(engine, wanted, engine.clock)


def test_a_bare_host_starts_the_swarm() -> None:
    """Gateway network first: Swarm would make its own."""
    engine = Engine(OUTSIDE)
    subject = make(engine, FIRST)
    steps = subject.plan()
    assert steps == ["gateway", "init"]
    assert engine.asked == [], "a plan changes nothing"
    state = subject.apply(steps)
    assert state.active
    assert [name for name, _body in engine.asked] == ["create_network", "init"]
    network, init = engine.asked[0][1], engine.asked[1][1]
    assert network["EnableIPv6"] is True
    assert network["IPAM"]["Config"] == [
        {"Subnet": "172.22.255.0/24", "Gateway": "172.22.255.1"},
        {"Subnet": "fd22:255::/64", "Gateway": "fd22:255::1"},
    ]
    assert init["Spec"]["Labels"] == {"seaworthy.platform": "swarm"}
    assert init["ListenAddr"] == init["AdvertiseAddr"] == "192.0.2.11:2377"
    assert (init["DataPathAddr"], init["DefaultAddrPool"], init["SubnetSize"]) == ("192.0.2.11", ["10.201.0.0/16"], 24)


def test_another_host_joins_and_is_waited_for() -> None:
    """The engine answers before the host is a member."""
    engine = Engine(OUTSIDE, gateway(*SUBNETS))
    subject = make(engine, SECOND)
    assert subject.plan() == ["join"]
    began = engine.clock.now
    assert subject.apply(["join"]).node_id == "n1"
    assert engine.clock.now - began == pytest.approx(3.0)
    ((_name, body),) = engine.asked
    assert body["RemoteAddrs"] == ["192.0.2.11:2377", "192.0.2.13:2377"]
    assert body["JoinToken"] == "SWMTKN-secret"
    assert "SWMTKN" not in repr(SECOND)


def test_a_slow_join_goes_on_in_the_background() -> None:
    """The engine gives up waiting after 20 s, and joins later."""
    engine = Engine(OUTSIDE, gateway(*SUBNETS))
    engine.join_error, engine.seconds_to_join = ClusterError("timeout was reached before node joined", status=500), 30
    assert make(engine, SECOND).apply(["join"]).active


def test_a_join_that_fails_says_why() -> None:
    """The engine's own words."""

    class Refusing(Engine):
        def swarm_join(self, body: Json) -> None:
            raise ClusterError("invalid join token", status=400)

    engine = Refusing(OUTSIDE, gateway(*SUBNETS))
    with pytest.raises(ClusterError, match="invalid join token"):
        make(engine, SECOND).apply(["join"])


def test_a_join_without_end_ends() -> None:
    """At the deadline."""
    engine = Engine(OUTSIDE, gateway(*SUBNETS))
    engine.seconds_to_join = 1e9
    with pytest.raises(DeadlineExceeded, match="becoming a member of the swarm took longer than 60 s"):
        make(engine, SECOND).apply(["join"])


def test_without_a_token_nobody_joins() -> None:
    """With --limit no manager may have been asked."""
    with pytest.raises(InputError, match=r"no manager of the swarm has answered.*without --limit"):
        make(Engine(OUTSIDE), dataclasses.replace(SECOND, token="")).apply(["join"])


@pytest.mark.parametrize(
    ("swarm", "wanted"),
    [
        (membership(), FIRST),
        (membership(address="192.0.2.12"), SECOND),
        (membership(address="192.0.2.12", manager=False), WORKER),
    ],
)
def test_a_member_has_nothing_to_do(swarm: Json, wanted: Wanted) -> None:
    """The second run; spelling of subnets does not matter."""
    engine = Engine(swarm, gateway("fd22:0255:0::/64", "172.22.255.0/24"))
    assert make(engine, wanted).plan() == []


@pytest.mark.parametrize(
    ("swarm", "wanted", "reason"),
    [
        (membership(Spec={"Labels": {}}), FIRST, "a swarm that is not ours.*docker swarm leave --force"),
        (membership(Spec={"Labels": None}), FIRST, "a swarm that is not ours"),
        (membership(address="198.51.100.1"), FIRST, r"another address.*198\.51\.100\.1.*192\.0\.2\.11"),
        (membership(address="192.0.2.12"), WORKER, "found: manager.*expected: worker.*docker node demote n1"),
        (membership(address="192.0.2.12", manager=False), SECOND, "expected: manager.*docker node promote n1"),
        (membership(DefaultAddrPool=["10.0.0.0/8"]), FIRST, r"address pool.*10\.0\.0\.0/8.*swarm_address_pool"),
        (membership(SubnetSize=28), FIRST, "address pool.*prefix 28"),
        (
            membership(address="192.0.2.12", manager=False) | {"RemoteManagers": [{"Addr": "203.0.113.9:2377"}]},
            WORKER,
            r"worker of another swarm.*203\.0\.113\.9",
        ),
        (OUTSIDE | {"LocalNodeState": "locked"}, FIRST, "locked.*docker swarm unlock"),
        (
            OUTSIDE | {"LocalNodeState": "error", "Error": "bad certificate"},
            FIRST,
            r"broken.*\(error\): bad certificate",
        ),
    ],
)
def test_what_cannot_be_changed_is_refused(swarm: Json, wanted: Wanted, reason: str) -> None:
    """With what was found, what was expected and the way out."""
    engine = Engine(swarm, gateway(*SUBNETS))
    with pytest.raises((InputError, ClusterError), match=reason):
        make(engine, wanted).plan()
    assert engine.asked == []


def test_an_unused_gateway_network_is_made_anew() -> None:
    """Left behind by an earlier swarm."""
    engine = Engine(OUTSIDE, gateway("172.18.0.0/16"))
    subject = make(engine, FIRST)
    assert subject.plan() == ["replace_gateway", "gateway", "init"]
    subject.apply(subject.plan())
    assert [name for name, _body in engine.asked] == ["remove_network", "create_network", "init"]


@pytest.mark.parametrize(
    ("swarm", "containers"), [(membership(), {}), (OUTSIDE, {"c1": {"Name": "somebody"}}), (membership(), {"c1": {}})]
)
def test_a_gateway_network_in_use_is_refused(swarm: Json, containers: Json) -> None:
    """It cannot be changed under its users."""
    engine = Engine(swarm, gateway("172.18.0.0/16", containers=containers))
    with pytest.raises(InputError, match=r"172\.18\.0\.0/16.*swarm_gateway_subnet"):
        make(engine, FIRST).plan()


def test_without_an_engine_everything_is_to_do() -> None:
    """Check mode on a bare host."""
    assert read(Engine(None)).state == "no_engine"
    assert make(Engine(None), FIRST).plan() == ["gateway", "init"]
    assert make(Engine(None), SECOND).plan() == ["gateway", "join"]


def test_a_gateway_of_one_family() -> None:
    """For kernels without IPv6."""
    engine = Engine(OUTSIDE)
    make(engine, dataclasses.replace(FIRST, gateway_subnets=SUBNETS[:1])).apply(["gateway", "init"])
    assert engine.asked[0][1]["EnableIPv6"] is False


def test_endpoints_of_both_families() -> None:
    """IPv6 in brackets."""
    assert (endpoint("192.0.2.1"), endpoint("fd00::1")) == ("192.0.2.1:2377", "[fd00::1]:2377")
