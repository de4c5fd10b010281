# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers of a release as labels, and what edges must say about them."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.seaworthy.swarm.plugins.module_utils import _edges, _routing
from ansible_collections.seaworthy.swarm.plugins.module_utils._app import App
from ansible_collections.seaworthy.swarm.plugins.module_utils._routing import Colour

Json = dict[str, t.Any]
APP = App.parse(
    "shop",
    {
        "compose": ["c"],
        "routes": [
            {"service": "web", "target_port": 3000, "hosts": ["a.example.com", "b.example.com"], "health": "/up"},
            {"service": "api", "target_port": 4000, "hosts": ["a.example.com"], "paths": ["/api", "/v2"]},
        ],
    },
)


def router(service: str, name: str, colour: Colour = Colour.SERVING) -> _routing.Router:
    found = {router.name: router for router in _routing.routers_of(_routing.labels(APP, service, 3, colour))}
    return found[name]


def test_rules() -> None:
    assert router("web", "shop-web-r3").rule == "(Host(`a.example.com`) || Host(`b.example.com`))"
    assert router("api", "shop-api-r3-2").rule == "Host(`a.example.com`) && (Path(`/v2`) || PathPrefix(`/v2/`))"
    assert router("api", "shop-api-r3-preview").rule == (
        "Host(`edge.internal`) && Header(`x-seaworthy-release`, `shop-r3`) && (Path(`/api`) || PathPrefix(`/api/`))"
    )


def test_a_waiting_release_is_previewed_only() -> None:
    routers = _routing.routers_of(_routing.labels(APP, "api", 3, Colour.WAITING))
    assert {router.name: router.public for router in routers} == {
        "shop-api-r3-preview": False,
        "shop-api-r3-2-preview": False,
    }


def test_a_special_rule_wins_in_every_colour() -> None:
    highest_general = router("web", "shop-web-r3", Colour.SWITCHED).priority
    lowest_special = router("api", "shop-api-r3-2", Colour.SERVING).priority
    assert highest_general < lowest_special


PATHS = st.lists(
    st.sampled_from(["", "/a", "/b", "/a/b", "/a/c", "/ab", "/a/b/c"]), min_size=1, max_size=7, unique=True
)


@given(PATHS, st.data())
def test_the_more_special_path_wins_whatever_the_order_and_colour(paths: list[str], data: st.DataObject) -> None:
    """Of two routers that take one request, the one with the longer path has the higher priority: never equal ones."""
    services = [data.draw(st.sampled_from(["web", "api", "admin"])) for _path in paths]
    routes = [
        {"service": service, "target_port": 80, "hosts": ["a.example.com"]} | ({"paths": [path]} if path else {})
        for service, path in zip(services, paths, strict=True)
    ]
    app = App.parse("shop", {"compose": ["c"], "routes": routes})
    priorities = {}
    for service in set(services):
        live = _routing.labels(app, service, 3, data.draw(st.sampled_from([Colour.SERVING, Colour.SWITCHED])))
        public = {router.rule: router.priority for router in _routing.routers_of(live) if router.public}
        for path in app.routes_of(service):
            only = path.paths[0] if path.paths else ""
            rule = "Host(`a.example.com`)" + (f" && (Path(`{only}`) || PathPrefix(`{only}/`))" if only else "")
            priorities[only] = public.pop(rule)
        assert public == {}
    for one, other in itertools.permutations(priorities, 2):
        if f"{other}/".startswith(f"{one}/"):  # `one` takes every request that `other` takes
            assert priorities[one] < priorities[other]


def test_every_router_has_a_priority() -> None:
    live = _routing.labels(APP, "api", 3, Colour.SWITCHED)
    rules = {label.split(".")[3] for label in live if label.startswith("traefik.http.routers.")}
    assert {label.split(".")[3] for label in live if label.endswith(".priority")} == rules


def test_colours_differ_for_one_rule() -> None:
    switched = router("web", "shop-web-r3", Colour.SWITCHED).priority
    serving = router("web", "shop-web-r3", Colour.SERVING).priority
    assert (serving, switched) == (150, 190)


def test_serving_changes_public_priorities_only() -> None:
    switched = _routing.labels(APP, "api", 3, Colour.SWITCHED)
    assert _routing.serving(switched) == _routing.labels(APP, "api", 3, Colour.SERVING)
    assert _routing.serving({}) == {}


def test_withdrawn_and_offered() -> None:
    live = _routing.labels(APP, "web", 3, Colour.SERVING)
    assert _routing.withdrawn(live)["traefik.enable"] == "false"
    assert _routing.offered(_routing.withdrawn(live)) == live
    assert _routing.withdrawn({}) == _routing.offered({}) == {}


def test_the_preview_has_the_apps_own_host_and_no_retry() -> None:
    labels = _routing.labels(APP, "web", 3, Colour.WAITING)
    assert labels["traefik.http.middlewares.shop-web-r3-host.headers.customrequestheaders.Host"] == "a.example.com"
    assert "retry" not in labels["traefik.http.routers.shop-web-r3-preview.middlewares"]


def test_previews_ask_the_health_path_where_the_router_takes_it() -> None:
    web, api, second = _routing.previews(APP, 3)
    assert (web.path, web.is_health) == ("/up", True)
    assert (api.router, api.path, api.is_health) == ("shop-api-r3", "/api", False)
    assert (second.router, second.path) == ("shop-api-r3-2", "/v2")


@pytest.mark.parametrize(
    ("status", "replicas", "doubt"),
    [
        (None, 1, "does not know service"),
        ({}, 1, "0 of 1"),
        ({"a": "UP"}, 1, None),
        ({"a": "UP"}, 2, "1 of 2"),
        ({"a": "UP", "b": "DOWN"}, 1, "1 not"),
    ],
)
def test_doubt_of_service(status: dict[str, str] | None, replicas: int, doubt: str | None) -> None:
    found = _edges.doubt_of_service("web", replicas, None if status is None else {"serverStatus": status})
    assert (found is None) if doubt is None else doubt in str(found)


@pytest.mark.parametrize(
    ("found", "doubt"),
    [
        (None, "does not know router"),
        ({"status": "disabled", "error": ["no service"]}, "disabled: no service"),
        ({"status": "enabled", "priority": 110, "rule": "x"}, "at priority 110, not 190"),
        ({"status": "enabled", "priority": 190, "rule": "x"}, None),
    ],
)
def test_doubt_of_router(found: Json | None, doubt: str | None) -> None:
    said = _edges.doubt_of_router(_routing.Router("web", "x", 190, True), found)
    assert (said is None) if doubt is None else doubt in str(said)


@pytest.mark.parametrize(
    ("status", "router_name", "is_health", "doubt"),
    [
        (404, None, True, "does not preview"),
        (200, "other", True, "does not preview"),
        (200, "web", True, None),
        (404, "web", True, "got 404"),
        (404, "web", False, None),
        (502, "web", False, "got 502"),
        (503, "web", True, "got 503"),
    ],
)
def test_doubt_of_preview(status: int, router_name: str | None, is_health: bool, doubt: str | None) -> None:
    preview = _routing.Preview("web", "web", "shop-r3", "/", is_health)
    headers = {_routing.ANSWER_HEADER: router_name} if router_name else {}
    said = _edges.doubt_of_preview(preview, _edges.Answer(status, headers, b""))
    assert (said is None) if doubt is None else doubt in str(said)
