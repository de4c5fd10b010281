# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that starts releases: its plan, and how it watches the host program."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _objects, _process, _unit
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError, SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lease import Lease
from ansible_collections.seaworthy.swarm.plugins.modules import app_release
from tests.unit.plugins.module_utils.test_release import APP, MODEL, World

Json = dict[str, t.Any]


class Module:
    """The part of AnsibleModule that is used."""

    def __init__(self, *, check_mode: bool = True, **params: t.Any) -> None:
        app = {
            "name": "shop",
            "source": "apps/shop.yml",
            "app": APP,
            "model": MODEL,
            "registry": "registry.example.com",
        }
        self.params: Json = {"app": app, "version": None, "state": "present", "secrets": {}, "edges": []} | params
        self.check_mode = check_mode
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> World:
    world = World()
    monkeypatch.setattr(_objects, "open_cluster", lambda _check: world.cluster)
    monkeypatch.setattr(time, "time", world.clock.time)
    monkeypatch.setattr(time, "sleep", world.clock.sleep)
    monkeypatch.setattr(_unit, "FOLDER", tmp_path / "seaworthy")
    monkeypatch.setattr(_process, "run", lambda command: subprocess.CompletedProcess(command, 0, "inactive", ""))
    monkeypatch.setattr(world.cluster, "info", lambda: {"Name": "m1"})
    return world


def run(module: Module) -> Json:
    return app_release.run(t.cast(t.Any, module))


@pytest.mark.usefixtures("world")
def test_the_plan_of_a_first_release() -> None:
    result = run(Module(version="1.0.0"))
    assert (result["changed"], result["release"], result["version"]) == (True, "r1", "1.0.0")
    assert result["diff"]["before"] == ""
    assert result["diff"]["after"] == "release: r1\nversion: 1.0.0\n"


def test_what_serves_is_kept_and_a_difference_is_told(world: World) -> None:
    world.run("1.0.0")
    module = Module(version="2.0.0")
    assert not run(module)["changed"]
    assert module.warnings == []
    module.params["app"] |= {"app": APP | {"drain": "7s"}}
    result = run(module)
    assert (result["changed"], result["differs"]) == (False, True)
    assert "shop r1 (version 1.0.0) serves" in module.warnings[0]


def test_the_plan_of_the_next_release(world: World) -> None:
    world.run("1.0.0")
    result = run(Module(version="1.1.0", state="released"))
    assert (result["changed"], result["release"]) == (True, "r2")
    assert result["diff"]["before"] == "release: r1\nversion: 1.0.0\n"


def test_present_leaves_a_running_release_alone(world: World) -> None:
    world.run("1.0.0")
    Lease.acquire(world.cluster, world.clock, "shop", "somebody", "nonce")
    world.cluster.add_network("shop-r2_default", {"seaworthy.app": "shop", "seaworthy.release": "2"})
    assert not run(Module(check_mode=False))["changed"]


@pytest.mark.usefixtures("world")
def test_without_compose_there_is_a_plan_only() -> None:
    module = Module()
    module.params["app"]["model"] = None
    assert run(module)["changed"]
    module.check_mode = False
    with pytest.raises(InputError, match="were not read by Compose"):
        run(module)


@pytest.mark.usefixtures("world")
def test_the_host_program_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Module(version="1.0.0", check_mode=False)
    request = _unit.FOLDER / "seaworthy-release-shop-1.json"

    def start(command: list[str]) -> subprocess.CompletedProcess[str]:
        if command[0] == "systemd-run":
            assert request.stat().st_mode & 0o777 == 0o600
            assert json.loads(request.read_text())["owner"] == "seaworthy-release-shop-1 on m1"
            request.with_suffix(".result").write_text(json.dumps({"failed": False, "changed": True, "phase": "done"}))
        return subprocess.CompletedProcess(command, 0, "inactive", "")

    monkeypatch.setattr(_process, "run", start)
    result = run(module)
    assert (result["changed"], result["phase"], result["failed"]) == (True, "done", False)
    assert list(_unit.FOLDER.iterdir()) == []


@pytest.mark.usefixtures("world")
def test_a_program_that_ends_without_a_result_is_a_failure() -> None:
    with pytest.raises(SeaworthyError, match="seaworthy-release-shop-1 ended without a result"):
        run(Module(version="1.0.0", check_mode=False))
