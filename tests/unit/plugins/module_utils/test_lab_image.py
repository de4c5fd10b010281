# SPDX-License-Identifier: GPL-3.0-or-later
"""Image archives made without an engine."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_image


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for folder in ("bin", "etc", "tmp/left", "var/log/apt", "var/lib/apt/lists", "dev"):
        (root / folder).mkdir(parents=True)
    (root / "bin" / "tool").write_text("#!/bin/sh\n")
    (root / "bin" / "tool").chmod(0o755)
    (root / "bin" / "sh").symlink_to("tool")
    (root / "etc" / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (root / "var" / "lib" / "apt" / "lists" / "list").write_text("long\n")
    return root


def test_what_belongs_to_the_building_machine_stays_out(tree: Path) -> None:
    assert list(_lab_image.members(tree)) == [
        "bin",
        "dev",
        "etc",
        "tmp",
        "var",
        "bin/sh",
        "bin/tool",
        "etc/passwd",
        "var/lib",
        "var/log",
        "var/lib/apt",
        "var/lib/apt/lists",
    ]


def test_an_archive_is_read_back_and_its_digests_are_true(tree: Path, tmp_path: Path) -> None:
    layer, diff_id = _lab_image.write_layer(tree, tmp_path / "layer.tar.gz")
    assert diff_id == "sha256:" + hashlib.sha256(gzip.decompress(layer.path.read_bytes())).hexdigest()
    with tarfile.open(layer.path) as tar:
        assert tar.getmember("bin/tool").mode == 0o755
        assert tar.getmember("bin/sh").linkname == "tool"
        assert "etc/resolv.conf" not in tar.getnames()

    target = tmp_path / "image.tar"
    image = "docker.io/library/tool:v1"
    config = {"Cmd": ["tool"], "Labels": {"version": "1"}}
    digest = _lab_image.write_archive(target, image, layer, diff_id, config, "2026-01-01T00:00:00Z")
    read = _lab_image.read_archive(target)
    assert (read["name"], read["digest"], read["labels"]) == (image, digest, {"version": "1"})
    with tarfile.open(target) as tar:
        blobs = [name for name in tar.getnames() if name.startswith("blobs/sha256/")]
        for name in blobs:
            content = tar.extractfile(name)
            assert content is not None
            assert name == "blobs/sha256/" + hashlib.sha256(content.read()).hexdigest()
        # `docker load` reads this file, skopeo reads index.json.
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        [entry] = json.load(manifest)
    assert entry["RepoTags"] == [image]
    assert {entry["Config"], *entry["Layers"]} < set(blobs)


def test_the_name_of_an_archive_follows_its_recipe() -> None:
    first = _lab_image.archive_name("docker.io/library/traefik:v3", {"packages": ["a"]})
    assert first.startswith("library_traefik_v3-")
    assert first == _lab_image.archive_name("docker.io/library/traefik:v3", {"packages": ("a",)})
    assert first != _lab_image.archive_name("docker.io/library/traefik:v3", {"packages": ["b"]})
