# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab that the tests of this tier share, and the promise to leave the machine as it was found."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.system import proof
from tests.system.lab import Lab, ours


@pytest.fixture(scope="session")
def machine(engine: str) -> Generator[Lab]:
    """The machine as it is found; a lab that was not there before is removed at the end, whatever happened."""
    del engine
    lab = Lab(found=ours("container"))
    yield lab
    if not lab.found and ours("container"):
        lab.make("down", log="system/down.log").require_success()


@pytest.fixture(scope="session")
def lab(machine: Lab) -> Lab:
    """The lab, serving the shop."""
    if not machine.served:
        machine.up()
    return machine


@pytest.fixture
def prove(lab: Lab, request: pytest.FixtureRequest) -> proof.Prove:
    """Write the proof of a claim: prove(name, seen, facts)."""
    folder = proof.folder(kept=request.config.getoption("--proof"))

    def write(name: str, seen: str, facts: dict[str, Any]) -> Path:
        return proof.write(lab, folder, name, seen, facts)

    return write
