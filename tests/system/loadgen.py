#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open-loop load generator for the drills: what it sends it counts, and what fails it names.

It runs on harbour (stdlib only). The first line of standard input is the plan (JSON, see Plan); it stops when standard
input ends and ``min_requests`` are sent, or after ``max_seconds``. Standard output: one line ``{"event": "running"}``
once answers arrive, at the end one line with the result. No request is repeated, every one has one outcome.
"""

from __future__ import annotations

import asyncio
import base64
import collections
import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import re
import ssl
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PING_SECONDS = 1.0
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
PAGE = re.compile(rb'data-web-release="([^"]*)" data-api-release="([^"]*)"')


@dataclasses.dataclass(frozen=True)
class Stream:
    """One kind of request, sent at a fixed rate whatever the answers do."""

    name: str
    path: str
    rate: float  # per second, over all edges
    method: str = "GET"
    body: str | None = None  # {n} becomes the number of the request
    new_connection: bool = False
    status: int = 200
    check: str = "release"  # one of CHECKS


@dataclasses.dataclass(frozen=True)
class Plan:
    edges: dict[str, str]  # name → address; requests go round
    host: str  # for Host and SNI
    streams: list[Stream]
    port: int = 443
    ca_file: str | None = None  # None: plain HTTP (unit tests)
    websockets: int = 0
    websocket_path: str = "/ws"
    min_requests: int = 0
    max_seconds: float = 300.0
    timeout: float = 10.0
    samples: int = 40  # failures that are told in full

    @classmethod
    def from_json(cls, text: str) -> Plan:
        raw = json.loads(text)
        return cls(**{**raw, "streams": [Stream(**stream) for stream in raw["streams"]]})


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class WrongBody(Exception):
    """The status was right and the content was not."""


def check_release(answer: Answer, sent: str | None) -> str:
    """JSON whose release is the one in the header; return it."""
    del sent
    try:
        release = str(json.loads(answer.body)["release"])
    except (ValueError, KeyError, TypeError) as error:
        raise WrongBody(f"no release in {answer.body[:80]!r}") from error
    if release != answer.headers.get("x-release"):
        raise WrongBody(f"body of release {release}, header of {answer.headers.get('x-release')}")
    return release


def check_echo(answer: Answer, sent: str | None) -> str:
    """The probe's /echo: what was sent comes back."""
    release = check_release(answer, sent)
    if json.loads(answer.body).get("echo") != sent:
        raise WrongBody(f"sent {sent!r}, got {answer.body[:80]!r}")
    return release


def check_page(answer: Answer, sent: str | None) -> str:
    """The shop's page: whole, and made with an answer of the api; "web+api" when it mixes two releases."""
    del sent
    found = PAGE.search(answer.body)
    if not found or not answer.body.rstrip().endswith(b"</html>"):
        raise WrongBody(f"not the shop's page: {answer.body[:80]!r}")
    web, api = (part.decode() for part in found.groups())
    if api == "none":
        raise WrongBody("the page was rendered without the api")
    if web != answer.headers.get("x-release"):
        raise WrongBody(f"page of release {web}, header of {answer.headers.get('x-release')}")
    return web if web == api else f"{web}+{api}"


CHECKS: dict[str, Callable[[Answer, str | None], str]] = {
    "release": check_release,
    "echo": check_echo,
    "page": check_page,
}


