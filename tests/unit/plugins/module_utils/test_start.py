# SPDX-License-Identifier: GPL-3.0-or-later
"""How a new release starts: waves, services that run once, secrets in the environment."""

from __future__ import annotations

import functools
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _wrapper
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import ReleaseFailed, Unavailable
from ansible_collections.seaworthy.swarm.plugins.module_utils._stack import DEPLOY_SECONDS
from tests.unit.plugins.module_utils.test_release import World

Json = dict[str, t.Any]

DONE = {"condition": "service_completed_successfully", "required": True}
HEALTHY = {"condition": "service_healthy", "required": True}
STARTED = {"condition": "service_started", "required": True}
MODEL: Json = {
    "services": {
        "web": {"build": {}, "depends_on": {"api": STARTED}, "deploy": {"replicas": 3}},
        "api": {"build": {}, "depends_on": {"migrate": DONE, "cache": HEALTHY}},
        "migrate": {"build": {}, "depends_on": {"cache": HEALTHY}, "restart": "no"},
        "cache": {"image": "registry.example.com/cache:7"},
        "worker": {"build": {}, "depends_on": {"migrate": DONE}},
    }
}


@pytest.fixture
def world() -> World:
    world = World()
    world.model = MODEL
    return world


def waves(world: World) -> list[set[str]]:
    """What was deployed together, release by release."""
    return [{key.split("-")[1] for key in document["services"]} for document in world.stacks.deployed]


def runs(world: World) -> list[str]:
    return [line for line in world.cluster.log if line.startswith("run ")]


def created(world: World, number: int) -> list[str]:
    ending = f"-r{number}"
    return [line.split("-")[2] for line in world.cluster.log if line.startswith("create ") and line.endswith(ending)]


def test_each_service_starts_when_what_it_needs_is_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy = world.stacks.deploy
    before: list[set[str]] = []

    def watch(name: str, document: Json) -> None:
        services = {
            service["ID"]: service["Spec"]["Labels"]["seaworthy.service"] for service in world.cluster.services()
        }
        good = [task for task in world.cluster.tasks() if task["Status"]["State"] in ("running", "complete")]
        before.append({services[task["ServiceID"]] for task in good})
        deploy(name, document)

    monkeypatch.setattr(world.stacks, "deploy", watch)
    assert world.run("1.0.0")["release"] == "r1"
    assert waves(world) == [{"cache"}, {"migrate"}, {"api", "worker"}, {"web"}]
    assert before == [
        set(),
        {"cache"},
        {"cache", "migrate"},
        {"cache", "migrate", "api", "worker"},
    ]
    assert world.served() == "shop-web-r1"


def test_a_service_that_runs_once_runs_once_in_each_release(world: World) -> None:
    """Also when its release is switched to, serves, is cleaned up after and retired."""
    world.run("1.0.0")
    world.run("1.1.0")
    world.run(None, "restarted")
    names = [f"shop-r{number}_shop-migrate-r{number}" for number in (1, 2, 3)]
    assert runs(world) == [f"run {name}" for name in names]
    assert not any("migrate" in line for line in world.cluster.log if line.startswith(("update ", "relabel ")))
    assert world.present() == {3}


def test_a_service_that_fails_to_run_once_ends_the_release(world: World) -> None:
    world.run("1.0.0")
    world.cluster.boot_once = world.cluster.exit_3
    with pytest.raises(ReleaseFailed, match=r"service migrate must end with exit code 0: .*exit \(3\)") as failure:
        world.run("1.1.0")
    assert failure.value.phase == "start"
    task = failure.value.result["tasks"][0]
    assert (task["service"], task["state"]) == ("migrate", "failed")
    assert task["log"][0].startswith("last words of task")
    assert created(world, 2) == ["cache", "migrate"], "what depends on it never starts"
    assert len(runs(world)) == 2, "it is not tried again"
    assert world.served() == "shop-web-r1"
    assert world.present() == {1}


def test_a_service_that_runs_once_may_take_longer_than_a_start(world: World) -> None:
    def work(service: Json) -> None:
        world.cluster.never_end(service)
        world.clock.after(1000, lambda: finish(service))

    def finish(service: Json) -> None:
        task = next(task for task in world.cluster.stored_tasks if task["ServiceID"] == service["ID"])
        task["Status"]["State"] = "complete"

    world.cluster.boot_once = work
    assert world.run("1.0.0")["release"] == "r1"
    assert any("migrate runs and has not ended yet" in step["message"] for step in world.events)


def test_a_service_that_never_ends_has_a_deadline(world: World) -> None:
    world.cluster.boot_once = world.cluster.never_end
    with pytest.raises(ReleaseFailed, match="the start of migrate took longer than 1800 s: service migrate runs"):
        world.run("1.0.0")
    assert world.present() == set()


def test_what_ended_well_is_no_evidence(world: World) -> None:
    def boot(service: Json) -> None:
        hangs = "api" in service["Spec"]["Name"]
        (world.cluster.stay_silent if hangs else world.cluster.become_healthy)(service)

    world.cluster.boot = boot
    with pytest.raises(ReleaseFailed, match="service api: 0 of 1 replicas run") as failure:
        world.run("1.0.0")
    assert [(task["service"], task["state"]) for task in failure.value.result["tasks"]] == [("api", "starting")]
    assert "web" not in created(world, 1)


