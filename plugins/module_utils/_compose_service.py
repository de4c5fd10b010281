# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""One service of Compose's model as a service of a stack document. Pure functions.

What is refused is collected, so that a person sees all of it at once; the document is good only when nothing was.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import pathlib
import re
import typing as t

from . import _routing, _wrapper
from ._app import App
from ._compose_findings import Asked, Refusal, asked, refusals_of, shown, taken
from ._compose_keys import SERVICE_BY_PATH, Verdict

Json = dict[str, t.Any]

EDGE = "seaworthy-edge"  # the edge network's key in a stack document: an app may have a network `edge` of its own
MEMORY_LIMIT = 1024**3
PIDS_LIMIT = 1024
LOGGING = {"max-size": "10m", "max-file": "3"}
RESTART = {"condition": "any", "delay": "2s"}
LONGEST_NAME = 63
SHARED_MEMORY = str(pathlib.PurePosixPath("/dev") / "shm")
OWN_LABELS = ("traefik.", "seaworthy.", "com.docker.")
NO_NEW_PRIVILEGES = ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")
# Docker's own default, and those that end at the container.
CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "IPC_LOCK", "SYS_NICE"),
}
TMPFS_ANYWAY = {"rw", "nosuid", "nodev", "noexec", "mode=1777", "mode=01777"}  # what Swarm's tmpfs mounts are
COPIED = tuple(
    key.path
    for key in SERVICE_BY_PATH.values()
    if key.verdict is Verdict.KEPT and "." not in key.path and key.path not in ("labels", "cap_add")
)


@dataclasses.dataclass(frozen=True)
class Image:
    """What the engine knows about a pulled image: its name with the digest, and what it says for itself."""

    reference: str
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    healthcheck: Json | None = None


@dataclasses.dataclass(frozen=True)
class Release:
    """The release that a service belongs to."""

    app: App
    number: int
    version: str

    @property
    def labels(self) -> dict[str, str]:
        return {
            "seaworthy.app": self.app.name,
            "seaworthy.release": str(self.number),
            "seaworthy.version": self.version,
        }


