# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate counts as replaced."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.system.authority import Replaced

DONE = Replaced(0, "", before={"a": "old", "b": "old"}, after={"a": "new", "b": "new"})


def test_replaced() -> None:
    assert DONE.faults() == []
    assert DONE.fingerprint == "new"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"code": 1, "output": "no"}, "the issuer ended with 1: no"),
        ({"after": {"a": "new", "b": "newer"}}, "the edges show different certificates"),
        ({"after": {"a": "old", "b": "old"}}, "a, b still show the old certificate"),
        ({"after": {"a": "new", "b": "old"}}, "b still show the old certificate"),
    ],
)
def test_not_replaced(change: dict[str, Any], fault: str) -> None:
    faults = dataclasses.replace(DONE, **change).faults()
    assert any(one.startswith(fault) for one in faults), faults
