# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Compose's own model of an app (`docker compose config --format json`) to a Swarm stack document. Pure functions.

Every key is kept, translated, used by us, or refused by name. In the model `$` comes doubled, as a stack document
wants it; text of our own is doubled here.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import hashlib
import json
import re
import typing as t

from . import _routing
from ._app import VERSION, App, suggestion
from ._errors import InputError

Json = dict[str, t.Any]

MEMORY_LIMIT = "1g"
PIDS_LIMIT = 1024
LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
RESTART = {"condition": "any", "delay": "2s"}
LONGEST_NAME = 63

# Keys of a service that go into the stack document as they are.
KEPT = ("command", "entrypoint", "init", "read_only", "stop_grace_period", "stop_signal", "user", "working_dir")
# Keys that we translate, use ourselves, or that change nothing (`expose` only documents).
HANDLED = (
    "build",
    "deploy",
    "environment",
    "expose",
    "healthcheck",
    "image",
    "labels",
    "networks",
    "secrets",
    "tmpfs",
    "volumes",
)
REASONS = {
    "cap_add": "more rights than the platform's default cannot be asked for yet",
    "configs": "configs come with full Compose support",
    "container_name": "Swarm names the containers, a fixed name would allow one only",
    "depends_on": "all services of a release start together; each must wait for, or retry, what it needs",
    "devices": "a service that needs a host's device cannot move between hosts",
    "extra_hosts": "names of other hosts come with full Compose support",
    "network_mode": "the platform decides the networks",
    "ports": "clients come through `routes` of the app file; keep ports in a Compose file for your own machine",
    "privileged": "a privileged container owns its host",
    "profiles": "profiles come with full Compose support; leave such services out of the files listed in `compose`",
    "restart": "Swarm restarts what must run",
    "security_opt": "Swarm drops it; no-new-privileges is set for every container by the engine's configuration",
}
HEALTHCHECK = ("test", "interval", "timeout", "retries", "start_period", "start_interval", "disable")
OWN_LABELS = ("traefik.", "seaworthy.", "com.docker.")


@dataclasses.dataclass(frozen=True)
class Image:
    """What the engine knows about a pulled image: its name with the digest, and the user it runs as."""

    reference: str
    user: str = ""


def image_names(app: App, model: Json, *, version: str, registry: str | None) -> dict[str, str]:
    """The image of each service: ours when the file builds it, else the one it names."""
    names = {}
    for service, spec in model.get("services", {}).items():
        if "build" in spec:
            if not registry:
                raise InputError(
                    f"{app.source}: service {service} is built, but there is no registry to take its image from",
                    remedy="Set seaworthy_registry.",
                )
            names[service] = f"{registry}/{app.name}/{service}:{version}"
        else:
            names[service] = spec["image"]
    return names


def pinned(name: str, inspected: Json) -> Image:
    """A pulled image by the digest its registry gave it."""
    user = str((inspected.get("Config") or {}).get("User") or "")
    if "@" in name:
        return Image(name, user)
    repository = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    repository = repository.removeprefix("docker.io/").removeprefix("library/")
    for digest in inspected.get("RepoDigests") or []:
        found, _at, value = digest.partition("@")
        if found == repository:
            return Image(f"{name}@{value}", user)
    raise InputError(f"the registry gave no digest for image {name}", found=inspected.get("RepoDigests"))


def replicas(spec: Json) -> int:
    return int((spec.get("deploy") or {}).get("replicas", 1))


def check(app: App, model: Json, *, version: str | None = None, registry: str | None = None) -> list[str]:
    """Refuse what cannot be released, before any host is touched; the notes say what is less than it seems."""
    number = 10**6  # as long as any release's number will be
    version = version or app.version or "0"
    names = image_names(app, model, version=version, registry=registry)
    images = {service: Image(name) for service, name in names.items()}
    secrets = dict.fromkeys(app.secrets, "checked")
    translate(app, model, release=number, version=version, images=images, secret_names=secrets)
    return [
        f"{app.source}: service {service} has class worker; in this version it starts before the switch, like others"
        for service in sorted(app.classes)
        if app.classes[service] == "worker"
    ]


