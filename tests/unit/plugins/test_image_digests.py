# SPDX-License-Identifier: GPL-3.0-or-later
"""Module image_digests: the digest under which a registry knows an image."""

from __future__ import annotations

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import ClusterError, NotFound
from ansible_collections.seaworthy.swarm.plugins.modules.image_digests import digest_of, resolve
from tests.unit.plugins.fakes import DIGEST, FakeClock, FakeCluster


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("docker.io/library/traefik:v3", "traefik"),
        ("traefik:v3", "docker.io/library/traefik"),
        ("docker.io/grafana/loki:3", "grafana/loki"),
        ("registry.example.com:5000/shop/web:1", "registry.example.com:5000/shop/web"),
    ],
)
def test_an_image_is_known_by_its_name(name: str, known: str) -> None:
    assert digest_of({"RepoDigests": ["other@sha256:1", f"{known}@{DIGEST}"]}, name) == DIGEST


def test_an_image_from_no_registry_has_no_digest() -> None:
    with pytest.raises(ClusterError, match="no digest of traefik:v3"):
        digest_of({"RepoDigests": []}, "traefik:v3")


def test_images_are_pulled_first() -> None:
    cluster = FakeCluster(FakeClock())
    assert resolve(cluster, {"web": "shop/web:1"}, pull=True) == {"web": f"shop/web:1@{DIGEST}"}
    assert cluster.pulled == ["shop/web:1"]


def test_without_a_pull_only_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster(FakeClock())

    def nothing(name: str) -> dict[str, object]:
        raise NotFound(name, status=404)

    monkeypatch.setattr(cluster, "image", nothing)
    assert resolve(cluster, {"web": "shop/web:1"}, pull=False) == {}
    assert cluster.pulled == []
