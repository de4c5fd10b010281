# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Compose file says of a service, and whether its container keeps it.

This knows Compose's model (`docker compose config --format json`) and the engine's answers, and nothing of the
translation between them. Each key of a service has a comparison here; a key without one is a difference, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Facts = Iterator[tuple[str, object, object]]  # key, what the file says, what the engine says

WRAPPER = ["/bin/sh", "/seaworthy-env"]
EDGE_NETWORK = "edge"
OURS = {"SEAWORTHY_APP", "SEAWORTHY_RELEASE", "SEAWORTHY_VERSION"}
NANOSECONDS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3}
# Keys that no container shows: the drill looks at builds and the order of starts itself, the rest is Compose's.
ELSEWHERE = ("build", "depends_on", "expose", "image", "profiles")
# Keys that are compared whether the file has them or not: else the image's own value holds.
ALWAYS = (
    "command",
    "container_name",
    "entrypoint",
    "environment",
    "healthcheck",
    "networks",
    "stop_signal",
    "user",
    "working_dir",
)


@dataclass(frozen=True)
class File:
    """A file in a container; `text` is None for what nobody should read."""

    text: str | None
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True)
class Seen:
    """What the engine and the kernel say of one container."""

    container: Json  # docker inspect
    image: Json  # docker image inspect
    service: Json  # docker service inspect
    networks: Mapping[str, Json]  # docker network inspect, by id
    status: Mapping[str, str]  # /proc/<process 1>/status
    files: Mapping[str, File]  # of the paths in `paths`


