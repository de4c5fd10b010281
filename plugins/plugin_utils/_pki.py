# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Certificates of the internal authority, signed on the controller. Keys of hosts are never seen here."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import ipaddress
import re

from ..module_utils._errors import InputError, SeaworthyError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError as error:
    CRYPTOGRAPHY_MISSING: str | None = str(error)
else:
    CRYPTOGRAPHY_MISSING = None

PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----\n?", re.DOTALL)
BACKDATED = datetime.timedelta(hours=1)  # clocks of hosts may be behind
REMEDY = "Give the PEM of one private key (elliptic curve) and of its certificate, as secret internal_ca holds them."


def _public(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclasses.dataclass(frozen=True)
class Names:
    """Who a certificate is for."""

    dns: tuple[str, ...]
    addresses: tuple[str, ...]

    def general(self) -> list[x509.GeneralName]:
        """As they stand in the certificate."""
        try:
            numbers = [x509.IPAddress(ipaddress.ip_address(address)) for address in self.addresses]
        except ValueError as error:
            raise InputError(f"a certificate cannot be made: {error}", found=", ".join(self.addresses)) from None
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in self.dns]
        if not names and not numbers:
            raise InputError("a certificate cannot be made without any name or address")
        return [*names, *numbers]


@dataclasses.dataclass(frozen=True)
class Authority:
    """Key and certificate that sign, and all certificates that hosts are to trust."""

    key: ec.EllipticCurvePrivateKey = dataclasses.field(repr=False)
    certificate: x509.Certificate
    trusted: str

    @classmethod
    def parse(cls, bundle: str) -> Authority:
        """From one text: a private key and one or more certificates, the first of that key signs."""
        if CRYPTOGRAPHY_MISSING:
            raise SeaworthyError(
                "the controller cannot sign certificates",
                found=CRYPTOGRAPHY_MISSING,
                expected="the Python package cryptography beside ansible-core",
                remedy="pip install cryptography",
            )
        blocks = [(match[1], match[0].rstrip(b"\n") + b"\n") for match in PEM.finditer(bundle.encode())]
        keys = [block for kind, block in blocks if kind.endswith(b"PRIVATE KEY")]
        certificates = [block for kind, block in blocks if kind == b"CERTIFICATE"]
        if len(keys) != 1 or not certificates:
            raise InputError(
                "the bundle of the internal CA cannot be used",
                found=f"{len(keys)} private keys, {len(certificates)} certificates",
                remedy=REMEDY,
            )
        try:
            key = serialization.load_pem_private_key(keys[0], password=None)
            parsed = [x509.load_pem_x509_certificate(block) for block in certificates]
        except (ValueError, TypeError):  # their texts may quote what they could not read
            raise InputError("the bundle of the internal CA cannot be read", remedy=REMEDY) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise InputError("the key of the internal CA is of a kind we do not take", remedy=REMEDY)
        own = [one for one in parsed if _is_of(one, key.public_key())]
        if not own:
            raise InputError("no certificate in the bundle of the internal CA belongs to its key", remedy=REMEDY)
        return cls(key, own[0], b"".join(certificates).decode())

    def sign(self, request: x509.CertificateSigningRequest, names: Names, days: int, now: datetime.datetime) -> str:
        """A certificate for the key of the request. Only its key counts; the names are ours to say."""
        if not request.is_signature_valid:
            raise InputError("the certificate request of the host is not signed by its key")
        end = min(now + datetime.timedelta(days=days), self.certificate.not_valid_after_utc)
        alternatives = names.general()
        common = str(alternatives[0].value)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])]))
            .issuer_name(self.certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def why_new(
        self,
        present: str,
        request: x509.CertificateSigningRequest | None,
        names: Names,
        now: datetime.datetime,
    ) -> str | None:
        """The reason for a new certificate in place of the present one, None when it is good."""
        if not present:
            return "there is none"
        try:
            certificate = x509.load_pem_x509_certificate(present.encode())
        except ValueError:
            return "it cannot be read"
        if request is None or not _is_of(certificate, request.public_key()):
            return "it is not of the host's key"
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (InvalidSignature, ValueError, TypeError):
            return "another CA has signed it"
        if _names_of(certificate) != set(names.general()):
            return "it has other names"
        lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        if certificate.not_valid_after_utc - now < lifetime / 3:
            return f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}"
        return None


def parse_request(pem: str) -> x509.CertificateSigningRequest | None:
    """The host's request; None while it has no key (check mode)."""
    return x509.load_pem_x509_csr(pem.encode()) if pem else None


def describe(pem: str) -> str:
    """A certificate as lines for people."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return "unreadable\n" if pem else ""
    names = sorted(str(name.value) for name in _names_of(certificate))
    return (
        f"names: {', '.join(names)}\nissuer: {certificate.issuer.rfc4514_string()}\n"
        f"ends: {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC\nserial: {certificate.serial_number:x}\n"
    )


def choose(values: c.Iterable[str | None]) -> tuple[str, ...]:
    """Without what is empty and what is there twice."""
    return tuple(dict.fromkeys(value for value in values if value))


def _is_of(certificate: x509.Certificate, key: CertificatePublicKeyTypes) -> bool:
    return _public(certificate.public_key()) == _public(key)


def _names_of(certificate: x509.Certificate) -> set[x509.GeneralName]:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return set()


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
