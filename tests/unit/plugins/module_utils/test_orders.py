# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of orders: its labels, its waits, and what it forgets."""

from __future__ import annotations

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _orders
from ansible_collections.seaworthy.swarm.plugins.module_utils._orders import History, IssuerLease, Ledger
from tests.unit.plugins.fakes import FakeClock, FakeCluster

OWN = "https://acme.example.com/dir"
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
NOW = 1_000_000.0


def test_the_record_survives_its_labels() -> None:
    history = History(OWN, (1, 2), (2,), 3, 99, 'it said "no"\nand more')
    ledger = Ledger("m1", "n", 12.5, {"a.example.com": history, "*.example.com": History(OWN)})
    assert Ledger().seen(ledger.labels()) == ledger


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 15), (2, 30), (3, 60), (4, 120), (7, 960), (8, 1440), (60, 1440)]
)
def test_waits_grow_to_a_day(failures: int, minutes: int) -> None:
    history = History(OWN)
    for _failure in range(failures):
        history = history.failed(NOW, "refused")
    assert history.until == NOW + minutes * 60
    assert history.failed(NOW, "it is ill", authority=True).until == NOW + 900
    assert history.succeeded(NOW) == History(OWN, (), (round(NOW),))


def test_reasons_are_short() -> None:
    assert len(History(OWN).failed(NOW, "word\n" * 1000).text()) < 500


def test_five_the_same_in_a_week_leave_one_for_a_hand() -> None:
    issued = tuple(round(NOW) - day * 86400 for day in (6, 3, 2, 1))
    ledger = Ledger(names={"a.example.com": History(LETS_ENCRYPT, issued, issued)})
    wait = ledger.wait("a.example.com", LETS_ENCRYPT, NOW, new=False)
    assert "4 certificates for a.example.com in 168 h" in wait
    assert ledger.wait("a.example.com", LETS_ENCRYPT, NOW + 86401, new=False) == ""
    assert ledger.wait("a.example.com", OWN, NOW, new=False) == ""


def test_orders_of_the_account_in_three_hours() -> None:
    orders = tuple(round(NOW) - 60 * number for number in range(10))
    names = {f"n{number}.example{number}.com": History(LETS_ENCRYPT, orders) for number in range(25)}
    ledger = Ledger(names=names)
    assert "250 orders in 3 h" in ledger.wait("new.example.com", LETS_ENCRYPT, NOW, new=True)
    assert ledger.wait("new.example.com", LETS_ENCRYPT, NOW + 3 * 3600, new=True) == ""


def test_what_is_long_ago_is_forgotten() -> None:
    clock = FakeClock()
    cluster = FakeCluster(clock)
    lease = IssuerLease.take(cluster, clock, Ledger(), "m1", "nonce")
    lease.remember("a.example.com", History(OWN).ordered(clock.time()).succeeded(clock.time()))
    assert set(lease.record.names) == {"a.example.com"}
    lease.release()
    clock.sleep(8 * 86400)
    lease = IssuerLease.take(cluster, clock, Ledger(), "m2", "another")
    assert set(lease.record.names) == {"a.example.com"}
    lease.remember("b.example.com", History(OWN).ordered(clock.time()))
    assert set(_orders.read(cluster).names) == {"b.example.com"}


def test_a_hundred_names_fit() -> None:
    history = History(LETS_ENCRYPT, (round(NOW),) * 99, (round(NOW),) * 99).ordered(NOW).failed(NOW, "x" * 999)
    ledger = Ledger(names={f"{'n' * 40}{number}.example.com": history for number in range(100)})
    assert sum(len(key) + len(value) for key, value in ledger.labels().items()) < 500_000


def test_a_swarm_without_record() -> None:
    assert _orders.read(FakeCluster(FakeClock())) == Ledger()
