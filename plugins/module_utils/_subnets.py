# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Does a subnet that we are about to use exist already on a host?"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import ipaddress
import itertools
import typing as t

from ._errors import InputError

Network: t.TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
UNIVERSAL = ("fe80::/10", "ff00::/8")  # on every interface; nobody would choose them


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A subnet we want. What lies on our own interface is no conflict."""

    name: str
    subnet: Network
    interface: str | None = None

    @classmethod
    def parse(cls, name: str, subnet: str, interface: str | None = None) -> Wanted:
        try:
            return cls(name, ipaddress.ip_network(subnet), interface)
        except ValueError as error:
            raise InputError(
                f"{name} is no subnet: {error}",
                found=subnet,
                expected="an address with prefix length and without host bits, as 10.201.0.0/16",
            ) from None


@dataclasses.dataclass(frozen=True)
class Used:
    """A subnet the host knows by an address or a route."""

    subnet: Network
    interface: str
    kind: str


def used(routes: c.Iterable[c.Mapping[str, t.Any]], addresses: c.Iterable[c.Mapping[str, t.Any]]) -> list[Used]:
    """From the JSON of `ip route` and `ip address`."""
    found = [
        Used(ipaddress.ip_network(str(route["dst"]), strict=False), str(route.get("dev", "none")), "route")
        for route in routes
        if route["dst"] != "default"
    ]
    for interface in addresses:
        for info in interface.get("addr_info", []):
            if "local" in info:
                network = ipaddress.ip_network(f"{info['local']}/{info['prefixlen']}", strict=False)
                found.append(Used(network, str(interface["ifname"]), "address"))
    found = list({(one.subnet, one.interface): one for one in found}.values())
    universal = [ipaddress.ip_network(name) for name in UNIVERSAL]
    return [one for one in found if not any(_overlap(one.subnet, network) for network in universal)]


def refuse_conflicts(wanted: c.Sequence[Wanted], known: c.Iterable[Used]) -> None:
    """Raise when two wanted subnets overlap, or a wanted one and a known one."""
    problems = [
        f"{one.name} {one.subnet} and {other.name} {other.subnet} overlap"
        for one, other in itertools.combinations(wanted, 2)
        if _overlap(one.subnet, other.subnet)
    ]
    problems += [
        f"{one.name} {one.subnet} overlaps the {other.kind} {other.subnet} of interface {other.interface}"
        for one in wanted
        for other in known
        if other.interface != one.interface and _overlap(one.subnet, other.subnet)
    ]
    if problems:
        raise InputError(
            "; ".join(dict.fromkeys(problems)),
            remedy="Choose subnets that nothing on your hosts uses: variables "
            + ", ".join(dict.fromkeys(one.name for one in wanted)),
        )


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
