# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain path of the README: a second clone, a Python environment of its own, `ansible-playbook site.yml`."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from tests.run import ROOT, Result, run
from tests.system.drills.test_served import ADDRESSES, HOST, Customer
from tests.system.lab import Lab, Recap
from tests.system.proof import Prove

BLOCK = re.compile(r"The same without make.*?```sh\n(.*?)```", re.DOTALL)


@pytest.mark.drill
def test_plain_path(lab: Lab, prove: Prove, tmp_path: Path) -> None:
    """After `make down`: the lines of the README, typed as they stand, end at the served shop; again: changed=0."""
    found = BLOCK.search((ROOT / "README.md").read_text())
    assert found
    install, site, check = _parts(found[1])
    clone = tmp_path / "clone"
    run(["git", "clone", "--quiet", ROOT, clone], log="system/plain-clone.log").require_success()
    lab.make("down", log="system/plain-down.log").require_success()

    def typed(lines: str, log: str) -> Result:
        script = f"set -e\n{lines}"
        env = {"PATH": f"{_python()}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}
        return run(["bash", "-c", script], log=f"system/plain-{log}.log", cwd=clone, env=env, timeout=1800)

    began = time.monotonic()
    typed(install, "install").require_success()
    installed = time.monotonic()
    activate = install.rpartition("&&")[2].partition("\n")[0] + "\n"
    typed(activate + site, "site").require_success()
    served = time.monotonic()
    customer = Customer(lab)
    assert [customer.get(address, f"https://{HOST}/").status for address in ADDRESSES] == [200] * len(ADDRESSES)
    again = Recap.read(typed(activate + site, "site-again").require_success().output)
    assert again.hosts
    assert again.total("changed") == 0, again.changed
    told = Recap.read(typed(activate + check, "check").require_success().output)
    assert told.total("changed") == 0, told.changed
    seen = f"install {installed - began:.0f} s, to the served shop {served - installed:.0f} s; again changed=0"
    prove("plain_path", seen, {"install_seconds": installed - began, "site_seconds": served - installed})


def _parts(block: str) -> tuple[str, str, str]:
    """What installs, the run, and the run in check mode."""
    lines = block.splitlines(keepends=True)
    runs = [line for line in lines if line.startswith("ansible-playbook")]
    assert len(runs) == 2
    assert "--check" in runs[1]
    return "".join(line for line in lines if line not in runs), runs[0], runs[1]


def _python() -> Path:
    """Where the newest Python of this machine lies, past whatever a version manager has put on the path."""
    found = run([ROOT / ".ci/venv", "--python"], log="system/plain-python.log").require_success().output
    return Path(found.strip()).parent
