# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of a load run: each kind of fault is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.load import faults


def result(**changes: Any) -> dict[str, Any]:
    streams = {"two seconds": {"sent": 300, "failures": {}}, "post": {"sent": 5700, "failures": {}}}
    sockets = {"wanted": 20, "alive_at_end": 20, "closed": []}
    good = {
        "sent": 6000,
        "per_second": 104.2,
        "failed": 0,
        "mixed": 0,
        "streams": streams,
        "samples": [],
        "websockets": sockets,
    }
    return {**good, **changes}


def ended(at: float, **more: Any) -> dict[str, Any]:
    return {"websockets": {"wanted": 20, "alive_at_end": 20, "closed": [{"at": at, "reconnect": "ok", **more}]}}


def test_a_good_run_has_no_fault() -> None:
    assert faults(result()) == []
    assert faults(result(**ended(110.1)), off_at=100.0, drain=10) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"failed": 1}, "1 of 6000 requests failed"),
        ({"mixed": 2}, "2 pages mixed"),
        ({"sent": 4999}, "only 4999 requests"),
        ({"per_second": 99.9}, "only 99.9 requests/s"),
        ({"streams": {"two seconds": {"sent": 199, "failures": {}}}}, "only 199 long"),
        (ended(109.9), "1 WebSockets failed"),
        (ended(120, reconnect="refused: x"), "1 WebSockets failed"),
        ({"websockets": {"wanted": 20, "alive_at_end": 19, "closed": []}}, "only 19 WebSockets"),
    ],
)
def test_a_fault_is_told(changes: dict[str, Any], expected: str) -> None:
    found = faults(result(**changes), off_at=100.0, drain=10)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_without_a_switch_no_socket_may_end() -> None:
    assert len(faults(result(**ended(500)), off_at=None)) == 1
