# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""Pins: the digests that stand for the versions in versions.yml at one estate."""

from __future__ import annotations

import collections.abc as c
import pathlib
import tempfile

import yaml

from ..module_utils._errors import InputError

HEADER = """\
# SPDX-License-Identifier: GPL-3.0-or-later
# The images of this estate by content. Written at first use; commit it. Renew it: ansible-playbook seaworthy.swarm.pin
"""


def wanted(versions: pathlib.Path) -> dict[str, str]:
    """The platform's images, `name:tag` by key."""
    images = yaml.safe_load(versions.read_text())["images"]
    return {key: f"{image['name']}:{image['tag']}" for key, image in images.items()}


def read(path: pathlib.Path) -> dict[str, str]:
    """The pinned images, `name:tag@digest` by key; none when there is no file yet."""
    if not path.exists():
        return {}
    try:
        images = yaml.safe_load(path.read_text())["images"]
        return {str(key): str(reference) for key, reference in images.items()}
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        raise InputError(
            f"{path}: this is no file of pins", remedy="Restore it from your repository, or remove it"
        ) from None


def missing(pinned: c.Mapping[str, str], images: c.Mapping[str, str], path: pathlib.Path) -> dict[str, str]:
    """Images that have no pin yet. A pin of another version is an error: nothing changes its content by itself."""
    moved = [
        f"{key} is {pinned[key].partition('@')[0]}, this version of the collection has {image}"
        for key, image in images.items()
        if key in pinned and pinned[key].partition("@")[0] != image
    ]
    if moved:
        raise InputError(
            f"{path}: the pins are of other versions: {'; '.join(moved)}",
            remedy="Renew them: run the playbook seaworthy.swarm.pin, read the difference and commit the file",
        )
    return {key: image for key, image in images.items() if key not in pinned}


def render(pinned: c.Mapping[str, str]) -> str:
    """The text of the file."""
    lines = "".join(f"  {key}: {pinned[key]}\n" for key in sorted(pinned))
    return f"{HEADER}---\nimages:\n{lines}"


def write(path: pathlib.Path, text: str) -> None:
    """In one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
    new = pathlib.Path(file.name)
    new.chmod(0o644)
    new.replace(path)
