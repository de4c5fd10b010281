# SPDX-License-Identifier: GPL-3.0-or-later
"""A new version under load: nothing is lost, even when the processes do not behave (profile core)."""

from __future__ import annotations

import pytest

from tests.system.journal import off_at
from tests.system.lab import Lab, Recap
from tests.system.load import PROBE, SHOP, Load, faults, plan, summary
from tests.system.proof import Prove
from tests.system.releases import Apps, fresh_version

DRAIN = 10.0


@pytest.mark.smoke
@pytest.mark.usefixtures("estate_with_probe")
def test_release_probe_exits_at_once(lab: Lab, apps: Apps, prove: Prove) -> None:
    """The probe exits at once on SIGTERM, with requests in its hands: 0 failed."""
    old, version = apps.record("probe"), fresh_version()
    apps.write("probe", {"PROBE_ON_TERM": "exit"})
    apps.build("probe", version)
    # The first release makes the version that exits at once the old one; the second, under load, replaces it.
    apps.deploy("probe", version, log="deploy-probe-1").require_success()
    again = f"{version}-2"
    apps.build("probe", again)
    with Load(lab, plan("probe.lab.test", PROBE, "/ws"), "load-probe-exits") as load:
        apps.deploy("probe", again, log="deploy-probe-2").require_success()
    record = apps.record("probe")
    assert (record.serving, record.version) == (old.serving + 2, again)
    assert faults(load.result, off_at(lab, again), DRAIN) == []
    assert set(load.result["releases"]) == {f"r{old.serving + 1}", f"r{old.serving + 2}"}
    assert apps.left_of("probe", old.serving + 1) == []
    prove("release_probe_exits_at_once", summary(load.result), {"load": load.result})


@pytest.mark.drill
@pytest.mark.usefixtures("estate_with_probe")
def test_release_shop(lab: Lab, apps: Apps, prove: Prove) -> None:
    """The shop with EXIT_AT_ONCE=1: 0 failed, 0 mixed pages; then `site` changes nothing and keeps the version."""
    old, version = apps.record("shop"), fresh_version()
    apps.write("shop", {"EXIT_AT_ONCE": "1"})
    apps.build("shop", version)
    apps.deploy("shop", version, log="deploy-shop-1").require_success()
    again = f"{version}-2"
    apps.build("shop", again)
    with Load(lab, plan("shop.lab.test", SHOP, "/api/feed"), "load-shop") as load:
        apps.deploy("shop", again, log="deploy-shop-2").require_success()
    record = apps.record("shop")
    assert (record.serving, record.version) == (old.serving + 2, again)
    assert faults(load.result, off_at(lab, again), DRAIN) == []
    assert apps.left_of("shop", old.serving + 1) == []
    apps.write("shop")
    apps.write("probe", version=apps.record("probe").version)  # else `site` would take its name from the certificates
    site = Recap.read(apps.playbook("site.yml", log="site-after-deploy").require_success().output)
    assert site.total("changed") == 0, site.changed
    assert apps.record("shop") == record
    prove("release_shop", f"{summary(load.result)}; 0 mixed pages; then site changed=0", {"load": load.result})
