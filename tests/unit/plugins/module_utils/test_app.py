# SPDX-License-Identifier: GPL-3.0-or-later
"""The app file: what is taken, and how the rest is refused."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._app import App, Route, parse_duration
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError

Json = dict[str, t.Any]
ROUTE: Json = {
    "service": "web",
    "target_port": 3000,
    "hosts": ["Shop.example.com"],
    "paths": ["/api/"],
    "health": "/up",
}


def parse(**keys: t.Any) -> App:
    return App.parse("shop", {"compose": ["compose.yaml"], "routes": [ROUTE]} | keys)


def test_whole_file() -> None:
    app = parse(
        version="1.0",
        environment={"A": 1, "B": "b"},
        classes={"worker": "worker", "migrate": "once"},
        secrets={"KEY": {}, "OTHER": {"generate": "password", "as": "env"}, "THIRD": None, "URL": {"as": "env"}},
        profiles=["mail"],
        drain="1m30s",
    )
    assert app.routes == (Route("web", 3000, ("shop.example.com",), ("/api",), "/up"),)
    assert (app.version, app.environment, app.secrets, app.drain) == (
        "1.0",
        {"A": "1", "B": "b"},
        ("KEY", "OTHER", "THIRD", "URL"),
        90.0,
    )
    assert (app.environment_secrets, app.profiles) == (("OTHER", "URL"), ("mail",))
    classes = [app.class_of(service) for service in ("web", "worker", "migrate", "other")]
    assert classes == ["routed", "worker", "once", "internal"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"route": []}, r"apps/shop.yml: route: unknown key.*Did you mean routes\?"),
        ({"zzz": 1}, r"zzz: unknown key. Known keys: compose"),
        ({"gates": []}, r"gates: this key is not available yet: gates come with the release engine"),
        ({"migrate": {}}, r"migrate: this key is not available yet"),
        ({"linger": {}}, r"linger: this key is not available yet"),
        ({"strategy": "recreate"}, r"strategy: this key is not available yet"),
        ({"provided": {}}, r"provided: this key is not available yet"),
        ({"compose": []}, r"compose: this key is required"),
        ({"compose": "compose.yaml"}, r"compose: a list is needed"),
        ({"version": 1.0}, r"version: this value cannot be used. found: 1.0. expected: .*in quotes"),
        ({"drain": 10}, r"drain: this is no duration. found: 10. expected: for example 10s"),
        ({"drain": "10 s"}, r"drain: this is no duration"),
        ({"environment": {"A": True}}, r"environment.A: .*quotes"),
        ({"environment": {"A": None}}, r"environment.A: "),
        ({"environment": []}, r"environment: a mapping is needed. found: list"),
        ({"secrets": {"a-b": {}}}, r"secrets.a-b: a secret is named like a variable"),
        ({"secrets": {"A": {"as": "file"}}}, r"secrets.A.as: this value cannot be used. found: file. expected: env"),
        ({"secrets": {"A": {"as": ["env"]}}}, r"secrets.A.as: this value cannot be used"),
        ({"secrets": {"A": {"ass": "env"}}}, r"secrets.A.ass: unknown key. Did you mean as\?"),
        ({"secrets": {"A": "env"}}, r"secrets.A: a mapping is needed here. found: str"),
        ({"secrets": {"SEAWORTHY_APP": {}}}, r"secrets.SEAWORTHY_APP: names that begin with SEAWORTHY_"),
        ({"secrets": {"seaworthy_line": {"as": "env"}}}, r"secrets.seaworthy_line: names that begin"),
        ({"secrets": {"A_FILE": {}, "A": {}}}, r"secrets.A_FILE: .* path of the secret A"),
        ({"profiles": "mail"}, r"profiles: a list is needed. found: str"),
        ({"profiles": [1]}, r"profiles: each item is a text"),
        ({"classes": {"web": "once"}}, r"classes.web: a service is routed exactly when a route names it. found: once"),
        ({"classes": {"db": "pinned"}}, r"classes.db: class pinned is not available yet"),
        ({"classes": {"worker": "wroker"}}, r"classes.worker: unknown class.*Did you mean worker"),
        ({"classes": {"web": "internal"}}, r"classes.web: a service is routed exactly when a route names it"),
        ({"routes": {}}, r"routes: a list is needed. found: dict"),
        ({"routes": [{**ROUTE, "middlewares": ["x"]}]}, r"routes\[0\].middlewares: this key is not available yet"),
        ({"routes": [{**ROUTE, "host": "x"}]}, r"routes\[0\].host: unknown key. Did you mean hosts"),
        ({"routes": [{**ROUTE, "target_port": "3000"}]}, r"routes\[0\].target_port"),
        ({"routes": [{**ROUTE, "hosts": []}]}, r"routes\[0\].hosts: this key is required"),
        ({"routes": [{**ROUTE, "hosts": ["*.example.com"]}]}, r"this is no hostname"),
        ({"routes": [{**ROUTE, "hosts": ["a`b.example.com"]}]}, r"this is no hostname"),
        ({"routes": [{**ROUTE, "paths": ["/"]}]}, r"this is no path"),
        ({"routes": [{**ROUTE, "paths": ["api"]}]}, r"this is no path"),
        ({"routes": [{**ROUTE, "paths": ["/a`b"]}]}, r"this is no path"),
        ({"routes": [{**ROUTE, "health": "up"}]}, r"routes\[0\].health"),
        ({"routes": [ROUTE, ROUTE]}, r"routes\[1\]: shop.example.com/api is already routed to web"),
        ({"routes": [ROUTE, {**ROUTE, "paths": [], "target_port": 1}]}, r"need the same target_port and health"),
        ({"routes": ["web"]}, r"routes\[0\]: a mapping is needed"),
    ],
)
def test_refused(keys: Json, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(**keys)


@pytest.mark.parametrize("name", ["Shop", "-shop", "shop-", "s" * 31, "shop_1", "1shop", ""])
def test_names(name: str) -> None:
    with pytest.raises(InputError, match="an app's name"):
        App.parse(name, {"compose": ["c"]})


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10.0), ("1m30s", 90.0), ("500ms", 0.5), ("1h", 3600.0), ("1.5s", 1.5), ("7us", 7e-6)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "10s ", "-1s", "1d", "1s2"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="^" + text):
        parse_duration(text)
