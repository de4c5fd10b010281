# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The one issuer of certificates: what is due, from the order to the handshake on every edge.

Each certificate is a secret of the service that writes Traefik's fragments, and its labels say what it is, so the swarm
is the only record. Everything that reaches outside (`Authority`, `Edges`) is injected.
"""

from __future__ import annotations

import base64
import collections.abc as c
import dataclasses
import hashlib
import ipaddress
import json
import re
import ssl
import typing as t

from . import _objects
from ._clock import Clock, Deadline
from ._cluster import Cluster, Json
from ._errors import Conflict, EdgeError, InputError, SeaworthyError

SERVICE = "edge_certs"
NAME_LABEL = "seaworthy.certificate"  # the others are this one plus .directory, .not_before, ...
ROLE_LABELS = {"seaworthy.platform": "certificates"}
RENEW_AT = 1 / 3  # of the lifetime left
MAX_NAME = 42  # so that cert-<name>-<16 digits> fits into a secret's name of 64 characters
ATTEMPTS = 10
POLL = 0.5
ANSWER_SECONDS = 60.0
LETS_ENCRYPT = "letsencrypt.org"

HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n(?:[A-Za-z0-9+/=]+\n)+-----END \1-----\n?")


@dataclasses.dataclass(frozen=True)
class Edge:
    """An edge, and the address on which this host reaches it."""

    name: str
    address: str


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the issuer is told."""

    names: tuple[str, ...]
    email: str
    directory: str
    addresses: tuple[str, ...]
    edges: tuple[Edge, ...]
    ca_file: str | None = None

    @classmethod
    def parse(cls, raw: c.Mapping[str, t.Any]) -> Settings:
        """Check what can be checked without asking anybody."""
        names = tuple(sorted(set(raw["names"])))
        wrong = [name for name in names if not HOST_NAME.fullmatch(name)]
        if wrong:
            raise InputError(
                "these are no host names that can have a certificate",
                found=", ".join(wrong),
                expected="full names in small letters; wildcards cannot be ordered this way",
            )
        if "@" not in (raw.get("email") or ""):
            raise InputError(
                "the certificate authority needs an e-mail address",
                found=repr(raw.get("email")),
                remedy="Set seaworthy_acme_email.",
            )
        ca_file = raw.get("ca_file") or None
        if ca_file and LETS_ENCRYPT in raw["directory"]:
            raise InputError(
                "an ACME CA file was given together with Let's Encrypt, whose certificate every host can check",
                found=f"{ca_file} and {raw['directory']}",
                remedy="Remove the CA file, or set the directory of your own certificate authority.",
            )
        if names and not (raw["addresses"] and raw["edges"]):
            raise InputError("the issuer knows no edge", remedy="Is the group of the edges empty?")
        return cls(
            names=names,
            email=raw["email"],
            directory=raw["directory"],
            addresses=tuple(sorted({_address(address) for address in raw["addresses"]})),  # their order says nothing
            edges=tuple(Edge(str(edge["name"]), str(edge["address"])) for edge in raw["edges"]),
            ca_file=ca_file,
        )

    def text(self) -> str:
        """As the host program reads it again."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate with its chain and key, and what it says of itself."""

    chain: str
    key: str
    names: tuple[str, ...]
    not_before: float
    not_after: float
    serial: str

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(_blocks(self.chain)[0])).hexdigest()


@dataclasses.dataclass(frozen=True)
class Served:
    """A certificate that the writer has, read from its secret's labels."""

    name: str
    secret: str
    fingerprint: str
    directory: str
    not_before: float
    not_after: float


class Authority(t.Protocol):
    """Where names point to, and who issues certificates."""

    def resolve(self, name: str) -> set[str]: ...

    def stored(self, name: str) -> Certificate | None: ...

    def order(self, name: str) -> Certificate: ...


class Handshakes(t.Protocol):
    """What an edge shows to a client that asks for a name: the SHA-256 of the certificate."""

    def fingerprint(self, edge: Edge, name: str) -> str: ...

    def answers(self, edge: Edge, name: str) -> bool: ...


