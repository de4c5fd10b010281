# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""A one-off command of an application, in image, networks, environment, secrets and limits of a service that serves.

It is a Swarm job of its own, which never runs a second time and is removed whatever happens. A run and a release of
one app exclude each other, since a release takes away the networks of the one before: each first makes itself seen
(the job here, the lease there), then looks for the other.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import copy
import dataclasses
import typing as t

from . import _convergence, _logs, _serving
from ._clock import Clock, Deadline, seconds_of
from ._cluster import Cluster
from ._errors import (
    ClusterError,
    DeadlineExceeded,
    InputError,
    LeaseHeld,
    NotFound,
    SeaworthyError,
    Unavailable,
)
from ._lease import read_record

Json = dict[str, t.Any]
Tell = c.Callable[[_logs.Line], None]

LABEL = "seaworthy.run"
ENDED = ("complete", "failed", "rejected", "shutdown", "orphaned", "remove")
NO_EXIT_CODE = 125  # as `docker run` says it: the command was not started
TIMED_OUT = 124  # as `timeout` says it
POLL = 0.5
START_SECONDS = 300.0  # the node may have to pull the image
REMOVE_SECONDS = 60.0
SILENT_SECONDS = 300.0
NODE_SECONDS = 60.0  # a new leader takes a while to see all nodes
LEFT_SECONDS = 60.0  # whoever watched a job has removed it long before


@dataclasses.dataclass(frozen=True)
class Request:
    """`name` is the name of the job, never used twice; `timeout` in seconds."""

    app: str
    service: str | None
    command: tuple[str, ...]
    name: str
    timeout: float | None = None

    @classmethod
    def parse(cls, raw: Json) -> Request:
        return cls(raw["app"], raw.get("service"), tuple(raw["command"]), raw["name"], raw.get("timeout"))


class Run:
    """One run. `tell` gets each line of output about when it is written; `login` knows the logins of registries."""

    def __init__(
        self,
        request: Request,
        *,
        cluster: Cluster,
        login: c.Callable[[str], c.Mapping[str, str] | None],
        clock: Clock,
        tell: Tell,
    ) -> None:
        self.request = request
        self._cluster = cluster
        self._login = login
        self._clock = clock
        self._tell = tell
        self._last = ""  # the time of the newest line that was told, and how many lines have it
        self._told = 0
        self._lost: Deadline | None = None

    def run(self) -> Json:
        """How it ended: `failed`, `rc`, `msg`, and where it ran."""
        began = self._clock.monotonic()
        self._refuse_beside_release()
        sweep(self._cluster, self.request.app, self._clock.time())
        serving = _serving.find(self._cluster, self.request.app)
        service = serving.service(self.request.service)
        try:
            self._create(job(service["Spec"], self.request))
            self._refuse_beside_release()
            ended = self._watch()
        finally:
            self._remove()
        return ended | {
            "changed": True,
            "app": self.request.app,
            "service": service["Spec"]["Labels"]["seaworthy.service"],
            "release": serving.name,
            "version": serving.version,
            "seconds": round(self._clock.monotonic() - began, 1),
        }

    def _refuse_beside_release(self) -> None:
        record = read_record(self._cluster, self.request.app)
        if record.held(self._clock.time()):
            raise LeaseHeld(record.what, record.owner, record.expires, self._clock.time())

    def _create(self, spec: Json) -> None:
        try:
            self._cluster.create_service(spec, self._login(spec["TaskTemplate"]["ContainerSpec"]["Image"]))
        except Unavailable as error:
            try:
                self._cluster.service(self.request.name)  # the answer was lost; the job may be there
            except NotFound:
                raise error from None

    def _remove(self) -> None:
        """Also when it is not known whether it was created."""
        deadline = Deadline(self._clock, REMOVE_SECONDS, "removing the job")
        while True:
            try:
                self._cluster.remove_service(self._cluster.service(self.request.name)["ID"])
            except NotFound:
                return
            except Unavailable:
                if deadline.expired():
                    raise
                self._clock.sleep(POLL)

    # -- its course -------------------------------------------------------------------------------

    def _watch(self) -> Json:
        """Until it has ended. A swarm that gives no answer for a while is no reason to end it."""
        start = Deadline(self._clock, START_SECONDS, "its start")
        limit = Deadline(self._clock, self.request.timeout or 0, "the command")
        silent: Deadline | None = None
        while True:
            try:
                if ended := self._look(start):
                    return ended
                silent = None
            except Unavailable:
                silent = silent or Deadline(self._clock, SILENT_SECONDS, "an answer of the swarm")
                if silent.expired():
                    raise
            if self.request.timeout and limit.expired():
                return _end(TIMED_OUT, f"the command was ended after {self.request.timeout:g} s")
            self._clock.sleep(POLL)

    def _look(self, start: Deadline) -> Json | None:
        """Tell what is new; the verdict when there is one."""
        task = self._task()
        state = _state(task)
        if state in ("running", *ENDED):
            self._read(task)
        if state in ENDED:
            return self._verdict(task)
        if state != "running" and start.expired():
            raise DeadlineExceeded(f"the command did not start in {START_SECONDS:g} s: {_convergence.explain(task)}")
        self._check_node(task)
        return None

    def _task(self) -> Json:
        """The first one. Swarm starts another one for a job whose node was drained, which must not go on."""
        try:
            service = self._cluster.service(self.request.name)
        except NotFound:
            raise SeaworthyError(f"somebody has removed the job {self.request.name} while it ran") from None
        tasks = sorted(self._cluster.tasks({"service": [service["ID"]]}), key=lambda task: str(task.get("CreatedAt")))
        return tasks[0] if tasks else {}

    def _read(self, task: Json) -> None:
        """Tell the lines that are new. The engine gives all since a moment, and several may have the same."""
        if not (task["Status"].get("ContainerStatus") or {}).get("ContainerID"):
            return
        log = self._log(task["ID"])
        known = self._told
        for line in log.lines:
            if line.at == self._last and known:
                known -= 1
                continue
            self._told = self._told + 1 if line.at == self._last else 1
            self._last = line.at
            self._tell(line)
        if log.errors and _state(task) in ENDED:
            self._tell(_logs.Line("", "stderr", f"seaworthy: lines may be missing: {'; '.join(log.errors)}"))

    def _log(self, task: str) -> _logs.Log:
        """An engine that cannot read it now is asked again; it must not end the command."""
        try:
            return self._cluster.task_lines(task, since=_logs.moment(self._last) if self._last else "")
        except Unavailable:
            raise
        except ClusterError as error:
            return _logs.Log((), (error.message,))

    def _check_node(self, task: Json) -> None:
        """A node that stays away takes the command's end with it."""
        node = self._node(task)
        if _state(task) != "running" or node["state"] != "down":
            self._lost = None
            return
        self._lost = self._lost or Deadline(self._clock, NODE_SECONDS, "its node")
        if self._lost.expired():
            raise SeaworthyError(
                f"node {node['name']}, where the command ran, is down",
                remedy="Nobody knows how far it came. Look at what it has done before you run it again.",
            )

    def _verdict(self, task: Json) -> Json:
        named = task | {"NodeID": self._node(task)["name"]}
        if _state(task) == "complete":
            return _end(0, "the command ended with exit code 0") | {"node": named["NodeID"]}
        code = int((task["Status"].get("ContainerStatus") or {}).get("ExitCode") or 0)
        if _state(task) == "failed" and code:
            message = f"the command ended with exit code {code}: {_convergence.explain(named)}"
        else:
            code, message = NO_EXIT_CODE, f"the command did not end by itself: {_convergence.explain(named)}"
        return _end(code, message) | {"node": named["NodeID"]}

    def _node(self, task: Json) -> Json:
        for node in self._cluster.nodes():
            if node["ID"] == task.get("NodeID"):
                return {"name": node["Description"]["Hostname"], "state": (node.get("Status") or {}).get("State")}
        return {"name": str(task.get("NodeID") or "no node"), "state": None}


