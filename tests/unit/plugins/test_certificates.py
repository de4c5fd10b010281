# SPDX-License-Identifier: GPL-3.0-or-later
"""Module certificates: when it starts the issuer, when it waits for one, and when it brings files."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _certs_run, _objects
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.modules import certificates
from tests.unit.plugins.certs_world import DAY, KEY, SETTINGS, Swarm, World, certificate
from tests.unit.plugins.fakes import FakeClock

A = "a.example.com"
PARAMS: dict[str, t.Any] = SETTINGS | {
    "names": [A],
    "source": "acme",
    "ca_file": None,
    "dns_hook": False,
    "dns_resolvers": [],
    "dns_propagation_check": True,
    "files_dir": None,
    "certificates": None,
    "issue": True,
    "wait_seconds": 60,
}


class Module:
    """As much of AnsibleModule as is used; a started unit runs to its end."""

    def __init__(self, world: World, check: bool = False, **changes: t.Any) -> None:
        self.params = PARAMS | changes
        self.check_mode = check
        self.world = world
        self.started = 0
        self.warnings: list[str] = []

    def run_command(self, argv: list[str]) -> tuple[int, str, str]:
        assert argv == ["systemctl", "start", "seaworthy-certs.service"]
        self.started += 1
        return _certs_run.issue([], self.world.said.append), "", "Job failed\n"

    def debug(self, text: str) -> None:
        """Nobody reads it."""

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(Swarm(FakeClock()))
    monkeypatch.setattr(_certs_run, "SETTINGS", tmp_path / "certs.json")
    monkeypatch.setattr(_certs_run, "RESULT", tmp_path / "result.json")
    monkeypatch.setattr(_certs_run, "Cluster", lambda: found.swarm)
    monkeypatch.setattr(_certs_run, "SystemClock", lambda: found.clock)
    monkeypatch.setattr(certificates, "SystemClock", lambda: found.clock)
    monkeypatch.setattr(_certs_run, "new_issuer", lambda *_arguments: found.issuer(names=[A]))
    monkeypatch.setattr(_certs_run, "new_check", lambda *_arguments: found.check_of(names=[A]))
    monkeypatch.setattr(_objects, "open_cluster", lambda _check: found.swarm)
    return found


def test_it_issues_once(world: World) -> None:
    module = Module(world)
    result = certificates.run(module)
    assert (result["changed"], [item["name"] for item in result["certificates"]]) == (True, [A])
    assert json.loads(_certs_run.SETTINGS.read_text())["names"] == [A]
    assert certificates.run(module)["changed"] is False
    assert (module.started, world.orders) == (1, [A])


def test_check_mode_starts_nothing(world: World) -> None:
    module = Module(world, check=True)
    result = certificates.run(module)
    assert result["changed"] is True
    assert f"{A}: there is none" in result["diff"][1]["after"]
    assert (module.started, _certs_run.SETTINGS.exists()) == (0, False)


def test_the_other_managers_are_only_told(world: World) -> None:
    module = Module(world, issue=False)
    assert certificates.run(module)["changed"] is True
    assert certificates.run(module)["changed"] is False
    assert (module.started, world.orders) == (0, [])


def test_a_run_on_another_manager_is_waited_for(world: World) -> None:
    other = world.take("m2")
    certificates.run(Module(world, issue=False))

    def finish() -> None:
        world.issuer(names=[A]).run(other)
        other.release()

    world.clock.after(30, finish)
    module = Module(world)
    assert certificates.run(module)["changed"] is False
    assert (module.started, world.orders) == (0, [A])


def test_a_manager_that_was_faster_is_waited_for(world: World) -> None:
    """Between our look and our start another one took the lease: our unit ends well without doing anything."""

    class Late(Module):
        def run_command(self, argv: list[str]) -> tuple[int, str, str]:
            if self.started == 0:
                other = world.take("m2")
                world.clock.after(20, other.release)
            return super().run_command(argv)

    module = Late(world)
    assert certificates.run(module)["changed"] is True
    assert (module.started, world.orders) == (2, [A])


def test_the_reason_is_told(world: World) -> None:
    world.addresses[A] = {"198.51.100.1"}
    with pytest.raises(SeaworthyError, match="does not lead to the edges"):
        certificates.run(Module(world))


def test_an_edge_that_is_down_is_a_warning(world: World) -> None:
    world.swarm.states["m2"], world.silent = "down", {"m2"}
    module = Module(world)
    certificates.run(module)
    assert module.warnings == [] or "m2" in module.warnings[0]
    assert any("edge m2 is left out" in text for text in world.said)


def test_files(world: World) -> None:
    now = world.clock.time()

    def given(serial: int) -> Module:
        item = dataclasses.asdict(certificate(A, now, serial)) | {"name": A}
        return Module(world, source="files", files_dir="certificates", certificates=[item])

    first = certificates.run(given(1))
    assert (first["changed"], certificates.run(given(1))["changed"]) == (True, False)
    second = certificates.run(given(2))
    assert second["changed"] is True
    assert [item["SecretName"] for item in world.swarm.attached] == [f"cert-{A}-0000000000000002"]
    assert world.orders == []
    assert KEY.splitlines()[1] not in json.dumps([first, second])
    assert json.loads(_certs_run.SETTINGS.read_text())["source"] == "files"
    world.clock.sleep(DAY)
