# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off commands, on a swarm in memory and a clock that does not wait."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _run
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    ClusterError,
    DeadlineExceeded,
    InputError,
    LeaseHeld,
    SeaworthyError,
    Unavailable,
)
from ansible_collections.seaworthy.swarm.plugins.module_utils._lease import Lease
from ansible_collections.seaworthy.swarm.plugins.module_utils._logs import Line, Log
from tests.unit.plugins.fakes import stamp
from tests.unit.plugins.module_utils.test_release import World

Json = dict[str, t.Any]
JOB = "shop-run-1"


class Jobs(World):
    """The shop serves; what a job does is a plan of moments."""

    def __init__(self) -> None:
        super().__init__()
        self.run("1.0.0")
        self.nodes: list[Json] = [{"ID": "n1", "Description": {"Hostname": "m1"}, "Status": {"State": "ready"}}]
        self.cluster.boot_once = lambda _job: None
        self.said: list[tuple[int, str, str]] = []
        self.began = self.clock.now

    def one_off(self, *, service: str | None = "api", timeout: float | None = None) -> Json:
        request = _run.Request("shop", service, ("npm", "run", "seed"), JOB, timeout)
        return _run.Run(
            request,
            cluster=self.cluster,
            login=lambda _image: {"username": "pull"},
            clock=self.clock,
            tell=lambda line: self.said.append((round(self.clock.now - self.began), line.stream, line.text)),
        ).run()

    def at(self, second: float, state: str, *, code: int = 0, error: str = "", container: str = "c1") -> None:
        """At this second the job's task gets into a state."""

        created = stamp(self.clock.now)

        def change() -> None:
            job = self.cluster.service(JOB)
            self.cluster.stored_tasks = [task for task in self.cluster.stored_tasks if task["ID"] != "the task"]
            status: Json = {"State": state, "Err": error, "Timestamp": stamp(self.clock.now)}
            status["ContainerStatus"] = {"ContainerID": container, "ExitCode": code}
            task = {"ID": "the task", "ServiceID": job["ID"], "NodeID": "n1", "CreatedAt": created, "Status": status}
            self.cluster.stored_tasks.append(task)

        self.clock.after(second, change)

    def writes(self, second: float, *texts: str, stream: str = "stdout") -> None:
        def write() -> None:
            log = self.cluster.written.get("the task", Log(()))
            lines = tuple(Line(stamp(self.clock.now), stream, text) for text in texts)
            self.cluster.written["the task"] = Log(log.lines + lines)

        self.clock.after(second, write)

    def jobs(self) -> list[str]:
        return [service["Spec"]["Name"] for service in self.cluster.services({"label": [f"{_run.LABEL}=shop"]})]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    world = Jobs()
    monkeypatch.setattr(world.cluster, "nodes", lambda: world.nodes)
    return world


def test_a_command_that_succeeds(world: Jobs) -> None:
    world.at(1, "preparing", container="")
    world.at(2, "running")
    world.writes(3, "one", "two", "two")
    world.writes(6, "oops", stream="stderr")
    world.at(8, "complete")
    result = world.one_off()
    assert (result["failed"], result["rc"], result["node"]) == (False, 0, "m1")
    assert (result["service"], result["release"], result["version"]) == ("api", "r1", "1.0.0")
    assert result["seconds"] >= 8
    # Each line once, in its order, about when it was written; several may have the same moment.
    assert [(stream, text) for _at, stream, text in world.said] == [
        ("stdout", "one"),
        ("stdout", "two"),
        ("stdout", "two"),
        ("stderr", "oops"),
    ]
    assert [at for at, _stream, _text in world.said] == [3, 3, 3, 6]
    assert world.jobs() == []


def test_the_last_words_are_read_after_the_end(world: Jobs) -> None:
    world.writes(2, "all at once")
    world.at(2, "complete")
    world.one_off()
    assert [text for _at, _stream, text in world.said] == ["all at once"]


def test_its_exit_code(world: Jobs) -> None:
    world.at(1, "running")
    world.at(2, "failed", code=3, error="task: non-zero exit (3)")
    result = world.one_off()
    assert (result["failed"], result["rc"]) == (True, 3)
    assert result["msg"] == "the command ended with exit code 3: task: non-zero exit (3) (node m1)"
    assert world.jobs() == []


@pytest.mark.parametrize("state", ["rejected", "shutdown", "orphaned"])
def test_a_command_that_did_not_end_by_itself(world: Jobs, state: str) -> None:
    world.at(1, state, error="No such image", container="")
    result = world.one_off()
    assert (result["failed"], result["rc"]) == (True, _run.NO_EXIT_CODE)
    assert "No such image" in result["msg"]


