# SPDX-License-Identifier: GPL-3.0-or-later
"""The thumbprint of an account's key."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.seaworthy.swarm.plugins.module_utils import _account
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from tests.unit.plugins.certs_world import KEY


@pytest.mark.parametrize("form", [serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8])
def test_thumbprint(form: serialization.PrivateFormat) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    numbers = key.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    text = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    expected = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    assert _account.thumbprint(pem) == expected


@pytest.mark.parametrize("pem", ["", "not a key", KEY])
def test_a_key_without_its_public_part(pem: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as error:
        _account.thumbprint(pem)
    assert "AAAA" not in str(error.value)
