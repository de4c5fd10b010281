# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drills share: the probe on the estate."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.system.lab import Lab
from tests.system.releases import Apps, fresh_version


@pytest.fixture
def apps(lab: Lab, tmp_path: Path) -> Apps:
    """The shop as it is in the tree; a test that needs the probe writes it."""
    made = Apps(lab, tmp_path)
    made.write("shop")
    return made


@pytest.fixture(scope="module")
def estate_with_probe(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The probe runs beside the shop, well-behaved; afterwards the estate is as before. Gives the probe's version."""
    made = Apps(lab, tmp_path_factory.mktemp("apps"))
    version = fresh_version()
    made.write("shop")
    made.write("probe", version=version)
    made.build("probe", version)
    made.issue(log="probe-certificate")
    made.deploy("probe", version, log="probe-up").require_success()
    yield version
    made.remove("probe")
    (made.folder / "probe.yml").unlink()
    made.issue(log="probe-gone")
