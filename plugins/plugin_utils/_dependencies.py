# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""What the controller must have installed beside this collection."""

from __future__ import annotations

import collections.abc as c
import importlib.util

PACKAGES = {"cryptography": "cryptography"}  # import name: name in the package index
# Only the lab makes containers, certificates of an outside world, and hashes of passwords.
LAB_COLLECTIONS = ("community.crypto", "community.docker")
LAB_PACKAGES = {"passlib": "libpass", "requests": "requests"}


def importable(module: str) -> bool:
    """Whether Python finds a module; nothing of it is run but the packages it lies in."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def missing(*, lab: bool, found: c.Callable[[str], bool] = importable) -> str:
    """What is missing and how to get it, as one sentence; empty when nothing is."""
    collections = [name for name in LAB_COLLECTIONS if lab and not found(f"ansible_collections.{name}")]
    wanted = PACKAGES | (LAB_PACKAGES if lab else {})
    packages = [package for module, package in wanted.items() if not found(module)]
    if not collections and not packages:
        return ""
    lacking = [f"the collection {name}" for name in collections] + [f"the Python package {name}" for name in packages]
    install = " ".join([*(["ansible"] if collections else []), *packages])
    return f"the controller lacks {', '.join(lacking)}. To get it: pip install {install}"
