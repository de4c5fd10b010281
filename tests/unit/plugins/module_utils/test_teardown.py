# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the platform out of a swarm leaves what others made."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _teardown
from ansible_collections.seaworthy.swarm.plugins.module_utils._cluster import Cluster, Filters
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import ClusterError
from tests.unit.plugins.fakes import FakeClock

Json = dict[str, t.Any]
OURS = {"seaworthy.platform": "traefik"}


def thing(id: str, labels: dict[str, str] | None) -> Json:
    return {"ID": id, "Id": id, "Name": id, "Labels": labels, "Spec": {"Name": id, "Labels": labels}}


class Swarm(Cluster):
    """One object of each kind is ours, one is not; a network is in use for a while."""

    def __init__(self, clock: FakeClock, busy: int = 2) -> None:
        super().__init__(clock=clock)
        self.left = {
            kind: [thing(f"our-{kind}", OURS), thing(f"other-{kind}", None)]
            for kind in ("service", "config", "secret", "network")
        }
        self.busy = busy

    def services(self, filters: Filters | None = None) -> list[Json]:
        return self.left["service"]

    def configs(self, filters: Filters | None = None) -> list[Json]:
        return self.left["config"]

    def secrets(self, filters: Filters | None = None) -> list[Json]:
        return self.left["secret"]

    def networks(self, filters: Filters | None = None) -> list[Json]:
        return self.left["network"]

    def _remove(self, kind: str, id: str) -> None:
        self.left[kind] = [one for one in self.left[kind] if one["ID"] != id]

    def remove_service(self, id: str) -> None:
        self._remove("service", id)

    def remove_config(self, id: str) -> None:
        self._remove("config", id)

    def remove_secret(self, id: str) -> None:
        self._remove("secret", id)

    def remove_network(self, id: str) -> None:
        self.busy -= 1
        if self.busy >= 0:
            raise ClusterError(f"network {id} is in use", status=400)
        self._remove("network", id)


def test_ours_goes_and_others_stay() -> None:
    clock = FakeClock()
    swarm = Swarm(clock)
    found = _teardown.objects(swarm)
    assert [kind for kind, _id, _name in found] == ["service", "config", "secret", "network"]
    _teardown.remove(swarm, clock, found)
    assert [one["ID"] for kind in swarm.left.values() for one in kind] == [
        "other-service",
        "other-config",
        "other-secret",
        "other-network",
    ]
    assert _teardown.foreign_services(swarm) == ["other-service"]
    assert _teardown.objects(swarm) == []


def test_what_stays_in_use_is_an_error_in_the_end() -> None:
    clock = FakeClock()
    swarm = Swarm(clock, busy=10_000)
    start = clock.now
    with pytest.raises(ClusterError, match="in use"):
        _teardown.remove(swarm, clock, _teardown.objects(swarm))
    assert clock.now - start == pytest.approx(_teardown.SECONDS, abs=2)
