# SPDX-License-Identifier: GPL-3.0-or-later
"""`seaworthy certs`: its exit code, its words, and the file it leaves."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _certs, _certs_files, _certs_run, _cli
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError, LeaseHeld
from ansible_collections.seaworthy.swarm.plugins.module_utils._lease import LIFETIME
from tests.unit.plugins.certs_world import DAY, SETTINGS, Swarm, World, certificate
from tests.unit.plugins.fakes import FakeClock

A = "a.example.com"


@pytest.fixture
def world() -> World:
    return World(Swarm(FakeClock()))


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, world: World) -> pathlib.Path:
    """A manager's files in a folder of the test, and the world around it."""
    for name in ("SETTINGS", "RESULT"):
        monkeypatch.setattr(_certs_run, name, tmp_path / name)
    (tmp_path / "SETTINGS").write_text(_certs.Settings.parse(SETTINGS).text())
    monkeypatch.setattr(_certs_run, "Cluster", lambda: world.swarm)
    monkeypatch.setattr(_certs_run, "SystemClock", lambda: world.clock)
    monkeypatch.setattr(_certs_run, "new_issuer", lambda *_arguments: world.issuer())
    monkeypatch.setattr(_certs_run, "new_check", lambda *_arguments: world.check_of())
    return tmp_path


def result(host: pathlib.Path) -> t.Any:
    return json.loads((host / "RESULT").read_text())


def test_a_host_that_was_told_nothing(host: pathlib.Path) -> None:
    (host / "SETTINGS").unlink()
    with pytest.raises(InputError, match="knows nothing of certificates"):
        _certs_run.issue([], print)
    with pytest.raises(InputError, match="knows nothing of certificates"):
        _certs_run.check(print)


def test_why_a_run_failed_is_left_in_a_file(host: pathlib.Path, world: World) -> None:
    assert _certs_run.issue([], world.said.append) == 0
    assert result(host) == []
    world.broken = {A}
    assert _certs_run.issue([A], world.said.append) == 1
    assert result(host) == [f"no certificate for {A}"]
    world.old = {"m1"}
    assert _certs_run.issue([], world.said.append) == 1
    assert "m1 shows another certificate" in result(host)[0]


@pytest.mark.usefixtures("host")
def test_the_lease_is_given_back(world: World) -> None:
    for broken in (set(), {A}):
        world.broken = broken
        _certs_run.issue([A], world.said.append)
        world.take("m2").release()


def test_a_run_beside_another_ends_well_and_says_by_whom(host: pathlib.Path, world: World) -> None:
    world.take("m2")
    assert _certs_run.issue([], world.said.append) == 0
    assert world.said == ["the list of certificates is being changed by m2"]
    assert (world.orders, result(host)) == ([], [])


@pytest.mark.usefixtures("host")
def test_force_waits_for_the_other_run(world: World) -> None:
    other = world.take("m2")
    world.clock.after(40, other.release)
    assert _certs_run.issue([A], world.said.append) == 0
    assert world.orders == [A, "b.example.com"]
    assert any(text.endswith("waiting") for text in world.said)


@pytest.mark.usefixtures("host")
def test_a_certificate_near_its_end_fails_the_run(world: World) -> None:
    _certs_run.issue([], world.said.append)
    world.clock.sleep(80 * DAY)
    world.down = True
    assert _certs_run.issue([], world.said.append) == 1


@pytest.mark.usefixtures("host")
def test_the_check_alone(world: World) -> None:
    assert _certs_run.check(world.said.append) == 1
    assert f"{A} has no certificate" in world.said
    _certs_run.issue([], world.said.append)
    assert _certs_run.check(world.said.append) == 0
    assert "every edge serves 2 certificates" in world.said[-1]
    orders = list(world.orders)
    world.old = {"m2"}
    assert _certs_run.check(world.said.append) == 1
    assert "m2 shows another" in world.said[-1]
    world.old = set()
    world.clock.sleep(76 * DAY)
    assert _certs_run.check(world.said.append) == 1
    assert "renewals must have failed" in world.said[-1]
    assert world.orders == orders


@pytest.mark.usefixtures("host")
def test_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert _cli.main(["certs", "--check"]) == 1
    assert "has no certificate" in capsys.readouterr().out
    assert _cli.main(["certs", "--force", A]) == 0
    assert _cli.main(["certs", "--check"]) == 0
    assert _cli.main(["certs", "--force", "typo.example.com"]) == 1


def test_nothing_is_ordered_where_the_team_brings_files(host: pathlib.Path, world: World) -> None:
    raw = {"source": "files", "names": [A], "edges": SETTINGS["edges"]}
    (host / "SETTINGS").write_text(_certs.Settings.parse(raw).text())
    with pytest.raises(InputError, match="come from files"):
        _certs_run.issue([], world.said.append)
    assert world.orders == []


def test_joining_a_run_that_died_ends_with_its_lease(world: World) -> None:
    world.take("m2")
    start = world.clock.time()
    _certs_run.join(world.swarm, world.clock)
    assert LIFETIME - 1 <= world.clock.time() - start <= LIFETIME + 2


def test_joining_waits_for_one_run_only(world: World) -> None:
    """Somebody who rotates in a loop leaves no moment without a lease that a look each second would see."""
    lease = world.take("m2")

    def next_run() -> None:
        lease.release()
        world.take("m2")

    start = world.clock.time()
    world.clock.after(10, next_run)
    _certs_run.join(world.swarm, world.clock)
    assert 10 <= world.clock.time() - start <= 12


def test_joining_has_an_end(world: World) -> None:
    lease = world.take("m2")
    kept = _certs_run.KeptClock(world.clock, lease.keep)
    with pytest.raises(LeaseHeld, match="m2"):
        _certs_run.join(world.swarm, kept)


# -- the team's own certificates


def test_files_reach_the_edges_and_rotate(world: World) -> None:
    now = world.clock.time()
    files = {A: certificate(A, now, 1)}
    for serial in (1, 2):
        files[A] = certificate(A, now, serial)
        due = _certs_files.due(world.swarm, files)
        assert set(due) == {A}
        _certs_files.distribute(world.swarm, world.clock, files, due)
        assert _certs_files.due(world.swarm, files) == {}
    assert [item["SecretName"] for item in world.swarm.attached] == [f"cert-{A}-0000000000000002"]
    assert len(world.swarm.stored) == 1
    raw = {"source": "files", "names": [A], "edges": SETTINGS["edges"]}
    world.check_of(**raw).verify(0)


def test_from_an_authority_to_files_and_back(world: World) -> None:
    world.run(names=[A])
    files = {A: certificate(A, world.clock.time(), 77)}
    assert "from https://acme.example.com/dir" in _certs_files.due(world.swarm, files)[A]
    _certs_files.distribute(world.swarm, world.clock, files, [A])
    assert world.issuer(names=[A]).due() == {A: "the present one comes from files"}
