# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""What Compose's model says beside and between its services: which are on, when they start, what they share."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ._app import App, suggestion
from ._compose_findings import Asked, Refusal, asked, refusals_of
from ._compose_keys import TOP_BY_PATH
from ._compose_service import OWN_LABELS

Json = dict[str, t.Any]

COMPLETED = "service_completed_successfully"
HEALTHY = "service_healthy"
DRIVERS = ("bridge", "overlay")
LONGEST_CONFIG = 900_000  # bytes; Swarm takes 1,000 KiB
LONGEST_CONFIG_NAME = 64  # with <app>-r<number>_ before it


def services(app: App, model: Json) -> Json:
    """The services that are on: those without profile, and those with a profile that the app file names."""
    found: Json = model.get("services") or {}
    return {
        name: spec
        for name, spec in found.items()
        if not spec.get("profiles") or set(spec["profiles"]) & set(app.profiles)
    }


def class_of(app: App, service: str, model: Json) -> str:
    """routed, internal, worker or once."""
    if app.class_of(service) != "internal" or service in app.classes:
        return app.class_of(service)
    spec = model["services"][service]
    policy = (spec.get("deploy") or {}).get("restart_policy") or {}
    ends = policy.get("condition") == "none" if policy else spec.get("restart") == "no"
    return "once" if ends or service in _awaited(app, model) else "internal"


def waves(app: App, model: Json) -> list[tuple[str, ...]]:
    """The services that are on, in the order they start: each wave needs those before it."""
    on = services(app, model)
    needs = {name: set(_needs(spec)) & set(on) for name, spec in on.items()}
    found: list[tuple[str, ...]] = []
    while needs:
        started = {name for wave in found for name in wave}
        # Compose refuses circles; the rest of one would be a wave of its own.
        wave = tuple(sorted(name for name in needs if needs[name] <= started)) or tuple(sorted(needs))
        found.append(wave)
        needs = {name: others for name, others in needs.items() if name not in wave}
    return found


def refusals(app: App, model: Json) -> list[Refusal]:
    """What is refused outside the services, or between two of them."""
    on = services(app, model)
    found = _app_file(app, model, on) + refusals_of("", keys_of(app, model))
    found += _networks(app.name, _given(model, on, "networks")) + _configs(app.name, _given(model, on, "configs"))
    for name, spec in on.items():
        found += _dependencies(app, model, name, spec, on) + _secrets(app, name, spec)
    return found


def keys_of(app: App, model: Json) -> list[Asked]:
    """Every key beside the services, of what services that are on use."""
    on = services(app, model)
    top = {key: value for key, value in model.items() if key not in ("name", "services")}
    top |= {key: _given(model, on, key) for key in ("networks", "secrets", "configs", "volumes")}
    return [one for one in asked(top, TOP_BY_PATH) if not _is_own_name(app, one)]


def secrets_of(app: App, on: Json) -> dict[str, list[str]]:
    """The secrets of each service: those it names in Compose, and those that no service names."""
    named = {name: [secret for secret in app.secrets if _names(app, spec, secret)] for name, spec in on.items()}
    unnamed = [secret for secret in app.secrets if not any(secret in secrets for secrets in named.values())]
    return {name: [*secrets, *unnamed] for name, secrets in named.items()}


def networks(model: Json, on: Json, labels: c.Mapping[str, str]) -> Json:
    """The overlays of a release. They hold what the release engine removes by its labels."""
    given = _given(model, on, "networks")
    found = {}
    for name in sorted(_used(on, "networks") | {"default"}):
        options = given.get(name) or {}
        found[name] = {key: options[key] for key in ("internal", "attachable") if options.get(key)}
        found[name] |= {"labels": {**(options.get("labels") or {}), **labels}}
        if options.get("driver"):
            found[name]["driver"] = "overlay"
    return found


def configs(model: Json, on: Json) -> Json:
    """The configs that services use, with their texts."""
    given = _given(model, on, "configs")
    return {name: {"content": str(given[name].get("content", "")).replace("$$", "$")} for name in sorted(given)}


def _is_own_name(app: App, one: Asked) -> bool:
    """Compose itself names everything after the project."""
    name = one.path.partition(".")[2]
    return name.endswith(".name") and one.value == f"{app.name}_{name.removesuffix('.name')}"


def _given(model: Json, on: Json, kind: str) -> Json:
    used = _used(on, kind)
    return {name: options for name, options in (model.get(kind) or {}).items() if name in used}


def _used(on: Json, kind: str) -> set[str]:
    """The names of networks, secrets or configs that services use."""
    found = set()
    for spec in on.values():
        entries = spec.get(kind) or []
        found |= {entry.get("source") for entry in entries} if isinstance(entries, list) else set(entries)
    return found


def _named(given: Json) -> list[tuple[str, Json]]:
    return [(name, options or {}) for name, options in given.items()]


