# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease of an app: compare-and-swap on the labels of one config."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lease
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import Conflict, LeaseHeld, Unavailable
from tests.unit.plugins.fakes import FakeClock, FakeCluster


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cluster(clock: FakeClock) -> FakeCluster:
    return FakeCluster(clock)


def acquire(cluster: FakeCluster, owner: str) -> _lease.Lease:
    return _lease.Lease.acquire(cluster, cluster.clock, "shop", owner, f"nonce of {owner}")


def test_the_record_survives_its_labels() -> None:
    record = _lease.Record("shop", "me", "n", 12.5, "start", 7, 6, "1.0", "abc")
    assert _lease.Record.read("shop", record.labels()) == record


def test_the_record_stays_when_the_lease_is_given_back(cluster: FakeCluster) -> None:
    lease = acquire(cluster, "me")
    lease.step("retire", last=3, serving=3, version="1.0")
    lease.release()
    record = _lease.read_record(cluster, "shop")
    assert (record.last, record.serving, record.version, record.owner, record.nonce) == (3, 3, "1.0", "", "")


def test_an_app_without_release_has_an_empty_record(cluster: FakeCluster) -> None:
    assert _lease.read_record(cluster, "shop") == _lease.Record("shop")


def test_a_held_lease_is_refused_by_name(cluster: FakeCluster) -> None:
    acquire(cluster, "me")
    with pytest.raises(LeaseHeld, match="being changed by me"):
        acquire(cluster, "you")


def test_a_lease_that_ended_is_taken_over_and_the_old_owner_finds_out(cluster: FakeCluster, clock: FakeClock) -> None:
    old = acquire(cluster, "me")
    clock.now += _lease.LIFETIME + 1
    acquire(cluster, "you")
    for action in (old.beat, lambda: old.step("switch", serving=9), old.release):
        with pytest.raises(_lease.LeaseLost, match="taken over by you"):
            action()
    assert _lease.read_record(cluster, "shop").serving == 0


def test_keep_renews_only_when_half_of_the_time_is_over(cluster: FakeCluster, clock: FakeClock) -> None:
    lease = acquire(cluster, "me")
    end = lease.record.expires
    clock.now += _lease.LIFETIME / 2 - 1
    lease.keep()
    assert lease.record.expires == end
    clock.now += 2
    lease.keep()
    assert lease.record.expires == pytest.approx(clock.now + _lease.LIFETIME)


def test_only_one_of_two_that_read_the_same_index_wins(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    acquire(cluster, "nobody").release()
    update = cluster.update_config

    def outrun(id: str, version: int, spec: dict[str, t.Any]) -> None:
        monkeypatch.undo()
        acquire(cluster, "the faster one")
        update(id, version, spec)

    monkeypatch.setattr(cluster, "update_config", outrun)
    with pytest.raises(LeaseHeld, match="the faster one"):
        acquire(cluster, "the slower one")


def test_a_lost_answer_is_found_out_by_reading(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = acquire(cluster, "me")
    update = cluster.update_config

    def deaf(id: str, version: int, spec: dict[str, t.Any]) -> None:
        update(id, version, spec)
        raise Unavailable("no answer")

    monkeypatch.setattr(cluster, "update_config", deaf)
    lease.step("start", last=1)
    monkeypatch.undo()
    lease.step("switch")
    assert _lease.read_record(cluster, "shop").last == 1


def test_a_swarm_without_leader_does_not_end_a_lease_that_still_runs(
    cluster: FakeCluster, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = acquire(cluster, "me")

    def unavailable(*_arguments: t.Any) -> None:
        raise Unavailable("the swarm does not have a leader")

    monkeypatch.setattr(cluster, "update_config", unavailable)
    lease.beat()
    clock.now += _lease.LIFETIME + 1
    with pytest.raises(Unavailable):
        lease.beat()


def test_labels_changed_by_hand_are_a_conflict(cluster: FakeCluster) -> None:
    lease = acquire(cluster, "me")
    config = cluster.config("seaworthy-app-shop")
    labels = config["Spec"]["Labels"] | {"seaworthy.lease.last": "77"}
    cluster.update_config(config["ID"], config["Version"]["Index"], config["Spec"] | {"Labels": labels})
    with pytest.raises(Conflict):
        lease.step("start", last=1)
