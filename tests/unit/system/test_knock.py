# SPDX-License-Identifier: GPL-3.0-or-later
"""Knocks tell a refusal from an answer, and whose answer it is."""

from __future__ import annotations

import dataclasses
import datetime
import http.server
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.system import knock
from tests.system.knock import Knock, answer


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-Release", self.headers.get("x-seaworthy-release", "none"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """A certificate that signs itself, as a path without its ending."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "m1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "mine.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "mine.key").write_bytes(key.private_bytes(*form))
    return str(tmp_path / "mine")


@pytest.fixture
def port(mine: str) -> Generator[int]:
    """A server that asks each client for that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{mine}.crt", f"{mine}.key")
    context.load_verify_locations(f"{mine}.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_answer(port: int, mine: str) -> None:
    asked = Knock("x", "127.0.0.1", port, "edge.internal", "edge.internal", mine, {"x-seaworthy-release": "r2"})
    assert answer(asked) == {"status": 200, "release": "r2", "router": None}


def test_a_refusal(port: int) -> None:
    assert set(answer(Knock("x", "127.0.0.1", port, "edge.internal", "edge.internal"))) == {"refused"}


def test_as_a_program(port: int, mine: str) -> None:
    knocks = [Knock("a", "127.0.0.1", port, "x", None, mine), Knock("b", "127.0.0.1", 1, "x")]
    asked = json.dumps([dataclasses.asdict(one) for one in knocks])
    script = str(Path(knock.__file__))
    done = subprocess.run([sys.executable, script], input=asked, stdout=subprocess.PIPE, text=True, check=True)
    assert [sorted(one) for one in json.loads(done.stdout)] == [["release", "router", "status"], ["refused"]]
