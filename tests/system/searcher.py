#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches a machine for texts: its files, its journal, and all that its engine tells of anything (stdlib only).

It runs on hosts of the lab and on the controller. Standard input: one JSON document (see Plan), so that what is
searched for is in no argument and no file. Standard output: one JSON document, which has no such text either:
{"hits": [{place, where, name, mode}], "searched": {place: {"bytes": n, "things": n}}}.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

FILES, JOURNAL, INSPECT, LISTED = "files", "journal", "docker inspect", "raft listing"
BATCH = 500
CHUNK = 1 << 20
REAL = {"btrfs", "ext2", "ext3", "ext4", "overlay", "ramfs", "tmpfs", "xfs"}
# Memory of containers, and their file systems once more: the layers and volumes themselves are searched.
OF_CONTAINERS = re.compile(r"/var/lib/docker/(containers/[^/]+/mounts|overlay2/[^/]+/merged|volumes)(/|$)")
LOCAL = ("container", "image", "network", "volume")
SWARM = ("config", "node", "secret", "service")
TASK = "task"
ATTEMPTS = 5
ALL = {"container": ["--all"], "image": ["--all"]}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is searched for, and where."""

    texts: dict[str, list[str]]  # name → forms
    roots: list[str]  # folders; none: every file system that is mounted
    since: float = 0.0  # files that are older cannot have what was made later
    places: list[str] = dataclasses.field(default_factory=lambda: [FILES, JOURNAL, INSPECT, LISTED])
    blind: str = ""  # a folder that is not looked into: only for the broken twin


class Search:
    """Counts what it has read, and keeps what it has found."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._names = {form: name for name, forms in plan.texts.items() for form in forms}
        self._grep = Grep(self._names)
        self.hits: list[dict[str, Any]] = []
        self.searched: dict[str, dict[str, int]] = {}

    def run(self) -> dict[str, Any]:
        """Look everywhere."""
        looks: dict[str, Callable[[], None]] = {
            FILES: self._files,
            JOURNAL: self._journal,
            INSPECT: self._inspect,
            LISTED: self._listed,
        }
        for place in self._plan.places:
            self.searched[place] = {"bytes": 0, "things": 0}
            looks[place]()
        return {"hits": self.hits, "searched": self.searched}

    def _files(self) -> None:
        sizes: dict[str, int] = {}
        for root in self._plan.roots or mounted(Path("/proc/self/mounts").read_text()):
            for path, size in files(root, self._plan.since, self._plan.blind):
                sizes[path] = size
                if len(sizes) == BATCH:
                    self._some(sizes)
                    sizes = {}
        self._some(sizes)

    def _some(self, sizes: dict[str, int]) -> None:
        """A batch of files; one that has gone meanwhile is none."""
        if not sizes:
            return
        self._count(FILES, sum(sizes.values()), len(sizes))
        for path, form in sorted(self._grep.files(list(sizes))):
            self._hit(FILES, path, form, mode=mode(path))

    def _journal(self) -> None:
        words = ["journalctl", "--quiet", "--no-pager", "--all", "--output=export", f"--since=@{self._plan.since:.0f}"]
        self._stream(JOURNAL, "journal", words)

    def _inspect(self) -> None:
        swarm = said(["docker", "info", "--format", "{{.Swarm.LocalNodeState}}"]).strip() == "active"
        for kind in (*LOCAL, *SWARM, TASK) if swarm else LOCAL:
            for attempt in range(ATTEMPTS):
                things = (
                    tasks() if kind == TASK else said(["docker", kind, "ls", "--quiet", *ALL.get(kind, [])]).split()
                )
                words = ["docker", "inspect", "--type", TASK] if kind == TASK else ["docker", kind, "inspect"]
                try:
                    if things:
                        self._stream(INSPECT, kind, [*words, *sorted(set(things))])
                    break
                except RuntimeError:  # one of them has gone meanwhile
                    if attempt == ATTEMPTS - 1:
                        raise

    def _listed(self) -> None:
        for kind in (*SWARM, "stack"):
            self._stream(LISTED, kind, ["docker", kind, "ls", "--format", "json"])

    def _stream(self, place: str, where: str, words: list[str]) -> None:
        found, size = self._grep.output(words)
        self._count(place, size, 1)
        for form in sorted(found):
            self._hit(place, where, form)

    def _count(self, place: str, size: int, things: int) -> None:
        self.searched[place]["bytes"] += size
        self.searched[place]["things"] += things

    def _hit(self, place: str, where: str, form: str, **more: int) -> None:
        hit = {"place": place, "where": where, "name": self._names[form], **more}
        if hit not in self.hits:
            self.hits.append(hit)


