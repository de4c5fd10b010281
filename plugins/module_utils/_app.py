# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The app file `apps/<name>.yml`, checked and turned into dataclasses. Nothing in it is ignored in silence."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import difflib
import re
import typing as t

from ._errors import InputError

NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
PATH = re.compile(r"/[A-Za-z0-9._~+,;=:@%/-]*")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_PATH = 200

Json = dict[str, t.Any]

CLASSES = {"routed", "internal", "worker", "once"}

# Keys of the design that this version does not have yet.
LATER = {
    "gates": "gates come with the release engine",
    "linger": "lingering releases come with the release engine",
    "migrate": "migrations come with the release engine",
    "strategy": "other strategies come with the release engine",
    "provided": "services that the platform replaces come with the database",
}
LATER_IN_ROUTE = {
    "middlewares": "compression, secure headers and retries are always on; others cannot be chosen yet",
}
LATER_CLASSES = {
    "pinned": "services with data come with the release engine",
}


@dataclasses.dataclass(frozen=True)
class Route:
    """Which requests reach which service."""

    service: str
    port: int
    hosts: tuple[str, ...]
    paths: tuple[str, ...] = ()
    health: str | None = None


@dataclasses.dataclass(frozen=True)
class App:
    """One application."""

    name: str
    source: str
    compose: tuple[str, ...]
    routes: tuple[Route, ...] = ()
    version: str | None = None
    environment: c.Mapping[str, str] = dataclasses.field(default_factory=dict)
    classes: c.Mapping[str, str] = dataclasses.field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    environment_secrets: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    drain: float = 10.0

    @classmethod
    def parse(cls, name: str, raw: object, source: str | None = None) -> App:
        """The app of a (templated) app file; `source` is the file's name for messages."""
        file = _Reader(source or f"apps/{name}.yml", "", raw)
        if not NAME.fullmatch(name):
            raise file.error("", "an app's name is its file's name", name, "at most 30 of a-z, 0-9 and -, a-z first")
        file.only(
            *("compose", "profiles", "version", "environment", "routes", "classes", "secrets", "drain"), later=LATER
        )
        routes = tuple(_route(file.inside(f"routes[{i}]", item)) for i, item in enumerate(file.list("routes")))
        secrets = _secrets(file)
        app = cls(
            name=name,
            source=file.source,
            compose=file.strings("compose", required=True),
            routes=routes,
            version=file.matching("version", VERSION, "a version that can be an image tag, in quotes"),
            environment=_environment(file),
            classes=_classes(file, {route.service for route in routes}),
            secrets=tuple(secrets),
            environment_secrets=tuple(name for name, options in secrets.items() if options.get("as") == "env"),
            profiles=file.strings("profiles"),
            drain=file.duration("drain", default=10.0),
        )
        _distinct(file, app.routes)
        return app

    def class_of(self, service: str) -> str:
        routed = any(route.service == service for route in self.routes)
        return "routed" if routed else self.classes.get(service, "internal")

    def routes_of(self, service: str) -> list[Route]:
        return [route for route in self.routes if route.service == service]


