# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers that are the lab's hosts, on an engine in memory."""

from __future__ import annotations

import collections.abc as c
import socket
import threading
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_hosts
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_engine import Engine
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_hosts import Host, Lab
from tests.unit.plugins.fakes import FakeClock

LAB = Lab("lab")
M1 = Host("m1", ("192.0.2.11", "2001:db8::11"), "/state/hosts/m1", "host:1")
M2 = Host("m2", ("192.0.2.12", "2001:db8::12"), "/state/hosts/m2", "host:1")


class FakeEngine(Engine):
    """Containers, volumes and networks by name, with their labels."""

    def __init__(self) -> None:
        super().__init__("/nonexistent")
        self.running: dict[str, dict[str, t.Any]] = {}
        self.owned_volumes: dict[str, str] = {}
        self.owned_networks: dict[str, str] = {}
        self.image_id = "sha256:1"
        self.calls: list[str] = []

    def add(self, name: str, labels: c.Mapping[str, str], state: str = "running") -> None:
        label = ",".join(f"{key}={value}" for key, value in labels.items())
        self.running[name] = {"Names": [f"/{name}"], "State": state, "ImageID": self.image_id, "Label": label}

    def containers(self, filters: t.Any = None) -> list[dict[str, t.Any]]:
        return [one for one in self.running.values() if not filters or one["Label"] in filters["label"]]

    def volumes(self, label: str) -> list[str]:
        return [name for name, owner in self.owned_volumes.items() if owner == label]

    def networks(self, filters: t.Any = None) -> list[dict[str, t.Any]]:
        return [{"Id": name, "Name": name} for name, owner in self.owned_networks.items() if owner in filters["label"]]

    def image(self, name: str) -> dict[str, t.Any]:
        return {"Id": self.image_id, "Name": name}

    def create_volume(self, name: str, labels: c.Mapping[str, str]) -> None:
        self.owned_volumes[name] = ",".join(f"{key}={value}" for key, value in labels.items())

    def create_container(self, name: str, spec: c.Mapping[str, t.Any]) -> None:
        self.add(name, spec["Labels"], "created")
        self.calls.append(f"create {name}")

    def start_container(self, name: str) -> None:
        self.running[name]["State"] = "running"
        self.calls.append(f"start {name}")

    def remove_container(self, name: str) -> None:
        del self.running[name]

    def remove_volume(self, name: str) -> None:
        del self.owned_volumes[name]

    def remove_network(self, id: str) -> None:
        del self.owned_networks[id]

    def prune_images(self, label: str) -> None:
        self.calls.append(f"prune {label}")


def bring_up(engine: FakeEngine) -> None:
    _lab_hosts.bring_up(engine, LAB, [M1, M2], _lab_hosts.existing(engine, LAB))


def test_a_host_is_never_privileged() -> None:
    spec = _lab_hosts.spec(LAB, M1)
    host = spec["HostConfig"]
    assert "Privileged" not in host
    assert host["CapAdd"] == ["SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "NET_RAW", "MKNOD"]
    assert host["MaskedPaths"] == host["ReadonlyPaths"] == []
    assert host["Tmpfs"] == {"/run": "", "/run/lock": "", "/tmp": "exec"}
    assert "seaworthy-lab-m1-docker:/var/lib/docker" in host["Binds"]
    assert "/state/hosts/m1:/etc/lab:ro" in host["Binds"]
    assert spec["Labels"] == {"seaworthy.lab": "lab"}
    addresses = spec["NetworkingConfig"]["EndpointsConfig"]["seaworthy-lab"]["IPAMConfig"]
    assert addresses == {"IPv4Address": "192.0.2.11", "IPv6Address": "2001:db8::11"}


def test_missing_hosts_are_made_and_stopped_ones_started() -> None:
    engine = FakeEngine()
    engine.add("seaworthy-lab-m2", LAB.labels, "exited")
    assert _lab_hosts.idle(LAB, [M1, M2], _lab_hosts.existing(engine, LAB)) == ["m1", "m2"]
    bring_up(engine)
    assert engine.calls == ["create seaworthy-lab-m1", "start seaworthy-lab-m1", "start seaworthy-lab-m2"]
    assert _lab_hosts.idle(LAB, [M1, M2], _lab_hosts.existing(engine, LAB)) == []


def test_the_second_time_nothing_is_done() -> None:
    engine = FakeEngine()
    bring_up(engine)
    engine.calls.clear()
    bring_up(engine)
    assert engine.calls == []


def test_hosts_of_an_earlier_image_are_kept_and_named() -> None:
    engine = FakeEngine()
    bring_up(engine)
    assert _lab_hosts.outdated(engine, LAB, [M1, M2], _lab_hosts.existing(engine, LAB)) == []
    engine.image_id = "sha256:2"
    assert _lab_hosts.outdated(engine, LAB, [M1, M2], _lab_hosts.existing(engine, LAB)) == ["m1", "m2"]


def test_removal_takes_what_carries_the_label_and_only_that() -> None:
    engine = FakeEngine()
    bring_up(engine)
    engine.owned_networks["seaworthy-lab"] = LAB.label
    engine.add("theirs", {})
    engine.add("seaworthy-other-m1", Lab("other").labels)
    engine.owned_volumes["their-volume"] = ""
    engine.owned_networks["their-network"] = ""
    expected = [
        "container seaworthy-lab-m1",
        "container seaworthy-lab-m2",
        "volume seaworthy-lab-m1-docker",
        "volume seaworthy-lab-m2-docker",
        "network seaworthy-lab",
    ]
    assert _lab_hosts.belongings(engine, LAB) == expected
    assert _lab_hosts.remove_all(engine, LAB) == expected
    assert list(engine.running) == ["theirs", "seaworthy-other-m1"]
    assert list(engine.owned_volumes) == ["their-volume"]
    assert list(engine.owned_networks) == ["their-network"]
    assert _lab_hosts.remove_all(engine, LAB) == []


def test_a_host_that_does_not_greet_is_named() -> None:
    with pytest.raises(SeaworthyError, match=r"host m1 does not answer over SSH.*after 30 s"):
        _lab_hosts.wait_for_ssh([Host("m1", ("127.0.0.255", "::1"), "", "")], 30.0, FakeClock())


def test_a_greeting_counts_and_an_open_port_alone_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        connect = socket.create_connection
        monkeypatch.setattr(socket, "create_connection", lambda _address, timeout: connect(address, timeout))

        def answer() -> None:
            for greeting in (b"HTTP", b"SSH-2.0-x\r\n"):
                connection, _peer = server.accept()
                connection.sendall(greeting)
                connection.close()

        answering = threading.Thread(target=answer)
        answering.start()
        assert [_lab_hosts.greets("192.0.2.11"), _lab_hosts.greets("192.0.2.11")] == [False, True]
        answering.join()
