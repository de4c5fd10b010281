# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs, secrets, networks and services as they are wanted, against a swarm in memory."""

from __future__ import annotations

import copy
import itertools
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _objects
from ansible_collections.seaworthy.swarm.plugins.module_utils._cluster import Cluster, Filters
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    Conflict,
    DeadlineExceeded,
    InputError,
    NotFound,
    SeaworthyError,
)
from tests.unit.plugins.fakes import FakeClock

Json = dict[str, t.Any]


class Swarm(Cluster):
    """What these modules use of a swarm; `stale` updates fail as if somebody was faster."""

    def __init__(self) -> None:
        super().__init__(clock=FakeClock())
        self.blobs: dict[str, dict[str, Json]] = {"config": {}, "secret": {}}
        self.nets: list[Json] = []
        self.services_by_id: dict[str, Json] = {}
        self.task_list: list[Json] = []
        self.stale = 0
        self.numbers = itertools.count(1)

    def _listed(self, kind: str, filters: Filters | None) -> list[Json]:
        wanted = [label.partition("=")[2] for label in (filters or {}).get("label", [])]
        found = self.blobs[kind].values()
        return [item for item in found if not wanted or item["Spec"]["Labels"].get(_objects.BASE_LABEL) in wanted]

    def configs(self, filters: Filters | None = None) -> list[Json]:
        return self._listed("config", filters)

    def secrets(self, filters: Filters | None = None) -> list[Json]:
        return self._listed("secret", filters)

    def _create_blob(self, kind: str, name: str, data: bytes, labels: t.Any) -> str:
        number = next(self.numbers)
        item = {"ID": f"id{number}", "Version": {"Index": 1}, "CreatedAt": f"{number:04}", "data": data}
        self.blobs[kind.removesuffix("s")][f"id{number}"] = item | {"Spec": {"Name": name, "Labels": labels}}
        return f"id{number}"

    def update_config(self, id: str, version: int, spec: Json) -> None:
        self.blobs["config"][id]["Spec"] = spec

    def remove_config(self, id: str) -> None:
        del self.blobs["config"][id]

    def remove_secret(self, id: str) -> None:
        del self.blobs["secret"][id]

    def networks(self, filters: Filters | None = None) -> list[Json]:
        return self.nets

    def create_network(self, spec: Json) -> str:
        self.nets.append({"Id": f"net-{spec['Name']}", "Scope": "swarm", **spec})
        return f"net-{spec['Name']}"

    def remove_network(self, id: str) -> None:
        self.nets = [item for item in self.nets if item["Id"] != id]

    def services(self, filters: Filters | None = None) -> list[Json]:
        return copy.deepcopy(list(self.services_by_id.values()))

    def service(self, id: str) -> Json:
        return copy.deepcopy(next(item for item in self.services_by_id.values() if item["Spec"]["Name"] == id))

    def create_service(self, spec: Json, registry_auth: t.Any = None) -> str:
        self.services_by_id["s1"] = {"ID": "s1", "Version": {"Index": 1}, "Spec": copy.deepcopy(spec)}
        return "s1"

    def update_service(self, id: str, version: int, spec: Json, registry_auth: t.Any = None) -> Json:
        if self.stale > 0:
            self.stale -= 1
            raise Conflict("update out of sequence", status=500)
        assert version == self.services_by_id[id]["Version"]["Index"]
        self.services_by_id[id] |= {"Spec": copy.deepcopy(spec), "Version": {"Index": version + 1}}
        return {}

    def remove_service(self, id: str) -> None:
        del self.services_by_id[id]

    def tasks(self, filters: Filters | None = None) -> list[Json]:
        return self.task_list


@pytest.fixture
def swarm() -> Swarm:
    return Swarm()


# -- comparison


