#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the containers of one application on a host of the lab: what engine and /proc say (stdlib only).

Standard input: {"app": name, "paths": {service: [path, ...]}}; standard output: a JSON list of containers.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any


def docker(*words: str) -> list[Any]:
    """What `docker ... inspect` says."""
    done = subprocess.run(["docker", *words], check=True, capture_output=True, text=True)
    found: list[Any] = json.loads(done.stdout)
    return found


def family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from family(int(child))


def status(pid: int) -> dict[str, str]:
    """The kernel's word on a process."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def words(pid: int, name: str) -> list[str]:
    """The command line or the environment of a process."""
    return pathlib.Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace").rstrip("\0 ").split("\0")


def process(pid: int) -> dict[str, Any]:
    """One process."""
    uid = int(status(pid)["Uid"].split()[0])
    return {"uid": uid, "command": " ".join(words(pid, "cmdline")), "environment": words(pid, "environ")}


def file(pid: int, path: str) -> dict[str, Any] | None:
    """A file as the container has it, without following it out of there."""
    place = pathlib.Path(f"/proc/{pid}/root{path}")
    if not place.exists():
        return None
    of = place.stat()
    return {"text": place.read_text(), "mode": of.st_mode & 0o7777, "uid": of.st_uid, "gid": of.st_gid}


def look(container: dict[str, Any], paths: dict[str, list[str]]) -> dict[str, Any]:
    """Everything about one container; no processes and files when it has ended."""
    pid = container["State"]["Pid"]
    wanted = paths.get(container["Config"]["Labels"]["seaworthy.service"], []) if pid else []
    return {
        "container": container,
        "image": docker("image", "inspect", container["Image"])[0],
        "status": status(pid) if pid else {},
        "processes": [process(one) for one in family(pid)] if pid else [],
        "files": {path: file(pid, path) for path in wanted},
    }


def main() -> None:
    asked = json.load(sys.stdin)
    listing = ["docker", "ps", "--all", "--quiet", "--filter", f"label=seaworthy.app={asked['app']}"]
    ids = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()
    json.dump([look(one, asked["paths"]) for one in (docker("inspect", *ids) if ids else [])], sys.stdout)


if __name__ == "__main__":
    main()
