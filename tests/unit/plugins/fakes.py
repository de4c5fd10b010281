# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock, a swarm, edges and stacks in memory, for tests of everything that waits."""

from __future__ import annotations

import collections.abc as c
import datetime
import functools
import itertools
import ssl
import typing as t

from ansible_collections.seaworthy.swarm.plugins.module_utils import _routing
from ansible_collections.seaworthy.swarm.plugins.module_utils._cluster import Cluster, Filters
from ansible_collections.seaworthy.swarm.plugins.module_utils._edges import Answer, Edge, Edges
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    ClusterError,
    Conflict,
    EdgeError,
    NotFound,
)
from ansible_collections.seaworthy.swarm.plugins.module_utils._logs import Log, moment
from ansible_collections.seaworthy.swarm.plugins.module_utils._stack import Stacks

Json = dict[str, t.Any]
DIGEST = "sha256:" + "0" * 64


class FakeClock:
    """Time passes only when somebody sleeps; `at(moment, action)` makes things happen meanwhile."""

    def __init__(self, start: float = 1_000_000.123456789) -> None:
        self.now = start
        self._plans: list[tuple[float, c.Callable[[], None]]] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        due = sorted((plan for plan in self._plans if plan[0] <= end), key=lambda plan: plan[0])
        for plan in due:
            self._plans.remove(plan)
            self.now = max(self.now, plan[0])
            plan[1]()
        self.now = max(self.now, end)

    def after(self, seconds: float, action: c.Callable[[], None]) -> None:
        self._plans.append((self.now + seconds, action))