def test_an_earlier_wave_is_watched_while_a_later_one_starts(world: World) -> None:
    def boot(service: Json) -> None:
        world.cluster.become_healthy(service)
        if "cache" in service["Spec"]["Name"]:
            world.clock.after(7, functools.partial(world.cluster.crash, service))

    world.cluster.boot = boot
    world.cluster.boot_once = world.cluster.never_end
    with pytest.raises(ReleaseFailed, match="service cache keeps failing"):
        world.run("1.0.0")


def test_a_service_that_fails_before_the_edges_agree_ends_the_release(world: World) -> None:
    def boot(service: Json) -> None:
        world.cluster.become_healthy(service)
        if "web" in service["Spec"]["Name"]:
            world.clock.after(7, functools.partial(world.cluster.crash, service))

    world.cluster.boot = boot
    world.edges.preview_status = 502
    with pytest.raises(ReleaseFailed, match="service web keeps failing"):
        world.run("1.0.0")


def test_the_lease_outlives_a_deploy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def boot(service: Json) -> None:
        world.clock.after(25, lambda: world.cluster.become_healthy(service))

    run = world.release("1.0.0")
    deploy = world.stacks.deploy
    left: list[float] = []

    def watch(name: str, document: Json) -> None:
        left.append(run.progress.lease.record.expires - world.clock.now)
        deploy(name, document)

    world.cluster.boot = boot
    monkeypatch.setattr(world.stacks, "deploy", watch)
    run.run()
    assert len(left) == 4
    assert min(left) > DEPLOY_SECONDS


@pytest.mark.parametrize("count", [1, 3])
def test_a_deploy_whose_answer_is_lost_is_not_repeated(
    world: World, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy = world.stacks.deploy
    calls: list[str] = []

    def late(name: str, document: Json) -> None:
        deploy(name, document)
        calls.append(name)
        if len(calls) <= count:
            raise Unavailable("docker stack deploy gave no answer")

    monkeypatch.setattr(world.stacks, "deploy", late)
    assert world.run("1.0.0")["release"] == "r1"
    assert len(runs(world)) == 1
    assert not any(line.startswith("update ") for line in world.cluster.log)


def test_a_deploy_that_did_half_of_its_work_is_finished(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy = world.stacks.deploy
    broken: list[str] = []

    def half(name: str, document: Json) -> None:
        keys = sorted(document["services"])
        if len(keys) > 1 and not broken:
            broken.append(name)
            deploy(name, document | {"services": {keys[0]: document["services"][keys[0]]}})
            raise Unavailable("the swarm does not have a leader")
        deploy(name, document)

    monkeypatch.setattr(world.stacks, "deploy", half)
    assert world.run("1.0.0")["release"] == "r1"
    assert waves(world) == [{"cache"}, {"migrate"}, {"api"}, {"worker"}, {"web"}]


class Killed(BaseException):
    """The program ends at once: no handler of ours runs."""


@pytest.mark.parametrize("wave", [1, 2, 3, 4])
def test_the_next_run_after_a_kill_between_two_waves(world: World, wave: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("1.0.0")
    run = world.release("1.1.0")
    deploy = world.stacks.deploy
    calls: list[str] = []

    def killed(name: str, document: Json) -> None:
        deploy(name, document)
        calls.append(name)
        if len(calls) == wave:
            monkeypatch.setattr(run.progress.lease, "release", lambda: None)
            raise Killed

    monkeypatch.setattr(world.stacks, "deploy", killed)
    with pytest.raises(Killed):
        run.run()
    assert (world.served(), world.present()) == ("shop-web-r1", {1, 2})
    assert world.run("1.1.0")["release"] == "r3"
    assert (world.served(), world.present()) == ("shop-web-r3", {3})


# -- secrets in the environment -------------------------------------------------------------------

SECRETS = {"KEY": {"as": "env"}, "OTHER": {}}
IMAGE = "registry.example.com/shop/api:1.0.0"


def test_a_program_in_an_image_with_a_shell_starts(world: World) -> None:
    world.cluster.local_containers["seaworthy-look-shop"] = "left by a run that was killed"
    assert world.run("1.0.0", secrets=SECRETS)["release"] == "r1"
    assert world.cluster.local_containers == {}
    spec = next(d["services"]["shop-api-r1"] for d in world.stacks.deployed if "shop-api-r1" in d["services"])
    assert spec["entrypoint"][:2] == ["/bin/sh", _wrapper.PATH]


def test_an_image_without_a_shell_starts_nothing(world: World) -> None:
    world.cluster.without_shell.add(f"id of {IMAGE}")
    expected = (
        rf"apps/shop.yml: service api: secrets.KEY.as: its image {IMAGE} has no /bin/sh, .* "
        r"Take `as: env` out and let the program read the file that KEY_FILE names"
    )
    with pytest.raises(ReleaseFailed, match=expected) as failure:
        world.run("1.0.0", secrets=SECRETS)
    assert failure.value.phase == "pull"
    assert world.stacks.deployed == []
    assert world.cluster.local_containers == {}


def test_without_such_secrets_nobody_needs_a_shell(world: World) -> None:
    world.cluster.without_shell.add(f"id of {IMAGE}")
    assert world.run("1.0.0", secrets={"OTHER": {}})["release"] == "r1"
    assert "configs" not in world.stacks.deployed[0]["services"]["shop-cache-r1"]


def test_a_variable_that_a_shell_would_lose_is_named(world: World) -> None:
    world.cluster.image_environment.append("discovery.type=single-node")
    with pytest.raises(ReleaseFailed, match=r"would not hand on the environment variable discovery.type"):
        world.run("1.0.0", secrets=SECRETS)
    assert world.stacks.deployed == []
