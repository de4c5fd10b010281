# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the internal CA: when a new one is needed, and that another program accepts it."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.plugin_utils._pki import (
    Authority,
    Names,
    choose,
    describe,
    parse_request,
)
from ansible_collections.seaworthy.swarm.plugins.plugin_utils._secrets import certificate_authority

NOW = datetime.datetime.now(datetime.UTC)
NAMES = Names(("m1",), ("192.0.2.11", "2001:db8::11"))
BUNDLE = certificate_authority()
KEY = ec.generate_private_key(ec.SECP256R1())


def request_of(key: ec.EllipticCurvePrivateKey) -> x509.CertificateSigningRequest:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "says what it likes")])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())


REQUEST = request_of(KEY)
AUTHORITY = Authority.parse(BUNDLE)
PRESENT = AUTHORITY.sign(REQUEST, NAMES, 90, NOW)


def test_a_good_certificate_stays() -> None:
    """Until a third of its life is left; the order of names does not matter."""
    assert AUTHORITY.why_new(PRESENT, REQUEST, NAMES, NOW) is None
    turned = Names(NAMES.dns, tuple(reversed(NAMES.addresses)))
    assert AUTHORITY.why_new(PRESENT, REQUEST, turned, NOW) is None
    assert AUTHORITY.why_new(PRESENT, REQUEST, NAMES, NOW + datetime.timedelta(days=59)) is None


@pytest.mark.parametrize("days", [61, 89, 91, 4000])
def test_it_is_renewed_in_the_last_third(days: int) -> None:
    """And when it is too late."""
    reason = AUTHORITY.why_new(PRESENT, REQUEST, NAMES, NOW + datetime.timedelta(days=days))
    assert reason is not None
    assert reason.startswith("it ends on ")


@pytest.mark.parametrize(
    ("present", "request_", "names", "authority", "reason"),
    [
        ("", REQUEST, NAMES, AUTHORITY, "there is none"),
        ("", None, NAMES, AUTHORITY, "there is none"),
        ("no certificate", REQUEST, NAMES, AUTHORITY, "it cannot be read"),
        (PRESENT, None, NAMES, AUTHORITY, "it is not of the host's key"),
        (PRESENT, request_of(ec.generate_private_key(ec.SECP256R1())), NAMES, AUTHORITY, "it is not of the host's key"),
        (PRESENT, REQUEST, Names(("m1",), ("192.0.2.12",)), AUTHORITY, "it has other names"),
        (PRESENT, REQUEST, NAMES, Authority.parse(certificate_authority()), "another CA has signed it"),
    ],
)
def test_reasons_for_a_new_one(
    present: str,
    request_: x509.CertificateSigningRequest | None,
    names: Names,
    authority: Authority,
    reason: str,
) -> None:
    """Each told to the user."""
    assert authority.why_new(present, request_, names, NOW) == reason


def test_openssl_accepts_it(tmp_path: Path) -> None:
    """The second judge, for both purposes, all names and no other."""
    (tmp_path / "ca").write_text(AUTHORITY.trusted)
    (tmp_path / "crt").write_text(PRESENT)

    def verify(*words: str) -> int:
        command = ["openssl", "verify", "-x509_strict", "-CAfile", str(tmp_path / "ca"), *words, str(tmp_path / "crt")]
        return subprocess.run(command, capture_output=True, check=False).returncode

    for purpose in ("sslserver", "sslclient"):
        for words in (("-verify_ip", "192.0.2.11"), ("-verify_ip", "2001:db8::11"), ("-verify_hostname", "m1")):
            assert verify("-purpose", purpose, *words) == 0
    assert verify("-verify_hostname", "m2") != 0
    assert verify("-verify_hostname", "says what it likes") != 0


def test_it_lives_no_longer_than_the_ca() -> None:
    """Nothing would accept it."""
    long = x509.load_pem_x509_certificate(AUTHORITY.sign(REQUEST, NAMES, 100_000, NOW).encode())
    assert long.not_valid_after_utc == AUTHORITY.certificate.not_valid_after_utc


def test_a_change_of_the_ca_overlaps() -> None:
    """The next CA is trusted before it signs, the last one while its certificates live."""
    new = certificate_authority()
    new_certificate = new[new.index("-----BEGIN CERTIFICATE") :]
    old_certificate = BUNDLE[BUNDLE.index("-----BEGIN CERTIFICATE") :]
    announced = Authority.parse(BUNDLE + new_certificate)
    assert announced.trusted.count("BEGIN CERTIFICATE") == 2
    assert announced.why_new(PRESENT, REQUEST, NAMES, NOW) is None
    changed = Authority.parse(new + old_certificate)
    assert changed.trusted.count("BEGIN CERTIFICATE") == 2
    assert changed.why_new(PRESENT, REQUEST, NAMES, NOW) == "another CA has signed it"


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.mark.parametrize(
    ("bundle", "reason"),
    [
        ("", "0 private keys, 0 certificates"),
        (AUTHORITY.trusted, "0 private keys, 1 certificates"),
        (BUNDLE + _pem(KEY), "2 private keys"),
        (_pem(KEY) + AUTHORITY.trusted, "no certificate .* belongs to its key"),
        (_pem(rsa.generate_private_key(65537, 2048)) + AUTHORITY.trusted, "of a kind we do not take"),
        (BUNDLE.replace("-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA"), "cannot be read"),
    ],
)
def test_a_bad_bundle_is_refused_without_quoting_it(bundle: str, reason: str) -> None:
    """It is a secret."""
    with pytest.raises(InputError, match=reason) as caught:
        Authority.parse(bundle)
    assert "secret internal_ca" in str(caught.value)
    assert "BEGIN" not in str(caught.value)
    assert not any(line in str(caught.value) for line in bundle.splitlines() if line)


def test_names_must_be_some_and_good() -> None:
    """An address that is none, and nothing at all."""
    for names in (Names((), ("m1",)), Names((), ())):
        with pytest.raises(InputError, match="a certificate cannot be made"):
            AUTHORITY.sign(REQUEST, names, 90, NOW)
    assert choose(["a", "", None, "b", "a"]) == ("a", "b")


def test_the_key_shows_nowhere() -> None:
    """Not in a traceback either."""
    assert "PRIVATE" not in repr(AUTHORITY)
    assert "key=" not in repr(AUTHORITY)


def test_people_can_read_a_diff() -> None:
    """Names, issuer and end; nothing for nothing."""
    assert "names: 192.0.2.11, 2001:db8::11, m1\n" in describe(PRESENT)
    assert (describe(""), describe("x"), parse_request("")) == ("", "unreadable\n", None)
