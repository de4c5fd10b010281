# SPDX-License-Identifier: GPL-3.0-or-later
"""A new version under load, two ways in the same run: our release, and Swarm's own `docker service update`.

Both get the same application (the probe, which exits at once on SIGTERM), the same edges and the same load from
harbour. Prints failed requests of each and their ratio. A lab that was not up is brought up, and removed again.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_engine
from tests.system.lab import Lab, ours
from tests.system.load import PROBE, Load, plan
from tests.system.releases import Apps, fresh_version

SOCKET = "/var/run/docker.sock"
IMAGE = "registry.lab.test:5000/probe/probe"


def _swarm_update(lab: Lab, version: str) -> None:
    """What people type: Swarm's defaults (stop first, one task at a time)."""
    words = ("docker", "service", "ls", "--filter", "label=seaworthy.app=probe", "--format", "{{.Name}}")
    (service,) = lab.on("m1", *words).require_success().output.split()
    update = ("docker", "service", "update", "--with-registry-auth", "--image", f"{IMAGE}:{version}", service)
    lab.on("m1", *update, timeout=600).require_success()


def _under_load(lab: Lab, name: str, change: Callable[[], object]) -> dict[str, Any]:
    with Load(lab, plan("probe.lab.test", PROBE, "/ws"), f"bench-{name}") as load:
        change()
    return load.result


def measure(lab: Lab, apps: Apps) -> tuple[dict[str, Any], dict[str, Any]]:
    """The load's counts with Swarm's update, and with ours."""
    first = fresh_version()
    versions = [f"{first}-{number}" for number in range(3)]
    apps.write("shop")
    apps.write("probe", {"PROBE_ON_TERM": "exit"}, version=versions[0])
    for version in versions:
        apps.build("probe", version)
    apps.playbook("site.yml", log="bench-site").require_success()
    try:
        baseline = _under_load(lab, "baseline", lambda: _swarm_update(lab, versions[1]))
        released = _under_load(
            lab, "release", lambda: apps.deploy("probe", versions[2], log="bench-deploy").require_success()
        )
    finally:
        apps.remove("probe")
    return baseline, released


def report(baseline: dict[str, Any], released: dict[str, Any]) -> str:
    """Both counts and their ratio."""
    lines = [f"{'':26}{'sent':>8}{'failed':>8}{'failed':>9}"]
    for name, result in (("docker service update", baseline), ("seaworthy deploy", released)):
        share = result["failed"] / result["sent"]
        lines.append(f"{name:26}{result['sent']:>8}{result['failed']:>8}{share:>9.3%}")
    shares = [result["failed"] / result["sent"] for result in (released, baseline)]
    ratio = f"{shares[0] / shares[1]:.3f}" if shares[1] else "no ratio: the baseline failed nothing in this run"
    lines.append(f"ratio of failed requests, ours to the baseline's: {ratio}")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    lab = Lab(found=ours("container") if _lab_engine.answers(SOCKET) else [])
    if not lab.found:
        lab.up("system/bench-up.log")
    try:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(report(*measure(lab, Apps(lab, Path(folder)))) + "\n")
    finally:
        if not lab.found:
            lab.make("down", log="system/bench-down.log").require_success()
    return 0


if __name__ == "__main__":
    sys.exit(main())
