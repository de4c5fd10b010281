# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine that the lab starts and ends: a program called dockerd that answers two requests stands in for it."""

from __future__ import annotations

import collections.abc as c
import os
import signal
import stat
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_engine
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_engine import Process, Record

DOCKERD = """#!{python}
import http.server, json, socketserver, sys
path = sys.argv[1].removeprefix("--host=unix://")
answers = {{"/version": {{}}, "/containers/json?all=true": [{{"Id": "1", "Names": ["/theirs"]}}]}}

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        data = json.dumps(answers[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def address_string(self):
        return "socket"

socketserver.ThreadingUnixStreamServer(path, Handler).serve_forever()
"""


class Machine:
    """A machine without an engine that has this dockerd on its path."""

    def __init__(self, folder: Path, program: str) -> None:
        self.socket = str(folder / "docker.sock")
        self.record = Record(folder / "state" / "engine.json")
        self.log = folder / "cache" / "dockerd.log"
        dockerd = folder / "dockerd"
        dockerd.write_text(program)
        dockerd.chmod(dockerd.stat().st_mode | stat.S_IXUSR)

    def start(self, seconds: float = 10.0) -> Process:
        return _lab_engine.start(self.socket, self.record, self.log, seconds)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> c.Iterator[Path]:
    """A short path: a unix socket's may have 107 characters."""
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setenv("PATH", f"{name}:/usr/bin:/bin")
        yield Path(name)


@pytest.fixture
def machine(folder: Path) -> c.Iterator[Machine]:
    found = Machine(folder, DOCKERD.format(python=sys.executable))
    yield found
    _lab_engine.stop(found.record, 5.0)


def test_our_engine_is_started_noted_and_ended(machine: Machine) -> None:
    assert not _lab_engine.answers(machine.socket)
    process = machine.start()
    assert _lab_engine.answers(machine.socket)
    assert machine.record.running() == process
    assert machine.record.path.stat().st_mode & 0o777 == 0o600
    assert os.getsid(process.pid) == process.pid
    assert _lab_engine.containers(machine.socket) == ["theirs"]
    assert _lab_engine.stop(machine.record, 5.0)
    assert not _lab_engine.answers(machine.socket)
    assert machine.record.read() is None
    assert not _lab_engine.stop(machine.record, 5.0)


def test_an_engine_that_died_is_not_taken_for_ours(machine: Machine) -> None:
    process = machine.start()
    os.kill(process.pid, signal.SIGKILL)
    while Process.read(process.pid):
        time.sleep(0.01)
    assert machine.record.read() == process
    assert machine.record.running() is None
    assert not _lab_engine.stop(machine.record, 5.0)


def test_another_process_with_the_same_id_is_left_alone(machine: Machine) -> None:
    me = Process.read(os.getpid())
    assert me is not None
    machine.record.write(Process(me.pid, me.started - 1))
    assert machine.record.running() is None
    assert not _lab_engine.stop(machine.record, 5.0)


def test_an_engine_that_ends_at_once_is_an_error_with_its_last_words(folder: Path) -> None:
    machine = Machine(folder, "#!/bin/sh\necho the disk is full >&2\nexit 1\n")
    with pytest.raises(SeaworthyError, match=r"found: the disk is full.*read .*dockerd\.log"):
        machine.start()
    assert machine.record.read() is None


def test_an_engine_that_never_answers_is_ended_and_an_error(folder: Path) -> None:
    machine = Machine(folder, "#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(SeaworthyError, match="within 0 s"):
        machine.start(seconds=0.3)
    assert machine.record.read() is None


def test_a_machine_without_dockerd_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(folder, "")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SeaworthyError, match=r"apt-get install docker\.io"):
        machine.start()
