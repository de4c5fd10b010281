# SPDX-License-Identifier: GPL-3.0-or-later
"""From nothing to the served shop, the second run, and check mode in every state."""

from __future__ import annotations

import dataclasses

import pytest

from tests.system.lab import Lab, Recap
from tests.system.proof import Prove

pytestmark = pytest.mark.smoke
HOST_ROLES = tuple(f"seaworthy.swarm.{role} :" for role in ("host_baseline", "host_tool", "internal_ca", "docker"))


def test_make_up_in_check_mode_without_hosts(machine: Lab) -> None:
    """With no host yet, check mode prints the plan and ends well."""
    if machine.found:
        pytest.skip("the lab was up before this run")
    result = machine.ansible_playbook("site.yml", "--check", "--diff", log="system/check-nothing.log").require_success()
    recap = Recap.read(result.output)
    assert recap.total("failed") == 0
    assert recap.total("unreachable") == 0


def test_make_up_on_fresh_hosts_does_what_check_mode_told(machine: Lab) -> None:
    """What `make up` changes on fresh hosts is what check mode announced."""
    if machine.found:
        pytest.skip("the lab was up before this run")
    with machine.cost("hosts"):
        machine.ansible_playbook("playbooks/provision.yml", log="system/provision.log").require_success()
    words = ("site.yml", "--check", "--diff")
    announced = Recap.read(machine.ansible_playbook(*words, log="system/check-fresh.log").require_success().output)
    with machine.cost("platform and shop"):
        done = Recap.read(machine.up().output)
    host_roles = {pair for pair in done.changed if pair[0].startswith(HOST_ROLES)}
    assert host_roles, "the real run changed nothing on fresh hosts"
    assert host_roles - announced.changed == set(), "changed, but not announced by check mode"


def test_make_up_again_changes_nothing(lab: Lab, prove: Prove) -> None:
    """`make up` again: changed=0."""
    with lab.cost("second run"):
        recap = Recap.read(lab.up("system/up-again.log").output)
    assert recap.hosts
    assert recap.changed == frozenset()
    assert recap.total("changed") == 0
    if not lab.found:
        seen = "; ".join(f"{name} {cost}" for name, cost in lab.costs.items())
        costs = {name: dataclasses.asdict(cost) for name, cost in lab.costs.items()}
        prove("make_up", f"{seen}; second run changed=0", {"costs": costs})


def test_make_up_then_check_mode_tells_nothing(lab: Lab) -> None:
    """Check mode announces nothing when there is nothing to do."""
    result = lab.ansible_playbook("site.yml", "--check", "--diff", log="system/check-converged.log").require_success()
    recap = Recap.read(result.output)
    assert recap.changed == frozenset()
    assert recap.total("changed") == 0
