# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine of a release, on a swarm in memory and a clock that does not wait."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _plan, _release
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    InputError,
    LeaseHeld,
    ReleaseFailed,
    Unavailable,
)
from ansible_collections.seaworthy.swarm.plugins.module_utils._lease import Lease, LeaseLost, read_record
from tests.unit.plugins.fakes import DIGEST, FakeClock, FakeCluster, FakeEdges, FakeStacks

Json = dict[str, t.Any]
HOST = "shop.example.com"
APP: Json = {
    "compose": ["compose.yaml"],
    "routes": [
        {"service": "web", "target_port": 3000, "hosts": [HOST], "health": "/ready"},
        {"service": "api", "target_port": 4000, "hosts": [HOST], "paths": ["/api"], "health": "/ready"},
    ],
    "drain": "5s",
}
MODEL: Json = {
    "services": {
        "web": {"build": {}, "deploy": {"replicas": 3}},
        "api": {"build": {}},
        "worker": {"build": {}},
    }
}


class World:
    """A swarm with three edges, and people who release."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster(self.clock)
        self.edges = FakeEdges(self.cluster, "m1", "m2", "m3")
        self.stacks = FakeStacks(self.cluster)
        self.events: list[Json] = []
        self.model = MODEL

    def release(self, version: str | None, state: str = "released", /, **app: t.Any) -> _release.Release:
        raw: Json = {
            "app": {"name": "shop", "app": APP | app, "model": self.model, "registry": "registry.example.com"},
            "version": version,
            "state": state,
            "secrets": {name: f"shop_{name}-1" for name in app.get("secrets", {})},
            "edges": [],
            "owner": f"test of {version}",
        }
        return _release.Release(
            _plan.Request.parse(raw),
            cluster=self.cluster,
            edges=self.edges,
            stacks=self.stacks,
            clock=self.clock,
            emit=self.events.append,
            nonce=f"nonce of {version} at {self.clock.now}",
        )

    def run(self, version: str | None, state: str = "released", /, **app: t.Any) -> Json:
        return self.release(version, state, **app).run()

    def present(self) -> set[int]:
        return set(_plan.releases_of(self.cluster, "shop"))

    def served(self) -> str | None:
        return self.edges.public(HOST)


@pytest.fixture
def world() -> World:
    return World()


def test_first_release(world: World) -> None:
    result = world.run("1.0.0")
    assert result["changed"]
    assert (result["release"], result["version"], result["previous"]) == ("r1", "1.0.0", None)
    assert world.served() == "shop-web-r1"
    assert world.present() == {1}
    assert "registry.example.com/shop/web:1.0.0" in world.cluster.pulled


def test_second_release_replaces_the_first(world: World) -> None:
    world.run("1.0.0")
    result = world.run("1.1.0")
    assert (result["release"], result["previous"]) == ("r2", "r1")
    assert world.present() == {2}
    assert world.served() == "shop-web-r2"
    record = read_record(world.cluster, "shop")
    assert (record.serving, record.version, record.nonce) == (2, "1.1.0", "")


def test_one_release_serves_at_every_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("1.0.0")
    served = [world.served()]
    update = world.cluster.update_service

    def watch(*arguments: t.Any) -> Json:
        answer = update(*arguments)
        served.append(world.served())
        return answer

    monkeypatch.setattr(world.cluster, "update_service", watch)
    world.run("1.1.0")
    assert set(served) == {"shop-web-r1", "shop-web-r2"}
    assert served == sorted(served, key=str), "the new release took over once, and the old one never came back"


def test_order_of_the_end(world: World) -> None:
    """Off every edge, drained, removed: in this order."""
    world.run("1.0.0")
    result = world.run("1.1.0")
    at = {step["step"]: step["at"] for step in result["steps"] if "step" in step}
    removed = next(step["at"] for step in result["steps"] if step["message"] == "removing stack shop-r1")
    assert at["switched"] <= at["withdrawn"]
    assert removed >= at["withdrawn"] + 5.0


def test_images_are_pinned_and_waiting_has_no_public_router(world: World) -> None:
    world.cluster.boot = world.cluster.stay_silent
    with pytest.raises(ReleaseFailed, match=r"the start of \w+, \w+, \w+ took longer"):
        world.run("1.0.0")
    service = world.stacks.deployed[0]["services"]["shop-web-r1"]
    assert service["image"] == f"registry.example.com/shop/web:1.0.0@{DIGEST}"
    assert "traefik.http.routers.shop-web-r1.rule" not in service["deploy"]["labels"]


@pytest.mark.parametrize(
    ("boot", "reason"),
    [
        ("crash", r"keeps failing: task: non-zero exit \(1\) \(node m1\)"),
        ("stay_silent", "took longer than 300 s.*service (web|api|worker): 0 of . replicas run"),
    ],
)
def test_a_release_that_does_not_start_is_removed(world: World, boot: str, reason: str) -> None:
    world.run("1.0.0")
    world.cluster.boot = getattr(world.cluster, boot)
    with pytest.raises(ReleaseFailed, match=reason) as failure:
        world.run("1.1.0")
    assert failure.value.phase == "start"
    assert failure.value.result["serving"] == "r1"
    assert "left" not in failure.value.result
    assert failure.value.result["tasks"][0]["log"]
    assert world.present() == {1}
    assert world.served() == "shop-web-r1"


def test_a_missing_image_starts_nothing(world: World) -> None:
    world.run("1.0.0")
    world.cluster.failing_pulls["registry.example.com/shop/api:1.1.0"] = "manifest unknown"
    with pytest.raises(ReleaseFailed, match="manifest unknown") as failure:
        world.run("1.1.0")
    assert failure.value.phase == "pull"
    assert world.present() == {1}
    assert not any(line == "deploy shop-r2" for line in world.cluster.log)


def test_no_switch_before_every_edge_answers_the_preview(world: World) -> None:
    world.run("1.0.0")
    world.edges.preview_status = 502
    with pytest.raises(ReleaseFailed, match="got 502 from shop-web-r2") as failure:
        world.run("1.1.0")
    assert failure.value.phase == "start"
    assert world.served() == "shop-web-r1"
    assert world.present() == {1}


def test_an_edge_that_is_away_for_a_while_delays_the_release(world: World) -> None:
    world.run("1.0.0")
    world.edges.silent.add("m2")
    world.clock.after(40, world.edges.silent.clear)
    assert world.run("1.1.0")["release"] == "r2"


def test_an_edge_that_does_not_switch_gets_the_old_release_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("1.0.0")

    run = world.release("1.1.0")
    switch = run.switch

    def frozen() -> None:
        world.edges.freeze("m3")
        world.clock.after(100, world.edges.stale.clear)
        switch()

    monkeypatch.setattr(run, "switch", frozen)
    with pytest.raises(ReleaseFailed, match="m3 does not know router") as failure:
        run.run()
    assert failure.value.phase == "switch"
    assert world.present() == {1}
    assert world.served() == "shop-web-r1"
    assert read_record(world.cluster, "shop").serving == 1


def test_an_edge_that_keeps_the_old_routers_keeps_the_old_release(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way through that edge must not lose its servers; the next run ends the work."""
    world.run("1.0.0")
    run = world.release("1.1.0")
    retire = run.retire

    def frozen() -> None:
        world.edges.freeze("m3")
        retire()

    monkeypatch.setattr(run, "retire", frozen)
    with pytest.raises(ReleaseFailed, match="m3 still has router") as failure:
        run.run()
    assert failure.value.phase == "retire"
    assert failure.value.result["serving"] == "r2"
    assert world.present() == {1, 2}
    assert world.served() == "shop-web-r2"
    world.edges.stale.clear()
    assert world.run("1.2.0")["release"] == "r3"
    assert world.present() == {3}


