# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the Docker socket, against a server on a unix socket."""

from __future__ import annotations

import collections.abc as c
import http.server
import json
import pathlib
import socketserver
import tempfile
import threading
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _cluster
from ansible_collections.seaworthy.swarm.plugins.module_utils._cluster import Cluster
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    ClusterError,
    Conflict,
    NotFound,
    Unavailable,
)
from tests.unit.plugins.fakes import FakeClock

Answer = tuple[int, bytes]
LOST_LEADER = (500, b'{"message": "rpc error: The swarm does not have a leader."}')


class Engine(socketserver.ThreadingUnixStreamServer):
    """Gives the prepared answers in turn, the last one for ever, and remembers the requests."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(path, Handler)
        self.answers: list[Answer] = [(200, b"{}")]
        self.requests: list[tuple[str, str, t.Any, dict[str, str]]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    server: Engine

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: t.Any) -> None:
        """Nothing to say."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, json.loads(body) if body else None, headers))
        answers = self.server.answers
        status, raw = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def __getattr__(self, name: str) -> t.Any:
        """The base class looks for `do_` and the method."""
        if name in ("do_GET", "do_HEAD", "do_POST", "do_DELETE"):
            return self._answer
        raise AttributeError(name)


@pytest.fixture
def engine() -> c.Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder, Engine(f"{folder}/s") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def cluster(engine: Engine, patience: float = 5.0) -> Cluster:
    return Cluster(str(engine.server_address), clock=FakeClock(), patience=patience)


def test_filters_and_labels(engine: Engine) -> None:
    engine.answers = [(200, b'[{"ID": "a"}]')]
    assert cluster(engine).tasks({"service": ["web"]}) == [{"ID": "a"}]
    assert engine.requests[0][1] == "/v1.44/tasks?filters=%7B%22service%22%3A+%5B%22web%22%5D%7D"


def test_an_empty_list_may_be_null(engine: Engine) -> None:
    engine.answers = [(200, b"null")]
    assert cluster(engine).configs() == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((404, b'{"message": "no such service"}'), NotFound),
        ((500, b'{"message": "network n1 not found"}'), NotFound),
        ((409, b'{"message": "already exists"}'), Conflict),
        ((500, b'{"message": "rpc error: update out of sequence"}'), Conflict),
        (LOST_LEADER, Unavailable),
        ((500, b'{"message": "rpc error: context deadline exceeded"}'), Unavailable),
        ((503, b'{"message": "This node is not a swarm manager."}'), ClusterError),
        ((400, b"not even JSON"), ClusterError),
    ],
)
def test_typed_errors(engine: Engine, answer: Answer, kind: type[ClusterError]) -> None:
    engine.answers = [answer]
    with pytest.raises(ClusterError) as error:
        cluster(engine).update_service("web", 7, {})
    assert type(error.value) is kind
    assert error.value.status == answer[0]
    assert len(engine.requests) == 1, "a write is sent once"


def test_reads_wait_for_a_leader(engine: Engine) -> None:
    engine.answers = [LOST_LEADER, LOST_LEADER, (200, b'{"ID": "s"}')]
    assert cluster(engine).service("web") == {"ID": "s"}


def test_reads_do_not_wait_for_ever(engine: Engine) -> None:
    engine.answers = [LOST_LEADER]
    with pytest.raises(Unavailable, match="does not have a leader"):
        cluster(engine).service("web")
    assert 8 <= len(engine.requests) <= 12


def test_no_engine(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Unavailable, match="Is the engine running"):
        Cluster(str(tmp_path / "none"), clock=FakeClock(), patience=0).info()


def test_a_service_keeps_its_login(engine: Engine) -> None:
    cluster(engine).update_service("web", 7, {"Name": "web"})
    assert engine.requests[0][:3] == (
        "POST",
        "/v1.44/services/web/update?version=7&registryAuthFrom=spec",
        {"Name": "web"},
    )


def test_configs_are_encoded(engine: Engine) -> None:
    engine.answers = [(201, b'{"ID": "c"}')]
    assert cluster(engine).create_config("n", b"data", {"a": "b"}) == "c"
    assert engine.requests[0][2] == {"Name": "n", "Labels": {"a": "b"}, "Data": "ZGF0YQ=="}


def test_a_pull_fails_with_the_registrys_words(engine: Engine) -> None:
    engine.answers = [(200, b'{"status": "Pulling"}\n{"error": "manifest unknown"}\n')]
    seen: list[int] = []
    with pytest.raises(ClusterError, match=r"cannot pull r.example.com:5000/shop:1: manifest unknown"):
        cluster(engine).pull("r.example.com:5000/shop:1", {"username": "u"}, progress=lambda: seen.append(1))
    assert seen == [1]
    _method, path, _body, headers = engine.requests[0]
    assert path == "/v1.44/images/create?fromImage=r.example.com%3A5000%2Fshop&tag=1"
    assert headers["x-registry-auth"] == _cluster.encode_auth({"username": "u"})


def test_a_look_into_a_container(engine: Engine) -> None:
    engine.answers = [(201, b'{"Id": "c1"}'), (200, b""), (404, b""), (204, b"")]
    docker = cluster(engine)
    docker.create_container("look", {"Image": "i"})
    assert [docker.has_path("look", path) for path in ("/bin/sh", "/bin/a b")] == [True, False]
    docker.remove_container("look")
    assert [request[:3] for request in engine.requests] == [
        ("POST", "/v1.44/containers/create?name=look", {"Image": "i"}),
        ("HEAD", "/v1.44/containers/look/archive?path=%2Fbin%2Fsh", None),
        ("HEAD", "/v1.44/containers/look/archive?path=%2Fbin%2Fa%20b", None),
        ("DELETE", "/v1.44/containers/look?force=true&v=true", None),
    ]


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("redis", ("redis", "latest")),
        ("redis:7", ("redis", "7")),
        ("r.example.com:5000/a/b", ("r.example.com:5000/a/b", "latest")),
        ("r.example.com:5000/a/b:1@sha256:0", ("r.example.com:5000/a/b", "sha256:0")),
    ],
)
def test_references(image: str, parts: tuple[str, str]) -> None:
    assert _cluster.split_reference(image) == parts


def test_logs(engine: Engine) -> None:
    engine.answers = [(200, b"\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n")]
    assert cluster(engine).task_logs("t1") == "out\nerr\n"
    engine.answers = [(200, b"\x02\0\0\0\0\0\0\x24" + b"2026-11-25T08:45:28.123456789Z oops\n")]
    lines = cluster(engine).task_lines("t1", tail=5, since="12.5").lines
    assert [(line.stream, line.text) for line in lines] == [("stderr", "oops")]
    assert engine.requests[-1][1].endswith("/tasks/t1/logs?stdout=true&stderr=true&timestamps=true&tail=5&since=12.5")
