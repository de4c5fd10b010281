# SPDX-License-Identifier: GPL-3.0-or-later
"""The host program: the same bytes for the same sources, and it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.seaworthy.swarm.plugins.action.host_tool import SOURCES
from ansible_collections.seaworthy.swarm.plugins.plugin_utils._zipapp import build, sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small program, with things beside it that do not belong to it."""
    (tmp_path / "_cli.py").write_text("from ._word import WORD\n\n\ndef main():\n    print(WORD)\n    return 3\n")
    (tmp_path / "_word.py").write_text('WORD = "hello"\n')
    for name in ("_lab_x.py", "__init__.py", "public.py", "_note.txt"):
        (tmp_path / name).write_text("raise SystemExit(1)\n")
    return tmp_path


def test_same_sources_same_bytes(folder: Path) -> None:
    """Dates and modes of the files do not count."""
    first = build(sources(folder))
    os.utime(folder / "_word.py", (1, 1))
    (folder / "_word.py").chmod(0o600)
    assert build(sources(folder)) == first
    (folder / "_word.py").write_text('WORD = "bye"\n')
    assert build(sources(folder)) != first


def test_only_what_hosts_need(folder: Path) -> None:
    """Nothing of the lab, nothing public."""
    assert sorted(sources(folder)) == [
        "__main__.py",
        "seaworthy/__init__.py",
        "seaworthy/_cli.py",
        "seaworthy/_word.py",
    ]


def test_it_runs_with_its_exit_code(folder: Path, tmp_path: Path) -> None:
    """As one file, from anywhere."""
    program = tmp_path / "program"
    program.write_bytes(build(sources(folder)))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stdout) == (3, "hello\n")


def test_the_real_one_needs_nothing_but_python(tmp_path: Path) -> None:
    """No site packages, no Ansible: -I -S."""
    program = tmp_path / "seaworthy"
    program.write_bytes(build(sources(SOURCES)))
    assert program.read_bytes().startswith(b"#!/usr/bin/python3\n")
    done = subprocess.run(
        [sys.executable, "-I", "-S", program, "--help"], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: seaworthy")