def _needs(spec: Json) -> list[str]:
    return list(spec.get("depends_on") or {})


def _awaited(app: App, model: Json) -> set[str]:
    """The services whose end others wait for."""
    return {
        name
        for spec in services(app, model).values()
        for name, options in (spec.get("depends_on") or {}).items()
        if options.get("condition") == COMPLETED
    }


def _names(app: App, spec: Json, secret: str) -> bool:
    in_environment = secret in app.environment_secrets and secret in (spec.get("environment") or {})
    return in_environment or any(entry["source"] == secret for entry in spec.get("secrets") or [])


def _app_file(app: App, model: Json, on: Json) -> list[Refusal]:
    """Names in the app file that the Compose file does not have."""
    if not model.get("services"):
        return [Refusal("", "services", "the Compose file has no service", file=app.source)]
    found = []
    named = [("routes", route.service) for route in app.routes] + [("classes", name) for name in app.classes]
    for key, service in named:
        if service not in on:
            off = service in model["services"]
            reason = f"service {service} is off" if off else f"the Compose file has no service {service}"
            remedy = "Name one of its profiles under `profiles`." if off else suggestion(service, on)
            found.append(Refusal("", key, reason, remedy=remedy or f"It has {', '.join(sorted(on))}.", file=app.source))
    profiles = {profile for spec in model["services"].values() for profile in spec.get("profiles") or []}
    for profile in app.profiles:
        if profile not in profiles:
            remedy = suggestion(profile, profiles) or f"It has {', '.join(sorted(profiles)) or 'none'}."
            reason = f"the Compose file has no profile {profile}"
            found.append(Refusal("", "profiles", reason, remedy=remedy, file=app.source))
    return found


def _networks(project: str, given: Json) -> list[Refusal]:
    found = []
    for name, options in _named(given):
        key = f"networks.{name}"
        if options.get("name", f"{project}_{name}") != f"{project}_{name}" and not options.get("external"):
            found.append(Refusal("", f"{key}.name", TOP_BY_PATH["networks.*.external"].says, options["name"]))
        if options.get("driver", "bridge") not in DRIVERS:
            found.append(Refusal("", f"{key}.driver", "hosts share overlay networks only", options["driver"]))
        if options.get("enable_ipv4") is False:
            found.append(Refusal("", f"{key}.enable_ipv4", "an overlay always has IPv4", "false"))
        for label in options.get("labels") or {}:
            if label.startswith(OWN_LABELS):
                reason = "labels of the platform come from the app file only"
                found.append(Refusal("", f"{key}.labels.{label}", reason))
    return found


def _configs(project: str, given: Json) -> list[Refusal]:
    found = []
    for name, options in _named(given):
        key = f"configs.{name}"
        if options.get("name", f"{project}_{name}") != f"{project}_{name}" and not options.get("external"):
            found.append(Refusal("", f"{key}.name", "each release has its own configs", options["name"]))
        if len(f"{project}-r1000000_{name}") > LONGEST_CONFIG_NAME:
            found.append(Refusal("", key, f"the name of the Swarm config gets longer than {LONGEST_CONFIG_NAME}"))
        if not options.get("content") and not options.get("external"):
            found.append(Refusal("", key, "Swarm takes no empty config"))
        elif len(str(options.get("content", "")).encode()) > LONGEST_CONFIG:
            found.append(Refusal("", key, f"a config holds at most {LONGEST_CONFIG // 1000} KB"))
    return found


def _dependencies(app: App, model: Json, name: str, spec: Json, on: Json) -> list[Refusal]:
    found = []
    for other, options in (spec.get("depends_on") or {}).items():
        key = f"depends_on.{other}"
        if other not in on:
            if options.get("required", True):
                remedy = "Name a profile of it under `profiles` of the app file, or write `required: false`."
                found.append(Refusal(name, key, f"service {other} is off", remedy=remedy))
            continue
        kind, condition = class_of(app, other, model), options.get("condition")
        if condition == COMPLETED and kind != "once":
            reason = f"it waits for the end of {other}, but a service of class {kind} must run"
            found.append(Refusal(name, key, reason, remedy=f"Give {other} no route and no other class."))
        if condition == HEALTHY and kind == "once":
            reason = f"it waits for the health of {other}, which runs once (class once)"
            found.append(Refusal(name, key, reason, remedy=f"Write `condition: {COMPLETED}`."))
    return found


def _secrets(app: App, name: str, spec: Json) -> list[Refusal]:
    found = []
    for entry in spec.get("secrets") or []:
        source = entry["source"]
        if source not in app.secrets:
            remedy = suggestion(source, app.secrets) or f"Write `secrets: {{{source}: {{}}}}` into {app.source}."
            found.append(Refusal(name, f"secrets.{source}", "the app file does not declare this secret", remedy=remedy))
    return found
