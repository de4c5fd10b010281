# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the collection's tarball from what git has or would add, so that nothing left lying about is shipped."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.run import ROOT, run
from tests.tree import tracked


def build(directory: Path) -> Path:
    """Build into ``directory`` and return the tarball."""
    source = directory / "source"
    for path in tracked():
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target, follow_symlinks=False)
    words = ["ansible-galaxy", "collection", "build", "--output-path", directory, source]
    run(words, log="galaxy-build.log").require_success()
    (tarball,) = directory.glob("seaworthy-swarm-*.tar.gz")
    return tarball
