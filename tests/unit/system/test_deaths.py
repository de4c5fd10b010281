# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of a host's death: when the edges knew, and what may fail before and after."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.deaths import Death, down_at, flaps
from tests.system.load import PROBE

DEAD = ["http://10.0.0.3:8080"]


def look(at: float, **states: str | None) -> dict[str, Any]:
    """What edges say of the dead server beside one that lives; None: no answer; "gone": not listed."""
    edges = {}
    for edge, state in states.items():
        servers = {"http://10.0.0.4:8080": "UP"} | ({} if state == "gone" else {DEAD[0]: state})
        edges[edge] = None if state is None else servers
    return {"at": at, "edges": edges}


def failure(at: float, stream: str = "get, keep-alive", seconds: float = 1.0) -> dict[str, Any]:
    return {"at": at, "seconds": seconds, "stream": stream, "edge": "m2", "kind": "timeout", "detail": "x"}


def death(*failures: dict[str, Any], known: float | None = 103.0, **changes: Any) -> Death:
    result = {
        "sent": 9000,
        "failed": len(failures),
        "samples": list(failures),
        "websockets": {"closed": [{}]},
        "load_average": [1.0, 1.0, 1.0],
    }
    return Death(100.0, known, {**result, **changes}, PROBE)


def test_down_when_every_edge_says_so() -> None:
    looks = [look(1, a="UP", b="DOWN"), look(2, a=None, b="DOWN"), look(3, a="DOWN", b="gone"), look(4, a="UP", b="UP")]
    assert down_at(looks, DEAD) == 3
    assert down_at(looks[:2], DEAD) is None
    assert flaps(looks, DEAD, 3) == [looks[3]]


def test_an_edge_that_knows_no_server_knows_nothing() -> None:
    assert down_at([{"at": 1, "edges": {"a": {}}}], DEAD) is None


def test_failures_before_the_edges_know_are_reported() -> None:
    found = death(failure(99.5), failure(102.4), failure(102.9, "post", 10.0))
    assert found.faults() == []
    facts = found.facts()
    assert facts["failed_by_kind"] == {"GET": {"timeout": 2}, "POST": {"timeout": 1}}
    assert facts["failed_for_seconds"] == {"GET": 2.4, "POST": 2.9}
    assert (facts["failed"], facts["failed_after_down"], facts["down_after_seconds"]) == (3, 0, 3.0)


def test_without_failures() -> None:
    assert death().faults() == []
    assert death().facts()["failed_for_seconds"] == {"GET": 0.0, "POST": 0.0}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (death(failure(103.1)), "1 requests failed after every living edge"),
        (death(failure(90.0)), "1 requests failed before the host died"),
        (death(known=None), "the living edges never showed"),
        (death(failure(125.1), known=None), "GET failed up to 25.1 s"),
        (death(failure(150.1, "post"), known=None), "POST failed up to 50.1 s"),
        (death(sent=4999), "only 4999 requests"),
        (death(failed=7), "only 0 of 7 failures"),
    ],
)
def test_a_fault_is_told(found: Death, expected: str) -> None:
    assert any(fault.startswith(expected) for fault in found.faults()), found.faults()