class Service:
    """The translation of one service; `kind` is its class, `secrets` the names of the app's secrets it gets."""

    def __init__(self, release: Release, name: str, spec: Json, kind: str, secrets: c.Sequence[str]) -> None:
        self.app = release.app
        self.release = release
        self.name = name
        self.written = spec
        self.spec: Json = taken(spec, SERVICE_BY_PATH)
        self.deploy: Json = self.spec.get("deploy") or {}
        self.kind = kind
        self.secrets = secrets
        self.wrapped = [secret for secret in secrets if secret in self.app.environment_secrets]
        self.refusals: list[Refusal] = []

    @property
    def replicas(self) -> int:
        return replicas(self.spec)

    def translate(self, image: Image) -> Json:
        """The stack document's service. Look at `refusals` before you use it."""
        self.refusals = refusals_of(self.name, keys_of(self.written))
        self._check_values()
        translated = {key: self.spec[key] for key in COPIED if self.spec.get(key) is not None}
        translated |= {
            "image": image.reference,
            "environment": self._environment(),
            "labels": self._labels("labels", self.spec.get("labels")) | self._own_labels(),
            "networks": self._networks(),
            "logging": self._logging(),
            "deploy": self._deploy(),
        }
        translated |= self._capabilities(image)
        optional = {
            "secrets": self._secret_files(),
            "configs": self._config_files(),
            "volumes": self._mounts(),
            "extra_hosts": self._extra_hosts(),
            "healthcheck": self._healthcheck(image),
        }
        translated |= {key: value for key, value in optional.items() if value}
        if self.wrapped:
            translated |= self._program(image)
        return translated

    def _refuse(self, key: str, reason: str, found: object = None, remedy: str = "") -> None:
        self.refusals.append(Refusal(self.name, key, reason, "" if found is None else shown(found), remedy))

    # -- values of keys that are taken only so ----------------------------------------------------

    def _check_values(self) -> None:
        stack = _routing.release_name(self.app.name, self.release.number)
        longest = f"{stack}_{_routing.service_key(self.app.name, self.name, self.release.number)}"
        if not re.fullmatch(r"[a-z0-9]+([_-]+[a-z0-9]+)*", self.name):
            self._refuse("name", "only a-z, 0-9, - and _ can be in a service's name", self.name)
        if len(longest) > LONGEST_NAME:
            self._refuse("name", f"the Swarm name {longest} is longer than {LONGEST_NAME} characters")
        for key in ("command", "entrypoint"):
            if self.spec.get(key) == []:
                self._refuse(key, "Swarm cannot empty what the image says")
        if self.spec.get("platform", "linux/amd64") not in ("linux/amd64", "linux/amd64/v1"):
            self._refuse("platform", "the platform's hosts are linux/amd64", self.spec["platform"])
        if self.spec.get("pull_policy") == "never":
            self._refuse("pull_policy", "every host must be able to pull the image", "never")
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?", self.spec.get("hostname") or "x"):
            self._refuse("hostname", "this is no host name", self.spec["hostname"], "Letters, digits, dots, hyphens.")
        for option in self.spec.get("security_opt") or []:
            if option not in NO_NEW_PRIVILEGES:
                self._refuse("security_opt", "only no-new-privileges is set, for every container", option)
        if self.deploy.get("mode", "replicated") != "replicated":
            remedy = 'A job is a service with `restart: "no"`.'
            self._refuse("deploy.mode", "the gates of a release count replicas", self.deploy["mode"], remedy)
        if self.deploy.get("endpoint_mode", "dnsrr") != "dnsrr":
            reason = "names resolve to the containers themselves, not to a virtual address"
            self._refuse("deploy.endpoint_mode", reason, self.deploy["endpoint_mode"])
        key = "scale" if "scale" in self.spec else "deploy.replicas"
        if self.replicas < 1:
            self._refuse(key, "a service of a release has at least one replica", remedy="Leave it out by a profile.")
        if self.kind == "once" and self.replicas > 1:
            self._refuse(key, "a service that runs once has one replica", self.replicas)

    # -- what runs --------------------------------------------------------------------------------

    def _program(self, image: Image) -> Json:
        """The image's program behind the script that puts secrets into its environment."""
        own = self.spec.get("entrypoint")
        entrypoint = own or _doubled(image.entrypoint)
        command = self.spec.get("command") or ([] if own else _doubled(image.command))
        if not entrypoint and not command:
            reason = "secrets with `as: env` need to know what to start, and neither the image nor the file says it"
            self._refuse("entrypoint", reason, image.reference, "Write `entrypoint` or `command`.")
        program: Json = {"entrypoint": _wrapper.wrap(entrypoint, self.wrapped)}
        return program | ({"command": command} if command else {})

    def _healthcheck(self, image: Image) -> Json:
        if self.kind == "once":
            return {"test": ["NONE"]}  # Swarm kills a task that it calls unhealthy, and a job's image may have a check
        own: Json = self.spec.get("healthcheck") or {}
        if own.get("disable"):
            return {"disable": True}  # Docker refuses it beside anything else
        if not self.wrapped:
            return own
        test = own.get("test") or _doubled((image.healthcheck or {}).get("Test") or [])
        return own | ({"test": _wrapper.healthcheck(test, self.wrapped)} if test else {})

    def _capabilities(self, image: Image) -> Json:
        added = [capability.upper().removeprefix("CAP_") for capability in self.spec.get("cap_add") or []]
        for capability in added:
            if capability not in CAPABILITIES:
                self._refuse("cap_add", "this right reaches beyond the container", capability)
        dropped = [capability.upper().removeprefix("CAP_") for capability in self.spec.get("cap_drop") or []]
        ours = "NET_RAW" if _is_root(str(self.spec.get("user") or image.user)) else "ALL"
        dropped = list(dict.fromkeys([ours, *dropped]))
        if "ALL" in dropped:
            dropped = ["ALL"]
        found = {"cap_drop": [capability for capability in dropped if capability not in added]}
        return found | ({"cap_add": list(dict.fromkeys(added))} if added else {})

    # -- what it is told --------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        ours = {
            "SEAWORTHY_APP": self.app.name,
            "SEAWORTHY_RELEASE": f"r{self.release.number}",
            "SEAWORTHY_VERSION": self.release.version,
        }
        environment: dict[str, str] = {}
        for name, value in (self.spec.get("environment") or {}).items():
            key = f"environment.{name}"
            if name in self.wrapped:
                continue  # the secret takes its place
            if name in self.app.secrets:
                reason = "the app file declares this secret, so no value may stand here"
                remedy = f"Read it from the file in {name}_FILE, or write `secrets: {{{name}: {{as: env}}}}`."
                self._refuse(key, reason, remedy=remedy)
            elif value is None:
                self._refuse(key, "it has no value; give it one, or take it out")
            elif name in ours:
                self._refuse(key, "the platform sets it itself")
            else:
                environment[name] = value.replace("{{", '{{"{{"}}')  # Swarm would fill in a template
        for name, path in self._secret_paths().items():
            if environment.setdefault(f"{name}_FILE", path) != path:
                self._refuse(f"environment.{name}_FILE", f"the secret is the file {path}", environment[f"{name}_FILE"])
        if self.wrapped and (lost := _wrapper.lost(environment)):
            reason = "many shells do not hand on a variable with such a name, and `as: env` starts the program by one"
            self._refuse(f"environment.{lost[0]}", reason, remedy="Use secrets as files in this service.")
        return environment | ours

    def _labels(self, key: str, labels: c.Mapping[str, str] | None) -> dict[str, str]:
        found = dict(labels or {})
        for label in found:
            if label.startswith(OWN_LABELS):
                self._refuse(f"{key}.{label}", "labels of the platform come from the app file only", found[label])
        return found

    def _own_labels(self) -> dict[str, str]:
        return self.release.labels | {"seaworthy.service": self.name}

    def _secret_entries(self) -> list[Json]:
        named = [entry for entry in self.spec.get("secrets") or [] if entry["source"] in self.secrets]
        others = [name for name in self.secrets if not any(entry["source"] == name for entry in named)]
        return [*named, *({"source": name} for name in others)]

    def _secret_paths(self) -> dict[str, str]:
        paths = {}
        for entry in self._secret_entries():
            name, target = entry["source"], entry.get("target") or entry["source"]
            paths[name] = path = target if target.startswith("/") else f"/run/secrets/{target}"
            if name in self.wrapped and path != f"/run/secrets/{name}":
                self._refuse(f"secrets.{name}", f"with `as: env` its file is /run/secrets/{name}", target)
        return paths

    def _secret_files(self) -> list[Json]:
        return [
            _reference(entry, (entry.get("target") or entry["source"]).removeprefix("/run/secrets/"))
            for entry in self._secret_entries()
        ]

    def _config_files(self) -> list[Json]:
        files = [
            _reference(entry, entry.get("target") or f"/{entry['source']}") for entry in self.spec.get("configs") or []
        ]
        if self.wrapped:
            files.append({"source": _wrapper.CONFIG, "target": _wrapper.PATH, "mode": 0o444})
        return files

    # -- where it runs, and how often -------------------------------------------------------------

    def _networks(self) -> Json:
        names = [self.name, *filter(None, [self.spec.get("container_name")])]
        networks: Json = {
            network: {"aliases": list(dict.fromkeys([*names, *((options or {}).get("aliases") or [])]))}
            for network, options in (self.spec.get("networks") or {"default": None}).items()
        }
        return networks | ({EDGE: {}} if self.kind == "routed" else {})

    def _extra_hosts(self) -> list[str]:
        hosts = []
        for entry in self.spec.get("extra_hosts") or []:
            name, _is, address = entry.partition("=")
            if address == "host-gateway":
                self._refuse("extra_hosts", "a container's own host is no place for what it needs", entry)
            hosts.append(f"{name}:{address}")
        return hosts

    def _deploy(self) -> Json:
        labels = self._own_labels()
        if self.kind == "routed":
            labels |= _routing.labels(self.app, self.name, self.release.number, _routing.Colour.WAITING)
        deploy = {
            "mode": "replicated-job" if self.kind == "once" else "replicated",
            "replicas": self.replicas,
            "endpoint_mode": "dnsrr",
            "labels": self._labels("deploy.labels", self.deploy.get("labels"))
            | {label: value.replace("$", "$$") for label, value in labels.items()},
            "resources": self._resources(),
            "restart_policy": self._restart_policy(),
        }
        return deploy | ({"placement": self.deploy["placement"]} if self.deploy.get("placement") else {})

    def _restart_policy(self) -> Json:
        restart, _colon, times = (self.spec.get("restart") or "").partition(":")
        policy: Json = self.deploy.get("restart_policy") or {}
        if not policy and restart == "on-failure":
            policy = {"condition": "on-failure"} | ({"max_attempts": int(times)} if times else {})
        key = "deploy.restart_policy" if self.deploy.get("restart_policy") else "restart"
        never = restart == "no" if not policy else policy.get("condition") == "none"
        if self.kind == "once":
            if policy.get("condition", "none") != "none" or restart not in ("", "no"):
                self._refuse(key, "this service runs once (class once), so nothing starts it again", policy or restart)
            return {"condition": "none"}
        if never:
            remedy = f"Write `classes: {{{self.name}: once}}` into the app file, or let it restart."
            self._refuse(key, f"a service of class {self.kind} must run", policy or restart, remedy)
        elif policy.get("condition", "any") not in ("any", "on-failure"):
            self._refuse(f"{key}.condition", "Swarm knows none, on-failure and any", policy["condition"])
        return RESTART | policy

    def _resources(self) -> Json:
        resources = self.deploy.get("resources") or {}
        reservations = _amounts(resources.get("reservations"), memory=self.spec.get("mem_reservation"))
        limits = _amounts(
            resources.get("limits"),
            memory=self.spec.get("mem_limit"),
            cpus=self.spec.get("cpus"),
            pids=self.spec.get("pids_limit"),
        )
        if limits.get("pids", 1) < 1:
            self._refuse("pids_limit", "a number of processes without limit can take the host down", limits["pids"])
        limits.setdefault("pids", PIDS_LIMIT)
        limits.setdefault("memory", str(max(MEMORY_LIMIT, int(reservations.get("memory", 0)))))
        return {"limits": limits, "reservations": reservations}

    def _logging(self) -> Json:
        logging = self.spec.get("logging") or {}
        if logging.get("driver", "json-file") != "json-file":
            self._refuse("logging.driver", "the platform reads the logs of json-file", logging["driver"])
        return {"driver": "json-file", "options": LOGGING | (logging.get("options") or {})}

    def _mounts(self) -> list[Json]:
        """Memory file systems only; the short form would be lost by `docker stack deploy` without a word."""
        mounts = []
        for entry in self.spec.get("tmpfs") or []:
            target, _colon, options = entry.partition(":")
            size = 0
            for option in filter(None, options.split(",")):
                if option.startswith("size=") and (size := _bytes(option.removeprefix("size="))):
                    continue
                if option not in TMPFS_ANYWAY:
                    reason = "of the options only size can be chosen (it is nosuid, nodev, noexec and mode 1777)"
                    self._refuse("tmpfs", reason, entry)
            mounts.append(_tmpfs(target, size))
        if "shm_size" in self.spec:
            mounts.append(_tmpfs(SHARED_MEMORY, int(self.spec["shm_size"])))
        for i, volume in enumerate(self.spec.get("volumes") or []):
            if volume.get("type") == "tmpfs":
                options = volume.get("tmpfs") or {}
                if options.get("mode", 0o1777) != 0o1777:
                    self._refuse(f"volumes[{i}].tmpfs.mode", "Swarm's is 1777", oct(options["mode"]))
                mounts.append(_tmpfs(volume["target"], int(options.get("size", 0))))
        targets = [mount["target"] for mount in mounts]
        for target in sorted({target for target in targets if targets.count(target) > 1}):
            self._refuse(
                "volumes", "two file systems at one place (tmpfs, shm_size and volumes are all mounts)", target
            )
        return mounts


