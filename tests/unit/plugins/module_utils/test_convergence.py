# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks say about a service, as a table of truth."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._convergence import (
    State,
    is_once,
    judge,
    judge_once,
    most_telling,
)

Json = dict[str, t.Any]


def task(state: str, slot: int = 1, desired: str = "running", error: str = "", when: int = 0) -> Json:
    status = {"State": state, "Err": error, "Timestamp": f"2026-01-01T00:00:{when:02}Z"}
    return {"ID": f"{state}-{slot}-{when}", "Slot": slot, "NodeID": "n1", "DesiredState": desired, "Status": status}


def ended(state: str, times: int, error: str = "", slot: int = 1) -> list[Json]:
    return [task(state, slot, "shutdown", error, when) for when in range(times)]


@pytest.mark.parametrize(
    ("tasks", "replicas", "state", "reason"),
    [
        ([], 1, State.WAITING, "0 of 1 replicas run"),
        ([task("pending", error="no suitable node")], 1, State.WAITING, "pending: no suitable node"),
        ([task("preparing")], 1, State.WAITING, "1 preparing"),
        ([task("starting")], 1, State.WAITING, "1 starting"),
        ([task("running")], 1, State.READY, "1 of 1"),
        ([task("running"), task("starting", 2)], 2, State.WAITING, "1 of 2 replicas run; 1 starting"),
        ([task("running", desired="shutdown")], 1, State.WAITING, "0 of 1"),
        ([task("running"), task("running", 2)], 1, State.READY, "2 of 1"),
        (ended("failed", 2, "task: non-zero exit (1)"), 1, State.WAITING, "last failure: task: non-zero exit"),
        (ended("failed", 3, "task: non-zero exit (1)"), 1, State.FAILED, "keeps failing: task: non-zero exit"),
        ([*ended("failed", 3), task("running")], 1, State.FAILED, "keeps failing"),
        ([*ended("failed", 2), task("running")], 1, State.READY, "1 of 1"),
        ([*ended("failed", 2), *ended("failed", 2, slot=2)], 2, State.WAITING, "0 of 2"),
        (ended("complete", 3, "finished"), 1, State.FAILED, "exit code 0 although it must run"),
        ([*ended("complete", 2), *ended("failed", 1)], 1, State.FAILED, "keeps failing"),
        (ended("rejected", 3, "No such image: acme/nothing:1"), 1, State.FAILED, "could not get the image"),
        (ended("failed", 3, "task: non-zero exit (137)"), 1, State.FAILED, "memory limit"),
        (ended("shutdown", 5), 1, State.WAITING, "5 shutdown"),
    ],
)
def test_judge(tasks: list[Json], replicas: int, state: State, reason: str) -> None:
    verdict = judge("web", replicas, tasks)
    assert verdict.state is state
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("tasks", "state", "reason"),
    [
        ([], State.WAITING, "service migrate has not started yet"),
        ([task("pending", error="no suitable node")], State.WAITING, "not started yet; pending: no suitable node"),
        ([task("preparing")], State.WAITING, "1 preparing"),
        ([task("running", desired="complete")], State.WAITING, "runs and has not ended yet"),
        ([task("complete", desired="complete")], State.READY, "has ended"),
        ([task("failed", error="task: non-zero exit (3)")], State.FAILED, "must end with exit code 0: task: .*3"),
        ([task("failed", error="task: non-zero exit (137)")], State.FAILED, "memory limit"),
        ([task("rejected", error="No such image: a:1")], State.FAILED, "could not get the image"),
        ([task("orphaned", error="node gone")], State.FAILED, "node gone"),
        ([task("complete"), task("failed", when=1)], State.FAILED, "must end with exit code 0"),
        ([task("shutdown"), task("complete", when=1)], State.READY, "has ended"),
    ],
)
def test_judge_once(tasks: list[Json], state: State, reason: str) -> None:
    verdict = judge_once("migrate", tasks)
    assert verdict.state is state
    assert re.search(reason, verdict.reason)


def test_a_service_that_runs_once_is_known_by_its_mode() -> None:
    assert is_once({"Spec": {"Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}}})
    assert not is_once({"Spec": {"Mode": {"Replicated": {"Replicas": 1}}}})


def test_failed_tasks_tell_most() -> None:
    assert [found["ID"] for found in most_telling([task("running"), *ended("failed", 2)])] == [
        "failed-1-1",
        "failed-1-0",
    ]
    assert [found["ID"] for found in most_telling([task("running"), task("pending")])] == ["pending-1-0"]
    assert [found["ID"] for found in most_telling([task("running")])] == ["running-1-0"]
