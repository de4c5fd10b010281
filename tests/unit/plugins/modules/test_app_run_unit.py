# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that starts one-off commands and reads on what they write."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _objects, _unit
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.module_utils._logs import Line
from ansible_collections.seaworthy.swarm.plugins.module_utils._output import Output
from ansible_collections.seaworthy.swarm.plugins.module_utils._unit import Unit
from ansible_collections.seaworthy.swarm.plugins.modules import app_run_unit
from tests.unit.plugins.module_utils.test_release import World

Json = dict[str, t.Any]
JOB = "shop-run-1f0c9a3b"
WANTED: Json = {"app": "shop", "service": "api", "command": ["npm", "run", "seed"], "timeout_seconds": 60.0}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> World:
    world = World()
    world.run("1.0.0")
    monkeypatch.setattr(_objects, "open_cluster", lambda _check: world.cluster)
    monkeypatch.setattr(_unit, "FOLDER", tmp_path)
    monkeypatch.setattr(app_run_unit, "time", world.clock)
    return world


@pytest.mark.usefixtures("world")
def test_check_mode_says_where_it_would_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Unit, "start", None)
    assert app_run_unit.start(WANTED, check_mode=True) == {
        "changed": True,
        "service": "api",
        "release": "r1",
        "version": "1.0.0",
        "image": "image of shop-r1_shop-api-r1",
    }


@pytest.mark.usefixtures("world")
def test_it_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, str, Json]] = []
    monkeypatch.setattr(Unit, "start", lambda self, command, request: started.append((self.name, command, request)))
    result = app_run_unit.start(WANTED, check_mode=False)
    name, command, request = started[0]
    assert (name, command) == (f"seaworthy-{result['job']}", "run")
    assert request == {
        "app": "shop",
        "service": "api",
        "command": ["npm", "run", "seed"],
        "name": result["job"],
        "timeout": 60.0,
    }
    assert result["job"].startswith("shop-run-")


@pytest.mark.usefixtures("world")
def test_an_unknown_service_is_refused_before_anything_is_started() -> None:
    with pytest.raises(InputError, match="has no service nobody"):
        app_run_unit.start(WANTED | {"service": "nobody"}, check_mode=False)


def test_what_it_writes_is_read_on_until_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Unit, "is_active", lambda _self: True)
    unit = app_run_unit.unit_of(JOB)
    unit.request.touch()
    with Output(unit.request.with_suffix(".output")) as output:
        world.clock.after(3, lambda: output.add(Line("", "stdout", "one")))
        began = world.clock.now
        step = app_run_unit.watch(JOB, 0)
        assert step["lines"] == [("stdout", "one")]
        assert 3 <= world.clock.now - began < 4, "it comes when it is there"
        step = app_run_unit.watch(JOB, step["cursor"])
        assert (step["lines"], step["verdict"]) == ([], None)
        output.add(Line("", "stderr", "two"))
    unit.request.with_suffix(".result").write_text(json.dumps({"failed": True, "rc": 3}))
    step = app_run_unit.watch(JOB, step["cursor"])
    assert (step["lines"], step["verdict"]) == ([("stderr", "two")], None)
    step = app_run_unit.watch(JOB, step["cursor"])
    assert (step["lines"], step["verdict"]) == ([], {"failed": True, "rc": 3})
    assert list(unit.request.parent.iterdir()) == []