def keys_of(spec: Json) -> list[Asked]:
    """Every key of a service. A volume that is no tmpfs is refused as one thing, whatever it says."""
    volumes = spec.get("volumes") or []
    others = {i: volume for i, volume in enumerate(volumes) if volume.get("type") != "tmpfs"}
    memory = [{} if i in others else volume for i, volume in enumerate(volumes)]
    found = asked(spec | {"volumes": memory}, SERVICE_BY_PATH)
    for i, volume in others.items():
        row = volume["type"] if volume["type"] in ("bind", "image") else "volume"
        key = SERVICE_BY_PATH[f"volumes.*.{row}"]
        source = f"{volume['source']} at " if "source" in volume else "at "
        found.append(Asked(f"volumes[{i}]", key, f"{volume['type']} {source}{volume.get('target')}"))
    return found


def replicas(spec: Json) -> int:
    return int(spec["scale"] if "scale" in spec else (spec.get("deploy") or {}).get("replicas", 1))


def _amounts(given: Json | None, **short: t.Any) -> Json:
    """Amounts in the stack document's types; Compose has made sure that two ways to say one agree."""
    found = {key: value for key, value in short.items() if value is not None} | (given or {})
    return {key: str(value) if key == "cpus" else value for key, value in found.items()}


def _reference(entry: Json, target: str) -> Json:
    found = {key: entry[key] for key in ("source", "uid", "gid") if key in entry} | {"target": target}
    return found | ({"mode": int(str(entry["mode"]), 8)} if "mode" in entry else {})


def _tmpfs(target: str, size: int) -> Json:
    return {"type": "tmpfs", "target": target} | ({"tmpfs": {"size": size}} if size else {})


def _bytes(text: str) -> int:
    """The bytes of 64m; 0 when this is no size."""
    units = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
    match = re.fullmatch(r"(\d+)([kmg]?)b?", text.lower())
    return int(match[1]) * units[match[2]] if match else 0


def _doubled(words: c.Iterable[str]) -> list[str]:
    return [word.replace("$", "$$") for word in words]


def _is_root(user: str) -> bool:
    return user.partition(":")[0] in ("", "0", "root")
