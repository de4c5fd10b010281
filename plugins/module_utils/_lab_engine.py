# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own Docker engine: started when no other answers, known by process id and start time, ended only by us."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode

from . import _process
from ._clock import Clock, Deadline, SystemClock
from ._cluster import Cluster
from ._errors import SeaworthyError, Unavailable

POLL_SECONDS = 0.1


class Engine(Cluster):
    """The engine that runs the lab. It may be older than those of the hosts, so no version is asked for."""

    def __init__(self, socket: str, patience: float = 5.0) -> None:
        super().__init__(socket, timeout=30.0, patience=patience, api="")

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Make a volume; one that is there stays."""
        self._post("/volumes/create", {"Name": name, "Labels": dict(labels)})

    def volumes(self, label: str) -> list[str]:
        """Names of the volumes with this label."""
        query = urlencode({"filters": json.dumps({"label": [label]})})
        return sorted(volume["Name"] for volume in self._get(f"/volumes?{query}")["Volumes"] or [])

    def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        self._delete(f"/volumes/{name}")

    def start_container(self, name: str) -> None:
        """Start a container."""
        self._post(f"/containers/{name}/start", None)

    def prune_images(self, label: str) -> None:
        """Remove images with this label that have no name any more and no container."""
        filters = {"dangling": ["true"], "label": [label]}
        self._post(f"/images/prune?{urlencode({'filters': json.dumps(filters)})}", None)


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one with the same id."""

    pid: int
    started: int

    @classmethod
    def read(cls, pid: int) -> Process | None:
        """The process that has this id now; None when there is none, or only its remains."""
        try:
            state, started = _stat(pid)
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if state == "Z" else cls(pid, started)


@dataclass(frozen=True)
class Record:
    """The file that says which engine is ours."""

    path: Path

    def read(self) -> Process | None:
        """What was noted, whether or not that process still runs."""
        try:
            return Process(**json.loads(self.path.read_text()))
        except FileNotFoundError:
            return None

    def running(self) -> Process | None:
        """Our engine, when it still runs."""
        noted = self.read()
        return noted if noted and Process.read(noted.pid) == noted else None

    def write(self, process: Process) -> None:
        """Note our engine."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        self.path.write_text(json.dumps(asdict(process)) + "\n")

    def remove(self) -> None:
        """Forget our engine."""
        self.path.unlink(missing_ok=True)


def answers(socket: str) -> bool:
    """Whether an engine answers on this socket."""
    try:
        Engine(socket, patience=0.0).version()
    except Unavailable:
        return False
    return True


def containers(socket: str) -> list[str]:
    """Names of all containers, running or not, of whoever made them."""
    return sorted(name.lstrip("/") for one in Engine(socket).containers() for name in one.get("Names") or [one["Id"]])


def start(socket: str, record: Record, log: Path, seconds: float, clock: Clock | None = None) -> Process:
    """Start dockerd, note it, wait until it answers."""
    clock = clock or SystemClock()
    if shutil.which("dockerd") is None:
        raise SeaworthyError(
            "no Docker engine answers and none is installed",
            found=f"nothing on {socket}, no program dockerd",
            expected="a Docker engine",
            remedy="apt-get install docker.io",
        )
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pid = _process.start(["dockerd", f"--host=unix://{socket}"], log)
    # One that has ended already has remains until its parent asks, and they have its start time.
    process = Process(pid, _stat(pid)[1])
    record.write(process)
    deadline = Deadline(clock, seconds, "the start of dockerd")
    while not answers(socket):
        ended = Process.read(process.pid) != process
        if ended or deadline.expired():
            if not ended:
                os.kill(process.pid, signal.SIGKILL)
            record.remove()
            raise SeaworthyError(
                "dockerd was started and does not answer",
                found=_last_lines(log),
                expected=f"an answer on {socket} within {seconds:.0f} s",
                remedy=f"read {log}",
            )
        clock.sleep(POLL_SECONDS)
    return process


def _stat(pid: int) -> tuple[str, int]:
    """State and start time of a process, from the fields 3 and 22 of proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[19])


def stop(record: Record, seconds: float, clock: Clock | None = None) -> bool:
    """End our engine and forget it; False when it did not run."""
    clock = clock or SystemClock()
    process = record.running()
    if process is not None:
        os.kill(process.pid, signal.SIGTERM)
        deadline = Deadline(clock, seconds, "the end of dockerd")
        while Process.read(process.pid) == process:
            if deadline.expired():
                raise SeaworthyError(
                    "our dockerd does not end",
                    found=f"process {process.pid} runs {seconds:.0f} s after SIGTERM",
                    expected="its end",
                    remedy=f"look at process {process.pid}; then run the same command again",
                )
            clock.sleep(POLL_SECONDS)
    record.remove()
    return process is not None


def _last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, for an error."""
    return " | ".join(log.read_text(errors="replace").splitlines()[-count:])
