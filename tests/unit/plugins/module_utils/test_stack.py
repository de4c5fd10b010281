# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins for registries, and stacks that take their time to go."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _process
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    ClusterError,
    DeadlineExceeded,
    Unavailable,
)
from ansible_collections.seaworthy.swarm.plugins.module_utils._stack import Stacks
from tests.unit.plugins.fakes import FakeClock, FakeCluster


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster(FakeClock())


@pytest.mark.parametrize(
    ("image", "server"),
    [
        ("r.example.com:5000/shop/web:1", "r.example.com:5000"),
        ("localhost/shop", "localhost"),
        ("redis:7", "https://index.docker.io/v1/"),
        ("acme/shop:1", "https://index.docker.io/v1/"),
        ("docker.io/library/redis", "https://index.docker.io/v1/"),
        ("other.example.com/x", None),
    ],
)
def test_login(cluster: FakeCluster, tmp_path: pathlib.Path, image: str, server: str | None) -> None:
    auth = {"auth": base64.b64encode(b"pull:pass:word").decode()}
    servers = dict.fromkeys(["r.example.com:5000", "localhost", "https://index.docker.io/v1/"], auth)
    (tmp_path / "config.json").write_text(json.dumps({"auths": servers}))
    login = Stacks(cluster, tmp_path).login(image)
    assert login == (server and {"username": "pull", "password": "pass:word", "serveraddress": server})


def test_no_login_at_all(cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    assert Stacks(cluster, tmp_path).login("redis:7") is None


def test_a_stack_is_gone_when_its_networks_are(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"com.docker.stack.namespace": "shop-r1"}
    cluster.add_service("shop-r1_web", labels, 1)
    cluster.add_network("shop-r1_default", labels)
    cluster.add_network("shop-r2_default", {"com.docker.stack.namespace": "shop-r2"})
    stacks = Stacks(cluster)

    def in_use(_id: str) -> None:
        raise ClusterError("network shop-r1_default is in use by task x", status=500)

    monkeypatch.setattr(cluster, "remove_network", in_use)
    assert "in use" in str(stacks.remove("shop-r1"))
    assert cluster.services() == []
    monkeypatch.undo()
    assert "being removed" in str(stacks.remove("shop-r1"))
    assert stacks.remove("shop-r1") is None
    assert list(cluster.stored_networks) == ["shop-r2_default"]


class Docker:
    """Stands for the Docker CLI, and reads the files as it does."""

    def __init__(self, code: int = 0, error: str = "", slow: bool = False) -> None:
        self.code, self.error, self.slow = code, error, slow
        self.document: dict[str, t.Any] = {}
        self.files: list[pathlib.Path] = []
        self.contents: list[bytes] = []

    def run(self, argv: list[str], *, data: str, **_options: t.Any) -> subprocess.CompletedProcess[str]:
        assert argv[:3] == ["docker", "stack", "deploy"]
        self.document = json.loads(data)
        self.files = [pathlib.Path(config["file"]) for config in self.document["configs"].values() if "file" in config]
        self.contents = [file.read_bytes() for file in self.files]
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in self.files)
        assert all(file.parent.stat().st_mode & 0o777 == 0o700 for file in self.files)
        if self.slow:
            raise DeadlineExceeded("it took too long")
        return subprocess.CompletedProcess(argv, self.code, "", self.error)


CONFIGS = {
    "seaworthy-env": {"content": 'echo "$1"\n'},
    "..": {"content": "žluťoučký\r\n", "labels": {"a": "b"}},
    "theirs": {"external": True, "name": "theirs-1"},
}


@pytest.mark.parametrize(
    ("docker", "error"),
    [
        (Docker(), None),
        (Docker(1, "no such network"), ClusterError),
        (Docker(1, "rpc error: The swarm does not have a leader"), Unavailable),
        (Docker(slow=True), Unavailable),
    ],
)
def test_configs_are_files_while_the_stack_is_deployed(
    cluster: FakeCluster,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    docker: Docker,
    error: type[ClusterError] | None,
) -> None:
    monkeypatch.setattr(_process, "run", docker.run)
    stacks = Stacks(cluster, private=tmp_path / "private")
    document = {"services": {"web": {}}, "configs": CONFIGS}
    if error:
        with pytest.raises(error):
            stacks.deploy("shop-r1", document)
    else:
        stacks.deploy("shop-r1", document)
    assert docker.contents == [b'echo "$1"\n', "žluťoučký\r\n".encode()]
    assert docker.document["configs"][".."] == {"file": str(docker.files[1]), "labels": {"a": "b"}}
    assert docker.document["configs"]["theirs"] == CONFIGS["theirs"]
    assert list((tmp_path / "private").iterdir()) == []
    assert document == {"services": {"web": {}}, "configs": CONFIGS}, "the caller's document stays as it was"


def test_the_configs_of_a_stack_go_with_it(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    space = {"com.docker.stack.namespace": "shop-r1"}
    cluster.add_network("shop-r1_default", space)
    cluster.create_config("shop-r1_seaworthy-env", b"script", space)
    cluster.create_config("shop-r2_seaworthy-env", b"script", {"com.docker.stack.namespace": "shop-r2"})
    cluster.create_config("seaworthy-app-shop", b"record", {"seaworthy.app": "shop"})
    stacks = Stacks(cluster)

    def in_use(_id: str) -> None:
        raise ClusterError("config shop-r1_seaworthy-env is in use by the following service: run-1", status=400)

    monkeypatch.setattr(cluster, "remove_config", in_use)
    assert "in use by the following service" in str(stacks.remove("shop-r1"))
    assert list(cluster.stored_networks) == ["shop-r1_default"], "what is left is found by the next run"
    monkeypatch.undo()
    stacks.remove("shop-r1")
    assert stacks.remove("shop-r1") is None
    assert [config["Spec"]["Name"] for config in cluster.configs()] == ["shop-r2_seaworthy-env", "seaworthy-app-shop"]
