# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Does a service run as it must? Pure predicates over what the Docker API says of its tasks."""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import enum
import typing as t

Json = dict[str, t.Any]

# A task that must run has failed in each of these states; an unhealthy program that ends with 0 is `complete`.
ENDED = ("complete", "failed", "rejected")
# One that must end has failed for good: it is not tried again, because nobody knows what it has done already.
FAILED = ("failed", "rejected", "orphaned")
FAILURES_OF_A_SLOT = 3
NO_IMAGE = (
    "no such image",
    "pull access denied",
    "manifest unknown",
    "failed to resolve reference",
    "error pulling image",
)


class State(enum.Enum):
    """What is known about a service."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`tasks` are the ids of the failed tasks, newest first: their logs tell more."""

    state: State
    reason: str
    tasks: tuple[str, ...] = ()


def judge(service: str, replicas: int, tasks: c.Sequence[Json]) -> Verdict:
    """Ready when all replicas run (with a healthcheck: are healthy); failed when one slot keeps failing."""
    failed = sorted((task for task in tasks if _state(task) in ENDED), key=_when, reverse=True)
    by_slot = collections.Counter(task.get("Slot", task.get("NodeID")) for task in failed)
    if by_slot and max(by_slot.values()) >= FAILURES_OF_A_SLOT:
        ids = tuple(str(task["ID"]) for task in failed)
        return Verdict(State.FAILED, f"service {service} keeps failing: {explain(failed[0])}", ids)
    running = sum(_state(task) == "running" and task.get("DesiredState") == "running" for task in tasks)
    if running >= replicas:
        return Verdict(State.READY, f"service {service}: {running} of {replicas} replicas run")
    return Verdict(State.WAITING, f"service {service}: {running} of {replicas} replicas run{_hindrance(tasks, failed)}")


def judge_once(service: str, tasks: c.Sequence[Json]) -> Verdict:
    """Ready when it has ended with exit code 0; failed when it ended in any other way."""
    failed = sorted((task for task in tasks if _state(task) in FAILED), key=_when, reverse=True)
    if failed:
        ids = tuple(str(task["ID"]) for task in failed)
        return Verdict(State.FAILED, f"service {service} must end with exit code 0: {explain(failed[0])}", ids)
    states = [_state(task) for task in tasks]
    if "complete" in states:
        return Verdict(State.READY, f"service {service} has ended")
    if "running" in states:
        return Verdict(State.WAITING, f"service {service} runs and has not ended yet")
    return Verdict(State.WAITING, f"service {service} has not started yet{_hindrance(tasks, failed)}")


def is_once(service: Json) -> bool:
    """Does this service (as the API shows it) run to its end? Then its `CompletedTasks` count, not its running ones."""
    return "ReplicatedJob" in service["Spec"]["Mode"]


def most_telling(tasks: c.Sequence[Json]) -> list[Json]:
    """Failed tasks, newest first; without any, those that do not run yet; without any, all."""
    newest = sorted(tasks, key=_when, reverse=True)
    failed = [task for task in newest if _state(task) in ENDED]
    waiting = [task for task in newest if _state(task) not in ("running", "shutdown")]
    return failed or waiting or newest


def explain(task: Json) -> str:
    """Why a task does not run, in words."""
    status = task.get("Status") or {}
    error = str(status.get("Err") or status.get("Message") or "no reason given")
    node = f" (node {task['NodeID']})" if task.get("NodeID") else ""
    if _state(task) == "complete":
        return f"the program ended with exit code 0 although it must run, or was stopped because it was unhealthy{node}"
    if _state(task) == "rejected" and any(text in error.lower() for text in NO_IMAGE):
        return f"the node could not get the image: {error}{node}"
    if "non-zero exit (137)" in error:
        return f"{error}: killed, often because the memory limit was reached{node}"
    return f"{error}{node}"


def _hindrance(tasks: c.Sequence[Json], failed: c.Sequence[Json]) -> str:
    if failed:
        return f"; last failure: {explain(failed[0])}"
    waiting = [
        task for task in tasks if (task.get("Status") or {}).get("Err") and task.get("DesiredState") != "shutdown"
    ]
    if waiting:
        return f"; {_state(waiting[0])}: {explain(waiting[0])}"
    states = collections.Counter(_state(task) for task in tasks if _state(task) != "running")
    return f"; {', '.join(f'{count} {state}' for state, count in sorted(states.items()))}" if states else ""


def _state(task: Json) -> str:
    return str((task.get("Status") or {}).get("State"))


def _when(task: Json) -> str:
    return str((task.get("Status") or {}).get("Timestamp") or "")
