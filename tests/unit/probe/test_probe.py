# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe misbehaves exactly as it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.probe.probe import CLOSE, PING, PONG, TEXT, Behaviour, Probe

SCRIPT = Path(__file__).parents[2] / "fixtures/probe/probe.py"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def status(port: int, path: str, body: bytes | None = None) -> int | None:
    """The HTTP status, or None when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", body, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def wait_for(port: int, path: str, wanted: int | None, seconds: float = 5.0) -> float:
    started = time.monotonic()
    while status(port, path) != wanted:
        assert time.monotonic() - started < seconds, f"{path} did not become {wanted}"
        time.sleep(0.02)
    return time.monotonic() - started


class Running:
    def __init__(self, process: subprocess.Popen[bytes], port: int, health_port: int) -> None:
        self.process, self.port, self.health_port = process, port, health_port

    def term(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def probe(**behaviour: object) -> Iterator[Running]:
    port, health_port = free_port(), free_port()
    asked = {f"PROBE_{name.upper()}": str(value) for name, value in behaviour.items()}
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, **asked, "SEAWORTHY_RELEASE": "r3", "PORT": str(port), "HEALTH_PORT": str(health_port)},
        stderr=subprocess.PIPE,
    )
    try:
        yield Running(process, port, health_port)
    finally:
        process.kill()
        process.communicate()


def test_well_behaved() -> None:
    with probe() as running:
        wait_for(running.port, "/ready", 200)
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/", timeout=5) as answer:
            assert answer.headers["X-Release"] == "r3"
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/echo", b"ahoy", timeout=5) as answer:
            assert b'"echo": "ahoy"' in answer.read()
        assert status(running.port, "/echo") == 405
        assert status(running.port, "/nowhere") == 404
        started = time.monotonic()
        assert status(running.port, "/slow") == 200
        assert time.monotonic() - started >= 2.0


def test_term_finishes_what_has_begun() -> None:
    with probe() as running:
        wait_for(running.port, "/", 200)
        with socket.create_connection(("127.0.0.1", running.port)) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
            running.term()
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        assert running.process.wait(5) == 0


def test_exits_at_once_in_the_middle_of_a_request() -> None:
    with probe(on_term="exit") as running:
        wait_for(running.port, "/", 200)
        with socket.create_connection(("127.0.0.1", running.port)) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
            running.term()
            assert client.recv(4096) == b""
        assert running.process.wait(5) == 0


def test_ignores_term() -> None:
    with probe(on_term="ignore") as running:
        wait_for(running.port, "/", 200)
        running.term()
        time.sleep(0.3)
        assert status(running.port, "/") == 200


@pytest.mark.parametrize("code", [0, 1, 7])
def test_ends_by_itself(code: int) -> None:
    with probe(exit_after=0.1, exit_code=code) as running:
        assert running.process.wait(5) == code


def test_late_port_is_healthy_first() -> None:
    with probe(late_port=1) as running:
        wait_for(running.health_port, "/health", 200)
        assert status(running.port, "/") is None
        wait_for(running.port, "/", 200)


def test_slow_start_opens_nothing() -> None:
    with probe(slow_start=1) as running:
        time.sleep(0.5)
        assert status(running.health_port, "/health") is None
        wait_for(running.port, "/", 200)


def test_healthy_but_500() -> None:
    with probe(status=500) as running:
        wait_for(running.port, "/ready", 200)
        assert status(running.port, "/") == 500
        assert status(running.health_port, "/health") == 200


def test_never_healthy_still_answers() -> None:
    with probe(unhealthy_after=0) as running:
        wait_for(running.health_port, "/health", 503)
        wait_for(running.port, "/", 200)


def test_health_by_age() -> None:
    assert [Behaviour(flip=2).healthy(age) for age in (0, 1.9, 2, 3.9, 4)] == [True, True, False, False, True]
    assert [Behaviour(unhealthy_after=5).healthy(age) for age in (0, 4.9, 5)] == [True, True, False]


def test_leak() -> None:
    async def leaked() -> int:
        leaking = Probe(Behaviour(leak=10), release="r1", version="1")
        task = asyncio.create_task(leaking.leak())
        await asyncio.sleep(0.25)
        task.cancel()
        return sum(map(len, leaking._leaked))

    assert asyncio.run(leaked()) >= 2 * 1024 * 1024


def test_unknown_behaviour_is_refused() -> None:
    with pytest.raises(ValueError, match="PROBE_CRSH: unknown"):
        Behaviour.from_environment({"PROBE_CRSH": "1"})
    with pytest.raises(ValueError, match="PROBE_ON_TERM: found 'die'"):
        Behaviour.from_environment({"PROBE_ON_TERM": "die"})
    assert Behaviour.from_environment({"PROBE_FLIP": "", "PROBE_LEAK": "off", "PATH": "x"}) == Behaviour()


def test_websocket_echoes_pongs_and_says_goodbye() -> None:
    def masked(opcode: int, payload: bytes) -> bytes:
        return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload

    async def talk() -> list[tuple[int, bytes]]:
        server = Probe(Behaviour(), release="r1", version="1")
        port = await server.listen(0, host="127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
        assert b"X-Release: r1" in await reader.readuntil(b"\r\n\r\n")
        seen = []
        writer.write(masked(TEXT, b"ahoy") + masked(PING, b"1"))
        for index in range(4):
            first, length = await reader.readexactly(2)
            seen.append((first & 0x0F, await reader.readexactly(length)))
            if index == 2:
                stopping = asyncio.create_task(server.finish())
        await stopping
        writer.close()
        return seen

    assert asyncio.run(talk()) == [(TEXT, b'{"release": "r1"}'), (TEXT, b"ahoy"), (PONG, b"1"), (CLOSE, b"\x03\xe9")]