class Promise:
    """One service of a model, and the secrets that it gets as variables."""

    def __init__(
        self, model: Json, name: str, *, routed: bool = False, once: bool = False, env_secrets: Sequence[str] = ()
    ) -> None:
        self.model: Json = _plain(model)
        self.name = name
        self.spec: Json = self.model["services"][name]
        self.routed = routed
        self.once = once
        self.env_secrets = env_secrets

    def paths(self) -> dict[str, bool]:
        """Files to look at in the container; whether their text is a secret."""
        configs = {entry["target"]: False for entry in self.spec.get("configs") or []}
        return configs | {_secret_path(entry): True for entry in self.spec.get("secrets") or []}

    def differences(self, seen: Seen) -> list[str]:
        """Where the container is not what the file says."""
        return [
            f"{self.name}: {key}: the file says {said!r}, the engine {found!r}"
            for key, said, found in self.facts(seen)
            if said != found
        ]

    def facts(self, seen: Seen) -> Facts:
        """Everything the file says, beside what is so."""
        yield from self._program(seen)
        yield from self._environment(seen)
        yield from self._health(seen)
        yield from self._networks(seen)
        for key, value in self.spec.items():
            if value in (None, [], {}) or key in (*ELSEWHERE, *ALWAYS):
                continue
            if key in SIMPLE:
                place, convert = SIMPLE[key]
                yield key, convert(value), _at(seen, place)
            elif key in OTHER:
                yield from OTHER[key](self, value, seen)
            else:
                yield key, value, "no comparison knows this key"

    def _program(self, seen: Seen) -> Facts:
        config, image = seen.container["Config"], seen.image["Config"]
        entrypoint, command = self.spec.get("entrypoint"), self.spec.get("command")
        if command is None:
            command = image.get("Cmd") if entrypoint is None else None
        if entrypoint is None:
            entrypoint = image.get("Entrypoint")
        yield "entrypoint", entrypoint or [], self._unwrapped(config["Entrypoint"] or [])
        yield "command", command or [], config["Cmd"] or []
        for key, name, otherwise in (
            ("user", "User", ""),
            ("working_dir", "WorkingDir", "/"),
            ("stop_signal", "StopSignal", "SIGTERM"),
        ):
            said = self.spec.get(key) or image.get(name) or otherwise
            yield key, said, config.get(name) or otherwise

    def _unwrapped(self, words: list[str]) -> list[str]:
        """Without the script that turns secret files into variables, which must be there when there are any."""
        if not self.env_secrets:
            return words
        end = words.index("--") if words[:2] == WRAPPER and "--" in words else 0
        if set(words[2:end]) != set(self.env_secrets):
            return ["(not behind the script)", *words]
        return words[end + 1 :]

    def _environment(self, seen: Seen) -> Facts:
        said = _pairs(seen.image["Config"].get("Env"))
        said |= {key: value for key, value in (self.spec.get("environment") or {}).items() if value is not None}
        found = _pairs(seen.container["Config"]["Env"])
        for name in self.env_secrets:
            said.pop(name, None)
            yield f"environment.{name}", None, found.get(name)
        for name, value in said.items():
            yield f"environment.{name}", value, found.get(name)
        more = {name for name in found if name not in said and name not in OURS and not name.endswith("_FILE")}
        yield "environment", set(), more - {"PATH"}

    def _health(self, seen: Seen) -> Facts:
        said: Json = self.spec.get("healthcheck") or {}
        inherited: Json = seen.image["Config"].get("Healthcheck") or {}
        found: Json = seen.container["Config"].get("Healthcheck") or {}
        if self.once or said.get("disable"):
            yield "healthcheck", [], _test(found.get("Test"))
            return
        words = _test(found.get("Test"))
        yield (
            "healthcheck.test",
            _test(said.get("test") or inherited.get("Test")),
            self._unwrapped(words) if words else [],
        )
        for key, name in (
            ("interval", "Interval"),
            ("timeout", "Timeout"),
            ("start_period", "StartPeriod"),
            ("start_interval", "StartInterval"),
        ):
            yield (
                f"healthcheck.{key}",
                _nanoseconds(said[key]) if key in said else inherited.get(name, 0),
                found.get(name, 0),
            )
        yield "healthcheck.retries", said.get("retries", inherited.get("Retries", 0)), found.get("Retries", 0)

    def _networks(self, seen: Seen) -> Facts:
        stack = seen.container["Config"]["Labels"]["com.docker.stack.namespace"]
        said: Json = self.spec.get("networks") or {"default": None}
        names = {f"{stack}_{network}" for network in said} | ({EDGE_NETWORK} if self.routed else set())
        yield "networks", names, set(seen.container["NetworkSettings"]["Networks"])
        attached = {
            seen.networks[one["Target"]]["Name"]: one.get("Aliases") or []
            for one in seen.service["Spec"]["TaskTemplate"]["Networks"]
        }
        by_name = {network["Name"]: network for network in seen.networks.values()}
        for network, options in said.items():
            name = f"{stack}_{network}"
            aliases = {self.name, *((options or {}).get("aliases") or [])}
            aliases |= {self.spec["container_name"]} if "container_name" in self.spec else set()
            yield f"networks.{network}.aliases", aliases, aliases & set(attached.get(name, []))
            internal = bool((self.model["networks"][network] or {}).get("internal"))
            yield f"networks.{network}.internal", internal, by_name.get(name, {}).get("Internal")

    def _restart(self, value: str, seen: Seen) -> Facts:
        if (self.spec.get("deploy") or {}).get("restart_policy"):
            return  # Compose lets that one speak
        condition, _colon, times = value.partition(":")
        said = {"always": "any", "unless-stopped": "any", "no": "none"}.get(condition, condition)
        found = seen.service["Spec"]["TaskTemplate"]["RestartPolicy"]
        yield "restart", said, found["Condition"]
        if times:
            yield "restart", int(times), found.get("MaxAttempts")

    def _configs(self, entries: list[Json], seen: Seen) -> Facts:
        for entry in entries:
            text = _config_text(self.model["configs"][entry["source"]])
            yield f"configs.{entry['source']}", _file(entry, text), seen.files.get(entry["target"])

    def _secrets(self, entries: list[Json], seen: Seen) -> Facts:
        for entry in entries:
            yield f"secrets.{entry['source']}", _file(entry, None), seen.files.get(_secret_path(entry))

    def _tmpfs(self, key: str, said: dict[str, int], seen: Seen) -> Facts:
        mounts = {
            mount["Target"]: (mount.get("TmpfsOptions") or {}).get("SizeBytes", 0)
            for mount in seen.container["HostConfig"].get("Mounts") or []
            if mount["Type"] == "tmpfs"
        }
        for target, size in said.items():
            yield f"{key} {target}", size, mounts.get(target)

    def _volumes(self, entries: list[Json], seen: Seen) -> Facts:
        for entry in entries:
            size = int((entry.get("tmpfs") or {}).get("size", 0))
            found = self._tmpfs("volumes", {entry["target"]: size}, seen)
            yield from found if entry["type"] == "tmpfs" else iter([("volumes", entry, "not to be had here")])

    def _deploy(self, deploy: Json, seen: Seen) -> Facts:
        spec, task = seen.service["Spec"], seen.service["Spec"]["TaskTemplate"]
        for key, value in deploy.items():
            if key == "resources":
                yield from self._resources(value, seen)
            elif key == "replicas":
                yield "deploy.replicas", value, spec["Mode"].get("Replicated", {}).get("Replicas")
            elif key == "mode":
                yield "deploy.mode", {value}, {mode.lower() for mode in spec["Mode"]}
            elif key == "labels":
                yield "deploy.labels", value, {name: spec["Labels"].get(name) for name in value}
            elif key == "restart_policy":
                names = {"condition": "Condition", "delay": "Delay", "max_attempts": "MaxAttempts", "window": "Window"}
                for name, item in value.items():
                    said = _nanoseconds(item) if name in ("delay", "window") else item
                    yield f"deploy.restart_policy.{name}", said, task["RestartPolicy"].get(names[name])
            elif value not in (None, {}, []):
                yield f"deploy.{key}", value, "no comparison knows this key"

    def _resources(self, resources: Json, seen: Seen) -> Facts:
        places = {
            "limits": {"memory": "HostConfig.Memory", "cpus": "HostConfig.NanoCpus", "pids": "HostConfig.PidsLimit"},
            "reservations": {"memory": "Reservations.MemoryBytes", "cpus": "Reservations.NanoCPUs"},
        }
        for kind, amounts in resources.items():
            for name, value in amounts.items():
                said = _nano_cpus(value) if name == "cpus" else int(value)
                yield f"deploy.resources.{kind}.{name}", said, _at(seen, places[kind].get(name, name))


