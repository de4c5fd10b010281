# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The account at the certificate authority: what answers every HTTP-01 challenge of it."""

from __future__ import annotations

import base64
import collections.abc as c
import hashlib
import json
import re

from ._errors import InputError


def thumbprint(pem: str) -> str:
    """RFC 7638, of a P-256 key in PEM (SEC 1 or PKCS 8): what answers every HTTP-01 challenge of the account."""
    try:
        point = _public_point(pem)
    except (ValueError, IndexError) as error:
        raise InputError(
            "the key of the ACME account cannot be read",
            expected="an EC key on P-256 in PEM that holds its public part, as `openssl ecparam -genkey` makes it",
        ) from error
    jwk = {"crv": "P-256", "kty": "EC", "x": _base64url(point[1:33]), "y": _base64url(point[33:])}
    return _base64url(hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).digest())


def _public_point(pem: str) -> bytes:
    """The 65 bytes 04 x y, which are the BIT STRING of a P-256 key."""
    match = re.search(r"-----BEGIN (?:EC )?PRIVATE KEY-----(.+?)-----END", pem, re.DOTALL)
    if not match:
        raise ValueError("no private key")
    for tag, content in _walk(base64.b64decode(match[1])):
        if tag == 0x03 and len(content) == 66 and content[:2] == b"\0\x04":
            return content[1:]
    raise ValueError("no public part")


def _walk(der: bytes) -> c.Iterator[tuple[int, bytes]]:
    """All elements of a DER structure; an OCTET STRING may hold another structure (PKCS 8)."""
    while der:
        tag, length, start = der[0], der[1], 2
        if length >= 0x80:
            start += length & 0x7F
            length = int.from_bytes(der[2:start], "big")
        content, der = der[start : start + length], der[start + length :]
        yield tag, content
        if tag & 0x20 or (tag == 0x04 and content[:1] == b"\x30"):
            yield from _walk(content)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
