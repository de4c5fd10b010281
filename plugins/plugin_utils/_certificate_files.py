# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""The team's own certificates: read from a folder on the controller and checked before any host changes."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import hashlib
import itertools
import pathlib

from ..module_utils._certs import FILES, Certificate, Settings
from ..module_utils._certs_writer import file_name
from ..module_utils._errors import InputError, SeaworthyError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPrivateKeyTypes,
        CertificatePublicKeyTypes,
    )
except ImportError as error:
    CRYPTOGRAPHY_MISSING: str | None = str(error)
else:
    CRYPTOGRAPHY_MISSING = None

WARN_DAYS = 30


@dataclasses.dataclass(frozen=True)
class Found:
    """A certificate for each name, and what people should know."""

    certificates: dict[str, Certificate]
    warnings: tuple[str, ...]


def read(folder: pathlib.Path, names: c.Sequence[str], now: datetime.datetime) -> Found:
    """For each name the one certificate that is for it, whatever its file is called."""
    if CRYPTOGRAPHY_MISSING:
        raise SeaworthyError(
            "the controller cannot read certificates",
            found=CRYPTOGRAPHY_MISSING,
            expected="the Python package cryptography beside ansible-core",
            remedy="pip install cryptography",
        )
    wanted = Settings.parse({"names": names, "edges": [{"name": "any", "address": "any"}], "source": FILES}).names
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", remedy="Set certificates_files_dir to the folder of them.")
    pairs = {path.stem: _pair(path, now) for path in sorted(folder.glob("*.crt"))}
    chosen = {name: _choose(name, pairs, folder) for name in wanted}
    used = {stem: pairs[stem] for stem in chosen.values()}
    limit = (now + datetime.timedelta(days=WARN_DAYS)).timestamp()
    warnings = [
        f"{folder / stem}.crt ends in {(pair.not_after - now.timestamp()) / 86400:.0f} days, on {_day(pair.not_after)}"
        for stem, pair in used.items()
        if pair.not_after < limit
    ]
    return Found({name: pairs[stem] for name, stem in chosen.items()}, tuple(warnings))


def _choose(name: str, pairs: c.Mapping[str, Certificate], folder: pathlib.Path) -> str:
    """The file name without suffix. One with the name itself goes before a wildcard, as it does at the edges."""
    own = file_name(name)
    if own in pairs and not pairs[own].covers(name):
        raise InputError(f"{folder / own}.crt is not for {name}", found=", ".join(pairs[own].names), expected=name)
    exact = [stem for stem, pair in pairs.items() if name in pair.names]
    covering = exact or [stem for stem, pair in pairs.items() if pair.covers(name)]
    if not covering:
        raise InputError(
            f"no certificate in {folder} is for {name}",
            found=", ".join(f"{stem}.crt" for stem in pairs) or "no file *.crt",
            expected=f"{own}.crt with {own}.key, or a certificate that covers the name",
        )
    if len(covering) > 1:
        raise InputError(
            f"more than one certificate in {folder} is for {name}, an edge could show any of them",
            found=", ".join(f"{stem}.crt" for stem in covering),
            remedy="Keep one of them.",
        )
    return covering[0]


def _pair(path: pathlib.Path, now: datetime.datetime) -> Certificate:
    """Certificate, chain and key, checked: the edges would fall back to no certificate on a mistake."""
    chain, key = _chain(path), _key(path.with_suffix(".key"))
    leaf = chain[0]
    if _public(leaf.public_key()) != _public(key.public_key()):
        raise InputError(f"{path.with_suffix('.key')} is not the key of {path}", remedy="Put the right pair in place.")
    if leaf.not_valid_after_utc <= now:
        raise InputError(f"{path} ended on {leaf.not_valid_after_utc:%Y-%m-%d}", remedy="Put a valid one in place.")
    if leaf.not_valid_before_utc > now:
        raise InputError(f"{path} is only valid from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on")
    names = _names(leaf)
    if not names:
        raise InputError(f"{path} names no host", expected="a subject alternative name of type DNS")
    text = "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in chain)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(
        chain=text,
        key=pem.decode(),
        names=names,
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
        serial=hashlib.sha256(text.encode()).hexdigest(),  # a new chain is a new one, too
    )


def _chain(path: pathlib.Path) -> list[x509.Certificate]:
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read: {error}", expected="certificates in PEM: first the host's own, then its chain"
        ) from None
    for position, (one, issuer) in enumerate(itertools.pairwise(chain), 1):
        try:
            one.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError):
            raise InputError(
                f"the chain in {path} is not in order: certificate {position + 1} did not sign certificate {position}",
                found=" | ".join(other.subject.rfc4514_string() or "(no subject)" for other in chain),
                expected="first the host's own, then who signed it, and so on",
            ) from None
    return chain


def _key(path: pathlib.Path) -> CertificateIssuerPrivateKeyTypes:
    expected = "one private key in PEM (RSA or elliptic curve), without a passphrase"
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise InputError(f"there is no {path} beside its certificate", expected=expected) from None
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):  # their texts may quote what they could not read
        raise InputError(f"the key {path} cannot be read", expected=expected) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise InputError(f"the key {path} is of a kind that browsers do not take", expected=expected)
    return key


def _public(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in extension.value.get_values_for_type(x509.DNSName))


def _day(at: float) -> str:
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d}"
