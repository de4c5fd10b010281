# SPDX-License-Identifier: GPL-3.0-or-later
"""The team's own certificates: each mistake is found on the controller."""

from __future__ import annotations

import datetime
import pathlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.seaworthy.swarm.plugins.module_utils._certs_writer import fragment
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.plugin_utils import _certificate_files

NOW = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC)
A, B, WILD = "a.example.com", "b.example.com", "*.example.com"
PEM = serialization.Encoding.PEM
PLAIN = serialization.NoEncryption()


class Maker:
    """Certificates of a small authority with one intermediate, as files."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.root = ec.generate_private_key(ec.SECP256R1())
        self.middle = ec.generate_private_key(ec.SECP256R1())
        self.middle_certificate = self.sign("middle", self.middle, "root", self.root, (), 0, 999)

    def sign(
        self,
        subject: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: str,
        by: ec.EllipticCurvePrivateKey,
        names: tuple[str, ...],
        begin: float,
        days: float,
    ) -> str:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(NOW + datetime.timedelta(days=begin - 1))
            .not_valid_after(NOW + datetime.timedelta(days=days))
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        return builder.sign(by, hashes.SHA256()).public_bytes(PEM).decode()

    def pair(self, stem: str, *names: str, begin: float = 0, days: float = 365, order: str = "leaf middle") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        parts = {
            "leaf": self.sign(stem, key, "middle", self.middle, names or (stem,), begin, days),
            "middle": self.middle_certificate,
        }
        (self.folder / f"{stem}.crt").write_text("".join(parts[part] for part in order.split()))
        text = key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN).decode()
        (self.folder / f"{stem}.key").write_text(
            f"-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n{text}"
        )


@pytest.fixture
def maker(tmp_path: pathlib.Path) -> Maker:
    return Maker(tmp_path)


def read(maker: Maker, *names: str) -> _certificate_files.Found:
    return _certificate_files.read(maker.folder, names, NOW)


def test_a_pair_with_its_chain(maker: Maker) -> None:
    maker.pair(A)
    found = read(maker, A)
    certificate = found.certificates[A]
    assert (certificate.names, found.warnings) == ((A,), ())
    assert certificate.not_after == (NOW + datetime.timedelta(days=365)).timestamp()
    assert fragment(certificate).count("BEGIN CERTIFICATE") == 2
    assert fragment(certificate).count("BEGIN PRIVATE KEY") == 1


def test_a_wildcard_covers_names_and_an_exact_one_goes_first(maker: Maker) -> None:
    maker.pair("anything", WILD)
    maker.pair(A)
    found = read(maker, A, B, WILD).certificates
    assert (found[A].names, found[B].names, found[WILD].names) == ((A,), (WILD,), (WILD,))


def test_a_new_chain_alone_is_a_new_certificate(maker: Maker) -> None:
    maker.pair(A)
    with_chain = read(maker, A).certificates[A].serial
    text = (maker.folder / f"{A}.crt").read_text()
    (maker.folder / f"{A}.crt").write_text(text.split("-----BEGIN", 2)[0] + "-----BEGIN" + text.split("-----BEGIN")[1])
    assert read(maker, A).certificates[A].serial != with_chain


@pytest.mark.parametrize(("days", "warned"), [(31, False), (29, True), (1, True)])
def test_a_warning_thirty_days_before_the_end(maker: Maker, days: int, warned: bool) -> None:
    maker.pair(A, days=days)
    maker.pair("unused.example.com", days=2)
    warnings = read(maker, A).warnings
    assert bool(warnings) is warned
    assert not warned or f"{A}.crt ends in {days} days, on 202" in warnings[0]


def test_several_certificates_for_one_name(maker: Maker) -> None:
    maker.pair(A)
    maker.pair("both", A, B)
    with pytest.raises(InputError, match="more than one certificate"):
        read(maker, A)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda maker: maker.pair(B), f"no certificate in .* is for {A}"),
        (lambda maker: maker.pair(A, B), f"{A}.crt is not for {A}"),
        (lambda maker: maker.pair(A, days=-0.5), "ended on 2026-11-25"),
        (lambda maker: maker.pair(A, begin=3), "only valid from"),
        (lambda maker: maker.pair(A, order="middle leaf"), "is not the key of|not in order"),
        (lambda maker: maker.pair(A, order="leaf leaf"), "not in order"),
        (lambda maker: maker.pair(A, order=""), "cannot be read"),
    ],
)
def test_what_is_refused(maker: Maker, change: object, message: str) -> None:
    assert callable(change)
    change(maker)
    with pytest.raises(InputError, match=message):
        read(maker, A)


def test_a_key_that_does_not_fit_is_not_quoted(maker: Maker) -> None:
    maker.pair(A)
    maker.pair(B)
    key = maker.folder / f"{A}.key"
    key.write_text((maker.folder / f"{B}.key").read_text())
    with pytest.raises(InputError, match="is not the key of"):
        read(maker, A)
    key.write_text("-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n")
    with pytest.raises(InputError, match="cannot be read") as error:
        read(maker, A)
    assert "SECRET" not in str(error.value)
    key.unlink()
    with pytest.raises(InputError, match="there is no"):
        read(maker, A)


def test_a_key_with_a_passphrase(maker: Maker) -> None:
    maker.pair(A)
    locked = serialization.BestAvailableEncryption(b"word")
    pem = maker.root.private_bytes(PEM, serialization.PrivateFormat.PKCS8, locked)
    (maker.folder / f"{A}.key").write_bytes(pem)
    with pytest.raises(InputError, match="cannot be read"):
        read(maker, A)


def test_no_folder(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        _certificate_files.read(tmp_path / "none", [A], NOW)
