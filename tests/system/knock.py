#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Knocks at an edge as no browser does: any name in the handshake, any certificate, any Host (stdlib only).

It runs on a host of the lab. Standard input: a JSON list of knocks; standard output: a JSON list with what each got.
The server's certificate is not looked at: the question is what the server gives to whom.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import socket
import ssl
import sys
from typing import Any

SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Knock:
    """One request. `certificate` is a path without its ending: .crt and .key."""

    name: str
    address: str
    port: int
    host: str
    sni: str | None = None
    certificate: str | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    path: str = "/"


def connection(knock: Knock) -> socket.socket:
    """A plain connection to port 80, TLS to any other."""
    plain = socket.create_connection((knock.address, knock.port), SECONDS)
    if knock.port == 80:
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if knock.certificate:
        context.load_cert_chain(f"{knock.certificate}.crt", f"{knock.certificate}.key")
    return context.wrap_socket(plain, server_hostname=knock.sni)


def answer(knock: Knock) -> dict[str, Any]:
    """Status, and who answered; or why there was no answer."""
    lines = [f"GET {knock.path} HTTP/1.1", f"Host: {knock.host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in knock.headers.items()]
    try:
        with connection(knock) as stream:
            stream.sendall("\r\n".join([*lines, "", ""]).encode())
            response = http.client.HTTPResponse(stream)
            response.begin()
            headers = response.headers
            return {
                "status": response.status,
                "release": headers.get("x-release"),
                "router": headers.get("x-seaworthy-router"),
            }
    except (OSError, http.client.HTTPException) as error:
        return {"refused": str(error) or type(error).__name__}


if __name__ == "__main__":
    json.dump([answer(Knock(**one)) for one in json.load(sys.stdin)], sys.stdout)
