# SPDX-License-Identifier: GPL-3.0-or-later
"""One request over HTTP/3, by a real client (aioquic)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent

SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """An answer, and the serial number of the certificate that the server showed for it (its chain was verified)."""

    status: int
    headers: dict[str, str]
    body: bytes
    serial: int


class _Client(QuicConnectionProtocol):
    """One connection that asks once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._http = H3Connection(self._quic)
        self._headers: dict[str, str] = {}
        self._body = b""
        self._ended = asyncio.get_running_loop().create_future()

    async def ask(self, headers: Mapping[str, str]) -> Answer:
        stream = self._quic.get_next_available_stream_id()
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._http.send_headers(stream, pairs, end_stream=True)
        self.transmit()
        await self._ended
        certificate = self._quic.tls._peer_certificate  # aioquic verifies it, but has no public way to show it
        if certificate is None:
            message = "the server showed no certificate"
            raise ConnectionError(message)
        return Answer(int(self._headers[":status"]), self._headers, self._body, certificate.serial_number)

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated) and not self._ended.done():
            self._ended.set_exception(ConnectionError(event.reason_phrase or f"error {event.error_code}"))
            self._ended.exception()  # seen: nobody waits when the connection failed before the request
        for one in self._http.handle_event(event):
            self._take(one)

    def _take(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            self._headers |= {name.decode(): value.decode() for name, value in event.headers}
        elif isinstance(event, DataReceived):
            self._body += event.data
        if isinstance(event, HeadersReceived | DataReceived) and event.stream_ended and not self._ended.done():
            self._ended.set_result(None)


def get(
    address: str,
    host: str,
    ca_file: Path,
    path: str = "/",
    *,
    port: int = 443,
    headers: Mapping[str, str] | None = None,
    authority: str | None = None,
    seconds: float = SECONDS,
) -> Answer:
    """GET from an address; `host` is the name in the handshake, `authority` the one in the request if it differs."""
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host)
    configuration.load_verify_locations(cafile=str(ca_file))
    request = {":method": "GET", ":scheme": "https", ":authority": authority or host, ":path": path, **(headers or {})}

    async def once() -> Answer:
        async with (
            asyncio.timeout(seconds),
            connect(address, port, configuration=configuration, create_protocol=_Client) as client,
        ):
            if not isinstance(client, _Client):
                message = f"aioquic made a {type(client).__name__}"
                raise TypeError(message)
            return await client.ask(request)

    return asyncio.run(once())
