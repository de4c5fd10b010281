# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate on one screen."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _certs_writer, _edges, _run, _status
from ansible_collections.seaworthy.swarm.plugins.module_utils._certs_writer import Served
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import EdgeError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lease import Lease
from tests.unit.plugins.module_utils.test_release import HOST, World

Json = dict[str, t.Any]
DAY = 86400.0
LINES_OF_A_SCREEN = 24


def node(name: str, *, leader: bool = False) -> Json:
    return {
        "ID": f"id of {name}",
        "Description": {"Hostname": name, "Engine": {"EngineVersion": "26.1.5"}},
        "Spec": {"Role": "manager", "Availability": "active", "Labels": {"edge": "true"}},
        "Status": {"State": "ready", "Addr": "192.0.2.1"},
        "ManagerStatus": {"Leader": leader},
    }


def certificate(name: str, now: float, days: float) -> Served:
    return Served(name, f"cert-{name}", "", "https://acme.example/dir", now - (90 - days) * DAY, now + days * DAY)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The shop serves, and every edge answers."""
    world = World()
    nodes = [node("m1", leader=True), node("m2"), node("m3")]
    monkeypatch.setattr(world.cluster, "nodes", lambda: nodes)
    monkeypatch.setattr(world.edges, "version", lambda _edge: "3.7.15")
    serve(monkeypatch, certificate(HOST, world.clock.now, 59.3))
    world.run("1.0.0")
    return world


def serve(monkeypatch: pytest.MonkeyPatch, *certificates: Served) -> None:
    monkeypatch.setattr(_certs_writer, "served", lambda _cluster: {one.name: one for one in certificates})


def status(world: World) -> Json:
    return _status.gather(world.cluster, world.edges, world.clock.time())


def test_all_is_well(world: World) -> None:
    world.clock.sleep(3 * 3600)
    found = status(world)
    assert found["problems"] == []
    lines = _status.render(found).splitlines()
    assert lines == [
        "NODE  ROLE     STATE  AVAILABILITY  EDGE",
        "m1    leader   ready  active        Traefik 3.7.15",
        "m2    manager  ready  active        Traefik 3.7.15",
        "m3    manager  ready  active        Traefik 3.7.15",
        "",
        "APPLICATION  RELEASE  VERSION  AGE  CERTIFICATE  SERVICES",
        "shop         r1       1.0.0    3 h  59 d left    api 1/1, web 3/3, worker 1/1",
        "",
        "All is well.",
    ]
    assert len(lines) <= LINES_OF_A_SCREEN


def test_the_edges_are_the_labelled_nodes() -> None:
    worker = node("w1")
    worker["Spec"]["Labels"] = None
    assert _status.edges_of([node("m1"), worker]) == [_edges.Edge("m1", "192.0.2.1")]


def test_a_broken_replica(world: World) -> None:
    service = next(s for s in world.cluster.services() if s["Spec"]["Labels"]["seaworthy.service"] == "web")
    world.cluster.stored_tasks = [
        task for task in world.cluster.stored_tasks if (task["ServiceID"], task["Slot"]) != (service["ID"], 2)
    ]
    world.cluster.add_task(service, 2, "failed", "task: non-zero exit (1)", "shutdown")
    found = status(world)
    assert found["problems"] == ["shop: web has too few replicas (2 of 3 run): task: non-zero exit (1)"]
    assert "web 2/3" in _status.render(found)
    assert _status.render(found).splitlines()[-1] == f"! {found['problems'][0]}"


def test_a_silent_edge(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(edge: _edges.Edge) -> str:
        if edge.name == "m2":
            raise EdgeError("edge m2 did not answer")
        return "3.7.15"

    monkeypatch.setattr(world.edges, "version", version)
    monkeypatch.setattr(world.edges, "all", [_edges.Edge(name, "192.0.2.1") for name in ("m1", "m2", "m3")])
    found = status(world)
    assert found["problems"] == ["edge m2 did not answer"]
    assert "m2    manager  ready  active        no answer" in _status.render(found)


def test_a_service_that_ran_once_is_done(world: World) -> None:
    labels = {"seaworthy.app": "shop", "seaworthy.release": "1", "seaworthy.service": "migrate"}
    world.cluster.boot_once = world.cluster.exit_3
    world.cluster.add_service("shop-r1_migrate", labels, 1, once=True)
    world.clock.sleep(5)
    assert "shop: migrate has not ended well" in status(world)["problems"][0]
    world.cluster.stored_tasks[-1]["Status"]["State"] = "complete"
    assert status(world)["problems"] == []
    assert "migrate done" in _status.render(status(world))


def test_certificates(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, certificate("*.example.com", world.clock.now, 3))
    found = status(world)
    assert found["apps"][0]["certificate_days"] == 3.0
    assert found["problems"] == [
        "*.example.com: its certificate is valid for 3.0 more days; renewals must have failed for long"
    ]
    serve(monkeypatch, certificate("other.example.com", world.clock.now, 59))
    assert status(world)["problems"] == [f"shop: {HOST} has no certificate"]


def test_what_is_going_on(world: World) -> None:
    Lease.acquire(world.cluster, world.clock, "shop", "somebody", "nonce").step("start")
    world.cluster.add_service("shop-run-1", {_run.LABEL: "shop"}, 1, once=True)
    found = status(world)
    assert found["problems"] == []
    assert "(changed by somebody: start) (one-off shop-run-1)" in " ".join(_status.render(found).split())


def test_nothing_serves(world: World) -> None:
    for id in list(world.cluster.stored_services):
        world.cluster.remove_service(id)
    found = status(world)
    assert found["problems"] == ["shop: no release serves"]
    assert "shop         r1       1.0.0    -    -            -" in _status.render(found)
