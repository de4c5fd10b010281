# SPDX-License-Identifier: GPL-3.0-or-later
"""Results are found in a journal full of other lines."""

from __future__ import annotations

import json

import pytest

from tests.system.journal import results, withdrawn


def test_results_among_other_lines() -> None:
    lines = [
        "Started seaworthy",
        '{"app": "shop", "message": "x"}',
        '"text"',
        '{"result": {"version": "2"}}',
        "{broken",
    ]
    assert results(lines) == [{"version": "2"}]


def test_withdrawn_is_blue_off_the_edges() -> None:
    steps = [
        {"at": 1.0, "phase": "clean", "step": "withdrawn"},
        {"at": 2.0, "phase": "switch", "step": "switched"},
        {"at": 3.5, "phase": "retire", "step": "withdrawn"},
        {"at": 4.0, "phase": "done"},
    ]
    assert withdrawn({"steps": steps}) == 3.5
    with pytest.raises(AssertionError, match="found 0"):
        withdrawn(json.loads('{"steps": []}'))