@pytest.mark.parametrize(
    ("wanted", "live", "paths"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2], "c": 3}}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2, "c": 1}]}, ["a[0].b"]),
        ({"ReadOnly": False, "Command": [], "Labels": {}}, {}, []),
        ({"ReadOnly": True}, {}, ["ReadOnly"]),
        ({"Labels": {"a": "1"}}, {"Labels": {"a": "1", "b": "2"}}, ["Labels.b"]),
        ({"T": {"Labels": {}}}, {"T": {"Labels": {"b": "2"}}}, ["T.Labels.b"]),
        ({"Replicas": 0}, {"Replicas": 3}, ["Replicas"]),
    ],
)
def test_wanted_is_contained_in_live(wanted: Json, live: Json, paths: list[str]) -> None:
    assert [item.path for item in _objects.differences(wanted, live)] == paths


# -- configs and secrets


def config(swarm: Swarm, data: bytes, *, check: bool = False, labels: Json | None = None) -> _objects.Outcome:
    blobs = _objects.Blobs(swarm, "config", "edge", check)
    return blobs.present(_objects.plain_digest(data), data, labels or {})


def test_a_config_is_made_once_for_each_content(swarm: Swarm) -> None:
    first = config(swarm, b"one")
    assert first.changed
    assert first.values["base_name"] == "edge"
    assert first.values["name"] == f"edge-{_objects.plain_digest(b'one')}"
    assert not config(swarm, b"one").changed
    assert [item["data"] for item in swarm.blobs["config"].values()] == [b"one"]


def test_check_mode_says_so_and_does_nothing(swarm: Swarm) -> None:
    assert config(swarm, b"one", check=True).changed
    assert not swarm.blobs["config"]


def test_a_new_version_removes_what_nobody_uses(swarm: Swarm) -> None:
    for data in (b"one", b"two"):
        config(swarm, data)
    swarm.services_by_id["s1"] = {
        "Spec": {"TaskTemplate": {"ContainerSpec": {"Configs": [{"ConfigID": "id2"}]}}},
        "PreviousSpec": {},
    }
    config(swarm, b"three")
    assert sorted(item["data"] for item in swarm.blobs["config"].values()) == [b"three", b"two"]


def test_what_a_rollback_would_need_is_kept(swarm: Swarm) -> None:
    config(swarm, b"one")
    used = {"TaskTemplate": {"ContainerSpec": {"Configs": [{"ConfigID": "id1"}]}}}
    swarm.services_by_id["s1"] = {"Spec": {"TaskTemplate": {}}, "PreviousSpec": used}
    config(swarm, b"two")
    assert len(swarm.blobs["config"]) == 2


def test_labels_follow(swarm: Swarm) -> None:
    config(swarm, b"one", labels={"a": "1"})
    assert config(swarm, b"one", labels={"a": "2"}).before == {"Labels.a": "1"}
    assert not config(swarm, b"one", labels={"a": "2"}).changed


def test_absent_removes_all_versions(swarm: Swarm) -> None:
    config(swarm, b"one")
    config(swarm, b"two")
    blobs = _objects.Blobs(swarm, "config", "edge", False)
    assert blobs.absent().changed
    assert not blobs.absent().changed
    assert not swarm.blobs["config"]


def test_digests_of_secrets_are_keyed() -> None:
    one = _objects.keyed_digest("k", "name", b"value")
    assert one != _objects.keyed_digest("other", "name", b"value")
    assert one != _objects.keyed_digest("k", "another", b"value")
    assert one != _objects.plain_digest(b"value")
    with pytest.raises(InputError, match="empty"):
        _objects.keyed_digest("", "name", b"value")


@pytest.mark.parametrize("name", ["", "a/b", "-a", "a" * 52, "a b"])
def test_names_that_cannot_be(swarm: Swarm, name: str) -> None:
    with pytest.raises(InputError, match="no name"):
        _objects.Blobs(swarm, "secret", name, False)


def test_a_file_that_only_the_real_run_will_make(tmp_path: t.Any) -> None:
    path = str(tmp_path / "key")
    assert _objects.content(None, path, check=True) is None
    with pytest.raises(InputError, match="no file"):
        _objects.content(None, path, check=False)
    assert _objects.content("text", None, check=False) == b"text"


