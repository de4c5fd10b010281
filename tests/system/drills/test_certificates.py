# SPDX-License-Identifier: GPL-3.0-or-later
"""`site` while certificates are being rotated: it changes nothing, and takes no certificate away (profile core)."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from tests.system.drills.test_served import ADDRESSES, HOST, Customer
from tests.system.lab import Lab, Recap
from tests.system.load import Load, plan
from tests.system.loadgen import Stream
from tests.system.proof import Prove
from tests.system.releases import Apps

LIGHT = (Stream("page, new connection", "/", 12, new_connection=True, check="page"),)


class Rotation(threading.Thread):
    """Orders and distributes a new certificate again and again until it is told to stop."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self.lab = lab
        self.stop = threading.Event()
        self.codes: list[int] = []

    def run(self) -> None:
        while not self.stop.is_set():
            self.codes.append(self.lab.on("m1", "seaworthy", "certs", "--force", HOST).returncode)


@pytest.mark.drill
@pytest.mark.usefixtures("estate_with_probe")
def test_site_while_certificate_rotates(lab: Lab, apps: Apps, prove: Prove) -> None:
    """Rotations all through a run of `site`, under a light load of new TLS connections."""
    for name in ("shop", "probe"):  # the versions that run, or `site` would build others
        apps.write(name, version=apps.record(name).version)
    apps.issue(log="certificates-before")  # whoever ran last may have had other applications
    customer = Customer(lab)
    before = customer.certificate(ADDRESSES[0])
    rotation = Rotation(lab)
    light = dataclasses.replace(plan(HOST, LIGHT, "/api/feed"), min_requests=0)
    with Load(lab, light, "load-certificates") as load:
        rotation.start()
        try:
            result = apps.playbook("site.yml", log="site-rotation")
        finally:
            rotation.stop.set()
            rotation.join()
    recap = Recap.read(result.require_success().output)
    assert recap.total("changed") == 0, recap.changed
    assert rotation.codes
    assert set(rotation.codes) == {0}
    after = {customer.certificate(address) for address in ADDRESSES}
    assert len(after) == 1
    assert after != {before}
    assert load.result["failed"] == 0, load.result["samples"]
    seen = f"{len(rotation.codes)} rotations during one run of site: changed=0, {load.result['failed']} of "
    seen += f"{load.result['sent']} requests failed, one certificate on every edge"
    prove("site_while_certificate_rotates", seen, {"rotations": len(rotation.codes), "load": load.result})
