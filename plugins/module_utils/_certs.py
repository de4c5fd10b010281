# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Certificates for the edges: what this host is told, and what a certificate is."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import hashlib
import ipaddress
import json
import re
import ssl
import typing as t

from ._errors import InputError

LETS_ENCRYPT = "letsencrypt.org"
ACME = "acme"
FILES = "files"
WILDCARD = "*."

HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n(?:[A-Za-z0-9+/=]+\n)+-----END \1-----\n?")


@dataclasses.dataclass(frozen=True)
class Edge:
    """An edge, and the address on which this host reaches it."""

    name: str
    address: str


@dataclasses.dataclass(frozen=True)
class Settings:
    """What every manager is told. `source` says who makes the certificates: an authority (acme) or the team (files)."""

    names: tuple[str, ...]
    edges: tuple[Edge, ...]
    source: str = ACME
    email: str = ""
    directory: str = FILES
    addresses: tuple[str, ...] = ()
    ca_file: str | None = None
    dns_hook: bool = False
    dns_resolvers: tuple[str, ...] = ()
    dns_propagation_check: bool = True

    @classmethod
    def parse(cls, raw: c.Mapping[str, t.Any]) -> Settings:
        """Check what can be checked without asking anybody."""
        names = tuple(sorted(set(raw["names"])))
        _check_names(names)
        if names and not raw["edges"]:
            raise InputError("no edge is known", remedy="Is the group of the edges empty?")
        edges = tuple(Edge(str(edge["name"]), str(edge["address"])) for edge in raw["edges"])
        if raw.get("source", ACME) == FILES:
            return cls(names=names, edges=edges, source=FILES)
        _check_account(raw)
        dns_hook = bool(raw.get("dns_hook"))
        wildcards = [name for name in names if name.startswith(WILDCARD)]
        if wildcards and not dns_hook:
            raise InputError(
                "wildcards can only be ordered with a hook that sets DNS records",
                found=", ".join(wildcards),
                remedy="Set certificates_dns_hook (docs/certificates.md), or name the hosts one by one.",
            )
        if names and not raw["addresses"]:
            raise InputError("no address of an edge is known", remedy="Is the group of the edges empty?")
        return cls(
            names=names,
            edges=edges,
            email=raw["email"],
            directory=raw["directory"],
            addresses=tuple(sorted({_address(address) for address in raw["addresses"]})),  # their order says nothing
            ca_file=raw.get("ca_file") or None,
            dns_hook=dns_hook,
            dns_resolvers=tuple(raw.get("dns_resolvers") or ()),
            dns_propagation_check=bool(raw.get("dns_propagation_check", True)),
        )

    def text(self) -> str:
        """As the host program reads it again."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate with its chain and key, and what it says of itself."""

    chain: str
    key: str = dataclasses.field(repr=False)
    names: tuple[str, ...]
    not_before: float
    not_after: float
    serial: str

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(blocks(self.chain)[0])).hexdigest()

    def covers(self, name: str) -> bool:
        """A wildcard covers one label."""
        return name in self.names or WILDCARD + name.partition(".")[2] in self.names


def probe_name(name: str) -> str:
    """A host name to ask an edge for: of a wildcard any that it covers."""
    return f"seaworthy-check.{name.removeprefix(WILDCARD)}" if name.startswith(WILDCARD) else name


def blocks(pem: str) -> list[str]:
    """The certificates or keys of a text, one by one."""
    return [match[0] for match in PEM_BLOCK.finditer(pem)]


def _check_names(names: c.Iterable[str]) -> None:
    wrong = [name for name in names if not HOST_NAME.fullmatch(name.removeprefix(WILDCARD))]
    if wrong:
        raise InputError(
            "these are no host names that can have a certificate",
            found=", ".join(wrong),
            expected="full names in small letters, for example shop.example.com or *.example.com",
        )


def _check_account(raw: c.Mapping[str, t.Any]) -> None:
    if "@" not in (raw.get("email") or ""):
        raise InputError(
            "the certificate authority needs an e-mail address",
            found=repr(raw.get("email")),
            remedy="Set seaworthy_acme_email.",
        )
    ca_file = raw.get("ca_file")
    if ca_file and LETS_ENCRYPT in raw["directory"]:
        raise InputError(
            "an ACME CA file was given together with Let's Encrypt, whose certificate every host can check",
            found=f"{ca_file} and {raw['directory']}",
            remedy="Remove the CA file, or set the directory of your own certificate authority.",
        )


def _address(text: str) -> str:
    """In the form in which resolvers answer."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise InputError("an edge's address is none", found=text, expected="an IPv4 or IPv6 address") from error