# -- networks


def test_a_network_is_made_and_left(swarm: Swarm) -> None:
    spec = {"Internal": True, "Labels": {"a": "1"}}
    assert _objects.network_present(swarm, "edge", spec, False).changed
    assert swarm.nets[0]["Driver"] == "overlay"
    assert not _objects.network_present(swarm, "edge", spec, False).changed
    with pytest.raises(InputError, match=r"cannot be changed.*Internal"):
        _objects.network_present(swarm, "edge", {**spec, "Internal": False}, False)
    assert _objects.network_absent(swarm, FakeClock(), "edge", False).changed
    assert not _objects.network_absent(swarm, FakeClock(), "edge", False).changed


def test_a_network_that_lingers_on_the_host_is_waited_for(swarm: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on an engine: the swarm has removed it (404), the host lists it until its last task has ended."""

    def gone(id: str) -> None:
        raise NotFound(f"network {id} not found")

    monkeypatch.setattr(swarm, "remove_network", gone)
    _objects.network_present(swarm, "edge", {}, False)
    clock = FakeClock(1_000.0)
    clock.after(5, swarm.nets.clear)
    assert _objects.network_absent(swarm, clock, "edge", False).changed
    assert clock.now >= 1_005
    _objects.network_present(swarm, "edge", {}, False)
    with pytest.raises(DeadlineExceeded, match="the removal of network edge"):
        _objects.network_absent(swarm, clock, "edge", False)


# -- services


def spec(**container: t.Any) -> Json:
    return {
        "Mode": {"Replicated": {"Replicas": 1}},
        "Labels": {"a": "1"},
        "TaskTemplate": {"ContainerSpec": {"Image": "x:1", **container}},
    }


def present(swarm: Swarm, wanted: Json, *, keep: list[str] | None = None, check: bool = False) -> _objects.Outcome:
    return _objects.Service(swarm, "web", wanted, keep or [], check).present()


def test_a_service_is_made_updated_and_left(swarm: Swarm) -> None:
    assert present(swarm, spec()).changed
    assert not present(swarm, spec()).changed
    changed = present(swarm, spec(Image="x:2"))
    assert (changed.before, changed.after) == (
        {"TaskTemplate.ContainerSpec.Image": "x:1"},
        {"TaskTemplate.ContainerSpec.Image": "x:2"},
    )
    assert swarm.services_by_id["s1"]["Version"]["Index"] == 2
    assert _objects.Service(swarm, "web", {}, [], False).absent().changed


def test_check_mode_does_not_touch_services(swarm: Swarm) -> None:
    assert present(swarm, spec(), check=True).changed
    assert not swarm.services_by_id


def test_somebody_was_faster(swarm: Swarm) -> None:
    present(swarm, spec())
    swarm.stale = 2
    assert present(swarm, spec(Image="x:2")).changed
    swarm.stale = 99
    with pytest.raises(Conflict):
        present(swarm, spec(Image="x:3"))


def test_what_belongs_to_others_is_kept(swarm: Swarm) -> None:
    keep = ["TaskTemplate.ContainerSpec.Secrets"]
    present(swarm, spec(), keep=keep)
    container = swarm.services_by_id["s1"]["Spec"]["TaskTemplate"]["ContainerSpec"]
    container["Secrets"] = [{"SecretName": "cert"}]
    assert not present(swarm, spec(), keep=keep).changed
    present(swarm, spec(Image="x:2"), keep=keep)
    assert swarm.services_by_id["s1"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"] == [{"SecretName": "cert"}]


def test_a_forced_update_stays_counted(swarm: Swarm) -> None:
    present(swarm, spec())
    swarm.services_by_id["s1"]["Spec"]["TaskTemplate"]["ForceUpdate"] = 3
    present(swarm, spec(Image="x:2"))
    assert swarm.services_by_id["s1"]["Spec"]["TaskTemplate"]["ForceUpdate"] == 3


def test_names_become_ids(swarm: Swarm) -> None:
    name = config(swarm, b"one").values["name"]
    swarm.create_network({"Name": "edge"})
    wanted = spec(Configs=[{"ConfigName": name}])
    wanted["TaskTemplate"]["Networks"] = [{"Target": "edge"}]
    found = _objects.resolve(swarm, wanted, False)["TaskTemplate"]
    assert found["ContainerSpec"]["Configs"] == [{"ConfigName": name, "ConfigID": "id1"}]
    assert found["Networks"] == [{"Target": "net-edge"}]
    with pytest.raises(NotFound, match="no secret of the name nothing"):
        _objects.resolve(swarm, spec(Secrets=[{"SecretName": "nothing"}]), False)
    unknown = _objects.resolve(swarm, spec(Secrets=[{"SecretName": "nothing"}]), True)
    assert unknown["TaskTemplate"]["ContainerSpec"]["Secrets"][0]["SecretID"] == _objects.UNKNOWN


# -- convergence


def task(state: str, *, image: str = "x:1", desired: str = "running", slot: int = 1) -> Json:
    return {
        "Spec": {"ContainerSpec": {"Image": image}},
        "Slot": slot,
        "DesiredState": desired,
        "Status": {"State": state, "Err": "task: non-zero exit (1)"},
    }


def live(mode: Json | None = None, update: Json | None = None) -> Json:
    template = {"ContainerSpec": {"Image": "x:1"}, "Runtime": "container"}
    mode = mode or {"Replicated": {"Replicas": 1}}
    return {"ID": "s1", "Spec": {"Name": "web", "Mode": mode, "TaskTemplate": template}, "UpdateStatus": update}


@pytest.mark.parametrize(
    ("service", "tasks", "doubt"),
    [
        (live(), [task("running")], None),
        (live(), [], "0 of 1"),
        (live(), [task("starting")], "0 of 1"),
        (live(), [task("running", image="x:0")], "0 of 1"),
        (live(), [task("running"), task("running", image="x:0")], "1 of 1"),
        (live(), [task("running"), task("shutdown", image="x:0", desired="shutdown")], None),
        (live(update={"State": "updating"}), [task("running")], "1 of 1"),
        (live(update={"State": "completed"}), [task("running")], None),
        (live(), [task("starting"), task("failed", desired="shutdown")], "non-zero exit"),
        (live({"Global": {}}), [task("running", slot=1), task("running", slot=2)], None),
        (live({"Global": {}}), [task("running"), task("preparing")], "1 of 2"),
        (live({"Global": {}}), [], "no node"),
    ],
)
def test_settled(service: Json, tasks: list[Json], doubt: str | None) -> None:
    found = _objects.doubt_of(service, tasks)
    assert found is None if doubt is None else doubt in str(found)


def test_an_update_that_stopped_is_an_error_at_once() -> None:
    with pytest.raises(SeaworthyError, match="stopped"):
        _objects.doubt_of(live(update={"State": "paused", "Message": "update paused"}), [task("running")])


def test_tasks_that_keep_crashing_are_an_error_at_once() -> None:
    crashed = [task("failed", desired="shutdown")] * 3
    with pytest.raises(SeaworthyError, match="keeps failing"):
        _objects.doubt_of(live(), [*crashed, task("starting")])
    assert _objects.doubt_of(live(), [*crashed, task("running")]) is None  # it has recovered


def test_waiting_ends(swarm: Swarm) -> None:
    swarm.services_by_id["s1"] = live()
    clock = FakeClock()
    clock.after(7, lambda: swarm.task_list.append(task("running")))
    _objects.wait_until_settled(swarm, clock, "web", 60)
    swarm.task_list.clear()
    with pytest.raises(SeaworthyError, match="did not settle within 60 s"):
        _objects.wait_until_settled(swarm, clock, "web", 60)
