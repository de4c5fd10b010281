# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Configs, secrets, networks and services of a swarm as they are wanted: compare, then change what differs.

Comparison is "wanted is contained in live": what a spec does not mention is the engine's business. Labels are the
exception: a label that is no longer wanted goes away, for Traefik reads its routers from them.
"""

from __future__ import annotations

import collections
import collections.abc as c
import contextlib
import copy
import dataclasses
import hashlib
import hmac
import pathlib
import re
import typing as t

from . import _convergence
from ._clock import Clock, Deadline
from ._cluster import Cluster, Json
from ._errors import Conflict, InputError, NotFound, SeaworthyError, Unavailable

BASE_LABEL = "seaworthy.name"  # on every config and secret: its name without the digest
DIGEST_LENGTH = 12
NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,49}[a-zA-Z0-9])?")  # with the digest at most 64 characters
UNKNOWN = "unknown"  # in check mode: the part of a name that only the real run will know
ATTEMPTS = 5
POLL = 0.5
NETWORK_SECONDS = 60.0  # a network on a host outlives its tasks, which have their grace period
SETTLED_POLLS = 2

BlobKind = t.Literal["config", "secret"]


@dataclasses.dataclass(frozen=True)
class Difference:
    """One place where live is not as wanted."""

    path: str
    live: object
    wanted: object


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was (or in check mode would be) done; `before` and `after` are for the diff."""

    changed: bool
    values: Json
    before: Json = dataclasses.field(default_factory=dict)
    after: Json = dataclasses.field(default_factory=dict)

    def result(self) -> Json:
        """As a module returns it."""
        return {"changed": self.changed, "diff": {"before": self.before, "after": self.after}, **self.values}


class NoCluster(Cluster):
    """What check mode looks at where there is no swarm yet: nothing."""

    def _list(self, *_request: object, **_query: object) -> list[Json]:
        return []


def open_cluster(check: bool) -> Cluster:
    """The swarm of this manager; in check mode there may be none yet."""
    if not check:
        return Cluster()
    try:
        swarm = Cluster(patience=0).info().get("Swarm") or {}
    except Unavailable:
        return NoCluster()
    return Cluster() if swarm.get("ControlAvailable") else NoCluster()


# -- comparison -----------------------------------------------------------------------------------


