# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer of certificates: what is due, what goes wrong, and what reaches the edges."""

from __future__ import annotations

import base64
import dataclasses
import functools
import itertools
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _orders
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    Conflict,
    EdgeError,
    InputError,
    LeaseHeld,
)
from ansible_collections.seaworthy.swarm.plugins.module_utils._lease import LIFETIME, LeaseLost
from tests.unit.plugins.certs_world import DAY, Json, Swarm, World, certificate
from tests.unit.plugins.fakes import FakeClock

A, B, WILD = "a.example.com", "b.example.com", "*.example.com"


@pytest.fixture
def world() -> World:
    return World(Swarm(FakeClock()))


# -- what is due


def test_all_is_due_then_nothing(world: World) -> None:
    assert world.issuer().due() == dict.fromkeys([A, B], "there is none")
    assert world.run() == {}
    assert world.issuer().due() == {}
    assert world.swarm.names() == [f"cert-{A}.yml", f"cert-{B}.yml"]
    index = world.swarm.index
    assert world.run() == {}
    assert (world.swarm.index, len(world.orders)) == (index, 2)


@pytest.mark.parametrize(("days", "due"), [(59, False), (61, True), (100, True)])
def test_renewal_at_a_third_of_the_lifetime(world: World, days: int, due: bool) -> None:
    world.run()
    world.clock.sleep(days * DAY)
    assert bool(world.issuer().due()) is due


def test_another_authority(world: World) -> None:
    world.run()
    assert "comes from" in world.issuer(directory="https://other.example.com/dir").due()[A]


def test_a_forced_name_must_be_known(world: World) -> None:
    with pytest.raises(InputError, match="not in the list"):
        world.run(force=["typo.example.com"])
    assert world.orders == []


# -- issuing


def test_a_rotation_replaces_and_removes_the_old(world: World) -> None:
    world.run()
    before = [item["SecretName"] for item in world.swarm.attached]
    assert world.run(force=[A]) == {}
    after = [item["SecretName"] for item in world.swarm.attached]
    assert len(after) == 2
    assert len(set(before) & set(after)) == 1
    assert sorted(item["Spec"]["Name"] for item in world.swarm.stored.values()) == sorted(after)


def test_one_name_fails_alone(world: World) -> None:
    world.broken = {A}
    assert list(world.run()) == [A]
    assert world.swarm.names() == [f"cert-{B}.yml"]


def test_a_malformed_certificate_of_the_authority_never_becomes_a_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()
    before = dict(world.swarm.stored)
    good = certificate(A, world.clock.time(), 77)
    body = base64.b64encode(b"first").decode()
    for chain in ("", "no PEM", good.chain.replace("\n", " "), f"-----BEGIN CERTIFICATE-----\n{body}: [\n"):
        bad = dataclasses.replace(good, chain=chain)
        monkeypatch.setattr(world, "order", lambda _name, _progress, bad=bad: bad)
        assert "not as expected" in world.run(force=[A])[A]
        assert world.swarm.stored == before


@pytest.mark.parametrize("addresses", [set(), {"198.51.100.1"}, {"192.0.2.11", "198.51.100.1"}])
def test_nothing_is_ordered_for_a_name_that_leads_elsewhere(world: World, addresses: set[str]) -> None:
    world.addresses[A] = addresses
    assert "does not lead to the edges" in world.run()[A]
    assert world.orders == [B]
    world.addresses.clear()
    assert world.run() == {}, "nothing was ordered, so there is nothing to wait for"


def test_an_order_that_did_not_reach_the_edges_is_used(world: World) -> None:
    world.kept[A] = certificate(A, world.clock.time(), 99)
    world.run()
    assert world.orders == [B]
    assert any(item["SecretName"].endswith("63") for item in world.swarm.attached)


@pytest.mark.parametrize("change", [{"names": ("other.example.com",)}, {"not_after": 1_000_000.0}])
def test_an_unusable_stored_certificate_is_ordered_again(world: World, change: Json) -> None:
    world.kept[A] = dataclasses.replace(certificate(A, world.clock.time(), 99), **change)
    world.run()
    assert A in world.orders


