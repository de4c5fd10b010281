# SPDX-License-Identifier: GPL-3.0-or-later
"""Subnets that are in use are refused, our own are not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.module_utils._subnets import Wanted, refuse_conflicts, used

ROUTES: list[dict[str, str]] = [
    {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"},
    {"dst": "192.0.2.0/24", "dev": "eth0"},
    {"dst": "172.31.0.0/16", "dev": "eth1"},
    {"dst": "172.22.255.0/24", "dev": "docker_gwbridge"},
    {"dst": "198.51.100.7", "dev": "eth0"},
    {"dst": "203.0.113.0/24", "type": "blackhole"},
    {"dst": "fe80::/64", "dev": "eth0"},
]
ADDRESSES: list[dict[str, Any]] = [
    {"ifname": "eth0", "addr_info": [{"local": "192.0.2.11", "prefixlen": 24}, {"local": "fe80::1", "prefixlen": 64}]},
    {"ifname": "wg0", "addr_info": [{"local": "fd22:255::7", "prefixlen": 48}]},
    {"ifname": "down0"},
]


def check(subnet: str, interface: str | None = None) -> None:
    refuse_conflicts([Wanted.parse("swarm_x", subnet, interface)], used(ROUTES, ADDRESSES))


@pytest.mark.parametrize("subnet", ["10.201.0.0/16", "172.30.0.0/16", "fd99::/64"])
def test_a_free_subnet_is_taken(subnet: str) -> None:
    """The default route overlaps nothing."""
    check(subnet)


def test_our_own_interface_is_no_conflict() -> None:
    """On a converged host the subnet is there already, by us."""
    check("172.22.255.0/24", "docker_gwbridge")


@pytest.mark.parametrize(
    ("subnet", "reason"),
    [
        ("172.31.255.0/24", "route 172.31.0.0/16 of interface eth1"),
        ("172.16.0.0/12", "route 172.22.255.0/24 of interface docker_gwbridge"),
        ("192.0.2.128/25", r"the address 192\.0\.2\.0/24 of interface eth0\. Choose"),
        ("198.51.100.0/24", "route 198.51.100.7/32 of interface eth0"),
        ("203.0.113.0/25", "route 203.0.113.0/24 of interface none"),
        ("fd22:255::/64", "address fd22:255::/48 of interface wg0"),
    ],
)
def test_a_used_subnet_is_refused_with_the_reason(subnet: str, reason: str) -> None:
    """Who uses it, and which variable to change."""
    with pytest.raises(InputError, match=reason) as caught:
        check(subnet)
    assert "variables swarm_x" in str(caught.value)


def test_two_of_ours_may_not_overlap() -> None:
    """Also when the host uses neither."""
    wanted = [Wanted.parse("pool", "10.0.0.0/8"), Wanted.parse("gateway", "10.9.0.0/24")]
    with pytest.raises(InputError, match=r"pool 10\.0\.0\.0/8 and gateway 10\.9\.0\.0/24 overlap"):
        refuse_conflicts(wanted, [])


@pytest.mark.parametrize("subnet", ["10.201.0.1/16", "ten", "10.0.0.0/33", ""])
def test_what_is_no_subnet_is_refused(subnet: str) -> None:
    """Host bits are a mistake, too."""
    with pytest.raises(InputError, match="swarm_x is no subnet"):
        check(subnet)
