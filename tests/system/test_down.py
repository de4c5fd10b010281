# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a lab takes everything that is labelled as ours and nothing else, also after an interrupted start.

It works on a second, small lab (one host, own network and state), so that the lab of the other tests stays.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from tests.run import LOGS, ROOT, Result, run
from tests.system.lab import Lab, ours
from tests.system.proof import Prove

pytestmark = pytest.mark.drill
DOWN = "playbooks/lab_down.yml"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaworthy"
NAME, FOREIGN = "down-drill", "down-drill-foreign"
SEEN: set[str] = set()  # what the proof needs to have passed before it


class SmallLab:
    """One host and no outside world."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        inventory = folder / "hosts.yml"
        inventory.write_text(
            yaml.safe_dump({"all": {"children": {"lab": {"hosts": {"d1": self._host()}}, "edge": {}}}})
        )
        inputs = {
            "provision_lab_name": NAME,
            "provision_lab_bridge": "seaworthy7",
            "provision_lab_subnet": "192.168.97.0/24",
            "provision_lab_subnet6": "fd89:5ed::/64",
            "provision_lab_state_dir": str(self.state),
            "seaworthy_lab_name": NAME,
            "seaworthy_lab_state_dir": str(self.state),
            "seaworthy_lab_cache_dir": str(CACHE),
            "provision_lab_harbour": False,
        }
        (folder / "inputs.yml").write_text(yaml.safe_dump(inputs))
        self.words = ["-i", inventory, "-e", f"@{folder / 'inputs.yml'}"]
        self.provision = folder / "provision.yml"
        role = {"role": "seaworthy.swarm.provision_lab"}
        play = {
            "name": "Make hosts",
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "roles": [role],
        }
        self.provision.write_text(yaml.safe_dump([play]))

    @staticmethod
    def _host() -> dict[str, str]:
        address, address6 = "192.168.97.11", "fd89:5ed::11"
        return {"ansible_host": address, "private_ip": address, "private_ip6": address6}

    def play(self, playbook: object, log: str) -> Result:
        """Run a playbook on this lab."""
        words = [ROOT / ".ci/venv", "runtime", "ansible-playbook", *self.words, playbook]
        return run(words, log=f"system/{log}.log")

    def start_and_kill(self) -> None:
        """Begin to make the lab and kill everything that works on it as soon as something of it exists."""
        words = [ROOT / ".ci/venv", "runtime", "ansible-playbook", *self.words, self.provision]
        with (LOGS / "system/down-interrupted.log").open("wb") as log:
            process = subprocess.Popen(
                list(map(str, words)),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            until = time.monotonic() + 300
            while not ours("container", NAME) and process.poll() is None and time.monotonic() < until:
                time.sleep(0.2)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _foreign(kind: str) -> bool:
    return run(["docker", kind, "inspect", FOREIGN], log=f"system/down-foreign-{kind}.log").returncode == 0


@pytest.fixture
def foreign(machine: Lab, tmp_path: Path) -> Generator[None]:
    """A container and a network of somebody else."""
    del machine
    empty = tmp_path / "empty.tar"
    run(["tar", "cf", empty, "--files-from", "/dev/null"], log="system/down-tar.log").require_success()
    for words in (
        ["import", empty, FOREIGN],
        ["network", "create", FOREIGN],
        ["create", "--name", FOREIGN, "--network", FOREIGN, FOREIGN, "true"],
    ):
        run(["docker", *words], log="system/down-foreign.log").require_success()
    yield
    for words in (["rm", "-f", FOREIGN], ["network", "rm", FOREIGN], ["rmi", FOREIGN]):
        run(["docker", *words], log="system/down-foreign.log")


@pytest.fixture
def small(machine: Lab, tmp_path: Path) -> Generator[SmallLab]:
    """The second lab; gone at the end, whatever happened."""
    del machine
    lab = SmallLab(tmp_path)
    yield lab
    lab.play(DOWN, "down-last")


def _require_only_foreign_left(small: SmallLab) -> None:
    assert ours("container", NAME) == []
    assert ours("network", NAME) == []
    assert ours("volume", NAME) == []
    assert not small.state.exists()
    tables = run(["nft", "list", "tables"], log="system/down-tables.log").require_success().output
    assert NAME not in tables
    assert NAME.replace("-", "_") not in tables
    assert _foreign("container")
    assert _foreign("network")


@pytest.mark.usefixtures("foreign")
def test_down_takes_what_is_ours_and_only_that(small: SmallLab, machine: Lab) -> None:
    """After a whole start."""
    small.play(small.provision, "down-provision").require_success()
    assert ours("container", NAME) != []
    small.play(DOWN, "down-whole").require_success()
    _require_only_foreign_left(small)
    assert set(machine.found) <= set(ours("container")), "the other lab lost a container"
    SEEN.add("whole")


@pytest.mark.usefixtures("foreign")
def test_down_after_an_interrupted_start(small: SmallLab, prove: Prove) -> None:
    """After a start that was killed in the middle; once more changes nothing."""
    small.start_and_kill()
    small.play(DOWN, "down-after-kill").require_success()
    _require_only_foreign_left(small)
    again = small.play(DOWN, "down-again").require_success()
    assert "changed=0" in again.output
    if "whole" in SEEN:
        prove("down", "nothing of ours left, a foreign container and network survive; killed start: the same", {})
