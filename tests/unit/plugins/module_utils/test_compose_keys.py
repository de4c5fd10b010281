# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of keys: they hold all of the Compose Specification, and nothing else."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _compose_service
from ansible_collections.seaworthy.swarm.plugins.module_utils._compose_findings import UNKNOWN, asked, shown, taken
from ansible_collections.seaworthy.swarm.plugins.module_utils._compose_keys import (
    SERVICE,
    SERVICE_BY_PATH,
    TOP,
    TOP_BY_PATH,
    Key,
    Verdict,
)
from tests.tools import compose_doc
from tests.tools.compose_keys import keys

SPEC = [
    line
    for line in (pathlib.Path(__file__).parent / "data/compose_spec_keys.txt").read_text().splitlines()
    if not line.startswith("#")
]
OF_A_SERVICE = "services.*."


def rows_for(path: str, table: t.Mapping[str, Key]) -> list[str]:
    """The rows that speak for a key: itself, one above it without rows of its own, or those beneath it."""
    above = [row for row in table if path.startswith(f"{row}.") and not any(one.startswith(f"{row}.") for one in table)]
    return [row for row in table if row == path or row.startswith(f"{path}.")] + above


@pytest.mark.parametrize("path", SPEC)
def test_every_key_of_the_specification_has_a_verdict(path: str) -> None:
    table = SERVICE_BY_PATH if path.startswith(OF_A_SERVICE) else TOP_BY_PATH
    assert rows_for(path.removeprefix(OF_A_SERVICE), table)


def test_no_row_speaks_for_a_key_that_the_specification_does_not_have() -> None:
    rows = [OF_A_SERVICE + key.path for key in SERVICE] + [key.path for key in TOP]
    assert [row for row in rows if row not in SPEC] == []
    assert len(rows) == len(set(rows))


def test_each_row_says_what_it_must() -> None:
    for key in (*SERVICE, *TOP):
        assert key.says, key
        assert bool(key.becomes) == (key.verdict in (Verdict.KEPT, Verdict.TRANSLATED)), key


def test_the_page_is_current() -> None:
    assert not compose_doc.outdated(), "make docs"


def test_the_keys_of_a_schema() -> None:
    schema = {
        "properties": {"services": {"patternProperties": {"^a$": {"$ref": "#/definitions/s"}, "^x-": {}}}, "n": {}},
        "definitions": {
            "s": {
                "oneOf": [
                    {"properties": {"a": {"items": {"properties": {"b": {}}}}}},
                    {"additionalProperties": {"anyOf": [{"properties": {"c": {}}}, {"$ref": "#/definitions/s"}]}},
                ]
            }
        },
    }
    assert keys(schema) == ["n", "services", "services.*.*.c", "services.*.a", "services.*.a.*.b"]


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ({"image": "x"}, [("image", "translated")]),
        ({"x-mine": 1, "command": None, "dns": [], "labels": {}}, []),
        ({"privileged": False, "pid": ""}, []),
        ({"privileged": True}, [("privileged", "refused")]),
        ({"init": False}, [("init", "kept")]),
        ({"surprise": 1}, [("surprise", "refused")]),
        (
            {"healthcheck": {"x-a": 1, "surprise": 1, "test": ["NONE"]}},
            [("healthcheck.surprise", "refused"), ("healthcheck.test", "kept")],
        ),
        (
            {"networks": {"x-net": {"aliases": ["a"]}, "b": None}},
            [("networks", "translated"), ("networks.x-net.aliases", "translated")],
        ),
        ({"environment": {"x-a": "1"}}, [("environment", "translated")]),
        ({"build": {"anything": {"below": 1}}}, [("build", "used")]),
        (
            {"deploy": {"placement": {"preferences": [{"spread": "a"}, {"spread": "b"}]}}},
            [("deploy.placement.preferences[0].spread", "kept"), ("deploy.placement.preferences[1].spread", "kept")],
        ),
    ],
)
def test_asked(model: dict[str, t.Any], found: list[tuple[str, str]]) -> None:
    assert [(one.path, str(one.key.verdict)) for one in asked(model, SERVICE_BY_PATH)] == found


def test_a_key_of_tomorrow_is_refused() -> None:
    assert [one.key.says for one in asked({"surprise": {"a": 1}}, SERVICE_BY_PATH)] == [UNKNOWN]


def test_taken_leaves_out_what_the_table_does_not_have() -> None:
    model = {
        "x-a": 1,
        "surprise": 2,
        "deploy": {"x-b": 1, "placement": {"preferences": [{"spread": "a", "x-c": 1}]}},
        "labels": {"x-d": "kept: it is a label's name"},
    }
    assert taken(model, SERVICE_BY_PATH) == {
        "deploy": {"placement": {"preferences": [{"spread": "a"}]}},
        "labels": {"x-d": "kept: it is a label's name"},
    }


def test_long_values_are_cut() -> None:
    assert shown("a" * 300) == "a" * 200 + "…"
    assert shown({"a": [1]}) == '{"a": [1]}'


def test_what_is_copied_is_what_the_table_keeps() -> None:
    assert set(_compose_service.COPIED) == {
        *("command", "entrypoint", "user", "working_dir", "init", "stdin_open", "tty", "stop_signal"),
        *("stop_grace_period", "hostname", "ulimits", "dns", "dns_search", "read_only", "sysctls"),
    }
