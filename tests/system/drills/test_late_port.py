# SPDX-License-Identifier: GPL-3.0-or-later
"""A version that Docker calls healthy 5 s before its routed port answers; and the same without our check (core).

The broken twin is the installed host program with one step replaced: it believes what Docker and Traefik say.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from tests.system.journal import off_at
from tests.system.lab import Lab
from tests.system.load import PROBE, Load, faults, plan, put, summary
from tests.system.proof import Prove
from tests.system.releases import HOSTS, Apps, fresh_version

PROGRAM = "/usr/local/bin/seaworthy"
TWIN = f"""#!/usr/bin/python3
import sys
sys.path.insert(0, "{PROGRAM}.whole")
from seaworthy import _cli, _release

class Blind(_release.Release):
    def doubt_of_previews(self):
        return None

sys.exit(_cli.main(release=Blind))
"""


@contextmanager
def blind(lab: Lab) -> Generator[None]:
    """The host program on every manager without its check through the edges."""
    for host in HOSTS:
        lab.on(host, "mv", PROGRAM, f"{PROGRAM}.whole").require_success()
        put(lab, host, PROGRAM, TWIN)
        lab.on(host, "chmod", "0755", PROGRAM).require_success()
    try:
        yield
    finally:
        for host in HOSTS:
            lab.on(host, "mv", f"{PROGRAM}.whole", PROGRAM).require_success()


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
    with blind(lab), Load(lab, plan("probe.lab.test", PROBE, "/ws"), "load-late-port-twin") as twin:
        apps.deploy("probe", twin_version, log="deploy-late-port-twin").require_success()
    assert apps.record("probe").serving > blue
    assert twin.result["failed"] > 0
    seen = f"{summary(real.result)}; without the check {twin.result['failed']} of {twin.result['sent']:,}"
    prove("late_port", seen, {"load": real.result, "twin": twin.result})
