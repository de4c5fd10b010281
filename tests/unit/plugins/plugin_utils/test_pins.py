# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins: versions in the collection, digests at the estate."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.plugin_utils import _pins

DIGEST = "sha256:" + "a" * 64


def test_what_is_written_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new" / "pins.yml"
    pinned = {"traefik": f"docker.io/library/traefik:v3@{DIGEST}", "haproxy": f"docker.io/library/haproxy:3@{DIGEST}"}
    assert _pins.read(path) == {}
    _pins.write(path, _pins.render(pinned))
    assert _pins.read(path) == pinned


def test_versions_of_the_collection(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "versions.yml"
    path.write_text("images:\n  traefik: {name: docker.io/library/traefik, tag: v3.7.15}\n")
    assert _pins.wanted(path) == {"traefik": "docker.io/library/traefik:v3.7.15"}


def test_only_what_has_no_pin_is_asked_for() -> None:
    images = {"traefik": "traefik:v3", "haproxy": "haproxy:3"}
    assert _pins.missing({"traefik": f"traefik:v3@{DIGEST}"}, images, pathlib.Path("pins.yml")) == {
        "haproxy": "haproxy:3"
    }


def test_pins_of_another_version_are_an_error() -> None:
    with pytest.raises(InputError, match=r"pins.yml: .*traefik is traefik:v2, .*has traefik:v3.*seaworthy.swarm.pin"):
        _pins.missing({"traefik": f"traefik:v2@{DIGEST}"}, {"traefik": "traefik:v3"}, pathlib.Path("pins.yml"))


@pytest.mark.parametrize("text", ["[", "- a", "images: x", "other: {}"])
def test_a_broken_file_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "pins.yml"
    path.write_text(text)
    with pytest.raises(InputError, match="no file of pins"):
        _pins.read(path)
