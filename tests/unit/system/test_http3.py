# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP/3 client of the drills against a server of aioquic's own."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.system import http3

NAME = "shop.test"


class _Server(QuicConnectionProtocol):
    """Answers with the request's own headers as the body."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._http = H3Connection(self._quic)

    def quic_event_received(self, event: QuicEvent) -> None:
        for one in self._http.handle_event(event):
            if isinstance(one, HeadersReceived):
                self._http.send_headers(one.stream_id, [(b":status", b"200"), (b"x-release", b"r1")])
                self._http.send_data(one.stream_id, repr(one.headers).encode(), end_stream=True)
                self.transmit()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A file with certificate and key, and the serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("http3") / "server.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(made.public_bytes(encoding) + key.private_bytes(encoding, form, serialization.NoEncryption()))
    return file, made.serial_number


@pytest.fixture(scope="module")
def port(certificate: tuple[Path, int]) -> Generator[int]:
    """A server that runs while the tests of this file do."""
    number, started = free_port(), threading.Event()
    loop = asyncio.new_event_loop()

    async def live() -> None:
        configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
        configuration.load_cert_chain(certificate[0], certificate[0])
        server = await serve("127.0.0.1", number, configuration=configuration, create_protocol=_Server)
        started.set()
        await ended.wait()
        server.close()

    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    started.wait(10)
    yield number
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


def test_an_answer_with_its_certificate(port: int, certificate: tuple[Path, int]) -> None:
    file, serial = certificate
    answer = http3.get(
        "127.0.0.1", NAME, file, "/x", port=port, headers={"x-seaworthy-release": "r2"}, authority="edge.internal"
    )
    assert (answer.status, answer.headers["x-release"], answer.serial) == (200, "r1", serial)
    assert b"edge.internal" in answer.body
    assert b"x-seaworthy-release" in answer.body


def test_a_wrong_name_is_no_answer(port: int, certificate: tuple[Path, int]) -> None:
    with pytest.raises(ConnectionError):
        http3.get("127.0.0.1", "other.test", certificate[0], port=port)


def test_nobody_there(certificate: tuple[Path, int]) -> None:
    with pytest.raises((TimeoutError, ConnectionError)):
        http3.get("127.0.0.1", NAME, certificate[0], port=free_port(), seconds=0.5)
