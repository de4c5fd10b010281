# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images made without an engine: a file tree becomes one archive that skopeo and `docker load` both read."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ._errors import SeaworthyError

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
NAME = "io.containerd.image.name"

EMPTIED = ("dev", "proc", "run", "sys", "tmp", "var/log")
APT_FOLDERS = ("var/cache/apt", "var/lib/apt/lists")
LEFT_OUT = ("etc/hostname", "etc/resolv.conf", "var/cache/ldconfig/aux-cache")


@dataclass(frozen=True)
class Blob:
    """A part of an image, kept in a file named by its digest."""

    path: Path
    digest: str
    size: int
    media_type: str

    def descriptor(self) -> dict[str, Any]:
        """The blob as a manifest refers to it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """A short name for everything that decides what an image holds."""
    canonical = json.dumps(recipe, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def archive_name(image: str, recipe: Mapping[str, Any]) -> str:
    """The file name of an image's archive: docker.io/library/traefik:v3 -> library_traefik_v3-<hash>.tar."""
    short = image.removeprefix("docker.io/").replace("/", "_").replace(":", "_")
    return f"{short}-{recipe_hash(recipe)}.tar"


def members(root: Path, emptied: Collection[str] = (*EMPTIED, *APT_FOLDERS)) -> Iterator[str]:
    """The paths of a file tree that belong into an image, parents first and sorted."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        here = os.path.relpath(folder, root)
        base = "" if here == "." else here + "/"
        if here in emptied:
            folders.clear()
            continue
        for name in sorted([*folders, *files]):
            path = base + name
            if path not in LEFT_OUT:
                yield path


def write_layer(root: Path, target: Path, *, keep_apt: bool = False) -> tuple[Blob, str]:
    """Pack a file tree into a layer. Returns the layer and the digest of its uncompressed content."""
    emptied = EMPTIED if keep_apt else (*EMPTIED, *APT_FOLDERS)
    plain = hashlib.sha256()
    with (
        target.open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=4, mtime=0) as packed,
        tarfile.open(fileobj=_Tee(packed, plain), mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in members(root, emptied):
            info = tar.gettarinfo(root / path, arcname=path)
            info.uname = info.gname = ""
            if info.isreg():
                with (root / path).open("rb") as content:
                    tar.addfile(info, content)
            else:
                tar.addfile(info)
    return _blob(target, LAYER_TYPE), f"sha256:{plain.hexdigest()}"


def write_archive(target: Path, image: str, layer: Blob, diff_id: str, config: Mapping[str, Any], created: str) -> str:
    """Write the archive of an image with one layer; returns the digest of its manifest."""
    config_data = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": created,
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created": created, "created_by": "seaworthy image factory"}],
        }
    )
    config_digest = _digest(config_data)
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "digest": config_digest, "size": len(config_data)},
            "layers": [layer.descriptor()],
        }
    )
    digest = _digest(manifest)
    index = _json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [
                {
                    "mediaType": MANIFEST_TYPE,
                    "digest": digest,
                    "size": len(manifest),
                    "annotations": {
                        NAME: image,
                        "org.opencontainers.image.ref.name": image.rpartition(":")[2],
                    },
                }
            ],
        }
    )
    for_docker = _json([{"Config": _entry(config_digest), "RepoTags": [image], "Layers": [_entry(layer.digest)]}])
    partial = target.with_name(target.name + ".partial")
    with tarfile.open(partial, "w") as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", index)
        _add(tar, "manifest.json", for_docker)
        _add(tar, _entry(digest), manifest)
        _add(tar, _entry(config_digest), config_data)
        tar.add(layer.path, arcname=_entry(layer.digest), filter=_anonymous)
    partial.rename(target)
    return digest


def read_archive(path: Path) -> dict[str, Any]:
    """What an archive holds: name, digest of the manifest, id (digest of the configuration) and labels."""
    with tarfile.open(path) as tar:
        [entry] = _load(tar, "index.json")["manifests"]
        digest = str(entry["digest"])
        image_id = str(_load(tar, _entry(digest))["config"]["digest"])
        labels = _load(tar, _entry(image_id))["config"].get("Labels", {})
    return {"name": entry["annotations"][NAME], "digest": digest, "id": image_id, "labels": labels}


class _Tee(io.RawIOBase):
    """A file that also feeds a hash."""

    def __init__(self, file: gzip.GzipFile, digest: Any) -> None:
        self._file = file
        self._digest = digest

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return self._file.write(data)


def _blob(path: Path, media_type: str) -> Blob:
    with path.open("rb") as file:
        digest = _file_digest(file)
    return Blob(path, digest, path.stat().st_size, media_type)


def _file_digest(file: BinaryIO) -> str:
    total = hashlib.sha256()
    while chunk := file.read(1 << 20):
        total.update(chunk)
    return f"sha256:{total.hexdigest()}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _entry(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _load(tar: tarfile.TarFile, name: str) -> dict[str, Any]:
    member = tar.extractfile(name)
    if member is None:
        raise SeaworthyError("this is not an image archive", found=f"{name} is no file in it")
    content: dict[str, Any] = json.load(member)
    return content


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(data))


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    info.mtime = 0
    return info
