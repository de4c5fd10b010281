# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the tree: tracked files and files about to be."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.run import ROOT


def tracked(pattern: str = "") -> list[Path]:
    """Paths (relative, sorted) of files that git has or would add, whose path matches ``pattern``."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(
        {Path(name) for name in names if name and re.search(pattern, name) and (ROOT / name).is_file()},
        key=str,
    )


def roles() -> list[str]:
    """Names of the collection's roles."""
    return sorted({path.parts[1] for path in tracked(r"^roles/[^/]+/")})


def require_none(found: Iterable[object], advice: str) -> None:
    """Fail with the whole list, and what to do, when something was found."""
    lines = [str(one) for one in found]
    if lines:
        raise AssertionError("\n".join([f"{advice}:", *lines]))
