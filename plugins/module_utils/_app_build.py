# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application's images are built from: the build sections of its Compose model and their contexts."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._errors import InputError

CONTEXT_LABEL = "seaworthy.context"
INLINE = ".seaworthy.Dockerfile"  # where `dockerfile_inline` stands in the archive
FLAGS = {"no_cache": "--no-cache", "pull": "--pull"}
OPTIONS = {"network": "--network", "shm_size": "--shm-size"}
LISTS = {"cache_from": "--cache-from"}
TAKEN = (
    *("context", "dockerfile", "dockerfile_inline", "args", "target", "labels", "platforms"),
    *FLAGS,
    *OPTIONS,
    *LISTS,
    "extra_hosts",
)
PLATFORMS = ("linux/amd64", "linux/amd64/v1")


@dataclass(frozen=True)
class Build:
    """How one service's image is built. `options` are words for `docker buildx build`."""

    service: str
    context: Path
    dockerfile: str = "Dockerfile"
    args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    inline: str | None = None
    options: tuple[str, ...] = ()

    def digest(self) -> str:
        """A digest of everything that decides the image: it changes when the image must be built again."""
        decides: list[Any] = [self.dockerfile, dict(self.args), self.target]
        decides += [self.inline, list(self.options)] if self.inline or self.options else []
        total = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
        for name in self.files():
            path = self.context / name
            mode = path.lstat().st_mode
            content = str(path.readlink()).encode() if stat.S_ISLNK(mode) else path.read_bytes()
            total.update(f"\0{name}\0{mode & 0o111:o}\0{len(content)}\0".encode())
            total.update(content)
        return f"sha256:{total.hexdigest()}"

    def files(self) -> Iterator[str]:
        """The files of the context, sorted, without what .dockerignore leaves out."""
        ignored = Ignore(self._ignore_lines())
        kept = (self.dockerfile, ".dockerignore", f"{self.dockerfile}.dockerignore")
        for folder, folders, files in os.walk(self.context):
            here = os.path.relpath(folder, self.context)
            base = "" if here == "." else here + "/"
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            folders[:] = sorted(name for name in folders if name not in links and not ignored.prunes(base + name))
            for name in sorted([*files, *links]):
                if base + name in kept or not ignored.matches(base + name):
                    yield base + name

    def archive(self) -> bytes:
        """The context as a compressed tar archive."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz", compresslevel=3) as tar:
            for name in self.files():
                tar.add(self.context / name, arcname=name, recursive=False, filter=_anonymous)
            if self.inline:
                info = tarfile.TarInfo(INLINE)
                info.size = len(self.inline.encode())
                tar.addfile(info, io.BytesIO(self.inline.encode()))
        return data.getvalue()

    def _ignore_lines(self) -> list[str]:
        for name in (f"{self.dockerfile}.dockerignore", ".dockerignore"):
            if (self.context / name).is_file():
                return (self.context / name).read_text().splitlines()
        return []


class Ignore:
    """The patterns of a .dockerignore file; the last one that matches decides."""

    def __init__(self, lines: list[str]) -> None:
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        for line in lines:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            keep = text.startswith("!")
            pattern = os.path.normpath(text.removeprefix("!").strip()).lstrip("/")
            if pattern != ".":
                self._rules.append((keep, re.compile(_regex(pattern) + r"(?:/.*)?\Z")))

    def matches(self, path: str) -> bool:
        """Whether the path is left out."""
        left_out = False
        for keep, pattern in self._rules:
            if pattern.match(path):
                left_out = not keep
        return left_out

    def prunes(self, folder: str) -> bool:
        """Whether nothing below this folder can be wanted."""
        return self.matches(folder) and not any(keep for keep, _pattern in self._rules)


def builds(model: Mapping[str, Any], profiles: Collection[str] = ()) -> list[Build]:
    """The services of a Compose model (`docker compose config --format json`) that have an image to build.

    A service that belongs to profiles counts when one of them is on.
    """
    found = []
    for name, service in sorted(model.get("services", {}).items()):
        build = service.get("build")
        if build is None or (service.get("profiles") and not set(service["profiles"]) & set(profiles)):
            continue
        found.append(_build(name, _undoubled(build)))
    return found


def _build(name: str, build: Mapping[str, Any]) -> Build:
    unknown = sorted(set(build) - set(TAKEN))
    if unknown:
        raise InputError(
            f"service {name}: build has keys that are not taken",
            found=", ".join(unknown),
            expected=", ".join(TAKEN),
            remedy=f"remove {unknown[0]} from services.{name}.build in the Compose file",
        )
    if others := sorted(set(build.get("platforms") or []) - set(PLATFORMS)):
        raise InputError(
            f"service {name}: build.platforms: the platform's hosts are linux/amd64", found=", ".join(others)
        )
    context = Path(build["context"])
    inline = build.get("dockerfile_inline")
    dockerfile = INLINE if inline else build.get("dockerfile", "Dockerfile")
    if not inline and not (context / dockerfile).is_file():
        raise InputError(
            f"service {name}: there is no Dockerfile",
            found=f"nothing at {context / dockerfile}",
            expected="the file that services.<name>.build names",
            remedy=f"write it, or correct services.{name}.build in the Compose file",
        )
    args = {key: str(value) for key, value in (build.get("args") or {}).items() if value is not None}
    return Build(name, context, dockerfile, args, build.get("target"), inline, tuple(_options(build)))


def _options(build: Mapping[str, Any]) -> Iterator[str]:
    yield from (option for key, option in FLAGS.items() if build.get(key))
    yield from (f"{option}={build[key]}" for key, option in OPTIONS.items() if build.get(key))
    yield from (f"{option}={value}" for key, option in LISTS.items() for value in build.get(key) or [])
    yield from (f"--add-host={host.replace('=', ':', 1)}" for host in build.get("extra_hosts") or [])
    yield from (f"--label={key}={value}" for key, value in sorted((build.get("labels") or {}).items()))


def _undoubled(value: Any) -> Any:
    """Compose's model doubles each `$`."""
    if isinstance(value, dict):
        return {key: _undoubled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_undoubled(inner) for inner in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def image_name(registry: str, app: str, service: str, version: str) -> str:
    """The image of a service that is ours."""
    return f"{registry}/{app}/{service}:{version}"


def _regex(pattern: str) -> str:
    out = ""
    rest = pattern
    while rest:
        if rest.startswith("**"):
            rest = rest[2:]
            if rest.startswith("/"):
                rest = rest[1:]
                out += "(?:.*/)?"
            else:
                out += ".*"
        elif rest[0] == "*":
            out += "[^/]*"
            rest = rest[1:]
        elif rest[0] == "?":
            out += "[^/]"
            rest = rest[1:]
        elif rest[0] == "[" and "]" in rest:
            end = rest.index("]")
            out += rest[: end + 1]
            rest = rest[end + 1 :]
        elif rest[0] == "\\" and len(rest) > 1:
            out += re.escape(rest[1])
            rest = rest[2:]
        else:
            out += re.escape(rest[0])
            rest = rest[1:]
    return out


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
