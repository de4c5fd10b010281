# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of this tier share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.system import proof
from tests.system.lab import Lab


@pytest.fixture
def prove(machine: Lab, request: pytest.FixtureRequest) -> proof.Prove:
    """Write the proof of a claim: prove(name, seen, facts)."""
    folder = proof.folder(kept=request.config.getoption("--proof"))

    def write(name: str, seen: str, facts: dict[str, Any]) -> Path:
        return proof.write(machine, folder, name, seen, facts)

    return write
