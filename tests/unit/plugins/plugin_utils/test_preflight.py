# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with an inventory."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._estate import PORTS, SETTINGS, plan, ports
from ansible_collections.seaworthy.swarm.plugins.plugin_utils._preflight import Estate, Sources, distance, problems

COMMON = {
    "seaworthy_domain": "example.com",
    "seaworthy_environment": "prod",
    "seaworthy_acme_email": "ops@example.com",
}


def estate(groups: dict[str, list[str]] | None = None, networks: dict[str, str] | None = None, **more: t.Any) -> Estate:
    """Three good hosts; `more` are variables of all, None takes one away."""
    names = ("m1", "m2", "m3")
    variables = {key: value for key, value in (COMMON | more).items() if value is not None}
    return Estate(
        hosts={
            name: {"private_ip": f"10.0.0.{i}", "public_ip": f"192.0.2.{i}"} | variables
            for i, name in enumerate(names, 1)
        },
        groups=groups or {"swarm_managers": list(names), "swarm_workers": [], "edge": list(names)},
        roles={"docker": ["docker_mirrors"], "traefik": ["traefik_edge_group"]},
        networks=networks or {},
        where=lambda name: "all.yml:3" if name in more else "",
    )


def test_a_good_inventory_has_no_problem() -> None:
    assert problems(estate(seaworthy_registry_mirrors=["https://mirror.example.com"])) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"seaworthy_domian": "x"},
            "all.yml:3: seaworthy_domian is no variable of this collection; did you mean seaworthy_domain?",
        ),
        ({"docker_miror": []}, "all.yml:3: docker_miror is no input of a role; did you mean docker_mirrors?"),
        ({"seaworthy_domain": None}, "seaworthy_domain is missing: "),
        ({"seaworthy_acme_email": "ops"}, "all.yml:3: seaworthy_acme_email: an e-mail address is needed. Found: 'ops'"),
        ({"seaworthy_edge_entry": "load_balancer"}, "seaworthy_load_balancer_addresses is missing"),
        ({"seaworthy_edge_entry": "maybe"}, "one of direct, load_balancer is needed"),
        ({"seaworthy_registry": "https://r.example.com"}, "host or host:port is needed"),
        ({"seaworthy_registry_mirrors": "x"}, "a list is needed"),
        ({"seaworthy_acme_ca_file": "ca.pem"}, "cannot be used with Let's Encrypt"),
        ({"traefik_edge_group": "edgy"}, "traefik_edge_group names the group edgy, which is not in the inventory"),
        ({"public_ip": "fd00::1"}, "public_ip of m1 is no IPv4 address"),
        ({"public_ip": "192.0.2.1"}, "m2 and m1 have the same address 192.0.2.1"),
    ],
)
def test_each_bad_value_is_named(more: dict[str, t.Any], expected: str) -> None:
    assert any(expected in line for line in problems(estate(**more)))


def test_names_of_the_user_are_left_alone() -> None:
    assert problems(estate(docker_something_of_mine=1, shop_title="x")) == []


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"swarm_manager": ["m1"], "edge": ["m1"]}, "unknown group swarm_manager; did you mean swarm_managers?"),
        ({"edge": ["m1"]}, "group swarm_managers has no host"),
        ({"swarm_managers": ["m1", "m2"], "edge": ["m1"]}, "group swarm_managers has 2 hosts"),
        ({"swarm_managers": ["m1"]}, "group edge has no host"),
        ({"swarm_managers": ["m1"], "edge": ["m2"]}, "neither swarm_managers nor swarm_workers: m2"),
        ({"swarm_managers": ["m1"], "swarm_workers": ["m1"], "edge": ["m1"]}, "in swarm_managers and in swarm_workers"),
    ],
)
def test_groups(groups: dict[str, list[str]], expected: str) -> None:
    assert any(expected in line for line in problems(estate(groups=groups)))


def test_a_host_without_private_address() -> None:
    good = estate()
    bad = dataclasses.replace(good, hosts={**good.hosts, "m2": dict(COMMON)})
    assert problems(bad) == [
        "m2 has no private_ip: the address at which the other hosts reach it",
        "m2 has no public_ip: the address at which clients reach this edge",
    ]


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ({"a": "10.0.0.0/24"}, "a 10.0.0.0/24 contains the private_ip 10.0.0.1 of m1"),
        ({"a": "10.1.0.0/16", "b": "10.1.2.0/24"}, "a 10.1.0.0/16 overlaps b 10.1.2.0/24"),
        ({"a": "10.1.0.1/16"}, "a is no network"),
    ],
)
def test_networks(networks: dict[str, str], expected: str) -> None:
    assert any(expected in line for line in problems(estate(networks=networks)))


def test_networks_of_two_families_never_overlap() -> None:
    assert problems(estate(networks={"a": "10.1.0.0/16", "b": "fd00::/64", "c": "fd01::/64"})) == []


def test_all_problems_come_at_once() -> None:
    bad = estate(seaworthy_domain=None, seaworthy_acme_email="x", groups={"swarm_managers": ["m1", "m2"]})
    assert len(problems(bad)) == 4


@pytest.mark.parametrize(
    ("a", "b", "edits"), [("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("a", "abcd", 3)]
)
def test_distance(a: str, b: str, edits: int) -> None:
    assert distance(a, b) == edits


def test_sources_give_file_and_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "group_vars").mkdir()
    file = tmp_path / "group_vars" / "all.yml"
    file.write_text("---\n# seaworthy_domain: no\nseaworthy_domain: x\n  'quoted': y\n")
    (tmp_path / "hosts.ini").write_text("[swarm_managers]\nm1 private_ip=10.0.0.1\n")
    sources = Sources([tmp_path])
    assert sources("seaworthy_domain") == f"{file}:3"
    assert sources("quoted") == f"{file}:4"
    assert sources("swarm_managers") == f"{tmp_path / 'hosts.ini'}:1"
    assert sources("nothing") == ""


def test_the_tables_are_sound() -> None:
    assert len({(port.name, port.protocol) for port in PORTS}) == len(PORTS)
    assert {port.protocol for port in ports("swarm_gossip")} == {"tcp", "udp"}
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    assert plan(("edge", "swarm_managers"))[-1] == "edge: Traefik on ports 80 and 443"
    assert plan(("lab_outside",)) == []
