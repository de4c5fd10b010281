# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a lab."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_machine
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_machine import Plan

HOSTS = {"m1": ["192.0.2.11", "2001:db8::11"], "m2": ["192.0.2.12", "2001:db8::12"]}
PLAN = Plan("lab", "seaworthy0", "192.0.2.0/24", "2001:db8::/64", HOSTS)


def test_a_sound_plan_has_no_problem() -> None:
    assert _lab_machine.plan_problems(PLAN) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "My Lab"}, "the lab name is 'My Lab'"),
        ({"bridge": "seaworthy-laboratory"}, "the bridge is 'seaworthy-laboratory'"),
        ({"subnet": "192.0.2.0/33"}, "a subnet of the lab is none: '192.0.2.0/33'"),
        ({"subnet": "192.0.2.7/24"}, "has host bits set"),
        ({"subnet": "198.51.100.0/24"}, "host m1 has the address '192.0.2.11', expected one of 198.51.100.0/24"),
        ({"subnet6": "2001:db8:1::/64"}, "host m1 has the address '2001:db8::11', expected one of 2001:db8:1::/64"),
        ({"hosts": {"m1": ["m1", "2001:db8::11"]}}, "host m1 has the address 'm1'"),
        ({"hosts": {"m1": ["192.0.2.1", "2001:db8::11"]}}, "which is that of the lab's gateway"),
        ({"hosts": HOSTS | {"m3": ["192.0.2.11", "2001:db8::13"]}}, "which is that of host m1"),
    ],
)
def test_each_mistake_in_a_plan_is_named(change: dict[str, Any], says: str) -> None:
    plan = dataclasses.replace(PLAN, **change)
    assert says in "; ".join(_lab_machine.plan_problems(plan))


@pytest.mark.parametrize(
    ("route", "overlaps"),
    [
        ({"dst": "default", "dev": "eth0"}, False),
        ({"dst": "198.51.100.0/24", "dev": "eth0"}, False),
        ({"dst": "192.0.2.0/24", "dev": "seaworthy0"}, False),
        ({"dst": "192.0.2.0/24", "dev": "eth0"}, True),
        ({"dst": "192.0.2.77", "dev": "tun0"}, True),
        ({"dst": "192.0.0.0/16", "dev": "tun0"}, True),
        ({"dst": "2001:db8::/32", "dev": "tun0"}, True),
        ({"dst": "fe80::/64", "dev": "eth0"}, False),
    ],
)
def test_a_route_that_the_lab_would_cut_off_is_named(route: dict[str, str], overlaps: bool) -> None:
    found = _lab_machine.overlaps([route], PLAN)
    assert bool(found) is overlaps
    assert all(route["dst"].split("/")[0] in line and route["dev"] in line for line in found)


def test_missing_programs_are_one_command() -> None:
    lacking = {"no-such-a": "package-b", "no-such-b": "package-b", "no-such-c": "package-a", "sh": "dash"}
    found = _lab_machine.machine_problems(lacking, [], engine_answers=False)
    assert "programs are missing; run: apt-get install --no-install-recommends package-a package-b" in found


def test_an_engine_that_answers_needs_no_dockerd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    needed = {"dockerd": "docker.io"}
    assert any("docker.io" in line for line in _lab_machine.machine_problems(needed, [], engine_answers=False))
    assert not any("docker.io" in line for line in _lab_machine.machine_problems(needed, [], engine_answers=True))


def test_missing_python_packages_are_named() -> None:
    found = _lab_machine.machine_problems({}, ["json", "no_such_module"], engine_answers=True)
    assert any("lacks no_such_module; run: pip install" in line for line in found)


def test_another_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lab_machine, "_os_release", lambda: {"ID": "fedora"})
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    found = _lab_machine.machine_problems({}, [], engine_answers=True)
    assert "this machine is fedora on aarch64, expected debian on x86_64" in found


def test_only_root_can_make_a_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert any("no root (user id 1000)" in line for line in _lab_machine.machine_problems({}, [], engine_answers=True))
