# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the host program in transient units."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _process
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError, SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.module_utils._unit import Unit

Json = dict[str, t.Any]


class Systemd:
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        self.state = "inactive"
        self.commands: list[list[str]] = []
        self.refuses = ""

    def run(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        self.commands.append(argv)
        if argv[0] == "systemctl":
            return subprocess.CompletedProcess(argv, 0, f"{self.state}\n", "")
        return subprocess.CompletedProcess(argv, 1 if self.refuses else 0, "", self.refuses)


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Systemd:
    systemd = Systemd()
    monkeypatch.setattr(_process, "run", systemd.run)
    return systemd


@pytest.fixture
def unit(tmp_path: pathlib.Path) -> Unit:
    return Unit("seaworthy-shop-run-1", tmp_path / "run")


def test_its_course(systemd: Systemd, unit: Unit) -> None:
    unit.start("run", {"app": "shop"})
    assert systemd.commands[-1] == [
        "systemd-run",
        "--unit=seaworthy-shop-run-1",
        "--collect",
        "--quiet",
        "--service-type=exec",
        "/usr/local/bin/seaworthy",
        "run",
        f"--request={unit.request}",
    ]
    assert unit.request.stat().st_mode & 0o777 == 0o600
    assert json.loads(unit.request.read_text()) == {"app": "shop"}
    systemd.state = "active"
    assert not unit.has_ended()
    unit.request.with_suffix(".result").write_text('{"rc": 0}')
    assert unit.has_ended()
    assert unit.take() == {"rc": 0}
    assert list(unit.request.parent.iterdir()) == []


@pytest.mark.usefixtures("systemd")
def test_a_program_that_ends_without_a_result_is_a_failure(unit: Unit) -> None:
    unit.start("run", {})
    with pytest.raises(SeaworthyError, match=r"ended without a result\. Read `journalctl -u seaworthy-shop-run-1`"):
        unit.has_ended()


def test_a_second_unit_of_one_name_is_refused(systemd: Systemd, unit: Unit) -> None:
    systemd.state = "activating"
    with pytest.raises(InputError, match="is running already"):
        unit.start("run", {})


def test_systemd_may_refuse(systemd: Systemd, unit: Unit) -> None:
    systemd.refuses = "Unit name is not valid"
    with pytest.raises(SeaworthyError, match="found: Unit name is not valid"):
        unit.start("run", {})