class Issuer:
    """Keeps a valid certificate for each name on every edge."""

    def __init__(
        self,
        settings: Settings,
        *,
        cluster: Cluster,
        authority: Authority,
        handshakes: Handshakes,
        clock: Clock,
        emit: c.Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._authority = authority
        self._handshakes = handshakes
        self._clock = clock
        self._emit = emit

    def due(self, force: c.Collection[str] = ()) -> dict[str, str]:
        """The names that need a new certificate, each with the reason."""
        unknown = set(force) - set(self._settings.names)
        if unknown:
            raise InputError(
                "these names are not in the list of this issuer",
                found=", ".join(sorted(unknown)),
                expected=", ".join(self._settings.names),
            )
        served = self.served()
        found = {}
        for name in self._settings.names:
            reason = "it was asked for" if name in force else self._reason(served.get(name))
            if reason:
                found[name] = reason
        return found

    def served(self) -> dict[str, Served]:
        """By name, what the writer has."""
        service = _objects.find_service(self._cluster, SERVICE)
        if service is None:
            return {}
        attached = {item["SecretName"] for item in _references(service["Spec"])}
        secrets = self._cluster.secrets({"label": [NAME_LABEL]})
        found = [_served(item) for item in secrets if item["Spec"]["Name"] in attached]
        return {item.name: item for item in found}

    def run(self, force: c.Collection[str] = ()) -> dict[str, str]:
        """Issue what is due and bring it to every edge. Returns why a name failed; the others do not suffer."""
        failed: dict[str, str] = {}
        new: dict[str, str] = {}
        for name, reason in self.due(force).items():
            self._emit(f"{name}: a new certificate is needed: {reason}")
            try:
                certificate = self._obtain(name, fresh=name in force)
                new[name] = self._create_secret(name, certificate)
            except SeaworthyError as error:
                failed[name] = str(error)
                self._emit(f"{name}: failed: {error}")
        expired = self._expired()
        if new or expired:
            self._attach(new, expired)
            _objects.wait_until_settled(self._cluster, self._clock, SERVICE, 120)
            self._emit(f"the writers have: {', '.join(new) or 'nothing new'}")
        self.verify(60)
        self._remove_unused()
        return failed

    def verify(self, seconds: float) -> None:
        """Every edge shows for each name the certificate that the writer has."""
        deadline = Deadline(self._clock, seconds, "the edges")
        while True:
            doubts = list(self._doubts())
            if not doubts:
                return
            if deadline.expired():
                raise EdgeError(
                    f"not every edge serves its certificates after {seconds:g} s",
                    found="; ".join(doubts),
                    remedy="See `docker service logs edge_certs` and `docker service logs edge_traefik` on a manager.",
                )
            self._clock.sleep(POLL)

    def _doubts(self) -> c.Iterator[str]:
        for name, served in self.served().items():
            if name not in self._settings.names:
                continue
            for edge in self._settings.edges:
                try:
                    found = self._handshakes.fingerprint(edge, name)
                except EdgeError as error:
                    yield str(error)
                    continue
                if found != served.fingerprint:
                    yield f"edge {edge.name} shows another certificate for {name}"

    def _reason(self, served: Served | None) -> str:
        if served is None:
            return "there is none"
        if served.directory != self._settings.directory:
            return f"the present one comes from {served.directory}"
        left = served.not_after - self._clock.time()
        if self._is_due(served.not_before, served.not_after):
            return f"the present one is valid for {left / 86400:.1f} more days"
        return ""

    def _is_due(self, not_before: float, not_after: float) -> bool:
        return not_after - self._clock.time() < (not_after - not_before) * RENEW_AT

    def _obtain(self, name: str, fresh: bool) -> Certificate:
        """From an earlier order that did not reach the edges, or by a new one."""
        stored = None if fresh else self._authority.stored(name)
        if stored and name in stored.names and not self._is_due(stored.not_before, stored.not_after):
            self._emit(f"{name}: using the certificate that was ordered before")
            return stored
        self._check_address(name)
        self._wait_for_answers(name)
        certificate = self._authority.order(name)
        if name not in certificate.names:
            raise SeaworthyError(
                f"the new certificate is not for {name}", found=", ".join(certificate.names), expected=name
            )
        if not certificate.not_before <= self._clock.time() + 300 < certificate.not_after:
            raise SeaworthyError(
                f"the new certificate for {name} is not valid now", remedy="Is this host's clock right?"
            )
        return certificate

    def _check_address(self, name: str) -> None:
        """An order for a name that does not lead here fails, and failures are limited."""
        found = self._authority.resolve(name)
        expected = set(self._settings.addresses)
        if not found or not found <= expected:
            raise InputError(
                f"{name} does not lead to the edges (nothing was ordered)",
                found=", ".join(sorted(found)) or "no address",
                expected=", ".join(sorted(expected)),
                remedy="Correct its A and AAAA records, and wait until the old ones are forgotten.",
            )

    def _wait_for_answers(self, name: str) -> None:
        """An edge that has just started does not know the route of challenges for a moment."""
        deadline = Deadline(self._clock, ANSWER_SECONDS, "the answers to challenges")
        while silent := [edge.name for edge in self._settings.edges if not self._handshakes.answers(edge, name)]:
            if deadline.expired():
                raise EdgeError(
                    f"not every edge answers a challenge for {name} (nothing was ordered)",
                    found=f"no answer from {', '.join(silent)} on port 80 for {ANSWER_SECONDS:g} s",
                    remedy="See `docker service ps edge_acme` and `docker service logs edge_traefik` on a manager.",
                )
            self._clock.sleep(POLL)

    def _create_secret(self, name: str, certificate: Certificate) -> str:
        full = secret_name(name, certificate.serial)
        labels = {
            **ROLE_LABELS,
            NAME_LABEL: name,
            f"{NAME_LABEL}.directory": self._settings.directory,
            f"{NAME_LABEL}.fingerprint": certificate.fingerprint,
            f"{NAME_LABEL}.not_before": f"{certificate.not_before:.0f}",
            f"{NAME_LABEL}.not_after": f"{certificate.not_after:.0f}",
        }
        data = fragment(certificate)
        try:
            self._cluster.create_secret(full, data.encode(), labels)
        except Conflict:  # an earlier run came as far as this
            self._emit(f"{name}: the secret {full} exists already")
        return full

    def _attach(self, new: c.Mapping[str, str], expired: c.Collection[str]) -> None:
        """Nobody else changes this list, but others change the service: compare and swap."""
        ids = {item["Spec"]["Name"]: item["ID"] for item in self._cluster.secrets({"label": [NAME_LABEL]})}
        for _attempt in range(ATTEMPTS):
            service = self._cluster.service(SERVICE)
            spec = service["Spec"]
            replaced = {target_name(name) for name in (*new, *expired)}
            kept = [item for item in _references(spec) if item["File"]["Name"] not in replaced]
            added = [reference(name, secret, ids[secret]) for name, secret in new.items()]
            spec["TaskTemplate"]["ContainerSpec"]["Secrets"] = kept + added
            try:
                self._cluster.update_service(service["ID"], service["Version"]["Index"], spec)
            except Conflict:
                self._clock.sleep(POLL)
            else:
                return
        raise Conflict(f"service {SERVICE} was changed by others {ATTEMPTS} times while certificates were put in")

    def _expired(self) -> list[str]:
        """Names that nobody wants any more, once their last certificate has ended."""
        now = self._clock.time()
        served = self.served().values()
        return [item.name for item in served if item.name not in self._settings.names and item.not_after < now]

    def _remove_unused(self) -> None:
        service = self._cluster.service(SERVICE)
        used = {
            item["SecretName"] for spec in (service["Spec"], service.get("PreviousSpec")) for item in _references(spec)
        }
        for item in self._cluster.secrets({"label": [NAME_LABEL]}):
            if item["Spec"]["Name"] not in used:
                self._cluster.remove_secret(item["ID"])


# -- secrets and fragments ------------------------------------------------------------------------


def target_name(name: str) -> str:
    """The file Traefik reads; without the serial, because of two files for one name the first would win for ever."""
    return f"cert-{name}.yml"


def secret_name(name: str, serial: str) -> str:
    """Different for each certificate, at most 64 characters."""
    if len(name) > MAX_NAME:
        name = f"{name[: MAX_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"cert-{name}-{serial.lower()[-16:]}"


def reference(name: str, secret: str, id: str) -> Json:
    """As a service names its secret."""
    return {
        "SecretID": id,
        "SecretName": secret,
        "File": {"Name": target_name(name), "UID": "0", "GID": "0", "Mode": 0o400},
    }


def fragment(certificate: Certificate) -> str:
    """The certificate as a whole file of Traefik's dynamic configuration. One bad file would freeze all others."""
    chain, key = _blocks(certificate.chain), _blocks(certificate.key)
    if not chain or len(key) != 1:
        raise SeaworthyError(
            "the certificate authority's files are not as expected",
            found=f"{len(chain)} certificates and {len(key)} keys",
            expected="a certificate with its chain, and one key",
        )
    lines = ["tls:", "  certificates:", "    - certFile: |"]
    lines += [f"        {line}" for block in chain for line in block.splitlines()]
    lines += ["      keyFile: |", *(f"        {line}" for line in key[0].splitlines())]
    return "\n".join(lines) + "\n"


def _address(text: str) -> str:
    """In the form in which resolvers answer."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise InputError("an edge's address is none", found=text, expected="an IPv4 or IPv6 address") from error


def _blocks(pem: str) -> list[str]:
    return [match[0] for match in PEM_BLOCK.finditer(pem)]


def _references(spec: Json | None) -> list[Json]:
    container = ((spec or {}).get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return list(container.get("Secrets") or [])


def _served(secret: Json) -> Served:
    labels = secret["Spec"]["Labels"]
    return Served(
        name=labels[NAME_LABEL],
        secret=secret["Spec"]["Name"],
        fingerprint=labels.get(f"{NAME_LABEL}.fingerprint", ""),
        directory=labels.get(f"{NAME_LABEL}.directory", ""),
        not_before=float(labels.get(f"{NAME_LABEL}.not_before", 0)),
        not_after=float(labels.get(f"{NAME_LABEL}.not_after", 0)),
    )


# -- the account ----------------------------------------------------------------------------------


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
