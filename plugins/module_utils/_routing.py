# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Traefik's routers of a release, as labels of its Swarm services. Pure functions.

Priorities are explicit: 100 x rank + colour. The rank comes from the rule alone, so that the order of two rules
is the same in every release of an app; the colour says which release serves. A waiting release has no public
router at all: at a low priority, a rule that is new in it would already win over the old release's general one.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import enum
import re

from ._app import App, Route

INTERNAL_NAME = "edge.internal"
PREVIEW_HEADER = "x-seaworthy-release"
ANSWER_HEADER = "x-seaworthy-router"
PLATFORM_MIDDLEWARES = ("seaworthy-secure-headers@file", "seaworthy-compress@file")
NETWORK = "edge"
ENABLE = "traefik.enable"

_PREFIX = "traefik.http.routers"
_ROUTER_RULE = re.compile(r"traefik\.http\.routers\.([^.]+)\.rule")


class Colour(enum.IntEnum):
    """What a release is to its users."""

    WAITING = 10
    SERVING = 50
    SWITCHED = 90


@dataclasses.dataclass(frozen=True)
class Router:
    """A router as Traefik's API must show it."""

    name: str
    rule: str
    priority: int
    public: bool


@dataclasses.dataclass(frozen=True)
class Preview:
    """A request that only this release may answer, and how to know that its router did."""

    service: str
    router: str
    release: str
    path: str
    is_health: bool


def rank(path: str) -> int:
    """From general to specific: the host alone is 1, a longer path is more."""
    return 1 + len(path)


def release_name(app: str, number: int) -> str:
    return f"{app}-r{number}"


def service_key(app: str, service: str, number: int) -> str:
    return f"{app}-{service}-r{number}"


def labels(app: App, service: str, number: int, colour: Colour) -> dict[str, str]:
    """The Traefik labels of one routed service."""
    key = service_key(app.name, service, number)
    found = {ENABLE: "true", "traefik.swarm.network": NETWORK} | _balancer(key, app.routes_of(service)[0])
    found[f"traefik.http.middlewares.{key}-retry.retry.attempts"] = "4"
    found[f"traefik.http.middlewares.{key}-retry.retry.initialinterval"] = "50ms"
    for name, route, path in _routers(key, app.routes_of(service)):
        host = f"{name}-host"
        found |= _router(
            f"{name}-preview",
            rule=_and(f"Host(`{INTERNAL_NAME}`)", _release_rule(app, number), _path_rule(path)),
            entrypoint="internal",
            priority=100 * rank(path),
            service=key,
            middlewares=[host, *PLATFORM_MIDDLEWARES],  # no retry: it would hide a replica that does not answer
        )
        as_public = {"Host": route.hosts[0], "X-Forwarded-Host": route.hosts[0], "X-Forwarded-Port": "443"}
        for header, value in as_public.items():
            found[f"traefik.http.middlewares.{host}.headers.customrequestheaders.{header}"] = value
        found[f"traefik.http.middlewares.{host}.headers.customresponseheaders.{ANSWER_HEADER}"] = name
        if colour is not Colour.WAITING:
            found |= _router(
                name,
                rule=_and(_any(f"Host(`{host}`)" for host in route.hosts), _path_rule(path)),
                entrypoint="websecure",
                priority=100 * rank(path) + colour,
                service=key,
                middlewares=[*PLATFORM_MIDDLEWARES, f"{key}-retry"],
            )
    return found


def previews(app: App, number: int) -> list[Preview]:
    """One request for each router of the release: its health path where the router takes it, else its own path."""
    release = release_name(app.name, number)
    found = []
    for service in dict.fromkeys(route.service for route in app.routes):
        for name, route, path in _routers(service_key(app.name, service, number), app.routes_of(service)):
            health = route.health if route.health and (route.health + "/").startswith(path + "/") else None
            found.append(Preview(service, name, release, health or path or "/", health is not None))
    return found


def serving(live: c.Mapping[str, str]) -> dict[str, str]:
    """The same labels with every public router at the priority of the release that serves."""
    public = [router for router in routers_of(live) if router.public]
    return dict(live) | {
        f"{_PREFIX}.{router.name}.priority": str(router.priority // 100 * 100 + Colour.SERVING) for router in public
    }


def withdrawn(live: c.Mapping[str, str]) -> dict[str, str]:
    """The same labels, out of Traefik's sight."""
    return dict(live) | ({ENABLE: "false"} if ENABLE in live else {})


def offered(live: c.Mapping[str, str]) -> dict[str, str]:
    """The same labels, in Traefik's sight again."""
    return dict(live) | ({ENABLE: "true"} if ENABLE in live else {})


def routers_of(live: c.Mapping[str, str]) -> list[Router]:
    """The routers that these labels define, whether or not Traefik looks at them."""
    names = sorted({match[1] for label in live if (match := _ROUTER_RULE.fullmatch(label))})
    return [
        Router(
            name,
            live[f"{_PREFIX}.{name}.rule"],
            int(live[f"{_PREFIX}.{name}.priority"]),
            live[f"{_PREFIX}.{name}.entrypoints"] != "internal",
        )
        for name in names
    ]


def _routers(key: str, routes: c.Sequence[Route]) -> list[tuple[str, Route, str]]:
    """One router for each path: two paths in one rule could not have two ranks."""
    pairs = [(route, path) for route in routes for path in route.paths or ("",)]
    return [(key if i == 1 else f"{key}-{i}", route, path) for i, (route, path) in enumerate(pairs, start=1)]


def _balancer(key: str, route: Route) -> dict[str, str]:
    prefix = f"traefik.http.services.{key}.loadbalancer"
    found = {f"{prefix}.server.port": str(route.port)}
    if route.health:
        found |= {
            f"{prefix}.healthcheck.path": route.health,
            f"{prefix}.healthcheck.interval": "2s",
            f"{prefix}.healthcheck.timeout": "1s",
            f"{prefix}.healthcheck.hostname": route.hosts[0],
        }
    return found


def _router(
    name: str, *, rule: str, entrypoint: str, priority: int, service: str, middlewares: c.Sequence[str]
) -> dict[str, str]:
    prefix = f"{_PREFIX}.{name}"
    return {
        f"{prefix}.rule": rule,
        f"{prefix}.entrypoints": entrypoint,
        f"{prefix}.priority": str(priority),
        f"{prefix}.service": service,
        f"{prefix}.middlewares": ",".join(middlewares),
    }


def _release_rule(app: App, number: int) -> str:
    return f"Header(`{PREVIEW_HEADER}`, `{release_name(app.name, number)}`)"


def _path_rule(path: str) -> str:
    return f"(Path(`{path}`) || PathPrefix(`{path}/`))" if path else ""


def _and(*rules: str) -> str:
    return " && ".join(rule for rule in rules if rule)


def _any(rules: c.Iterable[str]) -> str:
    found = list(rules)
    return found[0] if len(found) == 1 else f"({' || '.join(found)})"
