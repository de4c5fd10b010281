# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest lines of a release, from all of its replicas."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _tail
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.module_utils._logs import Line, Log
from tests.unit.plugins.module_utils.test_release import World


def moment(second: int) -> str:
    return f"1970-01-12T13:46:{second:02}.000000000Z"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Three replicas of web on m1, which write one line after the other."""
    world = World()
    world.run("1.0.0")
    nodes = [{"ID": "n1", "Description": {"Hostname": "m1"}, "Status": {"State": "ready"}}]
    monkeypatch.setattr(world.cluster, "nodes", lambda: nodes)
    for i, task in enumerate(world.cluster.stored_tasks):
        task["Status"]["ContainerStatus"] = {"ContainerID": "c"}
        lines = [Line(moment(i + 10 * round), "stdout", f"{i} in round {round}") for round in range(2)]
        world.cluster.written[task["ID"]] = Log(tuple(lines))
    return world


def gather(world: World, **options: t.Any) -> _tail.Tail:
    default: dict[str, t.Any] = {"service": None, "release": None, "tail": 100, "since": None}
    return _tail.gather(world.cluster, "shop", **default | options)


def test_lines_are_merged_by_time(world: World) -> None:
    found = gather(world)
    assert (found.release, found.version) == ("r1", "1.0.0")
    times = [entry.at for entry in found.entries]
    assert times == sorted(times)
    assert len(times) == 2 * 5
    assert {(entry.service, entry.replica, entry.node) for entry in found.entries} == {
        ("api", 1, "m1"),
        ("web", 1, "m1"),
        ("web", 2, "m1"),
        ("web", 3, "m1"),
        ("worker", 1, "m1"),
    }


def test_tail_counts_all_lines_together(world: World) -> None:
    assert [entry.at for entry in gather(world, tail=3).entries] == [moment(12), moment(13), moment(14)]


def test_since(world: World) -> None:
    assert len(gather(world, since=world.clock.now + 1e9).entries) == 0


def test_one_service(world: World) -> None:
    assert {entry.service for entry in gather(world, service="api").entries} == {"api"}
    with pytest.raises(InputError, match="expected: one of api, web, worker"):
        gather(world, service="nobody")


def test_another_release(world: World) -> None:
    assert gather(world, release=1).release == "r1"
    with pytest.raises(InputError, match="shop has no release r2"):
        gather(world, release=2)


def test_an_unknown_application(world: World) -> None:
    with pytest.raises(InputError, match=r"there is no application shpo\. found: shop\. Did you mean shop"):
        _tail.gather(world.cluster, "shpo", service=None, release=None, tail=1, since=None)


def test_what_cannot_be_read_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = world.cluster.stored_tasks[0]
    world.cluster.written[first["ID"]] = Log((), ("Error grabbing logs",))
    assert [text.partition(": ")[2] for text in gather(world).unread] == ["Error grabbing logs"]
    down = [{"ID": "n1", "Description": {"Hostname": "m1"}, "Status": {"State": "down"}}]
    monkeypatch.setattr(world.cluster, "nodes", lambda: down)
    found = gather(world)
    assert (len(found.entries), len(found.unread)) == (0, 5)
    assert "web.2 on m1: the node is down" in found.unread


def test_a_task_that_never_started_wrote_nothing(world: World) -> None:
    del world.cluster.stored_tasks[0]["Status"]["ContainerStatus"]
    assert len(gather(world).entries) == 2 * 4


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400)])
def test_time_spans(text: str, seconds: float) -> None:
    assert _tail.seconds(text) == seconds


def test_no_time_span() -> None:
    with pytest.raises(InputError, match=r"this is no time span\. found: yesterday"):
        _tail.seconds("yesterday")