def _plain(value: Any) -> Any:
    """The model with `$` as its reader sees it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def _pairs(variables: list[str] | None) -> dict[str, str]:
    return dict(variable.split("=", 1) for variable in variables or [])


def _test(test: Sequence[str] | None) -> list[str]:
    """The words that the engine runs; none when there is no health check."""
    kind, *words = test or ["NONE"]
    return {"CMD": words, "CMD-SHELL": ["/bin/sh", "-c", *words]}.get(kind, [])


def _nanoseconds(text: str) -> int:
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|us|m|s)", text)
    return sum(round(float(number) * NANOSECONDS[unit]) for number, unit in parts)


def _nano_cpus(value: object) -> int:
    return round(float(str(value)) * 10**9)


def _secret_path(entry: Json) -> str:
    target = entry.get("target") or entry["source"]
    return target if target.startswith("/") else f"/run/secrets/{target}"


def _config_text(config: Json) -> str:
    return config["content"] if "content" in config else Path(config["file"]).read_text()


def _file(entry: Json, text: str | None) -> File:
    return File(text, int(entry.get("mode", "0444"), 8), int(entry.get("uid", 0)), int(entry.get("gid", 0)))


def _tmpfs_sizes(entries: list[str]) -> dict[str, int]:
    found = {}
    for entry in entries:
        target, _colon, options = entry.partition(":")
        size = re.search(r"(?:^|,)size=(\d+)([kmg]?)", options)
        found[target] = int(size[1]) * {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}[size[2]] if size else 0
    return found


def _capabilities(names: Sequence[str]) -> set[str]:
    return {name.upper().removeprefix("CAP_") for name in names}


def _ulimits(limits: Json) -> set[tuple[str, int, int]]:
    both = {
        name: value if isinstance(value, dict) else {"soft": value, "hard": value} for name, value in limits.items()
    }
    return {(name, int(value["soft"]), int(value["hard"])) for name, value in both.items()}


def _at(seen: Seen, place: str) -> object:
    """A fact by its path; what the engine writes in its own way is read as `SIMPLE` reads the file."""
    kind, _dot, name = place.partition(".")
    if kind == "Reservations":
        return (seen.service["Spec"]["TaskTemplate"]["Resources"].get(kind) or {}).get(name)
    if kind == "ContainerSpec":
        return seen.service["Spec"]["TaskTemplate"][kind].get(name)
    value = seen.container[kind].get(name)
    if name in ("CapAdd", "CapDrop"):
        return _capabilities(value or [])
    if name == "Ulimits":
        return {(one["Name"], one["Soft"], one["Hard"]) for one in value or []}
    return value


def _contained(key: str, said: Mapping[str, object], found: Mapping[str, object] | None) -> Facts:
    yield key, said, {name: (found or {}).get(name) for name in said}


def _dropped(_promise: Promise, value: list[str], seen: Seen) -> Facts:
    said, found = _capabilities(value), _capabilities(seen.container["HostConfig"]["CapDrop"] or [])
    yield "cap_drop", said, said if "ALL" in found else said & found


def _labels(_promise: Promise, value: Json, seen: Seen) -> Facts:
    yield from _contained("labels", value, seen.container["Config"]["Labels"])


def _logging(_promise: Promise, value: Json, seen: Seen) -> Facts:
    found = seen.container["HostConfig"]["LogConfig"]
    yield "logging.driver", value.get("driver", "json-file"), found["Type"]
    yield from _contained("logging.options", value.get("options") or {}, found["Config"])


def _security(_promise: Promise, value: list[str], seen: Seen) -> Facts:
    for option in value:
        yield "security_opt", ("no-new-privileges", "1"), (re.split("[:=]", option)[0], seen.status.get("NoNewPrivs"))


def _hosts(_promise: Promise, value: list[str], seen: Seen) -> Facts:
    found = {entry.replace("=", ":", 1) for entry in seen.container["HostConfig"]["ExtraHosts"] or []}
    yield "extra_hosts", {entry.replace("=", ":", 1) for entry in value}, found


# Key → where the engine has it, and how the file's value becomes the engine's.
SIMPLE: dict[str, tuple[str, Callable[[Any], object]]] = {
    "cap_add": ("HostConfig.CapAdd", _capabilities),
    "cpus": ("HostConfig.NanoCpus", _nano_cpus),
    "dns": ("HostConfig.Dns", list),
    "dns_search": ("HostConfig.DnsSearch", list),
    "hostname": ("Config.Hostname", str),
    "init": ("HostConfig.Init", bool),
    "mem_limit": ("HostConfig.Memory", int),
    "mem_reservation": ("Reservations.MemoryBytes", int),
    "pids_limit": ("HostConfig.PidsLimit", int),
    "read_only": ("HostConfig.ReadonlyRootfs", bool),
    "stdin_open": ("Config.OpenStdin", bool),
    "stop_grace_period": ("ContainerSpec.StopGracePeriod", _nanoseconds),
    "sysctls": ("HostConfig.Sysctls", dict),
    "tty": ("Config.Tty", bool),
    "ulimits": ("HostConfig.Ulimits", _ulimits),
}
OTHER: dict[str, Callable[[Promise, Any, Seen], Facts]] = {
    "cap_drop": _dropped,
    "configs": Promise._configs,
    "deploy": Promise._deploy,
    "extra_hosts": _hosts,
    "labels": _labels,
    "logging": _logging,
    "restart": Promise._restart,
    "secrets": Promise._secrets,
    "security_opt": _security,
    "shm_size": lambda promise, value, seen: promise._tmpfs("shm_size", {"/dev/shm": int(value)}, seen),
    "tmpfs": lambda promise, value, seen: promise._tmpfs("tmpfs", _tmpfs_sizes(value), seen),
    "volumes": Promise._volumes,
}
