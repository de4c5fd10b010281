# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions that must not be released: the reason is told, nothing is lost, nothing is left (profile core)."""

from __future__ import annotations

import pytest

from tests.system.lab import Lab
from tests.system.load import PROBE, Load, faults, plan, summary
from tests.system.proof import Prove
from tests.system.releases import Apps, fresh_version

CASES = {
    "crashes": ({"PROBE_EXIT_AFTER": "0.5"}, "non-zero exit (1)"),
    "never_healthy": ({"PROBE_UNHEALTHY_AFTER": "0"}, "unhealthy"),
    "has_no_image": ({}, "not found"),
}


@pytest.mark.drill
@pytest.mark.usefixtures("estate_with_probe")
@pytest.mark.parametrize("case", CASES)
def test_bad_version(lab: Lab, apps: Apps, prove: Prove, case: str) -> None:
    """Deploy ends with an error and its reason; the old version serves on as if nothing had happened."""
    environment, reason = CASES[case]
    old, version = apps.record("probe"), fresh_version()
    apps.write("probe", environment)
    if case != "has_no_image":
        apps.build("probe", version)
    with Load(lab, plan("probe.lab.test", PROBE, "/ws"), f"load-{case}") as load:
        result = apps.deploy("probe", version, log=f"deploy-{case}")
    assert result.returncode != 0
    assert reason in result.output
    assert faults(load.result) == []
    assert set(load.result["releases"]) == {f"r{old.serving}"}
    record = apps.record("probe")
    assert (record.serving, record.version) == (old.serving, old.version)
    for number in range(old.serving + 1, record.last + 1):
        assert apps.left_of("probe", number) == []
    seen = f"exit code {result.returncode}, reason told; {summary(load.result)}; nothing left"
    prove(f"bad_version_{case}", seen, {"load": load.result, "reason": reason})
