# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The services of a new release: their images, their creation in the order of `depends_on`, and how they do.

A service is created once and never deployed again: Swarm would run a service of class once a second time.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

from . import _compose, _convergence, _routing, _wrapper
from ._cluster import Cluster
from ._errors import InputError, NotFound, SeaworthyError
from ._plan import Plan, Request, releases_of
from ._progress import Progress
from ._stack import Stacks

Json = dict[str, t.Any]

# Seconds; each holds at least 30 in which the swarm may be without a leader.
CREATE_SECONDS = 60.0
START_SECONDS = 300.0
ONCE_SECONDS = 1800.0  # a service of class once may work that long
LOG_LINES = 20
TASKS_TOLD = 3


class Start:
    """One new release."""

    def __init__(self, request: Request, plan: Plan, cluster: Cluster, stacks: Stacks, progress: Progress) -> None:
        self.request = request
        self.app = request.app
        self.plan = plan
        self.waves = _compose.waves(request.app, request.model)
        self.cluster = cluster
        self.stacks = stacks
        self.progress = progress

    @property
    def services(self) -> list[str]:
        return [service for wave in self.waves for service in wave]

    # -- before it starts -------------------------------------------------------------------------

    def prepare(self) -> Json:
        """The stack document. This engine pulls every image: its errors are true ones, and the digest fixes what
        Swarm starts.
        """
        names = _compose.image_names(
            self.app, self.request.model, version=self.plan.version, registry=self.request.registry
        )
        inspected = {}
        for name in dict.fromkeys(names.values()):
            self.progress.say(f"pulling {name}")
            self.cluster.pull(name, self.stacks.login(name), progress=self.progress.lease.keep)
            inspected[name] = self.cluster.image(name)
        images = {service: _compose.pinned(name, inspected[name]) for service, name in names.items()}
        document = _compose.translate(
            self.app,
            self.request.model,
            release=self.plan.number,
            version=self.plan.version,
            images=images,
            secret_names=self.request.secrets,
        )
        for service, name in names.items():
            spec = document["services"][self._key(service)]
            if any(config["source"] == _wrapper.CONFIG for config in spec.get("configs") or []):
                self._check_wrapped(service, name, spec, inspected[name])
        return document

    def _check_wrapped(self, service: str, image: str, spec: Json, inspected: Json) -> None:
        """Can a shell hand the secrets to this program, and all that its environment holds?"""
        secrets = [entry["source"] for entry in spec["secrets"] if entry["source"] in self.app.environment_secrets]
        variables = [entry.partition("=")[0] for entry in inspected["Config"].get("Env") or []]
        reason = ""
        if lost := _wrapper.lost([*variables, *spec["environment"]]):
            reason = f"a shell would not hand on the environment variable {lost[0]}"
        elif not self._has_shell(inspected["Id"]):
            reason = f"its image {image} has no {_wrapper.SHELL}"
        if reason:
            key = f"secrets.{secrets[0]}.as"
            raise InputError(
                f"{self.app.source}: service {service}: {key}: {reason}, so the value cannot become a variable",
                remedy=f"Take `as: env` out and let the program read the file that {secrets[0]}_FILE names. "
                f"If it needs none of {', '.join(secrets)}, name each under `secrets:` of those services that do.",
                file=self.app.source,
                service=service,
                key=key,
            )

    def _has_shell(self, image: str) -> bool:
        """Seen in a container that is never started. One that a killed run left has the same name."""
        name = f"seaworthy-look-{self.app.name}"
        with contextlib.suppress(NotFound):
            self.cluster.remove_container(name)
        self.cluster.create_container(name, {"Image": image, "Cmd": [_wrapper.SHELL]})
        try:
            return self.cluster.has_path(name, _wrapper.SHELL)
        finally:
            self.cluster.remove_container(name)

    # -- its start --------------------------------------------------------------------------------

    def create(self, document: Json) -> None:
        """Wave by wave; the next one when all services so far run, are healthy, or (class once) have ended well."""
        begun: list[str] = []
        for wave in self.waves:
            begun += wave
            self._start(wave, begun, document)

    def _start(self, wave: c.Sequence[str], begun: c.Sequence[str], document: Json) -> None:
        names = ", ".join(wave)
        self.progress.say(f"creating {names}")
        self.progress.wait(f"creating {names}", CREATE_SECONDS, lambda: self._create(wave, document))
        seconds = ONCE_SECONDS if any(map(self._is_once, wave)) else START_SECONDS
        self.progress.wait(f"the start of {names}", seconds, lambda: self.doubt_of_tasks(begun))

    def _create(self, wave: c.Sequence[str], document: Json) -> None:
        """Only what does not exist: an earlier attempt whose answer was lost may have created some of it."""
        present = {service["Spec"]["Labels"]["seaworthy.service"] for service in self._present()}
        missing = [self._key(service) for service in wave if service not in present]
        if missing:
            self.progress.lease.beat()
            self.stacks.deploy(_routing.release_name(self.app.name, self.plan.number), _compose.part(document, missing))

    # -- how it does ------------------------------------------------------------------------------

    def doubt_of_tasks(self, services: c.Sequence[str]) -> str | None:
        """What is still missing; an error when waiting is of no use."""
        tasks = self._tasks()
        for service in services:
            verdict = self._judge(service, [task for owner, task in tasks if owner == service])
            if verdict.state is _convergence.State.FAILED:
                raise SeaworthyError(verdict.reason)
            if verdict.state is _convergence.State.WAITING:
                return verdict.reason
        return None

    def evidence(self) -> list[Json]:
        """What tasks that do not run as they must, else those that do, say of themselves."""
        found: list[Json] = []
        with contextlib.suppress(SeaworthyError):
            tasks = [(service, task) for service, task in self._tasks() if not self._is_done(service, task)]
            services = {task["ID"]: service for service, task in tasks}
            for task in _convergence.most_telling([task for _service, task in tasks])[:TASKS_TOLD]:
                found.append(
                    {
                        "service": services[task["ID"]],
                        "state": task["Status"]["State"],
                        "error": _convergence.explain(task),
                        "log": self.cluster.task_logs(task["ID"], LOG_LINES).splitlines()[-LOG_LINES:],
                    }
                )
        return found

    def _judge(self, service: str, tasks: c.Sequence[Json]) -> _convergence.Verdict:
        if self._is_once(service):
            return _convergence.judge_once(service, tasks)
        return _convergence.judge(service, _compose.replicas(self.request.model["services"][service]), tasks)

    def _is_once(self, service: str) -> bool:
        return _compose.class_of(self.app, service, self.request.model) == "once"

    def _is_done(self, service: str, task: Json) -> bool:
        return self._is_once(service) and bool(task["Status"]["State"] == "complete")

    def _tasks(self) -> list[tuple[str, Json]]:
        """Each task with its service, and with its node's name instead of the id."""
        services = {service["ID"]: service["Spec"]["Labels"]["seaworthy.service"] for service in self._present()}
        tasks = self.cluster.tasks({"service": sorted(services)}) if services else []
        nodes = {node["ID"]: node["Description"]["Hostname"] for node in self.cluster.nodes()} if tasks else {}
        named = [task | {"NodeID": nodes.get(task.get("NodeID"), task.get("NodeID"))} for task in tasks]
        return [(services[task["ServiceID"]], task) for task in named]

    def _present(self) -> list[Json]:
        return releases_of(self.cluster, self.app.name).get(self.plan.number, [])

    def _key(self, service: str) -> str:
        return _routing.service_key(self.app.name, service, self.plan.number)
