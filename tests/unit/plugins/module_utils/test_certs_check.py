# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every edge serves what the writer has, and whether that is good for long enough."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _certs, _certs_check
from ansible_collections.seaworthy.swarm.plugins.module_utils._certs_writer import Served
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import EdgeError
from tests.unit.plugins.certs_world import DAY, Swarm, World
from tests.unit.plugins.fakes import FakeClock

NOW = 1_000_000_000.0
ACME = Served("a.example.com", "s", "f", "https://acme.example.com/dir", NOW - 60 * DAY, NOW + 30 * DAY)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"not_after": NOW + 13 * DAY}, ""),
        ({"not_after": NOW + 11 * DAY}, "valid for 11.0 more days; renewals must have failed"),
        ({"not_after": NOW - DAY}, "ended 1.0 days ago"),
        ({"not_before": NOW + DAY}, "not valid yet"),
        ({"directory": "files", "not_after": NOW + 8 * DAY}, ""),
        ({"directory": "files", "not_after": NOW + 6 * DAY}, "put newer files in place"),
    ],
)
def test_near_its_end(changes: dict[str, t.Any], expected: str) -> None:
    found = _certs_check.near_end(dataclasses.replace(ACME, **changes), NOW)
    assert expected in found
    assert bool(found) is bool(expected)


def test_a_name_without_certificate_and_one_near_its_end() -> None:
    world = World(Swarm(FakeClock()))
    world.run(names=["a.example.com"])
    world.clock.sleep(80 * DAY)
    first, second = world.check_of().ending()
    assert "a.example.com: its certificate is valid for 10.0 more days" in first
    assert second == "b.example.com has no certificate"


def test_every_edge_that_shows_another_is_named_with_its_name() -> None:
    world = World(Swarm(FakeClock()))
    world.run()
    world.check_of().verify(0)
    world.old = {"m1", "m2"}
    with pytest.raises(EdgeError) as error:
        world.check_of().verify(0)
    for text in ("edge m1 shows another certificate for a.example.com", "edge m2 shows another certificate for b"):
        assert text in str(error.value)


def test_an_edge_that_does_not_answer() -> None:
    with pytest.raises(EdgeError, match=r"m1 \(127\.255\.255\.1\)"):
        _certs_check.TlsHandshakes().fingerprint(_certs.Edge("m1", "127.255.255.1"), "a.example.com")
    assert not _certs_check.TlsHandshakes().answers(_certs.Edge("m1", "127.255.255.1"), "a.example.com")
