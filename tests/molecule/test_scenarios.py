# SPDX-License-Identifier: GPL-3.0-or-later
"""Each molecule scenario as one test: check, converge, idempotence, behaviour from outside (testinfra)."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.run import ROOT, run
from tests.tree import require_none, roles, tracked

SCENARIOS = sorted({path.parts[1] for path in tracked(r"^molecule/[^_/][^/]*/molecule\.yml$")})


def test_there_are_at_most_eight() -> None:
    """Scenarios are by behaviour."""
    assert 1 <= len(SCENARIOS) <= 8


def test_every_role_is_exercised() -> None:
    """By a scenario, or by `site` on the lab where a role needs a cluster and the world outside."""
    text = "".join((ROOT / path).read_text() for path in tracked(r"^(molecule|playbooks/plays)/.*\.yml$"))
    require_none([role for role in roles() if f"seaworthy.swarm.{role}\n" not in text], "no test runs this role")


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, request: pytest.FixtureRequest) -> None:
    """The whole sequence of the scenario."""
    if request.config.getoption("--changed") and not _touched(scenario):
        pytest.skip("nothing that this scenario covers changed since the last commit")
    run(["molecule", "test", "-s", scenario], log=f"molecule/{scenario}.log", timeout=1500).require_success()


def _touched(scenario: str) -> bool:
    words = ["git", "status", "--porcelain", "--untracked-files=all"]
    listed = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    changed = [line[3:].split(" -> ")[-1] for line in listed]
    text = "".join((ROOT / path).read_text() for path in tracked(rf"^molecule/{scenario}/.*\.yml$"))
    covered = [f"roles/{role}/" for role in roles() if re.search(rf"\b{role}\b", text)]
    return any(path.startswith((f"molecule/{scenario}/", "molecule/_", "plugins/", *covered)) for path in changed)