def parse_duration(text: str) -> float:
    """Seconds of a duration as Compose writes them: 10s, 1m30s, 500ms."""
    parts = DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(text)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def suggestion(word: str, known: c.Iterable[str]) -> str:
    """`Did you mean …?`, or nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"Did you mean {close[0]}?" if close else ""


class _Reader:
    """A mapping of the app file that knows where it stands."""

    def __init__(self, source: str, where: str, raw: object) -> None:
        self.source = source
        self.where = where
        if not isinstance(raw, dict):
            raise self.error("", "a mapping is needed here", type(raw).__name__, "keys and values")
        self.raw: dict[str, t.Any] = raw

    def error(
        self, key: str, message: str, found: object = None, expected: object = None, remedy: str = ""
    ) -> InputError:
        place = ".".join(part for part in (self.where, key) if part)
        return InputError(
            f"{self.source}: {place + ': ' if place else ''}{message}",
            found=found,
            expected=expected,
            remedy=remedy or None,
            file=self.source,
            key=place,
        )

    def inside(self, where: str, raw: object) -> _Reader:
        return _Reader(self.source, where, raw)

    def only(self, *known: str, later: c.Mapping[str, str]) -> None:
        for key in self.raw:
            if key in later:
                raise self.error(str(key), f"this key is not available yet: {later[key]}", remedy="Remove it.")
            if key not in known:
                remedy = suggestion(str(key), known) or f"Known keys: {', '.join(known)}."
                raise self.error(str(key), "unknown key", remedy=remedy)

    def list(self, key: str) -> list[t.Any]:
        value = self.raw.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(key, "a list is needed", type(value).__name__)
        return value

    def mapping(self, key: str) -> dict[str, t.Any]:
        value = self.raw.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(key, "a mapping is needed", type(value).__name__)
        return value

    def strings(self, key: str, required: bool = False) -> tuple[str, ...]:
        values = self.list(key)
        if required and not values:
            raise self.error(key, "this key is required", expected="a list that is not empty")
        for value in values:
            if not isinstance(value, str) or not value:
                raise self.error(key, "each item is a text", value)
        return tuple(values)

    def matching(self, key: str, pattern: re.Pattern[str], expected: str) -> str | None:
        value = self.raw.get(key)
        if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
            raise self.error(key, "this value cannot be used", repr(value), expected)
        return value

    def duration(self, key: str, default: float) -> float:
        value = self.raw.get(key)
        if value is None:
            return default
        try:
            return parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            raise self.error(key, "this is no duration", repr(value), "for example 10s, 1m30s or 500ms") from None


def _route(route: _Reader) -> Route:
    route.only("service", "target_port", "hosts", "paths", "health", later=LATER_IN_ROUTE)
    service, port = route.raw.get("service"), route.raw.get("target_port")
    if not isinstance(service, str) or not service:
        raise route.error("service", "a route needs the name of a service of the Compose file", service)
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
        raise route.error("target_port", "a route needs the port the service listens on", port, "1 to 65535")
    hosts = tuple(host.lower() for host in route.strings("hosts", required=True))
    for host in hosts:
        if not HOST.fullmatch(host):
            raise route.error("hosts", "this is no hostname", host, "a name with a dot, for example shop.example.com")
    paths = tuple(path.rstrip("/") for path in route.strings("paths"))
    for path in route.strings("paths"):
        if not PATH.fullmatch(path) or path == "/" or len(path) > LONGEST_PATH:
            raise route.error("paths", "this is no path", path, "it begins with / and has a name, for example /api")
    health = route.matching("health", PATH, "a path, for example /health")
    return Route(service, port, hosts, paths, health)


def _environment(file: _Reader) -> dict[str, str]:
    environment: dict[str, str] = {}
    for name, value in file.mapping("environment").items():
        if not isinstance(name, str) or not VARIABLE.fullmatch(name):
            raise file.error(f"environment.{name}", "this is no name of a variable")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise file.error(
                f"environment.{name}", "a text or a number is needed; write true and false in quotes", value
            )
        environment[name] = str(value)
    return environment


def _classes(file: _Reader, routed: set[str]) -> dict[str, str]:
    classes = file.mapping("classes")
    for service, name in classes.items():
        key = f"classes.{service}"
        if name in LATER_CLASSES:
            raise file.error(key, f"class {name} is not available yet: {LATER_CLASSES[name]}")
        if name not in CLASSES:
            raise file.error(key, "unknown class", name, ", ".join(sorted(CLASSES)), suggestion(str(name), CLASSES))
        if (name == "routed") != (service in routed):
            raise file.error(key, "a service is routed exactly when a route names it", name)
    return classes


def _secrets(file: _Reader) -> dict[str, Json]:
    """The options of each secret."""
    secrets = {name: {} if options is None else options for name, options in file.mapping("secrets").items()}
    for name, options in secrets.items():
        key = f"secrets.{name}"
        if not isinstance(name, str) or not VARIABLE.fullmatch(name):
            raise file.error(key, "a secret is named like a variable", name, "letters, digits and _")
        if name.upper().startswith("SEAWORTHY_"):
            raise file.error(key, "names that begin with SEAWORTHY_ belong to the platform")
        if (owner := name.removesuffix("_FILE")) != name and owner in secrets:
            raise file.error(key, f"{name} is the variable that holds the path of the secret {owner}")
        reader = file.inside(key, options)
        reader.only("generate", "as", later={})
        if reader.raw.get("as", "env") != "env":
            raise reader.error(
                "as", "this value cannot be used", reader.raw["as"], "env; without `as` a secret is only a file"
            )
    return secrets


def _distinct(file: _Reader, routes: c.Sequence[Route]) -> None:
    """Two routers with one rule would share the requests by chance; a service has one port and one health path."""
    rules: dict[tuple[str, str], str] = {}
    first: dict[str, Route] = {}
    for i, route in enumerate(routes):
        for host in route.hosts:
            for path in route.paths or ("",):
                if (host, path) in rules:
                    raise file.error(f"routes[{i}]", f"{host}{path} is already routed to {rules[host, path]}")
                rules[host, path] = route.service
        known = first.setdefault(route.service, route)
        if (known.port, known.health) != (route.port, route.health):
            raise file.error(
                f"routes[{i}]", "all routes of a service need the same target_port and health", route.service
            )
