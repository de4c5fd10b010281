# SPDX-License-Identifier: GPL-3.0-or-later
"""A version that Docker calls healthy 5 s before its routed port answers; and the same without our check (core).

The broken twin is the installed host program with one step replaced: it believes what Docker and Traefik say.
"""

from __future__ import annotations

import pytest

from tests.system.journal import off_at
from tests.system.lab import Lab
from tests.system.load import PROBE, Load, faults, plan, summary
from tests.system.proof import Prove
from tests.system.releases import Apps, fresh_version
from tests.system.twin import twin

BLIND = """\
    def doubt_of_previews(self):
        return None
"""


@pytest.mark.drill
@pytest.mark.usefixtures("estate_with_probe")
def test_late_port(lab: Lab, apps: Apps, prove: Prove) -> None:
    """The real engine loses nothing; its twin does."""
    version = fresh_version()
    apps.write("probe", {"PROBE_LATE_PORT": "5"}, health=False)
    apps.build("probe", version)
    with Load(lab, plan("probe.lab.test", PROBE, "/ws"), "load-late-port") as real:
        apps.deploy("probe", version, log="deploy-late-port").require_success()
    assert faults(real.result, off_at(lab, version)) == []

    blue, twin_version = apps.record("probe").serving, f"{version}-twin"
    apps.build("probe", twin_version)
    with twin(lab, BLIND), Load(lab, plan("probe.lab.test", PROBE, "/ws"), "load-late-port-twin") as blind:
        apps.deploy("probe", twin_version, log="deploy-late-port-twin").require_success()
    assert apps.record("probe").serving > blue
    assert blind.result["failed"] > 0
    seen = f"{summary(real.result)}; without the check {blind.result['failed']} of {blind.result['sent']:,}"
    prove("late_port", seen, {"load": real.result, "twin": blind.result})
