# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Compose's own model of an app (`docker compose config --format json`) to a Swarm stack document. Pure functions.

Every key is kept, translated, used by us, or refused by name (`_compose_keys`). In the model `$` comes doubled, as a
stack document wants it; text of our own is doubled here. The texts of configs alone stand undoubled in the document:
they go into files that nobody interpolates.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import hashlib
import json
import re
import typing as t

from . import _compose_top, _routing, _wrapper
from ._app import VERSION, App
from ._compose_findings import Asked, Refusal, error
from ._compose_service import EDGE, Image, Release, Service, keys_of, replicas
from ._compose_top import class_of, services, waves
from ._errors import InputError

__all__ = [
    "Image",
    "class_of",
    "examine",
    "fingerprint",
    "image_names",
    "part",
    "pinned",
    "replicas",
    "services",
    "translate",
    "waves",
]

Json = dict[str, t.Any]

LONGEST_NUMBER = 10**6  # as long as any release's number will be
# For a check, where no image was pulled: it starts something, and nothing of it depends on the image's contents.
UNSEEN = Image("", command=("unseen",))
SECRET_NAME = re.compile(
    r"(?i)(^|_)((pg)?pass(word|wd|phrase)?|pwd|secret|token|credentials?|"
    r"(api|app|access|private|secret|master|session|encryption|signing)_?key(_base)?)$"
)


@dataclasses.dataclass(frozen=True)
class Examined:
    """One service, with every key that was written for it and the row that speaks for it."""

    name: str
    kind: str
    wave: int
    image: str
    keys: tuple[Asked, ...]


@dataclasses.dataclass(frozen=True)
class Examination:
    """What the platform makes of a Compose file. `wave` counts from 1; services that are off are in `off`."""

    services: tuple[Examined, ...]
    off: tuple[str, ...]
    top: tuple[Asked, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]


def image_names(app: App, model: Json, *, version: str, registry: str | None) -> dict[str, str]:
    """The image of each service that is on: ours when the file builds it, else the one it names."""
    names = {}
    for service, spec in services(app, model).items():
        if "build" in spec:
            if not registry:
                raise InputError(
                    f"{app.source}: service {service} is built, but there is no registry to take its image from",
                    remedy="Set seaworthy_registry.",
                )
            names[service] = f"{registry}/{app.name}/{service}:{version}"
        elif "image" in spec:
            names[service] = spec["image"]
        else:
            raise InputError(f"{app.source}: service {service} has neither image nor build", service=service)
    return names


def pinned(name: str, inspected: Json) -> Image:
    """A pulled image by the digest its registry gave it."""
    config = inspected.get("Config") or {}
    image = Image(
        name,
        user=str(config.get("User") or ""),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        healthcheck=config.get("Healthcheck"),
    )
    if "@" in name:
        return image
    repository = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    repository = repository.removeprefix("docker.io/").removeprefix("library/")
    for digest in inspected.get("RepoDigests") or []:
        found, _at, value = digest.partition("@")
        if found == repository:
            return dataclasses.replace(image, reference=f"{name}@{value}")
    raise InputError(f"the registry gave no digest for image {name}", found=inspected.get("RepoDigests"))


def examine(app: App, model: Json, *, version: str | None = None, registry: str | None = None) -> Examination:
    """Every key with its verdict, and all that is refused."""
    version = version or app.version or "0"
    on = services(app, model)
    ours = f"{registry or '<registry>'}/{app.name}/{{}}:{version}"
    images = {name: ours.format(name) if "build" in spec else str(spec.get("image", "")) for name, spec in on.items()}
    seen = {name: dataclasses.replace(UNSEEN, reference=image) for name, image in images.items()}
    secrets = dict.fromkeys(app.secrets, "checked")
    _document, refusals = _translated(app, model, Release(app, LONGEST_NUMBER, version), seen, secrets)
    wave_of = {service: i for i, wave in enumerate(waves(app, model), start=1) for service in wave}
    return Examination(
        services=tuple(
            Examined(name, class_of(app, name, model), wave_of[name], images[name], tuple(keys_of(spec)))
            for name, spec in on.items()
        ),
        off=tuple(sorted(set(model.get("services") or {}) - set(on))),
        top=tuple(_compose_top.keys_of(app, model)),
        refusals=tuple(refusals),
        notes=tuple(_notes(app, model)),
    )