def differences(wanted: object, live: object, path: str = "") -> list[Difference]:
    """Where `live` does not contain `wanted`. An absent value and an empty one are the same."""
    if isinstance(wanted, c.Mapping):
        found = live if isinstance(live, c.Mapping) else {}
        keys = list(wanted)
        if path.rpartition(".")[2] == "Labels":
            keys += [key for key in found if key not in wanted]
        return [
            item
            for key in keys
            for item in differences(wanted.get(key), found.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(wanted, list):
        items = live if isinstance(live, list) else []
        if len(wanted) != len(items):
            return [Difference(path, live, wanted)]
        return [
            item
            for index, (one, other) in enumerate(zip(wanted, items, strict=True))
            for item in differences(one, other, f"{path}[{index}]")
        ]
    if wanted == live or (not wanted and not live):
        return []
    return [Difference(path, live, wanted)]


def as_diff(found: c.Iterable[Difference]) -> tuple[Json, Json]:
    """The two sides of the differences, for people."""
    listed = list(found)
    return {item.path: item.live for item in listed}, {item.path: item.wanted for item in listed}


# -- configs and secrets --------------------------------------------------------------------------


def plain_digest(data: bytes) -> str:
    """For configs: anybody who may see the cluster may read them anyway."""
    return hashlib.sha256(data).hexdigest()[:DIGEST_LENGTH]


def keyed_digest(key: str, name: str, data: bytes) -> str:
    """For secrets: a plain digest would let a reader of names try out guesses."""
    if not key:
        raise InputError("the key of the digest is empty", remedy="Pass the secret secret_digest_key.")
    return hmac.new(key.encode(), name.encode() + b"\0" + data, hashlib.sha256).hexdigest()[:DIGEST_LENGTH]


def content(text: str | None, path: str | None, check: bool) -> bytes | None:
    """What a config or secret shall hold; None in check mode for a file that only the real run will make."""
    if text is not None:
        return text.encode()
    file = pathlib.Path(path or "")
    if file.is_file():
        return file.read_bytes()
    if check:
        return None
    raise InputError(f"there is no file {file} on this host", remedy="Make it first, or correct `src`.")


class Blobs:
    """Configs or secrets of one name. They cannot be changed, so each content is its own object: <name>-<digest>."""

    def __init__(self, cluster: Cluster, kind: BlobKind, name: str, check: bool) -> None:
        if not NAME.fullmatch(name):
            raise InputError(
                f"this is no name for a {kind}",
                found=name,
                expected="1 to 51 letters, digits, dots, hyphens and underscores, with a letter or digit at both ends",
            )
        self._cluster = cluster
        self._kind = kind
        self._name = name
        self._check = check

    def present(self, digest: str, data: bytes, labels: c.Mapping[str, str]) -> Outcome:
        """Create the version that has this content; older ones that nothing uses are removed then."""
        full = f"{self._name}-{digest}"
        wanted = {BASE_LABEL: self._name, **labels}
        versions = self._versions()
        live = next((item for item in versions if item["Spec"]["Name"] == full), None)
        values = {"name": full, "base_name": self._name}
        if live is None:
            if not self._check:
                create = self._cluster.create_config if self._kind == "config" else self._cluster.create_secret
                create(full, data, wanted)
                self._remove(item for item in versions if not self._is_used(item))
            newest = max((item["CreatedAt"] + " " + item["Spec"]["Name"] for item in versions), default="")
            before = {"name": newest.rpartition(" ")[2]} if newest else {}
            return Outcome(True, values, before, {"name": full, "labels": wanted})
        found = differences({"Labels": wanted}, live["Spec"])
        if found and not self._check:
            update = self._cluster.update_config if self._kind == "config" else self._cluster.update_secret
            update(live["ID"], live["Version"]["Index"], {"Name": full, "Labels": wanted})
        return Outcome(bool(found), values, *as_diff(found))

    def absent(self) -> Outcome:
        """Remove every version; the engine refuses those that a service uses."""
        versions = self._versions()
        if not self._check:
            self._remove(versions)
        names = [item["Spec"]["Name"] for item in versions]
        return Outcome(
            bool(names), {"name": self._name, "base_name": self._name}, {"names": names} if names else {}, {}
        )

    def _versions(self) -> list[Json]:
        filters = {"label": [f"{BASE_LABEL}={self._name}"]}
        return self._cluster.configs(filters) if self._kind == "config" else self._cluster.secrets(filters)

    def _remove(self, items: c.Iterable[Json]) -> None:
        remove = self._cluster.remove_config if self._kind == "config" else self._cluster.remove_secret
        for item in items:
            remove(item["ID"])

    def _is_used(self, item: Json) -> bool:
        """By a service, or by what it would be rolled back to."""
        kind = self._kind.capitalize()
        return any(
            reference.get(f"{kind}ID") == item["ID"]
            for service in self._cluster.services()
            for spec in (service["Spec"], service.get("PreviousSpec") or {})
            for reference in _container(spec).get(f"{kind}s") or []
        )


# -- networks -------------------------------------------------------------------------------------


def network_present(cluster: Cluster, name: str, spec: c.Mapping[str, t.Any], check: bool) -> Outcome:
    """Create it; one that differs cannot be changed and is an error."""
    wanted = {"Driver": "overlay", **spec, "Name": name}
    live = _network(cluster, name)
    if live is None:
        if not check:
            cluster.create_network(wanted)
        return Outcome(True, {"name": name}, {}, wanted)
    found = differences(wanted, live)
    if found:
        before, after = as_diff(found)
        raise InputError(
            f"network {name} exists, but not as wanted, and a network cannot be changed",
            found=before,
            expected=after,
            remedy="Remove the network and the services on it, or keep its present settings.",
        )
    return Outcome(False, {"name": name})


def network_absent(cluster: Cluster, clock: Clock, name: str, check: bool) -> Outcome:
    """Remove it; the engine refuses while a service uses it."""
    live = _network(cluster, name)
    if live is None:
        return Outcome(False, {"name": name})
    if not check:
        # What the swarm has forgotten stays on this host until the last task on it has ended.
        with contextlib.suppress(NotFound):
            cluster.remove_network(live["Id"])
        deadline = Deadline(clock, NETWORK_SECONDS, f"the removal of network {name}")
        while _network(cluster, name):
            deadline.check()
            clock.sleep(POLL)
    return Outcome(True, {"name": name}, {"name": name}, {})


def _network(cluster: Cluster, name: str) -> Json | None:
    found = cluster.networks({"name": [name], "scope": ["swarm"]})  # the filter takes parts of names, too
    return next((item for item in found if item["Name"] == name), None)


# -- services -------------------------------------------------------------------------------------


class Service:
    """One service of the swarm and the spec it is wanted to have.

    `keep`: paths whose value is set when the service is created and then left as found, because somebody else owns it.
    """

    def __init__(
        self, cluster: Cluster, name: str, spec: c.Mapping[str, t.Any], keep: c.Sequence[str], check: bool
    ) -> None:
        self._cluster = cluster
        self._name = name
        self._spec = spec
        self._keep = keep
        self._check = check

    def present(self) -> Outcome:
        """Create it, or update what differs; a stale version index means: look again."""
        for _attempt in range(ATTEMPTS):
            try:
                return self._present()
            except Conflict as error:
                conflict = error
        raise conflict

    def absent(self) -> Outcome:
        live = find_service(self._cluster, self._name)
        if live is None:
            return Outcome(False, {"name": self._name})
        if not self._check:
            self._cluster.remove_service(live["ID"])
        return Outcome(True, {"name": self._name}, live["Spec"], {})

    def _present(self) -> Outcome:
        wanted = resolve(self._cluster, {**self._spec, "Name": self._name}, self._check)
        live = find_service(self._cluster, self._name)
        if live is None:
            if not self._check:
                self._cluster.create_service(wanted)
            return Outcome(True, {"name": self._name}, {}, dict(self._spec))
        for path in self._keep:
            _put(wanted, path, _pick(live["Spec"], path))
        found = differences(wanted, live["Spec"])
        if found and not self._check:
            force = _pick(live["Spec"], "TaskTemplate.ForceUpdate")
            if force and "ForceUpdate" not in wanted.get("TaskTemplate", {}):
                _put(wanted, "TaskTemplate.ForceUpdate", force)  # or every task would be replaced once more
            self._cluster.update_service(live["ID"], live["Version"]["Index"], wanted)
        return Outcome(bool(found), {"name": self._name}, *as_diff(found))


def find_service(cluster: Cluster, name: str) -> Json | None:
    """The service of exactly this name."""
    found = cluster.services({"name": [name]})  # the filter takes beginnings of names, too
    return next((item for item in found if item["Spec"]["Name"] == name), None)


def resolve(cluster: Cluster, spec: Json, check: bool) -> Json:
    """A copy of the spec with the ids of the configs, secrets and networks that it names."""
    wanted = copy.deepcopy(spec)
    container = _container(wanted)
    networks = (wanted.get("TaskTemplate") or {}).get("Networks") or []
    for kind, listed in (("Config", cluster.configs), ("Secret", cluster.secrets)):
        references = container.get(f"{kind}s") or []
        ids = {item["Spec"]["Name"]: item["ID"] for item in listed()} if references else {}
        for reference in references:
            name = reference[f"{kind}Name"]
            reference[f"{kind}ID"] = _id(ids, name, kind.lower(), check)
    ids = {item["Name"]: item["Id"] for item in cluster.networks({"scope": ["swarm"]})} if networks else {}
    for reference in networks:
        reference["Target"] = _id(ids, reference["Target"], "network", check)
    return wanted


def _id(ids: c.Mapping[str, str], name: str, kind: str, check: bool) -> str:
    if name in ids:
        return ids[name]
    if check:
        return UNKNOWN
    raise NotFound(f"the swarm has no {kind} of the name {name}", remedy="Create it before the service that uses it.")


# -- convergence of a service ---------------------------------------------------------------------


def wait_until_settled(cluster: Cluster, clock: Clock, name: str, seconds: float) -> None:
    """Return when every task runs by the present spec; raise as soon as that cannot come, or is late."""
    deadline = Deadline(clock, seconds, f"service {name}")
    calm = 0
    while calm < SETTLED_POLLS:
        service = cluster.service(name)
        tasks = cluster.tasks({"service": [service["ID"]]})
        found = doubt_of(service, tasks)
        calm = calm + 1 if found is None else 0
        if found is not None and deadline.expired():
            raise SeaworthyError(
                f"service {name} did not settle within {seconds:g} s",
                found=found,
                expected="all its tasks run by its present spec",
                remedy=f"See `docker service ps --no-trunc {name}` on a manager.",
            )
        if calm < SETTLED_POLLS:
            clock.sleep(POLL)


def _template(spec: Json) -> Json:
    """Without what the engine adds to a service's, but not to its tasks'."""
    return {key: value for key, value in spec.items() if key != "Runtime"}


def doubt_of(service: Json, tasks: c.Sequence[Json]) -> str | None:
    """Why a service has not settled; None when it has. Raises when it will not: its update stopped, or tasks crash."""
    update = service.get("UpdateStatus") or {}
    name, state = service["Spec"]["Name"], str(update.get("State") or "")
    present = _without_runtime(service["Spec"]["TaskTemplate"])
    current = [task for task in tasks if _without_runtime(task.get("Spec") or {}) == present]
    failed = [task for task in current if task["Status"]["State"] in _convergence.ENDED]
    newest = max(failed, key=lambda task: str(task["Status"].get("Timestamp")), default=None)
    cause = f"; last failure: {_convergence.explain(newest)}" if newest else ""
    if state.endswith("paused"):
        raise SeaworthyError(
            f"the update of service {name} stopped: {update.get('Message')}{cause}",
            remedy="Correct the new settings and run again; the other nodes still have the old ones.",
        )
    wanted = [task for task in tasks if task["DesiredState"] == "running"]
    running = [task for task in current if task in wanted and task["Status"]["State"] == "running"]
    slots = collections.Counter(task.get("Slot", task.get("NodeID")) for task in failed)
    if len(running) < len(wanted) and slots and max(slots.values()) >= _convergence.FAILURES_OF_A_SLOT:
        raise SeaworthyError(
            f"service {name} keeps failing{cause}", remedy=f"See `docker service logs {name}` on a manager."
        )
    replicas = (service["Spec"]["Mode"].get("Replicated") or {}).get("Replicas")
    target = len(wanted) if replicas is None else int(replicas)
    if state == "updating" or len(running) < target or len(running) < len(wanted):
        return f"{len(running)} of {target} tasks run by the present spec{cause}"
    if not wanted and replicas is None:
        return "no node fits its placement constraints"
    return None


def _without_runtime(spec: c.Mapping[str, t.Any]) -> Json:
    """The engine shows the runtime of a service, and of its tasks not."""
    return {key: value for key, value in spec.items() if key != "Runtime"}


# -- small helpers on specs -----------------------------------------------------------------------


def _container(spec: c.Mapping[str, t.Any]) -> Json:
    return t.cast(Json, (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {})


def _pick(spec: t.Any, path: str) -> t.Any:
    for key in path.split("."):
        spec = (spec or {}).get(key)
    return spec


def _put(spec: Json, path: str, value: t.Any) -> None:
    *parents, last = path.split(".")
    for key in parents:
        spec = spec.setdefault(key, {})
    if value is None:
        spec.pop(last, None)
    else:
        spec[last] = value
