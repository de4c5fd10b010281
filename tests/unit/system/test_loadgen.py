# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator against a server that fails as planned: the two counts must be equal, kind by kind."""

from __future__ import annotations

import asyncio
import base64
import collections
import datetime
import hashlib
import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.system import loadgen
from tests.system.loadgen import CLOSE, PING, PONG, WEBSOCKET_GUID, Answer, Generator, Plan, Stream, WrongBody

SCRIPT = Path(loadgen.__file__)


class Server:
    """Answers request number n of a path by rule; keeps its own count of what it did."""

    def __init__(self, rules: dict[int, str] | None = None) -> None:
        self.rules = rules or {}  # n divisible by the key → what goes wrong; the first key that fits counts
        self.done: collections.Counter[str] = collections.Counter()
        self.requests = 0
        self.connections = 0
        self.sockets = 0
        self.socket_refusals = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, tls: ssl.SSLContext | None = None) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls, backlog=1000)
        return int(self._server.sockets[0].getsockname()[1])

    async def end(self) -> None:
        self._server.close()
        while self._writers:
            self._writers.pop().transport.abort()
        await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        if "upgrade" in headers:
            return await self._websocket(head, reader, writer)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests += 1
        fault = next((what for every, what in self.rules.items() if self.requests % every == 0), "ok")
        self.done[fault] += 1
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return False
        if fault == "timeout":
            await asyncio.sleep(1)
        status = int(fault.removeprefix("status ")) if fault.startswith("status") else 200
        text = json.dumps({"release": "r2" if fault == "wrong body" else "r1", "echo": body.decode()}).encode()
        writer.write(b"HTTP/1.1 %d X\r\nX-Release: r1\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
        writer.write(b"%x\r\n%b\r\n3;x=y\r\n   \r\n0\r\n\r\n" % (len(text), text))
        return headers.get("connection") != "close"

    async def _websocket(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.sockets += 1
        if self.sockets in (4, 5):  # one socket's first reconnect, and the attempt after it
            self.socket_refusals += 1
            writer.write(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")
            return False
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key")).encode()
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID, usedforsecurity=False).digest())
        writer.write(b"HTTP/1.1 101 X\r\nX-Release: r1\r\nSec-WebSocket-Accept: %b\r\n\r\n" % accept)
        if self.sockets == 2:
            await asyncio.sleep(0.3)
            writer.write(bytes([0x80 | CLOSE, 2]) + (1001).to_bytes(2, "big"))
            return False
        while True:
            first, length = await reader.readexactly(2)
            payload = await reader.readexactly((length & 0x7F) + 4)
            if first & 0x0F == PING:
                writer.write(bytes([0x80 | PONG, len(payload) - 4]) + payload[4:])


def plan(port: int, **changes: Any) -> Plan:
    streams = [
        Stream("keep", "/", 200),
        Stream("new", "/", 100, new_connection=True),
        Stream("post", "/echo", 100, method="POST", body="ahoy {n}", check="echo"),
    ]
    basis: dict[str, Any] = {"edges": {"m1": "127.0.0.1"}, "host": "shop.test", "streams": streams, "port": port}
    return Plan(**{**basis, "min_requests": 400, "max_seconds": 20, "timeout": 0.5, **changes})


def run(server: Server, tls: ssl.SSLContext | None = None, **changes: Any) -> dict[str, Any]:
    async def load() -> dict[str, Any]:
        generator = Generator(plan(await server.start(tls), **changes))
        generator.stop_asked.set()
        result = await generator.run()
        await server.end()
        return result

    return asyncio.run(load())


def failures(result: dict[str, Any]) -> collections.Counter[str]:
    total: collections.Counter[str] = collections.Counter()
    for stream in result["streams"].values():
        total.update(stream["failures"])
    return total


def test_counts_exactly_what_the_server_did_wrong() -> None:
    server = Server({29: "reset", 31: "cut", 37: "timeout", 41: "status 502", 43: "wrong body"})
    result = run(server)
    done = server.done
    assert result["sent"] == server.requests >= 400
    assert result["ok"] == done["ok"]
    assert failures(result) == {
        "reset": done["reset"] + done["cut"],
        "timeout": done["timeout"],
        "status 502": done["status 502"],
        "wrong body": done["wrong body"],
    }
    assert (
        result["failed"] == sum(done.values()) - done["ok"] == sum(edge["failed"] for edge in result["edges"].values())
    )
    assert result["releases"]["r1"]["count"] == done["ok"]


def test_a_good_server_has_no_failure_and_connections_are_used_as_planned() -> None:
    server = Server()
    result = run(server)
    assert result["failed"] == 0
    new = result["streams"]["new"]["sent"]
    assert new < server.connections < new + 40, "keep-alive streams must share few connections"
    assert result["streams"]["keep"]["p50_ms"] < 500


def test_open_loop_keeps_its_rate_when_nothing_answers() -> None:
    server = Server({1: "timeout"})
    result = run(server, min_requests=400, timeout=0.5)
    assert result["sent"] >= 400
    assert result["ended"] - result["started"] < 5
    assert failures(result) == {"timeout": result["sent"]}


def test_refused_by_one_edge() -> None:
    server = Server()
    result = run(server, edges={"m1": "127.0.0.1", "m2": "127.0.0.2"})
    assert result["edges"]["m2"] == {"failed": failures(result)["refused"]}
    assert result["edges"]["m1"]["ok"] == server.requests
    assert abs(result["edges"]["m1"]["ok"] - result["edges"]["m2"]["failed"]) <= 3


def test_bounded_in_time() -> None:
    result = run(Server(), min_requests=10**9, max_seconds=0.5)
    assert result["ended"] - result["started"] < 3


def test_websockets_ends_and_reconnects() -> None:
    server = Server()
    result = run(server, websockets=3, websocket_path="/ws", min_requests=1600, timeout=5)
    closed = result["websockets"]["closed"]
    assert result["websockets"]["alive_at_end"] == 3
    assert result["websockets"]["opened"] == server.sockets - server.socket_refusals == 4
    assert [(end["reason"], end["release"]) for end in closed] == [("closed by the server: 1001", "r1")]
    assert closed[0]["reconnect"] == "protocol: HTTP 503"


def certificate(name: str, directory: Path) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    return context, cert_file


@pytest.mark.parametrize(("name", "expected"), [("shop.test", {}), ("other.test", {"certificate"})])
def test_tls_is_verified(name: str, expected: set[str], tmp_path: Path) -> None:
    context, ca_file = certificate(name, tmp_path)
    result = run(Server(), context, ca_file=str(ca_file), min_requests=40, timeout=5)
    assert set(failures(result)) == set(expected)
    assert result["failed"] == (result["sent"] if expected else 0)


def page(web: str, api: str, end: str = "</html>") -> bytes:
    return f'<main data-web-release="{web}" data-api-release="{api}">{end}'.encode()


@pytest.mark.parametrize(
    ("body", "header", "expected"),
    [
        (page("r1", "r1"), "r1", "r1"),
        (page("r1", "r2"), "r1", "r1+r2"),
        (page("r1", "none"), "r1", None),
        (page("r1", "r1"), "r2", None),
        (page("r1", "r1", end=""), "r1", None),
        (b"404 page not found", "r1", None),
    ],
)
def test_page(body: bytes, header: str, expected: str | None) -> None:
    answer = Answer(200, {"x-release": header}, body)
    if expected is None:
        with pytest.raises(WrongBody):
            loadgen.check_page(answer, None)
    else:
        assert loadgen.check_page(answer, None) == expected


def test_as_a_program() -> None:
    """The protocol on standard input and output that the drills use."""

    async def talk() -> list[dict[str, Any]]:
        server = Server()
        text = {"edges": {"m1": "127.0.0.1"}, "host": "x", "port": await server.start(), "min_requests": 50}
        text["streams"] = [{"name": "keep", "path": "/", "rate": 100}]
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(text).encode() + b"\n")
        lines = [json.loads(await process.stdout.readline())]
        process.stdin.close()
        lines.append(json.loads(await process.stdout.readline()))
        await process.wait()
        await server.end()
        return lines

    running, result = asyncio.run(talk())
    assert running == {"event": "running"}
    assert result["sent"] == result["ok"] >= 50