def failure_kind(error: BaseException) -> str:
    """The name under which a failure is counted."""
    kinds: list[tuple[type[BaseException], str]] = [
        (WrongBody, "wrong body"),
        (ssl.SSLCertVerificationError, "certificate"),
        (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"),
        (ConnectionError, "reset"),
        (asyncio.IncompleteReadError, "reset"),
        (ssl.SSLError, "tls"),
        (OSError, "unreachable"),
    ]
    return next((name for kind, name in kinds if isinstance(error, kind)), "protocol")


class Connection:
    """One HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader, self.writer, self.host = reader, writer, host
        self.reusable = True

    @classmethod
    async def open(cls, address: str, plan: Plan, tls: ssl.SSLContext | None) -> Connection:
        secure: dict[str, Any] = {"ssl": tls, "server_hostname": plan.host, "ssl_shutdown_timeout": 1.0} if tls else {}
        reader, writer = await asyncio.open_connection(address, plan.port, limit=1024 * 1024, **secure)
        return cls(reader, writer, plan.host)

    async def exchange(self, method: str, path: str, body: str | None, *, close: bool) -> Answer:
        data = (body or "").encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", "User-Agent: seaworthy-loadgen", "Accept: */*"]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        if close:
            lines.append("Connection: close")
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        await self.writer.drain()
        status, headers = await self._head()
        answer = Answer(status, headers, await self._body(headers))
        self.reusable = not close and headers.get("connection", "").lower() != "close"
        return answer

    async def _head(self) -> tuple[int, dict[str, str]]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        return int(head[0].split(" ")[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join([chunk async for chunk in self._chunks()])
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        raise ValueError("an answer without a length")

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
            chunk = await self.reader.readexactly(size + 2)
            if size == 0:
                return
            yield chunk[:-2]

    async def upgrade(self, path: str) -> dict[str, str]:
        """Become a WebSocket; return the headers of the answer."""
        key = base64.b64encode(os.urandom(16))
        self.writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
        )
        status, headers = await self._head()
        if status != 101:
            raise BadStatus(status)
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID, usedforsecurity=False).digest()).decode()
        if headers.get("sec-websocket-accept") != accept:
            raise WrongBody("Sec-WebSocket-Accept is not the answer to our key")
        return headers

    def send_frame(self, opcode: int, payload: bytes) -> None:
        self.writer.write(bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload)

    async def read_frame(self) -> tuple[int, bytes]:
        first, length = await self.reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8), "big")
        return first & 0x0F, await self.reader.readexactly(length)

    def close(self) -> None:
        self.writer.close()


class BadStatus(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class Tally:
    """Counts per kind of request; every request is counted once."""

    def __init__(self, samples: int) -> None:
        self.max_samples = samples
        self.sent: collections.Counter[str] = collections.Counter()
        self.failures: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.latencies: dict[str, list[float]] = collections.defaultdict(list)
        self.by_edge: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.releases: dict[str, dict[str, Any]] = {}
        self.mixed = 0
        self.samples: list[dict[str, Any]] = []
        self.lag = 0.0

    def good(self, name: str, edge: str, release: str, seconds: float) -> None:
        self.latencies[name].append(seconds)
        self.by_edge[edge]["ok"] += 1
        self.mixed += "+" in release
        now = round(time.time(), 3)
        seen = self.releases.setdefault(release, {"count": 0, "first": now})
        seen["count"] += 1
        seen["last"] = now

    def bad(self, name: str, edge: str, error: BaseException, started: float) -> None:
        kind = f"status {error.status}" if isinstance(error, BadStatus) else failure_kind(error)
        self.failures[name][kind] += 1
        self.by_edge[edge]["failed"] += 1
        if len(self.samples) < self.max_samples:
            detail = str(error) or type(error).__name__
            times = {"at": round(started, 3), "seconds": round(time.time() - started, 3)}
            self.samples.append({**times, "stream": name, "edge": edge, "kind": kind, "detail": detail})

    def result(self) -> dict[str, Any]:
        streams = {}
        for name, sent in sorted(self.sent.items()):
            times = sorted(self.latencies[name])
            streams[name] = {
                "sent": sent,
                "ok": len(times),
                "failed": sum(self.failures[name].values()),
                "failures": dict(self.failures[name]),
                **(
                    {"p50_ms": ms(statistics.median(times)), "p99_ms": ms(times[int(len(times) * 0.99)])}
                    if times
                    else {}
                ),
            }
        return {
            "sent": sum(self.sent.values()),
            "ok": sum(stream["ok"] for stream in streams.values()),
            "failed": sum(stream["failed"] for stream in streams.values()),
            "mixed": self.mixed,
            "releases": self.releases,
            "streams": streams,
            "edges": {edge: dict(counts) for edge, counts in sorted(self.by_edge.items())},
            "samples": self.samples,
            "max_lag_ms": ms(self.lag),
        }


def ms(seconds: float) -> int:
    return round(seconds * 1000)


class Generator:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tls = ssl.create_default_context(cafile=plan.ca_file) if plan.ca_file else None
        if self.tls:
            self.tls.set_alpn_protocols(["http/1.1"])
        self.tally = Tally(plan.samples)
        self.stop_asked = asyncio.Event()
        self.sending_over = asyncio.Event()
        self.answered = asyncio.Event()
        self.sockets_opened = 0
        self.sockets_closed: list[dict[str, Any]] = []
        self._idle: dict[str, list[Connection]] = collections.defaultdict(list)
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> dict[str, Any]:
        started = time.time()
        edges = itertools.cycle(self.plan.edges.items())
        sockets = [asyncio.create_task(self._socket(*next(edges))) for _ in range(self.plan.websockets)]
        end = asyncio.create_task(self._end())
        await asyncio.gather(*(self._send_all(stream) for stream in self.plan.streams))
        while self._running:
            await asyncio.wait(self._running)
        sockets_alive = sum(not task.done() for task in sockets)
        for task in [*sockets, end]:
            task.cancel()
        await asyncio.gather(*sockets, end, return_exceptions=True)
        for connection in itertools.chain.from_iterable(self._idle.values()):
            connection.close()
        ended = time.time()
        return {
            "started": round(started, 3),
            "ended": round(ended, 3),
            "per_second": round(sum(self.tally.sent.values()) / max(ended - started, 0.001), 1),
            "load_average": os.getloadavg(),
            **self.tally.result(),
            "websockets": {
                "wanted": self.plan.websockets,
                "opened": self.sockets_opened,
                "alive_at_end": sockets_alive,
                "closed": self.sockets_closed,
            },
        }

    async def _end(self) -> None:
        """Sending is over when somebody asked for it and enough was sent, or when time is up."""
        deadline = time.monotonic() + self.plan.max_seconds
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stop_asked.wait(), self.plan.max_seconds)
        while sum(self.tally.sent.values()) < self.plan.min_requests and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        self.sending_over.set()

    async def _send_all(self, stream: Stream) -> None:
        start = time.monotonic()
        edges = itertools.cycle(self.plan.edges.items())
        for number in itertools.count():
            due = start + number / stream.rate
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.sending_over.wait(), max(0.0, due - time.monotonic()))
            if self.sending_over.is_set():
                return
            self.tally.lag = max(self.tally.lag, time.monotonic() - due)
            self.tally.sent[stream.name] += 1
            edge, address = next(edges)
            task = asyncio.create_task(self._request(stream, edge, address, number))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _request(self, stream: Stream, edge: str, address: str, number: int) -> None:
        began, started = time.monotonic(), time.time()
        body = stream.body.replace("{n}", str(number)) if stream.body is not None else None
        connection: Connection | None = None
        try:
            async with asyncio.timeout(self.plan.timeout):
                if not stream.new_connection and self._idle[address]:
                    connection = self._idle[address].pop()
                else:
                    connection = await Connection.open(address, self.plan, self.tls)
                answer = await connection.exchange(stream.method, stream.path, body, close=stream.new_connection)
            if answer.status != stream.status:
                raise BadStatus(answer.status)
            release = CHECKS[stream.check](answer, body)
        except (Exception, asyncio.IncompleteReadError) as error:
            self.tally.bad(stream.name, edge, error, started)
            if connection:
                connection.close()
            return
        self.answered.set()
        self.tally.good(stream.name, edge, release, time.monotonic() - began)
        if connection.reusable:
            self._idle[address].append(connection)
        else:
            connection.close()

    async def _socket(self, edge: str, address: str) -> None:
        """Keep one WebSocket open; note each end, and whether the first new attempt after it worked."""
        ended: dict[str, Any] | None = None
        while True:
            opened = time.time()
            try:
                connection, headers = await self._connect_socket(address)
            except Exception as error:
                detail = f"{failure_kind(error)}: {error}"
                if ended and "reconnect" not in ended:
                    ended["reconnect"] = detail
                if not ended:
                    ended = {"edge": edge, "at": round(opened, 3), "reason": f"first connect: {detail}"}
                    self.sockets_closed.append(ended)
                await asyncio.sleep(1.0)
                continue
            self.sockets_opened += 1
            if ended and "reconnect" not in ended:
                ended["reconnect"] = "ok"
            try:
                reason = await self._talk(connection)
            except asyncio.CancelledError:
                connection.send_frame(CLOSE, (1000).to_bytes(2, "big"))
                raise
            finally:
                connection.close()
            ended = {
                "edge": edge,
                "release": headers.get("x-release"),
                "opened": round(opened, 3),
                "at": round(time.time(), 3),
                "reason": reason,
            }
            self.sockets_closed.append(ended)

    async def _connect_socket(self, address: str) -> tuple[Connection, dict[str, str]]:
        async with asyncio.timeout(self.plan.timeout):
            connection = await Connection.open(address, self.plan, self.tls)
            try:
                return connection, await connection.upgrade(self.plan.websocket_path)
            except BaseException:
                connection.close()
                raise

    async def _talk(self, connection: Connection) -> str:
        """Ping and listen until the connection ends; return why it ended."""

        async def ping() -> None:
            while True:
                connection.send_frame(PING, b"loadgen")
                await asyncio.sleep(PING_SECONDS)

        pinging = asyncio.create_task(ping())
        try:
            while True:
                opcode, payload = await asyncio.wait_for(connection.read_frame(), self.plan.timeout)
                if opcode == CLOSE:
                    return f"closed by the server: {int.from_bytes(payload[:2], 'big') or 'no code'}"
        except Exception as error:
            return f"{failure_kind(error)}: {error}"
        finally:
            pinging.cancel()


async def main() -> None:
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader(limit=1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    generator = Generator(Plan.from_json((await stdin.readline()).decode()))

    async def listen() -> None:
        await stdin.read()
        generator.stop_asked.set()

    async def tell() -> None:
        await generator.answered.wait()
        print(json.dumps({"event": "running"}), flush=True)

    helpers = [asyncio.create_task(listen()), asyncio.create_task(tell())]
    result = await generator.run()
    for helper in helpers:
        helper.cancel()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