class Grep:
    """grep, which reads fast; texts and findings are only in memory."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = os.memfd_create("texts", 0)
        os.write(self._texts, "".join(f"{text}\n" for text in texts).encode())

    def files(self, paths: list[str]) -> set[tuple[str, str]]:
        """Paths and the texts in them; a file that has gone has none."""
        words = ["--with-filename", "--null", "--"]
        with memory() as output, memory() as errors:
            code = self._start([*words, *paths], output, errors=errors).wait()
            lines, complaints = content(output), content(errors)
        there = [path for path in paths if Path(path).exists()]
        if code > 1 and len(there) < len(paths):
            return self.files(there) if there else set()
        if code > 1:
            raise RuntimeError(f"grep could not read all of {len(paths)} files: {complaints}")
        pairs = (line.partition("\0") for line in lines if "\0" in line)
        return {(path, text) for path, _, text in pairs}

    def output(self, words: list[str]) -> tuple[set[str], int]:
        """The texts in what a program says, and how many bytes it said."""
        size = 0
        with memory() as output, subprocess.Popen(words, stdout=subprocess.PIPE) as program:
            grep = self._start(["-"], output, subprocess.PIPE)
            if program.stdout is None or grep.stdin is None:
                raise RuntimeError("a program was started without a pipe")
            while chunk := program.stdout.read(CHUNK):
                size += len(chunk)
                grep.stdin.write(chunk)
            grep.stdin.close()
            codes = program.wait(), grep.wait()
            if codes[0] or codes[1] > 1:
                raise RuntimeError(f"{' '.join(words[:3])} ended with {codes[0]}, grep with {codes[1]}")
            return set(content(output)), size

    def _start(
        self, words: list[str], output: int, source: int = subprocess.DEVNULL, errors: int | None = None
    ) -> subprocess.Popen[bytes]:
        common = ["grep", "--text", "--only-matching", "--fixed-strings", f"--file=/proc/self/fd/{self._texts}"]
        environment = {**os.environ, "LC_ALL": "C"}
        words = [*common, *words]
        return subprocess.Popen(
            words, stdin=source, stdout=output, stderr=errors, env=environment, pass_fds=[self._texts]
        )


@contextlib.contextmanager
def memory() -> Iterator[int]:
    """A file that is nowhere."""
    handle = os.memfd_create("found", 0)
    try:
        yield handle
    finally:
        os.close(handle)


def content(handle: int) -> list[str]:
    """Its lines."""
    return os.fsdecode(os.pread(handle, os.fstat(handle).st_size, 0)).splitlines()


def files(root: str, since: float, blind: str) -> Iterator[tuple[str, int]]:
    """Files with their sizes below a folder, on its own file system; a single file can be mounted, too."""
    try:
        top = Path(root).stat()
    except FileNotFoundError:
        return
    if stat.S_ISREG(top.st_mode) and max(top.st_mtime, top.st_ctime) >= since:
        yield root, top.st_size
    folders = [root]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if found.st_dev != top.st_dev:
                continue
            if stat.S_ISDIR(found.st_mode):
                if entry.path != blind:
                    folders.append(entry.path)
            elif stat.S_ISREG(found.st_mode) and max(found.st_mtime, found.st_ctime) >= since:
                yield entry.path, found.st_size


def mode(path: str) -> int:
    """Who may read a file, which is nobody who may not pass the folders above it; nobody, when it has gone."""
    try:
        rights = stat.S_IMODE(Path(path).stat().st_mode)
        for folder in Path(path).parents:
            passing = folder.stat().st_mode
            rights &= ~0o077 | (0o070 if passing & 0o010 else 0) | (0o007 if passing & 0o001 else 0)
    except FileNotFoundError:
        return 0
    return rights


def mounted(table: str) -> list[str]:
    """Where file systems are mounted that hold files; those of containers are left out."""
    fields = [line.split() for line in table.splitlines()]
    return sorted({point for _, point, kind, *_ in fields if kind in REAL and not OF_CONTAINERS.match(point)})


def tasks() -> list[str]:
    """Ids of all tasks of the swarm."""
    services = said(["docker", "service", "ls", "--quiet"]).split()
    return said(["docker", "service", "ps", "--quiet", "--no-trunc", *services]).split() if services else []


def said(words: Iterable[str]) -> str:
    """What a program says; it must succeed."""
    return subprocess.run(list(words), check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    json.dump(Search(Plan(**json.load(sys.stdin))).run(), sys.stdout)
