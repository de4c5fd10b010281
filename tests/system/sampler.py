#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at every process again and again: ten times a second at its arguments, once at its environment (stdlib only).

It runs on the controller and sees the processes of the lab's hosts too: they are containers of this machine. Standard
input: first line {name: [form, ...]} (JSON). Standard output: a line when it has begun; when standard input ends, one
document {"hits": [...], "samples": n, "seconds": n, "commands": n, "environments": n, "slowest": n}.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
import time
from pathlib import Path
from typing import Any

INTERVAL = 0.1
ENVIRONMENT_EVERY = 10  # samples
APPLICATION = b"SEAWORTHY_APP="
ARGUMENTS, ENVIRONMENT, OF_APPLICATION = (
    "arguments of a process",
    "environment of a process",
    "environment of an application's process",
)


class Sampler:
    """Searches only in what it has not seen before: most processes never change."""

    def __init__(self, texts: dict[str, list[str]], own: int) -> None:
        self._texts = [(form.encode(), name) for name, forms in texts.items() for form in forms]
        self._own = str(own)
        self._clean: dict[str, set[int]] = {"cmdline": set(), "environ": set()}
        self.hits: list[dict[str, Any]] = []
        self.samples = 0

    def look(self) -> None:
        """One sample."""
        processes = [entry.name for entry in os.scandir("/proc") if entry.name.isdigit() and entry.name != self._own]
        kinds = ["cmdline", "environ"] if self.samples % ENVIRONMENT_EVERY == 0 else ["cmdline"]
        for kind in kinds:
            for process in processes:
                self.see(process, kind)
        self.samples += 1

    def see(self, process: str, kind: str) -> None:
        """Search in what a process has."""
        data = read(f"/proc/{process}/{kind}")
        mark = hash(data)
        if not data or mark in self._clean[kind]:
            return
        names = sorted({name for form, name in self._texts if form in data})
        if not names:
            self._clean[kind].add(mark)
        for name in names:  # the same words may be those of a process on another machine
            self._hit(process, kind, name, data)

    def _hit(self, process: str, kind: str, name: str, data: bytes) -> None:
        where = ARGUMENTS
        if kind == "environ":
            where = OF_APPLICATION if APPLICATION in data else ENVIRONMENT
        program = read(f"/proc/{process}/comm").decode(errors="replace").strip()
        hit = {"program": program, "where": where, "name": name, "container": container(process)}
        if hit not in self.hits:
            self.hits.append(hit)

    def result(self) -> dict[str, Any]:
        """What was seen."""
        counts = {"commands": len(self._clean["cmdline"]), "environments": len(self._clean["environ"])}
        return {"hits": self.hits, "samples": self.samples, **counts}


def read(path: str) -> bytes:
    """A file of a process; nothing when it has ended."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def container(process: str) -> str:
    """The outermost container of a process, which is a machine of the lab; empty for a process of the controller."""
    found = re.search(r"[0-9a-f]{64}", read(f"/proc/{process}/cgroup").decode())
    return found[0] if found else ""


def main() -> None:
    """Sample until standard input ends."""
    sampler = Sampler(json.loads(sys.stdin.readline()), os.getpid())
    print("{}", flush=True)
    began = last = time.monotonic()
    slowest = 0.0
    while not select.select([sys.stdin], [], [], max(0.0, last + INTERVAL - time.monotonic()))[0]:
        now = time.monotonic()
        slowest, last = max(slowest, now - last), now
        sampler.look()
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({**sampler.result(), "seconds": seconds, "slowest": round(slowest, 2)}), flush=True)


if __name__ == "__main__":
    main()