class FakeCluster(Cluster):
    """A swarm in memory, with version indexes as the real one has."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.clock = clock
        self.stored_configs: dict[str, Json] = {}
        self.stored_services: dict[str, Json] = {}
        self.stored_networks: dict[str, Json] = {}
        self.stored_tasks: list[Json] = []
        self.pulled: list[str] = []
        self.failing_pulls: dict[str, str] = {}
        self.boot: c.Callable[[Json], None] = self.become_healthy
        self.boot_once: c.Callable[[Json], None] = self.succeed
        self.without_shell: set[str] = set()
        self.image_environment = ["PATH=/usr/bin"]
        self.local_containers: dict[str, str] = {}
        self.written: dict[str, Log] = {}
        self.log: list[str] = []
        self._numbers = itertools.count(10)

    # -- configs

    def configs(self, filters: Filters | None = None) -> list[Json]:
        return [_copy(config) for config in self.stored_configs.values() if _matches(config["Spec"], filters)]

    def config(self, id: str) -> Json:
        for config in self.stored_configs.values():
            if id in (config["ID"], config["Spec"]["Name"]):
                return _copy(config)
        raise NotFound(f"no config {id}", status=404)

    def create_config(self, name: str, data: bytes, labels: c.Mapping[str, str] | None = None) -> str:
        if any(config["Spec"]["Name"] == name for config in self.stored_configs.values()):
            raise Conflict(f"config {name} exists", status=409)
        id = f"config{next(self._numbers)}"
        self.stored_configs[id] = {"ID": id, "Version": {"Index": 1}, "Spec": {"Name": name, "Labels": labels}}
        return id

    def update_config(self, id: str, version: int, spec: Json) -> None:
        self._update(self.stored_configs[id], version, spec)

    def remove_config(self, id: str) -> None:
        del self.stored_configs[id]

    # -- services

    def services(self, filters: Filters | None = None) -> list[Json]:
        found = [_copy(service) for service in self.stored_services.values() if _matches(service["Spec"], filters)]
        return [service | {"ServiceStatus": self._status(service)} for service in found]

    def service(self, id: str) -> Json:
        for service in self.stored_services.values():
            if id in (service["ID"], service["Spec"]["Name"]):
                return _copy(service)
        raise NotFound(f"no service {id}", status=404)

    def _status(self, service: Json) -> Json:
        running = [task for task in self.stored_tasks if task["ServiceID"] == service["ID"] and _runs(task)]
        done = [
            task
            for task in self.stored_tasks
            if task["ServiceID"] == service["ID"] and task["Status"]["State"] == "complete"
        ]
        return {"RunningTasks": len(running), "DesiredTasks": _wanted(service), "CompletedTasks": len(done)}

    def add_service(self, name: str, labels: dict[str, str], replicas: int, *, once: bool = False) -> None:
        """Or update it, as a deploy does; a job then runs again."""
        for service in self.stored_services.values():
            if service["Spec"]["Name"] == name:
                self.log.append(f"update {name}")
                if once:
                    self.boot_once(service)
                return
        id = f"service{next(self._numbers)}"
        mode = {"ReplicatedJob": {"TotalCompletions": replicas}} if once else {"Replicated": {"Replicas": replicas}}
        template = {"ContainerSpec": {"Image": f"image of {name}"}}
        spec = {"Name": name, "Labels": labels, "Mode": mode, "TaskTemplate": template}
        service = {"ID": id, "Version": {"Index": 1}, "CreatedAt": stamp(self.clock.now), "Spec": spec}
        self.stored_services[id] = service
        self.log.append(f"create {name}")
        (self.boot_once if once else self.boot)(service)

    def create_service(self, spec: Json, registry_auth: c.Mapping[str, str] | None = None) -> str:
        id = f"service{next(self._numbers)}"
        self.stored_services[id] = {
            "ID": id,
            "Version": {"Index": 1},
            "CreatedAt": stamp(self.clock.now),
            "Spec": _copy(spec),
        }
        self.log.append(f"create {spec['Name']}")
        (self.boot_once if "ReplicatedJob" in spec["Mode"] else self.boot)(self.stored_services[id])
        return id

    def update_service(
        self, id: str, version: int, spec: Json, registry_auth: c.Mapping[str, str] | None = None
    ) -> Json:
        self._update(self.stored_services[id], version, spec)
        self.log.append(f"relabel {spec['Name']}")
        if "ReplicatedJob" in spec["Mode"]:
            self.boot_once(self.stored_services[id])
        return {}

    def remove_service(self, id: str) -> None:
        name = self.stored_services.pop(id)["Spec"]["Name"]
        self.stored_tasks = [task for task in self.stored_tasks if task["ServiceID"] != id]
        self.log.append(f"remove {name}")

    # -- nodes and tasks

    def nodes(self, filters: Filters | None = None) -> list[Json]:
        return [{"ID": "n1", "Description": {"Hostname": "m1"}}]

    def tasks(self, filters: Filters | None = None) -> list[Json]:
        wanted = (filters or {}).get("service")
        return [_copy(task) for task in self.stored_tasks if wanted is None or task["ServiceID"] in wanted]

    def task_logs(self, id: str, tail: int = 20) -> str:
        return f"last words of {id}\n"

    def task_lines(self, id: str, *, tail: int | None = None, since: str = "") -> Log:
        log = self.written.get(id, Log(()))
        lines = [line for line in log.lines if not since or float(moment(line.at)) >= float(since)]
        return Log(tuple(lines[-tail:] if tail else lines), log.errors)

    def become_healthy(self, service: Json) -> None:
        for slot in range(1, _wanted(service) + 1):
            self.clock.after(2, functools.partial(self.add_task, service, slot, "running"))

    def crash(self, service: Json) -> None:
        for attempt in range(3):
            self.clock.after(
                2 * attempt + 1, lambda: self.add_task(service, 1, "failed", "task: non-zero exit (1)", "shutdown")
            )

    def stay_silent(self, service: Json) -> None:
        self.add_task(service, 1, "starting")

    def succeed(self, service: Json) -> None:
        self.log.append(f"run {service['Spec']['Name']}")
        self.clock.after(3, lambda: self.add_task(service, 1, "complete", desired="complete"))

    def exit_3(self, service: Json) -> None:
        self.log.append(f"run {service['Spec']['Name']}")
        self.clock.after(3, lambda: self.add_task(service, 1, "failed", "task: non-zero exit (3)", "complete"))

    def never_end(self, service: Json) -> None:
        self.log.append(f"run {service['Spec']['Name']}")
        self.clock.after(3, lambda: self.add_task(service, 1, "running", desired="complete"))

    def add_task(self, service: Json, slot: int, state: str, error: str = "", desired: str = "running") -> None:
        self.stored_tasks.append(
            {
                "ID": f"task{next(self._numbers)}",
                "ServiceID": service["ID"],
                "Slot": slot,
                "NodeID": "n1",
                "DesiredState": desired,
                "Status": {"State": state, "Err": error, "Timestamp": stamp(self.clock.now)},
            }
        )

    # -- networks and images

    def networks(self, filters: Filters | None = None) -> list[Json]:
        return [_copy(network) for network in self.stored_networks.values() if _matches(network, filters)]

    def add_network(self, name: str, labels: dict[str, str]) -> None:
        self.stored_networks[name] = {"Id": name, "Name": name, "Labels": labels}

    def remove_network(self, id: str) -> None:
        del self.stored_networks[id]

    def pull(
        self,
        image: str,
        registry_auth: c.Mapping[str, str] | None = None,
        progress: c.Callable[[], None] = lambda: None,
    ) -> None:
        progress()
        if image in self.failing_pulls:
            raise ClusterError(f"cannot pull {image}: {self.failing_pulls[image]}")
        self.pulled.append(image)

    def image(self, name: str) -> Json:
        digests = [f"{name.rpartition(':')[0]}@{DIGEST}"]
        config = {"User": "1000", "Env": list(self.image_environment), "Cmd": ["serve"]}
        return {"Id": f"id of {name}", "Config": config, "RepoDigests": digests}

    # -- containers of this engine

    def create_container(self, name: str, spec: c.Mapping[str, object]) -> None:
        if name in self.local_containers:
            raise Conflict(f"the container name {name} is in use", status=409)
        self.local_containers[name] = str(spec["Image"])

    def has_path(self, container: str, path: str) -> bool:
        return self.local_containers[container] not in self.without_shell

    def remove_container(self, name: str) -> None:
        if self.local_containers.pop(name, None) is None:
            raise NotFound(f"no container {name}", status=404)

    def _update(self, stored: Json, version: int, spec: Json) -> None:
        if stored["Version"]["Index"] != version:
            raise Conflict("update out of sequence", status=500)
        stored["Version"]["Index"] = next(self._numbers)
        stored["Spec"] = _copy(spec)


class FakeStacks(Stacks):
    """Creates the services of a document at once."""

    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__(cluster)
        self.cluster = cluster
        self.deployed: list[Json] = []

    def deploy(self, name: str, document: Json) -> None:
        self.cluster.log.append(f"deploy {name}")
        self.deployed.append(document)
        space = {"com.docker.stack.namespace": name}
        self.cluster.add_network(f"{name}_default", document["networks"]["default"]["labels"] | space)
        for key, service in document["services"].items():
            labels = {label: value.replace("$$", "$") for label, value in service["deploy"]["labels"].items()}
            replicas, once = service["deploy"]["replicas"], service["deploy"]["mode"] == "replicated-job"
            self.cluster.add_service(f"{name}_{key}", labels | space, replicas, once=once)

    def login(self, image: str) -> dict[str, str] | None:
        return None


class FakeEdges(Edges):
    """Traefiks that see what the swarm's labels say at once, unless `stale` or `silent` names them."""

    def __init__(self, cluster: FakeCluster, *names: str) -> None:
        super().__init__([Edge(name, "192.0.2.1") for name in names], ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self.cluster = cluster
        self.silent: set[str] = set()
        self.stale: dict[str, list[Json]] = {}
        self.preview_status = 200
        self.seen: list[str] = []

    def router(self, edge: Edge, name: str) -> Json | None:
        for labels in self._labels(edge):
            for router in _routing.routers_of(labels):
                if router.name == name:
                    return {"status": "enabled", "priority": router.priority, "rule": router.rule}
        return None

    def service(self, edge: Edge, name: str) -> Json | None:
        for service in self._visible(edge):
            if service["Spec"]["Name"].endswith(f"_{name}"):
                running = [task for task in self.cluster.tasks({"service": [service["ID"]]}) if _runs(task)]
                return {"serverStatus": {f"http://10.0.0.{number}": "UP" for number, _task in enumerate(running)}}
        return None

    def preview(self, edge: Edge, preview: _routing.Preview) -> Answer:
        if self.router(edge, f"{preview.router}-preview") is None:
            return Answer(404, {}, b"")
        return Answer(self.preview_status, {_routing.ANSWER_HEADER: preview.router}, b"")

    def freeze(self, name: str) -> None:
        """This edge does not learn of changes any more."""
        self.stale[name] = self.cluster.services()

    def public(self, host: str) -> str | None:
        """Which router gets a request for a host's front page: the highest priority; a tie is a mistake."""
        rules = [
            router
            for labels in self._labels(self.all[0])
            for router in _routing.routers_of(labels)
            if router.public and router.rule == f"Host(`{host}`)"
        ]
        best = sorted(rules, key=lambda router: router.priority, reverse=True)
        assert len({router.priority for router in best}) == len(best), f"equal priorities: {best}"
        return best[0].name if best else None

    def _visible(self, edge: Edge) -> list[Json]:
        if edge.name in self.silent:
            raise EdgeError(f"edge {edge.name} did not answer")
        services = self.stale.get(edge.name) or self.cluster.services()
        return [service for service in services if service["Spec"]["Labels"].get("traefik.enable") == "true"]

    def _labels(self, edge: Edge) -> list[dict[str, str]]:
        return [service["Spec"]["Labels"] for service in self._visible(edge)]


def stamp(now: float) -> str:
    """A moment as the engine writes it."""
    return datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat().replace("+00:00", "Z")


def _wanted(service: Json) -> int:
    mode = service["Spec"]["Mode"]
    job = mode.get("ReplicatedJob")
    return int(job["TotalCompletions"] if job else mode["Replicated"]["Replicas"])


def _runs(task: Json) -> bool:
    return bool(task["Status"]["State"] == "running")


def _matches(found: Json, filters: Filters | None) -> bool:
    labels = found.get("Labels") or {}
    wanted = [label.partition("=") for label in (filters or {}).get("label", [])]
    return all(labels.get(name) == value for name, _is, value in wanted)


def _copy(found: Json) -> Json:
    return t.cast(Json, {key: _copy(value) if isinstance(value, dict) else value for key, value in found.items()})