def fingerprint(app: App, model: Json, *, version: str, registry: str | None, secret_names: c.Mapping[str, str]) -> str:
    """The same for two requests exactly when they ask for the same document."""
    names = image_names(app, model, version=version, registry=registry)
    images = {service: dataclasses.replace(UNSEEN, reference=name) for service, name in names.items()}
    document = translate(app, model, release=0, version=version, images=images, secret_names=secret_names)
    text = json.dumps([document, waves(app, model), _labels_of_all(app), app.drain], sort_keys=True)
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
    document, refusals = _translated(app, model, Release(app, release, version), images, secret_names)
    if refusals:
        raise error(app.source, refusals)
    return document


def part(document: Json, keys: c.Collection[str]) -> Json:
    """The document with these services only, and with what they use; it keeps all networks."""
    chosen = {key: document["services"][key] for key in keys}
    used = {
        kind: {entry["source"] for service in chosen.values() for entry in service.get(kind) or []}
        for kind in ("secrets", "configs")
    }
    kept = {kind: {name: document[kind][name] for name in sorted(names)} for kind, names in used.items() if names}
    return {"services": chosen, "networks": document["networks"]} | kept


def _translated(
    app: App, model: Json, release: Release, images: c.Mapping[str, Image], secret_names: c.Mapping[str, str]
) -> tuple[Json, list[Refusal]]:
    """The document, good only when the list is empty."""
    if not VERSION.fullmatch(release.version):
        raise InputError(f"{app.source}: this version cannot be an image tag", found=release.version)
    if missing := sorted(set(app.secrets) - set(secret_names)):
        raise InputError(f"{app.source}: secrets: no Swarm secret was given for {', '.join(missing)}", file=app.source)
    on = services(app, model)
    refusals = _compose_top.refusals(app, model)
    secrets = _compose_top.secrets_of(app, on)
    translations = {
        name: Service(release, name, spec, class_of(app, name, model), secrets[name]) for name, spec in on.items()
    }
    document: Json = {
        "services": {
            _routing.service_key(app.name, name, release.number): service.translate(images[name])
            for name, service in translations.items()
        },
        "networks": _compose_top.networks(model, on, release.labels)
        | {EDGE: {"external": True, "name": _routing.NETWORK}},
    }
    configs = _compose_top.configs(model, on)
    if any(service.wrapped for service in translations.values()):
        configs[_wrapper.CONFIG] = {"content": _wrapper.SCRIPT}
    if configs:
        document["configs"] = configs
    if app.secrets:
        document["secrets"] = {name: {"external": True, "name": secret_names[name]} for name in app.secrets}
    return document, refusals + [refusal for service in translations.values() for refusal in service.refusals]


def _labels_of_all(app: App) -> Json:
    routed = dict.fromkeys(route.service for route in app.routes)
    return {service: _routing.labels(app, service, 0, _routing.Colour.SERVING) for service in routed}


def _notes(app: App, model: Json) -> list[str]:
    """What a person should know though nothing is wrong."""
    notes = []
    for service, spec in services(app, model).items():
        place = f"{app.source}: service {service}"
        kind = class_of(app, service, model)
        if kind == "worker":
            notes.append(f"{place} has class worker; in this version it starts before the switch, like others")
        if kind == "once" and spec.get("healthcheck"):
            notes.append(f"{place} runs once, so its health is not checked")
        environment = spec.get("environment") or {}
        for name in sorted(environment):
            if name in app.environment_secrets:
                notes.append(f"{place}: the app file's secret {name} takes the place of what the Compose file says")
            elif environment[name] and name not in app.secrets and SECRET_NAME.search(name):
                notes.append(
                    f"{place}: {name} looks like a secret, but whoever may ask the engine can read its value; "
                    f"`secrets: {{{name}: {{as: env}}}}` in the app file hides it"
                )
    return notes
