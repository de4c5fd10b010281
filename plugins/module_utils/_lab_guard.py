# SPDX-License-Identifier: GPL-3.0-or-later
"""What may leave the lab's bridge: traffic to this machine's package mirrors, and nothing else."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import _process
from ._errors import SeaworthyError

PORTS = {"http": 80, "https": 443}
URL = re.compile(r"\bhttps?://[^\s|,;'\"$)]+")


@dataclass(frozen=True)
class Mirror:
    """A package mirror by name, with the addresses and ports it is reached at."""

    name: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...]


def endpoints(texts: Iterable[str]) -> dict[str, set[int]]:
    """The hosts and ports of all URLs in some texts."""
    found: dict[str, set[int]] = {}
    for text in texts:
        for url in URL.findall(text):
            parts = urlsplit(url)
            if parts.hostname:
                found.setdefault(parts.hostname, set()).add(parts.port or PORTS[parts.scheme])
    return found


def resolve(found: Mapping[str, Iterable[int]]) -> list[Mirror]:
    """The mirrors that have an address now."""
    mirrors = []
    for name, ports in sorted(found.items()):
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError:
            continue
        addresses = tuple(sorted({str(answer[4][0]) for answer in answers}))
        mirrors.append(Mirror(name, addresses, tuple(sorted(ports))))
    return mirrors


def ruleset(table: str, bridge: str, mirrors: Sequence[Mirror]) -> str:
    """The table that guards a bridge, as nft reads it."""
    sets = []
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        pairs = sorted(
            {
                f"{address} . {port}"
                for mirror in mirrors
                for address in mirror.addresses
                for port in mirror.ports
                if ipaddress.ip_address(address).version == version
            }
        )
        elements = f"elements = {{ {', '.join(pairs)} }}" if pairs else ""
        sets.append(f"  set mirrors{version} {{ type {kind} . inet_service; {elements} }}")
    head = "\n".join(sets)
    allowed = f"""\
    iifname "{bridge}" ct state established,related accept
    iifname "{bridge}" ip daddr . tcp dport @mirrors4 accept
    iifname "{bridge}" ip6 daddr . tcp dport @mirrors6 accept"""
    body = f"""\
{head}
  chain forward {{
    type filter hook forward priority -5; policy accept;
    iifname "{bridge}" oifname "{bridge}" accept
{allowed}
    iifname "{bridge}" reject with icmpx type admin-prohibited
    oifname "{bridge}" ct state established,related accept
    oifname "{bridge}" reject with icmpx type admin-prohibited
  }}
  chain input {{
    type filter hook input priority -5; policy accept;
{allowed}
    iifname "{bridge}" meta l4proto {{ icmp, ipv6-icmp }} accept
    iifname "{bridge}" reject with icmpx type admin-prohibited
  }}"""
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f'table inet {table} {{\n  comment "{digest}"\n{body}\n}}\n'


def comment_of(rules: str) -> str:
    """The comment of a table, by which ours is known to be the one we wrote."""
    match = re.search(r'^\s*comment "([^"]*)"', rules, re.MULTILINE)
    return match.group(1) if match else ""


def read(table: str) -> str:
    """The live table; empty when there is none."""
    listed = json.loads(_nft(["--json", "list", "tables", "inet"]))["nftables"]
    if not any(entry.get("table", {}).get("name") == table for entry in listed):
        return ""
    return _nft(["list", "table", "inet", table])


def replace(table: str, rules: str) -> None:
    """Put the table in place of what is there, in one transaction."""
    _nft(["--file", "-"], f"table inet {table} {{}}\ndelete table inet {table}\n{rules}")


def remove(table: str) -> None:
    """Remove the table."""
    _nft(["delete", "table", "inet", table])


def _nft(argv: list[str], text: str = "") -> str:
    done = _process.run(["nft", *argv], data=text)
    if done.returncode:
        raise SeaworthyError(
            "nft refused " + (argv[0] if text else " ".join(argv)),
            found=done.stderr.strip(),
            expected="exit code 0",
            remedy="the kernel needs nftables and this user root's rights",
        )
    return done.stdout
