# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins for registries, and stacks that take their time to go."""

from __future__ import annotations

import base64
import json
import pathlib

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import ClusterError
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
