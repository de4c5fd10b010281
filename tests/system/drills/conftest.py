# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drills share: the proof writer, and the probe on the estate."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.system import proof
from tests.system.lab import Lab
from tests.system.releases import Apps, fresh_version

Prove = Callable[[str, str, dict[str, Any]], Path]


@pytest.fixture
def prove(lab: Lab, request: pytest.FixtureRequest) -> Prove:
    """Write the proof of a claim: prove(name, seen, facts)."""
    folder = proof.folder(kept=request.config.getoption("--proof"))

    def write(name: str, seen: str, facts: dict[str, Any]) -> Path:
        return proof.write(lab, folder, name, seen, facts)

    return write


@pytest.fixture
def apps(lab: Lab, tmp_path: Path) -> Apps:
    """The shop and the probe as they are in the tree."""
    made = Apps(lab, tmp_path)
    made.write("shop")
    made.write("probe")
    return made


@pytest.fixture(scope="session")
def estate_with_probe(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The probe runs beside the shop, well-behaved; afterwards it is taken off again. Gives its version."""
    made = Apps(lab, tmp_path_factory.mktemp("apps"))
    version = fresh_version()
    made.write("shop")
    made.write("probe", version=version)
    made.build("probe", version)
    made.playbook("site.yml", log="probe-up").require_success()
    yield version
    made.remove("probe")