class Killed(BaseException):
    """The program ends at once: no handler of ours runs."""


@pytest.mark.parametrize("step", ["clean", "pull", "start", "switch", "retire"])
@pytest.mark.parametrize("before", [True, False])
def test_the_next_run_after_a_kill_in_each_phase(
    world: World, step: str, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run("1.0.0")
    run = world.release("1.1.0")
    real = getattr(run, step)

    def killed(*arguments: t.Any) -> t.Any:
        if not before:
            real(*arguments)
        monkeypatch.setattr(run.progress.lease, "release", lambda: None)
        raise Killed

    monkeypatch.setattr(run, step, killed)
    with pytest.raises(Killed):
        run.run()
    assert world.served() in ("shop-web-r1", "shop-web-r2")
    result = world.run("1.2.0")
    assert world.served() == f"shop-web-{result['release']}"
    assert len(world.present()) == 1
    assert read_record(world.cluster, "shop").version == "1.2.0"


def test_a_second_owner_waits_and_then_refuses(world: World) -> None:
    world.run("1.0.0")
    first = Lease.acquire(world.cluster, world.clock, "shop", "somebody else", "nonce")
    for second in range(10, 200, 10):
        world.clock.after(second, first.beat)
    with pytest.raises(LeaseHeld, match="somebody else"):
        world.run("1.1.0")
    assert world.present() == {1}


def test_an_owner_that_lost_its_lease_changes_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("1.0.0")
    run = world.release("1.1.0")
    switch = run.switch

    def asleep() -> None:
        world.clock.now += 1000
        Lease.acquire(world.cluster, world.clock, "shop", "the next one", "another nonce")
        switch()

    monkeypatch.setattr(run, "switch", asleep)
    with pytest.raises(LeaseLost, match="the next one"):
        run.run()
    assert world.served() == "shop-web-r1"
    assert world.present() == {1, 2}, "removing is the next owner's work"


def test_a_swarm_without_leader_for_a_while_delays_the_release(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("1.0.0")
    tasks = world.cluster.tasks
    gone = world.clock.now + 30

    def unavailable(filters: t.Any = None) -> list[Json]:
        if world.clock.now < gone:
            raise Unavailable("the swarm does not have a leader", status=500)
        return tasks(filters)

    monkeypatch.setattr(world.cluster, "tasks", unavailable)
    assert world.run("1.1.0")["release"] == "r2"


def test_the_same_again_changes_nothing(world: World) -> None:
    world.run("1.0.0")
    log = list(world.cluster.log)
    for state in ("released", "present"):
        result = world.run("1.0.0", state)
        assert not result["changed"]
        assert "nothing differs" in result["reason"]
    assert world.cluster.log == log


def test_site_keeps_the_version_that_serves(world: World) -> None:
    world.run("1.0.0", version="1.0.0")
    world.run("2.0.0", version="1.0.0")
    assert not world.run(None, "present", version="1.0.0")["changed"]
    result = world.run(None, "present", version="1.0.0", drain="7s")
    assert (result["changed"], result["differs"], result["version"]) == (False, True, "2.0.0")


def test_a_new_document_of_the_same_version_is_released(world: World) -> None:
    world.run("1.0.0")
    assert world.run("1.0.0", drain="7s")["release"] == "r2"


def test_site_releases_again_what_somebody_removed(world: World) -> None:
    world.run("1.0.0")
    world.cluster.stored_services.clear()
    world.cluster.stored_networks.clear()
    assert world.run(None, "present")["release"] == "r2"


def test_a_restart_is_a_new_release_of_what_serves(world: World) -> None:
    world.run("1.0.0", version="0.9")
    for number in (2, 3):
        result = world.run(None, "restarted", version="0.9")
        assert (result["changed"], result["release"], result["version"]) == (True, f"r{number}", "1.0.0")
        assert result["reason"] == f"version 1.0.0 (r{number - 1}) is restarted"
        assert world.served() == f"shop-web-r{number}"
    assert world.present() == {3}
    assert not world.run("1.0.0", version="0.9")["changed"]


def test_a_restart_says_when_it_brings_more_than_that(world: World) -> None:
    world.run("1.0.0")
    assert world.run(None, "restarted", drain="7s")["reason"].endswith(", with what the app's files now say")


def test_what_cannot_be_restarted(world: World) -> None:
    with pytest.raises(InputError, match=r"no release of application shop serves.*playbook deploy"):
        world.run(None, "restarted", version="1.0.0")
    world.run("1.0.0")
    with pytest.raises(InputError, match=r"keeps the version that serves. found: 2.0.0. expected: 1.0.0"):
        world.run("2.0.0", "restarted")


def test_a_lost_record_is_not_guessed(world: World) -> None:
    world.run("1.0.0")
    world.cluster.stored_configs.clear()
    with pytest.raises(InputError, match="record of application shop is missing"):
        world.run("1.1.0")
    assert world.served() == "shop-web-r1"


def test_a_version_is_needed(world: World) -> None:
    with pytest.raises(InputError, match=r"apps/shop.yml: version"):
        world.run(None)


def test_a_new_special_path_waits_for_the_switch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that is new in the waiting release must not win over the old release's general rule."""
    world.run("1.0.0")
    run = world.release("1.1.0", routes=[*APP["routes"], {**APP["routes"][1], "paths": ["/api/v2"]}])
    start = run.start
    seen: list[bool] = []

    def watch(*arguments: t.Any) -> None:
        start(*arguments)
        seen.append(any(world.edges.router(edge, "shop-api-r2-2") for edge in world.edges.all))

    monkeypatch.setattr(run, "start", watch)
    run.run()
    assert seen == [False]
    assert world.edges.router(world.edges.all[0], "shop-api-r2-2") is not None