def test_others_change_the_service_meanwhile(world: World) -> None:
    world.swarm.stale = 3
    assert world.run() == {}
    world.swarm.stale = 99
    with pytest.raises(Conflict):
        world.run(force=[A])


def test_a_wildcard_needs_no_address_and_no_answer(world: World) -> None:
    world.addresses[WILD] = set()
    world.silent_until = world.clock.time() + 1000
    assert world.run(names=[WILD], dns_hook=True) == {}
    assert (world.orders, world.swarm.names()) == ([WILD], ["cert-_.example.com.yml"])


def test_a_name_taken_out_stays_until_it_ends(world: World) -> None:
    world.run()
    world.run(names=[A])
    assert len(world.swarm.attached) == 2
    world.clock.sleep(91 * DAY)
    world.run(names=[A])
    assert world.swarm.names() == [f"cert-{A}.yml"]


# -- edges


def test_an_order_waits_until_every_edge_answers_challenges(world: World) -> None:
    start = world.clock.time()
    world.silent_until = start + 20
    assert world.run() == {}
    assert world.clock.time() - start >= 20
    assert world.orders == [A, B]


def test_nothing_is_ordered_while_a_living_edge_is_silent(world: World) -> None:
    world.silent_until = world.clock.time() + 1000
    assert "no answer from m2 on port 80" in world.run()[A]
    assert world.orders == []


def test_an_edge_that_shows_an_old_certificate_is_found(world: World) -> None:
    world.old = {"m2"}
    with pytest.raises(EdgeError, match=r"m2 shows another certificate for a\.example\.com"):
        world.run()


@pytest.mark.parametrize("how", ["down", "drained"])
def test_an_edge_whose_node_rests_blocks_nothing(world: World, how: str) -> None:
    world.silent = {"m2"}
    if how == "down":
        world.swarm.states["m2"] = "down"
    else:
        world.swarm.drained = {"m2"}
    assert world.run() == {}
    assert world.orders == [A, B]
    assert any("edge m2 is left out" in text for text in world.said)
    world.silent, world.swarm.states["m2"], world.swarm.drained = set(), "ready", set()
    world.check_of().verify(0)


def test_a_state_that_nobody_knows_is_no_excuse(world: World) -> None:
    world.silent, world.swarm.states["m2"] = {"m2"}, "unknown"
    assert "no answer from m2" in world.run()[A]


def test_without_a_living_edge_nothing_is_well(world: World) -> None:
    world.swarm.states = {"m1": "down", "m2": "down"}
    with pytest.raises(EdgeError, match="no edge can serve"):
        world.run()


# -- the lease


def test_a_run_that_finds_it_held_says_by_whom(world: World) -> None:
    world.take("m1")
    with pytest.raises(LeaseHeld, match="being changed by m1"):
        world.run("m2")
    assert world.orders == []


def test_another_manager_renews_when_the_issuer_died(world: World) -> None:
    world.run("m1")
    world.clock.sleep(61 * DAY)
    world.take("m1")  # and dies
    world.clock.sleep(LIFETIME + 1)
    assert world.run("m2") == {}
    assert world.issuer().due() == {}


def test_who_lost_the_lease_stops(world: World) -> None:
    def sleep_too_long() -> None:
        world.clock.sleep(LIFETIME + 1)
        world.take("m2")

    lease = world.take("m1")
    world.meanwhile = sleep_too_long
    with pytest.raises(LeaseLost, match="taken over by m2"):
        world.issuer().run(lease)
    assert (world.orders, world.swarm.stored) == ([A], {})


def test_a_long_order_keeps_the_lease(world: World) -> None:
    lease = world.take("m1")
    world.meanwhile = functools.partial(world.clock.sleep, LIFETIME * 0.6)
    assert world.issuer().run(lease) == {}
    lease.release()


# -- back-off

QUARTER = 15 * 60
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


def every_quarter(world: World, hours: float, **changes: t.Any) -> None:
    """The timers of three managers, each every 15 minutes, five minutes apart."""
    for _step in range(int(hours * 4)):
        for manager in ("m1", "m2", "m3"):
            world.run(manager, directory=LETS_ENCRYPT, **changes)
            world.clock.sleep(QUARTER / 3)


