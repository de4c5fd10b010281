# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets on the controller: kept, made, refused, never in clear text on a disk."""

from __future__ import annotations

import base64
import pathlib
import stat

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.plugin_utils import _secrets
from ansible_collections.seaworthy.swarm.plugins.plugin_utils._secrets import Declared


class FakeVault:
    """Reversible, and no clear text."""

    def decrypt(self, data: bytes) -> bytes:
        return base64.b64decode(data.partition(b"\n")[2])

    def encrypt(self, data: bytes, like: bytes | None) -> bytes:
        del like
        return b"$ANSIBLE_VAULT;1.1;FAKE\n" + base64.b64encode(data)


def backend(path: pathlib.Path, text: str | None = None) -> _secrets.FileBackend:
    if text is not None:
        path.write_bytes(FakeVault().encrypt(text.encode(), None))
    return _secrets.FileBackend(path, FakeVault())


def clear(path: pathlib.Path) -> str:
    return FakeVault().decrypt(path.read_bytes()).decode()


def test_missing_ones_are_made_once_and_kept(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new" / "secrets.yml"
    wanted = [Declared("a", "password"), Declared("shop/KEY", "digest_key")]
    values, made = _secrets.fetch(backend(path), wanted, store=True)
    assert made == ["a", "shop/KEY"]
    assert _secrets.fetch(backend(path), wanted, store=True) == (values, [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert values["a"] not in path.read_text()
    assert [entry.name for entry in path.parent.iterdir()] == ["secrets.yml"]


def test_order_and_comments_of_the_user_stay(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "secrets.yml"
    _secrets.fetch(backend(path, "# mine\nb: two"), [Declared("a", "password")], store=True)
    assert clear(path).startswith("# mine\nb: two\na: ")


def test_check_mode_writes_nothing(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "folder" / "secrets.yml"
    values, made = _secrets.fetch(backend(path), [Declared("a", "password")], store=False)
    assert values["a"]
    assert made == ["a"]
    assert list(tmp_path.iterdir()) == []


def test_all_missing_ones_are_named_with_the_command(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "secrets.yml"
    wanted = [Declared("one"), Declared("two"), Declared("made", "password"), Declared("empty")]
    with pytest.raises(InputError) as caught:
        _secrets.fetch(backend(path, "empty: ''\nother: x\n"), wanted, store=True)
    assert "3 secrets are missing: one, two, empty" in str(caught.value)
    assert f"ansible-vault edit {path}" in str(caught.value)
    assert caught.value.result["missing"] == ["one", "two", "empty"]
    assert clear(path) == "empty: ''\nother: x\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1: the decrypted secrets are no YAML"),
        ("- a", "no mapping"),
        ("port: 5432\nb: x", "not text: port"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: pathlib.Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        backend(tmp_path / "secrets.yml", text).read()


def test_clear_text_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "secrets.yml"
    path.write_text("a: b\n")
    with pytest.raises(InputError, match=f"ansible-vault encrypt {path}"):
        backend(path).read()


def test_environment_reads_and_cannot_store() -> None:
    names = ["registry_pull_password", "shop/SESSION_KEY"]
    environment = {"SEAWORTHY_SECRET_SHOP_SESSION_KEY": "x", "SEAWORTHY_SECRET_REGISTRY_PULL_PASSWORD": ""}
    place = _secrets.EnvironmentBackend(environment, names)
    assert _secrets.fetch(place, [Declared(names[1], "password")], store=True) == ({names[1]: "x"}, [])
    with pytest.raises(InputError, match="SEAWORTHY_SECRET_REGISTRY_PULL_PASSWORD"):
        _secrets.fetch(place, [Declared(names[0], "password")], store=True)


def test_password_has_letters_and_digits_only() -> None:
    assert _secrets.password().isalnum()
    assert len(_secrets.password()) == 32
    assert _secrets.password() != _secrets.password()


def test_account_key_is_in_the_form_lego_reads() -> None:
    pem = _secrets.ec_p256()
    assert pem.startswith("-----BEGIN EC PRIVATE KEY-----")
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"


def test_certificate_authority_signs_for_ten_years_and_survives_the_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "secrets.yml"
    values, _made = _secrets.fetch(backend(path), [Declared("ca", "certificate_authority")], store=True)
    assert yaml.safe_load(clear(path)) == values
    pem = values["ca"].encode()
    key = serialization.load_pem_private_key(pem, None)
    certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
    assert certificate.public_key() == key.public_key()
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 3653
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    certificate.verify_directly_issued_by(certificate)