def job(spec: Json, request: Request) -> Json:
    """The specification of the job from the one of the service: what runs differs, and nobody finds or restarts it."""
    template = copy.deepcopy(spec["TaskTemplate"])
    container = template["ContainerSpec"]
    container["Args"] = list(request.command)
    container["Healthcheck"] = {"Test": ["NONE"]}  # Swarm would end a job that its image calls unhealthy
    container["Labels"] = {LABEL: request.app}
    template["Networks"] = [{"Target": network["Target"]} for network in template.get("Networks") or []]
    template["RestartPolicy"] = {"Condition": "none"}
    template["ForceUpdate"] = 0
    return {
        "Name": request.name,
        "Labels": {LABEL: request.app},
        "TaskTemplate": template,
        "Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}},
        "EndpointSpec": {"Mode": "dnsrr"},
    }


def sweep(cluster: Cluster, app: str, now: float) -> list[str]:
    """Remove the jobs whose run was killed and that have ended since; the names of those that go on."""
    going = []
    for service in cluster.services({"label": [f"{LABEL}={app}"]}):
        if _is_left(cluster, service, now):
            with contextlib.suppress(NotFound):
                cluster.remove_service(service["ID"])
        else:
            going.append(str(service["Spec"]["Name"]))
    return sorted(going)


def refuse_beside(cluster: Cluster, app: str, now: float) -> None:
    """To be asked by who has the lease of the app, before it changes anything."""
    if going := sweep(cluster, app, now):
        raise InputError(
            f"a one-off command of application {app} is running, and a release would take its networks away",
            found=", ".join(going),
            remedy=f"Wait for its end, or end it on a manager: docker service rm {going[0]}",
        )


def _is_left(cluster: Cluster, service: Json, now: float) -> bool:
    tasks = cluster.tasks({"service": [service["ID"]]})
    ended = [seconds_of(task["Status"]["Timestamp"]) for task in tasks if _state(task) in ENDED]
    return bool(ended) and len(ended) == len(tasks) and max(ended) + LEFT_SECONDS < now


def _end(code: int, message: str) -> Json:
    return {"failed": code != 0, "rc": code, "msg": message}


def _state(task: Json) -> str:
    return str((task.get("Status") or {}).get("State") or "new")
