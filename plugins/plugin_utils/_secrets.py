# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""Secrets on the controller: where they are kept, and how missing ones are made."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import datetime
import fcntl
import os
import pathlib
import re
import secrets
import string
import tempfile
import textwrap
import typing as t

import yaml

from ..module_utils._errors import InputError

PASSWORD_LENGTH = 32
CA_DAYS = 3653
ENVIRONMENT_PREFIX = "SEAWORTHY_SECRET_"


@dataclasses.dataclass(frozen=True)
class Declared:
    """A secret somebody needs; `generate` names how a missing one is made, None: only the user has it."""

    name: str
    generate: str | None = None


class Vault(t.Protocol):
    """The part of Ansible's vault that is used here."""

    def decrypt(self, data: bytes) -> bytes: ...

    def encrypt(self, data: bytes, like: bytes | None) -> bytes: ...


class Backend(t.Protocol):
    """A place where secrets are kept."""

    can_store: bool

    def locked(self) -> contextlib.AbstractContextManager[None]: ...

    def read(self) -> dict[str, str]: ...

    def add(self, values: c.Mapping[str, str]) -> None: ...

    def remedy(self, names: c.Sequence[str]) -> str: ...


class FileBackend:
    """A YAML file `name: value`, encrypted by ansible-vault."""

    can_store = True

    def __init__(self, path: pathlib.Path, vault: Vault) -> None:
        self._path = path
        self._vault = vault

    @contextlib.contextmanager
    def locked(self) -> c.Iterator[None]:
        """Between reading and adding no other run may add."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def read(self) -> dict[str, str]:
        try:
            values = yaml.safe_load(self._text()) or {}
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            raise InputError(f"{self._path}{line}: the decrypted secrets are no YAML", remedy=self._edit()) from None
        if not isinstance(values, dict):
            raise InputError(
                f"{self._path}: the decrypted secrets are no mapping",
                found=type(values).__name__,
                expected="lines of `name: value`",
                remedy=self._edit(),
            )
        wrong = [str(name) for name, value in values.items() if not isinstance(value, str)]
        if wrong:
            raise InputError(
                f"{self._path}: not text: {', '.join(sorted(wrong))}",
                expected="`name: value` with the value in quotes",
                remedy=self._edit(),
            )
        return {str(name): value for name, value in values.items()}

    def add(self, values: c.Mapping[str, str]) -> None:
        """Append, so that the comments and the order of the user stay."""
        text = self._text()
        if text and not text.endswith("\n"):
            text += "\n"
        old = self._path.read_bytes() if self._path.exists() else None
        write_private(self._path, self._vault.encrypt((text + dump(values)).encode(), old))

    def remedy(self, names: c.Sequence[str]) -> str:
        lines = ", ".join(f"`{name}: ...`" for name in names)
        return f"{self._edit()} and add the line{'s' if len(names) > 1 else ''} {lines}"

    def _edit(self) -> str:
        return f"Run `ansible-vault {'edit' if self._path.exists() else 'create'} {self._path}`"

    def _text(self) -> str:
        if not self._path.exists():
            return ""
        data = self._path.read_bytes()
        if not data.startswith(b"$ANSIBLE_VAULT;"):
            raise InputError(
                f"{self._path}: secrets in clear text",
                expected="a file encrypted by ansible-vault",
                remedy=f"Run `ansible-vault encrypt {self._path}`",
            )
        return self._vault.decrypt(data).decode()


class EnvironmentBackend:
    """Environment variables of the controller, for CI."""

    can_store = False

    def __init__(self, environment: c.Mapping[str, str], names: c.Iterable[str]) -> None:
        self._environment = environment
        self._names = list(names)

    @contextlib.contextmanager
    def locked(self) -> c.Iterator[None]:
        yield

    def read(self) -> dict[str, str]:
        found = {name: self._environment.get(environment_name(name)) for name in self._names}
        return {name: value for name, value in found.items() if value}

    def add(self, values: c.Mapping[str, str]) -> None:
        raise NotImplementedError(f"the environment cannot store {', '.join(sorted(values))}")

    def remedy(self, names: c.Sequence[str]) -> str:
        return f"Set the environment variables {', '.join(environment_name(name) for name in names)}"


def environment_name(name: str) -> str:
    """`shop/SESSION_KEY` as `SEAWORTHY_SECRET_SHOP_SESSION_KEY`."""
    return ENVIRONMENT_PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


def fetch(backend: Backend, declared: c.Sequence[Declared], *, store: bool) -> tuple[dict[str, str], list[str]]:
    """The values of all declared secrets, and the names of those made now.

    Without `store` (check mode) missing ones are made in memory only.
    """
    with backend.locked() if store else contextlib.nullcontext():
        kept = backend.read()
        missing = [secret for secret in declared if not kept.get(secret.name)]
        lost = [secret.name for secret in missing if not (secret.generate and backend.can_store)]
        if lost:
            raise InputError(
                f"{len(lost)} secret{'s are' if len(lost) > 1 else ' is'} missing: {', '.join(lost)}",
                remedy=backend.remedy(lost),
                missing=lost,
            )
        made = {secret.name: GENERATORS[secret.generate]() for secret in missing if secret.generate}
        if made and store:
            backend.add(made)
    values = kept | made
    return {secret.name: values[secret.name] for secret in declared}, sorted(made)


def dump(values: c.Mapping[str, str]) -> str:
    """YAML lines."""
    return "".join(map(_line, values, values.values()))


def write_private(path: pathlib.Path, data: bytes) -> None:
    """Replace a file in one step; only its owner may read it, at no moment anybody else."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        pathlib.Path(name).replace(path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise


def password() -> str:
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for dummy in range(PASSWORD_LENGTH))


def digest_key() -> str:
    return secrets.token_hex(32)


def ec_p256() -> str:
    """A private key in the form that lego reads."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )


def certificate_authority() -> str:
    """Key and self-signed certificate of a certificate authority, one PEM after the other."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Seaworthy internal CA {secrets.token_hex(4)}")])
    now = datetime.datetime.now(datetime.UTC)
    usage = {
        field: field in ("key_cert_sign", "crl_sign")
        for field in (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        )
    }
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (private + certificate.public_bytes(serialization.Encoding.PEM)).decode()


def _line(name: str, value: str) -> str:
    if value.startswith("-----BEGIN"):
        return f"{name}: |\n{textwrap.indent(value, '  ')}"
    return str(yaml.safe_dump({f"{name}": value}))  # plain text: Ansible's own kind of string is none to YAML


GENERATORS: dict[str, c.Callable[[], str]] = {
    "password": password,
    "digest_key": digest_key,
    "ec_p256": ec_p256,
    "certificate_authority": certificate_authority,
}
