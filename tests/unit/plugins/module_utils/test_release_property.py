# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the swarm and the edges answer: a release ends, one version serves, and the next run puts all in order."""

from __future__ import annotations

import collections.abc as c
import typing as t

import hypothesis
from hypothesis import strategies as st

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    ClusterError,
    Conflict,
    SeaworthyError,
    Unavailable,
)
from ansible_collections.seaworthy.swarm.plugins.module_utils._lease import read_record
from tests.unit.plugins.module_utils import test_release, test_start
from tests.unit.plugins.module_utils.test_release import World

Json = dict[str, t.Any]
CALLS = (
    "config",
    "configs",
    "update_config",
    "create_container",
    "has_path",
    "remove_container",
    "services",
    "service",
    "update_service",
    "remove_service",
    "tasks",
    "networks",
    "remove_network",
    "pull",
    "image",
)
ERRORS: tuple[c.Callable[[], SeaworthyError], ...] = (
    lambda: Unavailable("the swarm does not have a leader"),
    lambda: Conflict("update out of sequence", status=500),
    lambda: ClusterError("something else", status=500),
)

Fault = tuple[str, int, int, int, bool]
faults = st.lists(
    st.tuples(
        st.sampled_from(CALLS), st.integers(0, 30), st.integers(1, 40), st.integers(0, len(ERRORS) - 1), st.booleans()
    ),
    max_size=4,
)
away = st.lists(st.tuples(st.sampled_from(["m1", "m2", "m3"]), st.integers(0, 60), st.integers(1, 200)), max_size=2)
boots = st.sampled_from(["become_healthy", "become_healthy", "crash", "stay_silent"])
boots_once = st.sampled_from(["succeed", "succeed", "exit_3"])
lost_deploys = st.sets(st.integers(0, 8), max_size=3)


def break_call(world: World, fault: Fault) -> None:
    """From its n-th call on it fails for some calls; `late`: after it has done its work, the answer is lost."""
    name, first, count, kind, late = fault
    real = getattr(world.cluster, name)
    calls = 0

    def broken(*arguments: t.Any, **options: t.Any) -> t.Any:
        nonlocal calls
        calls += 1
        fails = first < calls <= first + count
        if fails and not late:
            raise ERRORS[kind]()
        answer = real(*arguments, **options)
        if fails:
            raise ERRORS[kind]()
        return answer

    setattr(world.cluster, name, broken)


def hide_edge(world: World, name: str, after: int, seconds: int) -> None:
    world.clock.after(after, lambda: world.edges.silent.add(name))
    world.clock.after(after + seconds, lambda: world.edges.silent.discard(name))


def lose_answers(world: World, numbers: set[int]) -> None:
    """Of these deploys; the engine has done what they asked for."""
    real = world.stacks.deploy
    calls = 0

    def deploy(name: str, document: Json) -> None:
        nonlocal calls
        calls += 1
        real(name, document)
        if calls - 1 in numbers:
            raise Unavailable("docker stack deploy gave no answer")

    vars(world.stacks)["deploy"] = deploy


def check_end(world: World) -> None:
    """One version is served, and whatever runs once has run once."""
    assert world.served() in ("shop-web-r1", "shop-web-r2")
    assert read_record(world.cluster, "shop").serving in (1, 2)
    world.cluster.boot, world.cluster.boot_once = world.cluster.become_healthy, world.cluster.succeed
    last = world.run("1.2.0", secrets=test_start.SECRETS)
    assert world.served() == f"shop-web-{last['release']}"
    assert len(world.present()) == 1
    ran = [line for line in world.cluster.log if line.startswith("run ")]
    assert len(ran) == len(set(ran))


@hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
@hypothesis.given(
    model=st.sampled_from([test_release.MODEL, test_start.MODEL]),
    faults=faults,
    away=away,
    boot=boots,
    boot_once=boots_once,
    lost=lost_deploys,
)
def test_any_order_of_errors(
    model: Json, faults: list[Fault], away: list[tuple[str, int, int]], boot: str, boot_once: str, lost: set[int]
) -> None:
    world = World()
    world.model = model
    world.run("1.0.0", secrets=test_start.SECRETS)
    began = world.clock.now
    world.cluster.boot = getattr(world.cluster, boot)
    world.cluster.boot_once = getattr(world.cluster, boot_once)
    lose_answers(world, lost)
    for fault in faults:
        break_call(world, fault)
    for hidden in away:
        hide_edge(world, *hidden)
    try:
        result = world.run("1.1.0", secrets=test_start.SECRETS)
        assert boot == "become_healthy"
        assert result["version"] == "1.1.0"
    except SeaworthyError:
        pass
    assert world.clock.now - began < 1800, "every wait has a deadline"
    for name in CALLS:
        vars(world.cluster).pop(name, None)
    world.clock.sleep(300)  # no edge is hidden any more after that
    check_end(world)