def most(moments: list[float], window: float) -> int:
    """The most of them within a window of this length."""
    return max((sum(1 for at in moments if start <= at < start + window) for start in moments), default=0)


def test_the_authority_is_down_for_a_day(world: World) -> None:
    """Nothing is ordered while it is down; the first run after it is back renews."""
    world.run(directory=LETS_ENCRYPT)
    world.clock.sleep(61 * DAY)
    world.orders.clear()
    world.down = True
    every_quarter(world, 24)
    assert world.orders == []
    world.down = False
    assert world.run("m2", directory=LETS_ENCRYPT) == {}
    assert world.orders == [A, B]


def test_the_authority_answers_but_fails_for_a_day(world: World) -> None:
    """Its own faults (HTTP 5xx) are no failed validations: the wait does not grow, orders stay within the limit."""
    names = [f"n{number:02}.example.com" for number in range(15)]
    world.run(directory=LETS_ENCRYPT, names=names)
    world.clock.sleep(61 * DAY)
    world.moments.clear()
    world.faulty = True
    every_quarter(world, 24, names=names)
    assert most(world.moments, 3 * 3600) <= 300
    world.faulty = False
    world.clock.sleep(QUARTER)
    failed = world.run("m3", directory=LETS_ENCRYPT, names=names)
    assert failed == {}


def test_a_name_that_cannot_be_validated_for_three_days(world: World) -> None:
    """At most 5 failures in an hour, waits from 15 minutes to a day; the other name does not suffer."""
    world.broken = {A}
    every_quarter(world, 72)
    attempts = [at for name, at in zip(world.orders, world.moments, strict=True) if name == A]
    assert world.orders.count(B) == 1
    assert most(attempts, 3600) <= 5
    waits = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert waits[0] <= QUARTER * 2
    assert max(waits) == pytest.approx(24 * 3600, abs=QUARTER)
    reason = world.run("m1", directory=LETS_ENCRYPT)[A]
    assert "no certificate for a.example.com" in reason
    assert "the next one is made after" in reason
    assert "--force" in reason


def test_force_ignores_the_wait_and_says_so(world: World) -> None:
    world.broken = {A}
    world.run()
    world.broken = set()
    assert A in world.run("m2")
    assert world.orders.count(A) == 1
    assert world.run("m3", force=[A]) == {}
    assert any("ordered all the same" in text for text in world.said)
    world.clock.sleep(61 * DAY)
    assert world.run() == {}, "a success forgets the failures"


def test_failures_at_another_authority_do_not_count(world: World) -> None:
    world.broken = {A}
    world.run(directory="https://acme-staging-v02.api.letsencrypt.org/directory")
    world.broken = set()
    assert world.run(directory=LETS_ENCRYPT) == {}


def test_a_hundred_new_names_of_one_domain(world: World) -> None:
    """Let's Encrypt gives 50 in a week; the others come as the week goes on."""
    names = [f"n{number:02}.example.com" for number in range(100)]
    failed = world.run(directory=LETS_ENCRYPT, names=names)
    assert len(failed) == 100 - _orders.SAME_DOMAIN
    assert "names of example.com in 168 h are near the limit" in failed["n99.example.com"]
    world.clock.sleep(8 * DAY)
    assert len(world.run(directory=LETS_ENCRYPT, names=names)) == 100 - 2 * _orders.SAME_DOMAIN
    assert len(world.issuer(names=names, directory=LETS_ENCRYPT).due()) == 10


def test_an_authority_of_ones_own_has_no_such_limit(world: World) -> None:
    names = [f"n{number:02}.example.com" for number in range(100)]
    assert world.run(names=names) == {}


def test_a_manager_that_dies_in_an_order_has_made_it(world: World) -> None:
    class Death(BaseException):
        """The host is gone."""

    def die() -> None:
        raise Death

    world.meanwhile = die
    with pytest.raises(Death):
        world.issuer().run(world.take("m1"))
    assert len(_orders.read(world.swarm).names[A].orders) == 1