def test_a_time_limit(world: Jobs) -> None:
    world.at(1, "running")
    result = world.one_off(timeout=30)
    assert (result["failed"], result["rc"]) == (True, _run.TIMED_OUT)
    assert 30 <= result["seconds"] < 32
    assert world.jobs() == []


def test_without_a_limit_it_may_take_long(world: Jobs) -> None:
    world.at(1, "running")
    world.at(4 * 3600, "complete")
    assert world.one_off()["rc"] == 0


def test_a_command_that_does_not_start(world: Jobs) -> None:
    world.at(1, "pending", error="no suitable node (insufficient resources)", container="")
    with pytest.raises(DeadlineExceeded, match="insufficient resources"):
        world.one_off()
    assert world.jobs() == []


def test_its_node_dies(world: Jobs) -> None:
    world.at(1, "running")
    world.clock.after(10, lambda: world.nodes[0]["Status"].update(State="down"))
    with pytest.raises(SeaworthyError, match="node m1, where the command ran, is down"):
        world.one_off()
    assert world.clock.now - world.began >= 10 + _run.NODE_SECONDS
    assert world.jobs() == []


def test_a_node_that_comes_back_in_time_is_none_that_died(world: Jobs) -> None:
    world.at(1, "running")
    for second in (10, 100):
        world.clock.after(second, lambda: world.nodes[0]["Status"].update(State="down"))
        world.clock.after(second + 30, lambda: world.nodes[0]["Status"].update(State="ready"))
    world.at(200, "complete")
    assert world.one_off()["rc"] == 0


def test_the_second_task_of_a_drained_node_does_not_count(world: Jobs) -> None:
    world.at(1, "shutdown", error="the node was drained")

    def another() -> None:
        job = world.cluster.service(JOB)
        status = {"State": "running", "Timestamp": stamp(world.clock.now)}
        world.cluster.stored_tasks.append(
            {"ID": "another", "ServiceID": job["ID"], "Status": status, "CreatedAt": stamp(world.clock.now)}
        )

    world.clock.after(1, another)
    assert world.one_off()["rc"] == _run.NO_EXIT_CODE
    assert world.jobs() == []


