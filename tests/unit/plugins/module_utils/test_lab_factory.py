# SPDX-License-Identifier: GPL-3.0-or-later
"""The image factory, as far as it goes without packages: what is asked for, and builds that were cut off."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_factory
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_factory import Machine, Recipe
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_registries import AptMirrors

MIRRORS = AptMirrors("http://one.example.org/debian", "http://one.example.org/security", ('Acquire::Check-Date "0";',))
MACHINE = Machine(MIRRORS, {"registry": "https://npm.example.org/"}, {}, b"certificates")
RECIPE = Recipe(
    image="docker.io/library/thing:1",
    suite="trixie",
    variant="minbase",
    packages=("curl", "sudo"),
    downloads=(),
    programs=(),
    files=(),
    links={},
    hooks={"customize": ["true"]},
    settings=(),
    config={},
    version_of="curl",
)


def test_the_tree_comes_from_the_machines_own_mirrors() -> None:
    argv = _lab_factory.mmdebstrap_argv(RECIPE, MACHINE, Path("/work/root"))
    assert argv[0] == "mmdebstrap"
    assert "--include=curl,sudo" in argv
    assert '--aptopt=Acquire::Check-Date "0";' in argv
    assert "--customize-hook=true" in argv
    assert argv[-5:] == ["trixie", "/work/root", *MIRRORS.sources("trixie")]
    assert "--skip=cleanup/apt" not in argv


def test_downloads_are_fetched_after_the_packages_and_stay() -> None:
    recipe = dataclasses.replace(RECIPE, downloads=("docker.io docker-cli", "lego"))
    argv = _lab_factory.mmdebstrap_argv(recipe, MACHINE, Path("/work/root"))
    assert "--skip=cleanup/apt" in argv
    hooks = [word for word in argv if "--download-only" in word]
    assert [hook.partition("install ")[2] for hook in hooks] == ["docker.io docker-cli", "lego"]


@pytest.mark.parametrize(
    "change",
    [
        {"packages": ("curl",)},
        {"downloads": ("lego",)},
        {"files": ({"path": "/a", "content": "b"},)},
        {"settings": ("ca",)},
        {"suite": "bookworm"},
    ],
)
def test_an_archive_is_named_by_all_that_decides_its_content(change: dict[str, Any], tmp_path: Path) -> None:
    other = dataclasses.replace(RECIPE, **change)
    one = _lab_factory.archive(RECIPE, MACHINE, tmp_path)
    assert one == _lab_factory.archive(RECIPE, MACHINE, tmp_path)
    assert one != _lab_factory.archive(other, MACHINE, tmp_path)
    assert one.name.startswith("library_thing_1-")


def test_other_mirrors_make_another_archive(tmp_path: Path) -> None:
    elsewhere = dataclasses.replace(MACHINE, mirrors=AptMirrors("http://two.example.org/debian", MIRRORS.security))
    assert _lab_factory.archive(RECIPE, MACHINE, tmp_path) != _lab_factory.archive(RECIPE, elsewhere, tmp_path)


def test_archives_of_earlier_recipes_are_stale_and_those_of_other_images_are_not(tmp_path: Path) -> None:
    current = _lab_factory.archive(RECIPE, MACHINE, tmp_path)
    earlier = tmp_path / "library_thing_1-0123456789abcdef.tar"
    other = tmp_path / "library_thing_1-alpine-0123456789abcdef.tar"
    for path in (current, earlier, other):
        path.touch()
    assert _lab_factory.stale(current) == [earlier]


def test_what_a_killed_build_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "images" / ".build-killed" / "root"
    left.mkdir(parents=True)
    with _lab_factory._workshop(tmp_path / "images") as work:
        assert work.is_dir()
        assert not left.parent.exists()
    assert [path.name for path in (tmp_path / "images").iterdir()] == [".lock"]


def test_an_image_that_another_run_made_meanwhile_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    target = tmp_path / "library_thing_1-0123456789abcdef.tar"
    target.write_text("made by another run")
    _lab_factory.build(RECIPE, MACHINE, target, tmp_path / "downloads", "2026-01-01T00:00:00Z")
    assert target.read_text() == "made by another run"


def test_no_path_leads_out_of_the_image(tmp_path: Path) -> None:
    with pytest.raises(SeaworthyError, match="leads out of the image"):
        _lab_factory._write(tmp_path, "/etc/../../outside", b"", 0o644)