def fingerprint(app: App, model: Json, *, version: str, registry: str | None, secret_names: c.Mapping[str, str]) -> str:
    """The same for two requests exactly when they ask for the same document."""
    names = image_names(app, model, version=version, registry=registry)
    images = {service: Image(name) for service, name in names.items()}
    document = translate(app, model, release=0, version=version, images=images, secret_names=secret_names)
    text = json.dumps([document, _labels_of_all(app), app.drain], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def translate(
    app: App,
    model: Json,
    *,
    release: int,
    version: str,
    images: c.Mapping[str, Image],
    secret_names: c.Mapping[str, str],
) -> Json:
    """The stack document of one release."""
    if not VERSION.fullmatch(version):
        raise InputError(f"{app.source}: this version cannot be an image tag", found=version)
    _check_top(app, model)
    services = model["services"]
    secrets = _secrets(app, services, secret_names)
    document: Json = {
        "services": {
            _routing.service_key(app.name, name, release): _Service(app, name, spec, release, version).translate(
                images[name], secrets[name]
            )
            for name, spec in services.items()
        },
        "networks": {
            "default": {"labels": _own_labels(app, release, version)},
            _routing.NETWORK: {"external": True, "name": _routing.NETWORK},
        },
    }
    if secret_names:
        document["secrets"] = {name: {"external": True, "name": secret_names[name]} for name in app.secrets}
    return document


class _Service:
    """The translation of one service."""

    def __init__(self, app: App, name: str, spec: Json, release: int, version: str) -> None:
        self.app = app
        self.name = name
        self.spec = spec
        self.release = release
        self.version = version

    def translate(self, image: Image, secrets: c.Sequence[str]) -> Json:
        self._check_keys(self.spec, "", (*KEPT, *HANDLED))
        self._check_name()
        translated = {key: self.spec[key] for key in KEPT if self.spec.get(key) is not None}
        for key in ("command", "entrypoint"):
            if translated.get(key) == []:
                raise self._refused(key, "Swarm cannot empty what the image says")
        translated["image"] = image.reference
        translated["environment"] = self._environment(secrets)
        translated["labels"] = self._container_labels()
        translated["networks"] = self._networks()
        translated["logging"] = LOGGING
        translated["deploy"] = self._deploy()
        translated["cap_drop"] = ["NET_RAW" if _is_root(str(self.spec.get("user") or image.user)) else "ALL"]
        if secrets:
            translated["secrets"] = [{"source": name, "target": name} for name in secrets]
        if self.spec.get("healthcheck"):
            self._check_keys(self.spec["healthcheck"], "healthcheck.", HEALTHCHECK)
            translated["healthcheck"] = self.spec["healthcheck"]
        if mounts := self._mounts():
            translated["volumes"] = mounts
        return translated

    def _refused(self, key: str, reason: str, found: object = None) -> InputError:
        return InputError(
            f"{self.app.source}: service {self.name}: {key}: {reason}",
            found=found,
            file=self.app.source,
            service=self.name,
            key=key,
        )

    def _check_keys(self, mapping: c.Mapping[str, t.Any], prefix: str, known: c.Sequence[str]) -> None:
        for key, value in mapping.items():
            if key not in known and not key.startswith("x-"):
                if value in (None, {}, []):
                    continue  # Compose prints some empty keys that nobody wrote
                reason = REASONS.get(key, "this key is not taken by this version")
                raise self._refused(prefix + key, reason, found=json.dumps(value))

    def _check_name(self) -> None:
        stack = _routing.release_name(self.app.name, self.release)
        longest = f"{stack}_{_routing.service_key(self.app.name, self.name, self.release)}"
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", self.name):
            raise self._refused("name", "only a-z, 0-9 and - can be in a service's name", self.name)
        if len(longest) > LONGEST_NAME:
            raise self._refused("name", f"the Swarm name {longest} is longer than {LONGEST_NAME} characters")

    def _environment(self, secrets: c.Sequence[str]) -> dict[str, str]:
        environment: dict[str, str] = {}
        for name, value in (self.spec.get("environment") or {}).items():
            if value is None:
                raise self._refused(f"environment.{name}", "it has no value; give it one, or take it out")
            if name in self.app.secrets:
                reason = "the app file declares this secret, so no value may stand here; read it from the file in"
                raise self._refused(f"environment.{name}", f"{reason} {name}_FILE")
            environment[name] = value
        for name in secrets:
            path = f"/run/secrets/{name}"
            if environment.setdefault(f"{name}_FILE", path) != path:
                raise self._refused(f"environment.{name}_FILE", f"the secret is the file {path}")
        return environment | {
            "SEAWORTHY_APP": self.app.name,
            "SEAWORTHY_RELEASE": f"r{self.release}",
            "SEAWORTHY_VERSION": self.version,
        }

    def _container_labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.spec.get("labels") or {}
        for label in labels:
            if label.startswith(OWN_LABELS):
                raise self._refused(f"labels.{label}", "labels of the platform come from the app file only")
        return labels | _own_labels(self.app, self.release, self.version) | {"seaworthy.service": self.name}

    def _networks(self) -> Json:
        for network, options in (self.spec.get("networks") or {}).items():
            if network != "default" or options:
                raise self._refused(f"networks.{network}", "only the default network can be used yet")
        networks: Json = {"default": {"aliases": [self.name]}}
        if self.app.routes_of(self.name):
            networks[_routing.NETWORK] = {}
        return networks

    def _deploy(self) -> Json:
        deploy = self.spec.get("deploy") or {}
        self._check_keys(deploy, "deploy.", ("replicas", "resources"))
        resources = deploy.get("resources") or {}
        self._check_keys(resources, "deploy.resources.", ("limits", "reservations"))
        limits = self._amounts(resources, "limits")
        if replicas(self.spec) < 1:
            raise self._refused("deploy.replicas", "a service of a release has at least one replica")
        labels = _own_labels(self.app, self.release, self.version) | {"seaworthy.service": self.name}
        if self.app.routes_of(self.name):
            labels |= _routing.labels(self.app, self.name, self.release, _routing.Colour.WAITING)
        return {
            "mode": "replicated",
            "replicas": replicas(self.spec),
            "endpoint_mode": "dnsrr",
            "labels": {label: value.replace("$", "$$") for label, value in labels.items()},
            "resources": {
                "limits": {"memory": MEMORY_LIMIT, "pids": PIDS_LIMIT} | limits,
                "reservations": self._amounts(resources, "reservations"),
            },
            "restart_policy": RESTART,
        }

    def _amounts(self, resources: Json, kind: str) -> Json:
        amounts = resources.get(kind) or {}
        known = ("cpus", "memory", "pids") if kind == "limits" else ("cpus", "memory")
        self._check_keys(amounts, f"deploy.resources.{kind}.", known)
        return {key: str(value) if key == "cpus" else value for key, value in amounts.items()}

    def _mounts(self) -> list[Json]:
        """Memory file systems only; the short form would be lost by `docker stack deploy` without a word."""
        mounts = []
        for entry in self.spec.get("tmpfs") or []:
            target, _colon, options = entry.partition(":")
            mount: Json = {"type": "tmpfs", "target": target}
            for option in filter(None, options.split(",")):
                name, _is, value = option.partition("=")
                if name == "size":
                    mount["tmpfs"] = {"size": _bytes(value)}
                elif option != "mode=1777":
                    raise self._refused("tmpfs", "of the options only size can be chosen (mode is 1777)", entry)
            mounts.append(mount)
        for volume in self.spec.get("volumes") or []:
            if volume.get("type") != "tmpfs":
                raise self._refused("volumes", "data of an app comes with the release engine", volume.get("target"))
            self._check_keys(volume, "volumes.", ("type", "target", "tmpfs"))
            options = volume.get("tmpfs") or {}
            self._check_keys(options, "volumes.tmpfs.", ("size",))
            size = {"tmpfs": {"size": int(options["size"])}} if "size" in options else {}
            mounts.append({"type": "tmpfs", "target": volume["target"]} | size)
        return mounts


def _check_top(app: App, model: Json) -> None:
    for key, value in model.items():
        if key in ("name", "services", "networks", "secrets") or key.startswith("x-") or not value:
            continue
        reason = (
            "data of an app comes with the release engine" if key == "volumes" else "it is not taken by this version"
        )
        raise InputError(f"{app.source}: top-level {key}: {reason}", file=app.source, key=key)
    for network, options in (model.get("networks") or {}).items():
        extra = {name for name, value in (options or {}).items() if value and name != "name"}
        if network != "default" or extra:
            raise InputError(
                f"{app.source}: networks.{network}: only the default network, without options, can be used yet",
                file=app.source,
                key=f"networks.{network}",
            )
    services = model.get("services") or {}
    if not services:
        raise InputError(f"{app.source}: the Compose file has no service", file=app.source, key="services")
    named = [("routes", route.service) for route in app.routes] + [("classes", name) for name in app.classes]
    for key, service in named:
        if service not in services:
            raise InputError(
                f"{app.source}: {key}: the Compose file has no service {service}",
                expected=", ".join(sorted(services)),
                remedy=suggestion(service, services) or None,
                file=app.source,
                key=key,
            )


def _secrets(app: App, services: Json, secret_names: c.Mapping[str, str]) -> dict[str, list[str]]:
    """Which service gets which secret: those that name it in Compose; one that nobody names goes to all."""
    if missing := sorted(set(app.secrets) - set(secret_names)):
        raise InputError(f"{app.source}: secrets: no Swarm secret was given for {', '.join(missing)}", file=app.source)
    wanted: dict[str, list[str]] = {name: [] for name in services}
    for service, spec in services.items():
        for entry in spec.get("secrets") or []:
            name = entry["source"]
            if name not in app.secrets:
                raise InputError(
                    f"{app.source}: service {service}: secrets.{name}: the app file does not declare this secret",
                    remedy=suggestion(name, app.secrets) or f"Write `secrets: {{{name}: {{}}}}` into {app.source}.",
                    file=app.source,
                    key=f"secrets.{name}",
                )
            if entry.get("target", name) not in (name, f"/run/secrets/{name}") or set(entry) - {"source", "target"}:
                raise InputError(
                    f"{app.source}: service {service}: secrets.{name}: a secret is the file /run/secrets/{name}",
                    found=json.dumps(entry),
                    file=app.source,
                    key=f"secrets.{name}",
                )
            wanted[service].append(name)
    unnamed = [name for name in app.secrets if not any(name in names for names in wanted.values())]
    return {service: [*names, *unnamed] for service, names in wanted.items()}


def _labels_of_all(app: App) -> Json:
    services = dict.fromkeys(route.service for route in app.routes)
    return {service: _routing.labels(app, service, 0, _routing.Colour.SERVING) for service in services}


def _own_labels(app: App, release: int, version: str) -> dict[str, str]:
    return {"seaworthy.app": app.name, "seaworthy.release": str(release), "seaworthy.version": version}


def _is_root(user: str) -> bool:
    return user.partition(":")[0] in ("", "0", "root")


def _bytes(text: str) -> int:
    units = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
    match = re.fullmatch(r"(\d+)([kmg]?)b?", text.lower())
    if not match:
        raise InputError(f"this is no size: {text}", expected="for example 64m")
    return int(match[1]) * units[match[2]]