def test_a_lost_answer_to_its_creation(world: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    create = world.cluster.create_service

    def lose(*arguments: t.Any) -> str:
        create(*arguments)
        raise Unavailable("no answer")

    monkeypatch.setattr(world.cluster, "create_service", lose)
    world.at(1, "complete")
    assert world.one_off()["rc"] == 0
    assert world.cluster.log.count(f"create {JOB}") == 1


def test_a_creation_that_failed(world: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: t.Any) -> str:
        raise Unavailable("no leader")

    monkeypatch.setattr(world.cluster, "create_service", refuse)
    with pytest.raises(SeaworthyError, match="no leader"):
        world.one_off()


def test_a_swarm_without_leader_does_not_end_it(world: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    find = world.cluster.service

    def silent(id: str) -> Json:
        if world.began + 10 < world.clock.now < world.began + 100:
            raise Unavailable("no leader")
        return find(id)

    monkeypatch.setattr(world.cluster, "service", silent)
    world.at(1, "running")
    world.writes(50, "written meanwhile")
    world.clock.after(150, lambda: world.cluster.stored_tasks[-1]["Status"].update(State="complete"))
    assert world.one_off()["rc"] == 0
    assert [text for _at, _stream, text in world.said] == ["written meanwhile"]


def test_a_log_that_cannot_be_read_does_not_end_it(world: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: t.Any, **_options: t.Any) -> Log:
        raise ClusterError("no such log")

    monkeypatch.setattr(world.cluster, "task_lines", refuse)
    world.at(1, "running")
    world.at(9, "complete")
    assert world.one_off()["rc"] == 0
    assert [text for _at, _stream, text in world.said] == ["seaworthy: lines may be missing: no such log"]


def test_somebody_removes_the_job(world: Jobs) -> None:
    world.at(1, "running")
    world.clock.after(5, lambda: world.cluster.remove_service(world.cluster.service(JOB)["ID"]))
    with pytest.raises(SeaworthyError, match="somebody has removed the job shop-run-1"):
        world.one_off()


@pytest.mark.parametrize("service", [None, "apl"])
def test_the_service_must_be_known(world: Jobs, service: str | None) -> None:
    with pytest.raises(InputError, match="expected: one of api, web, worker") as caught:
        world.one_off(service=service)
    if service:
        assert "Did you mean api?" in str(caught.value)


# -- the job --------------------------------------------------------------------------------------


def test_the_job_is_the_service_with_another_command() -> None:
    container = {
        "Image": "registry.example.com/shop/api:1@sha256:0",
        "Command": ["/bin/sh", "/seaworthy-env", "KEY", "--", "docker-entrypoint.sh"],
        "Args": ["npm", "start"],
        "Env": ["A=1"],
        "User": "1000",
        "Secrets": [{"SecretName": "shop_KEY-1"}],
        "Configs": [{"ConfigName": "shop-r7_seaworthy-env"}],
        "Healthcheck": {"Test": ["CMD", "true"]},
        "Labels": {"seaworthy.app": "shop", "com.docker.stack.namespace": "shop-r7"},
    }
    spec = {
        "Name": "shop-r7_shop-api-r7",
        "Labels": {"seaworthy.app": "shop", "traefik.enable": "true"},
        "Mode": {"Replicated": {"Replicas": 2}},
        "UpdateConfig": {"Parallelism": 1},
        "TaskTemplate": {
            "ContainerSpec": container,
            "Networks": [{"Target": "n1", "Aliases": ["api"]}],
            "Resources": {"Limits": {"MemoryBytes": 1}},
            "RestartPolicy": {"Condition": "any"},
        },
    }
    job = _run.job(spec, _run.Request("shop", "api", ("npm", "run", "seed"), JOB))
    assert (job["Name"], job["Labels"]) == (JOB, {"seaworthy.run": "shop"})
    assert job["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
    assert "UpdateConfig" not in job
    template = job["TaskTemplate"]
    assert template["Networks"] == [{"Target": "n1"}]
    assert template["RestartPolicy"] == {"Condition": "none"}
    assert template["Resources"] == {"Limits": {"MemoryBytes": 1}}
    made = template["ContainerSpec"]
    assert made["Args"] == ["npm", "run", "seed"]
    assert made["Labels"] == {"seaworthy.run": "shop"}
    assert made["Healthcheck"] == {"Test": ["NONE"]}
    same = ("Image", "Command", "Env", "User", "Secrets", "Configs")
    assert [made[key] for key in same] == [container[key] for key in same]
    assert container["Args"] == ["npm", "start"], "the service itself is not touched"


# -- beside others --------------------------------------------------------------------------------


def test_no_run_while_a_release_is_going_on(world: Jobs) -> None:
    Lease.acquire(world.cluster, world.clock, "shop", "somebody", "nonce")
    with pytest.raises(LeaseHeld):
        world.one_off()
    assert f"create {JOB}" not in world.cluster.log


def test_a_release_that_began_at_the_same_time_goes_first(world: Jobs) -> None:
    world.cluster.boot_once = lambda _job: _take_lease(world)
    with pytest.raises(LeaseHeld):
        world.one_off()
    assert world.jobs() == []


def _take_lease(world: Jobs) -> None:
    Lease.acquire(world.cluster, world.clock, "shop", "somebody", "nonce")


def test_no_release_while_a_run_is_going_on(world: Jobs) -> None:
    world.cluster.add_service("shop-run-2", {_run.LABEL: "shop"}, 1, once=True)
    with pytest.raises(InputError, match=r"shop-run-2\. .*docker service rm shop-run-2"):
        world.run("1.1.0")
    assert world.present() == {1}
    assert not world.run("1.0.0")["changed"], "a release that does nothing is no trouble"


def test_jobs_that_a_killed_run_left_are_removed(world: Jobs) -> None:
    world.cluster.boot_once = lambda job: world.cluster.add_task(job, 1, "complete")
    world.cluster.add_service("shop-run-2", {_run.LABEL: "shop"}, 1, once=True)
    assert _run.sweep(world.cluster, "shop", world.clock.now) == ["shop-run-2"]
    world.clock.sleep(_run.LEFT_SECONDS + 1)
    world.cluster.boot_once = lambda _job: None
    world.at(1, "complete")
    assert world.one_off()["rc"] == 0
    assert world.jobs() == []


def test_two_runs_do_not_disturb_each_other(world: Jobs) -> None:
    world.cluster.add_service("shop-run-2", {_run.LABEL: "shop"}, 1, once=True)
    world.at(1, "complete")
    assert world.one_off()["rc"] == 0
    assert world.jobs() == ["shop-run-2"]
