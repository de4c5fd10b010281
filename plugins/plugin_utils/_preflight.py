# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""What can be wrong with an inventory, found without touching a host. Pure functions over an Estate."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import difflib
import ipaddress
import pathlib
import re
import typing as t

from ..module_utils._estate import (
    EDGE,
    GROUPS,
    LAB_OUTSIDE,
    MANAGERS,
    PLATFORM_GROUPS,
    SETTING_NAMES,
    SETTINGS,
    WORKERS,
    Setting,
)

ENVIRONMENT = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
DOMAIN = re.compile(r"(?=.{1,200}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "list": (list, tuple),
    "number": (str, int, float),  # -e name=value makes texts
    "words": (str, list, tuple),
}
INVENTORY_SUFFIXES = {".yml", ".yaml", ".json", ".ini", ""}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclasses.dataclass(frozen=True)
class Estate:
    """An inventory as Ansible has read it.

    hosts: the variables of each host. groups: the hosts of each group. roles: of each role the names of its inputs.
    networks: networks that Docker makes for itself on every host, by the variable that sets them.
    where: `file:line` of the definition of a variable or group, or an empty text.
    """

    hosts: c.Mapping[str, c.Mapping[str, t.Any]]
    groups: c.Mapping[str, c.Sequence[str]]
    roles: c.Mapping[str, c.Collection[str]]
    networks: c.Mapping[str, str]
    where: c.Callable[[str], str]

    def members(self, *groups: str) -> list[str]:
        """Hosts of any of the groups, in the order of the inventory."""
        wanted = {host for group in groups for host in self.groups.get(group, ())}
        return [host for host in self.hosts if host in wanted]


def problems(estate: Estate) -> list[str]:
    """Everything that is wrong, one line each."""
    return [
        line
        for check in (_unknown_settings, _settings, _unknown_inputs, _groups, _managers, _addresses, _networks)
        for line in check(estate)
    ]


def _unknown_settings(estate: Estate) -> c.Iterator[str]:
    for name in sorted(_names(estate)):
        if name.startswith("seaworthy_") and name not in SETTING_NAMES:
            yield _at(estate, name, f"{name} is no variable of this collection{_did_you_mean(name, SETTING_NAMES)}")


def _settings(estate: Estate) -> c.Iterator[str]:
    for setting in SETTINGS:
        values = {host: estate.hosts[host].get(setting.name) for host in estate.members(*PLATFORM_GROUPS)}
        given = {host: value for host, value in values.items() if value is not None}
        if setting.required and len(given) < len(values):
            missing = [host for host in values if host not in given]
            whom = "" if not given else f" for {', '.join(missing)}"
            yield f"{setting.name} is missing{whom}: {setting.meaning} Set it in group_vars/all of the inventory"
        for value in _distinct(given.values()):
            wrong = _wrong_value(setting, value)
            if wrong:
                yield _at(estate, setting.name, f"{setting.name}: {wrong}. Found: {value!r}")
        if len(_distinct(given.values())) > 1:
            yield _at(estate, setting.name, f"{setting.name} differs between hosts; it belongs in group_vars/all")
    directory, ca_file = (_first(estate, f"seaworthy_acme_{part}") for part in ("directory", "ca_file"))
    if ca_file and "letsencrypt.org" in (directory or "letsencrypt.org"):
        text = "seaworthy_acme_ca_file cannot be used with Let's Encrypt, whose certificate every host can check"
        yield _at(estate, "seaworthy_acme_ca_file", f"{text}. Remove it, or set seaworthy_acme_directory")


def _wrong_value(setting: Setting, value: object) -> str:
    if not isinstance(value, TYPES[setting.type]):
        return f"a {setting.type} is needed"
    if setting.choices and value not in setting.choices:
        return f"one of {', '.join(setting.choices)} is needed"
    patterns = {
        "seaworthy_domain": (DOMAIN, "a domain in small letters is needed, for example example.com"),
        "seaworthy_environment": (ENVIRONMENT, "small letters, digits and hyphens are needed"),
        "seaworthy_acme_email": (MAIL, "an e-mail address is needed"),
        "seaworthy_acme_directory": (re.compile(r"https://\S+"), "an https:// URL is needed"),
        "seaworthy_registry": (re.compile(r"[a-z0-9.-]+(:[0-9]+)?"), "host or host:port is needed, without https://"),
    }
    pattern, wanted = patterns.get(setting.name, (re.compile(""), ""))
    return wanted if wanted and not pattern.fullmatch(str(value)) else ""


def _unknown_inputs(estate: Estate) -> c.Iterator[str]:
    """A misspelt input of a role. Names further away may well be the user's own."""
    known = [name for inputs in estate.roles.values() for name in inputs]
    for name in sorted(_names(estate) - set(known)):
        if name.startswith(tuple(f"{role}_" for role in estate.roles)):
            near = min(known, key=lambda other: distance(name, other))
            if distance(name, near) <= 2:
                yield _at(estate, name, f"{name} is no input of a role; did you mean {near}?")


def _groups(estate: Estate) -> c.Iterator[str]:
    for group in estate.groups:
        near = [known for known in GROUPS if group not in GROUPS and distance(group, known) <= 2]
        if near:
            yield _at(estate, group, f"unknown group {group}; did you mean {near[0]}?")
    for name in sorted(_names(estate)):
        role = next((role for role in estate.roles if name in estate.roles[role]), None)
        if role is None or not re.fullmatch(rf"{role}_(\w+_)?groups?", name):
            continue
        for value in _distinct(variables[name] for variables in estate.hosts.values() if name in variables):
            for group in [value] if isinstance(value, str) else value:
                if group not in estate.groups:
                    text = f"{name} names the group {group}, which is not in the inventory"
                    yield _at(estate, name, f"{text}{_did_you_mean(group, estate.groups)}")
    outside = [host for host in estate.members(EDGE) if host not in estate.members(MANAGERS, WORKERS)]
    if outside:
        yield f"hosts of group {EDGE} that are in neither {MANAGERS} nor {WORKERS}: {', '.join(outside)}"
    if not estate.members(EDGE):
        yield f"group {EDGE} has no host: no application could be reached"
    both = [host for host in estate.members(MANAGERS) if host in estate.members(WORKERS)]
    if both:
        yield f"hosts that are in {MANAGERS} and in {WORKERS}: {', '.join(both)}. A manager runs tasks too"


def _managers(estate: Estate) -> c.Iterator[str]:
    count = len(estate.members(MANAGERS))
    if count == 0:
        yield f"group {MANAGERS} has no host: a swarm needs 1, 3 or 5 managers"
    elif count % 2 == 0 or count > 7:
        yield f"group {MANAGERS} has {count} hosts; an odd number up to 7 is needed, an even one survives no more"


def _addresses(estate: Estate) -> c.Iterator[str]:
    owners: dict[str, str] = {}
    balanced = _first(estate, "seaworthy_edge_entry") == "load_balancer"
    if balanced and not _first(estate, "seaworthy_load_balancer_addresses"):
        yield "seaworthy_load_balancer_addresses is missing: names must lead to the balancer of seaworthy_edge_entry"
    edges = [] if balanced else estate.members(EDGE)
    for host in estate.members(*PLATFORM_GROUPS, LAB_OUTSIDE):
        variables = estate.hosts[host]
        for name in ("private_ip", "private_ip6", "public_ip", "public_ip6"):
            value = variables.get(name)
            if value is None:
                if name == "private_ip" and host in estate.members(*PLATFORM_GROUPS):
                    yield f"{host} has no private_ip: the address at which the other hosts reach it"
                if name == "public_ip" and host in edges:
                    yield f"{host} has no public_ip: the address at which clients reach this edge"
                continue
            wanted = 6 if name.endswith("6") else 4
            if _version(str(value)) != wanted:
                yield _at(estate, name, f"{name} of {host} is no IPv{wanted} address. Found: {value!r}")
            elif owners.setdefault(str(value), host) != host:
                yield _at(estate, name, f"{host} and {owners[str(value)]} have the same address {value}")


def _networks(estate: Estate) -> c.Iterator[str]:
    """Docker's own networks must lie apart from each other and from the hosts' addresses."""
    parsed: dict[str, Network] = {}
    for name, value in estate.networks.items():
        try:
            parsed[name] = ipaddress.ip_network(value)
        except ValueError as error:
            yield _at(estate, name, f"{name} is no network: {error}")
    names = list(parsed)
    for i, name in enumerate(names):
        for other in names[i + 1 :]:
            if _overlap(parsed[name], parsed[other]):
                yield _at(estate, name, f"{name} {parsed[name]} overlaps {other} {parsed[other]}")
        for host in estate.members(*PLATFORM_GROUPS):
            for key in ("private_ip", "private_ip6", "public_ip", "public_ip6", "ansible_host"):
                value = str(estate.hosts[host].get(key))
                if _inside(value, parsed[name]):
                    yield _at(estate, name, f"{name} {parsed[name]} contains the {key} {value} of {host}")


def _overlap(a: Network, b: Network) -> bool:
    if isinstance(a, ipaddress.IPv4Network):
        return isinstance(b, ipaddress.IPv4Network) and a.overlaps(b)
    return isinstance(b, ipaddress.IPv6Network) and a.overlaps(b)


def _version(address: str) -> int:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return 0


def _inside(address: str, network: Network) -> bool:
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:
        return False


def distance(a: str, b: str, limit: int = 3) -> int:
    """Edits (insert, remove, replace) from a to b; at least `limit` when it is more than that."""
    if abs(len(a) - len(b)) >= limit:
        return limit
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]


class Sources:
    """Finds where an inventory defines a name, by reading its files as text."""

    def __init__(self, folders: c.Iterable[pathlib.Path]) -> None:
        self._files = [
            path
            for folder in folders
            for path in ([folder] if folder.is_file() else sorted(folder.rglob("*")))
            if path.is_file() and path.suffix in INVENTORY_SUFFIXES
        ]

    def __call__(self, name: str) -> str:
        defined = re.compile(rf"^[\s\-\[{{,\"']*{re.escape(name)}[\"']?\s*[:=\]]", re.MULTILINE)
        for path in self._files:
            text = path.read_text(errors="replace")
            found = defined.search(text)
            if found:
                line = text.count("\n", 0, found.end()) + 1
                return f"{_short(path)}:{line}"
        return ""


def _short(path: pathlib.Path) -> pathlib.Path:
    here = pathlib.Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _names(estate: Estate) -> set[str]:
    return {name for variables in estate.hosts.values() for name in variables}


def _first(estate: Estate, name: str) -> t.Any:
    return next((variables[name] for variables in estate.hosts.values() if variables.get(name)), None)


def _distinct(values: c.Iterable[t.Any]) -> list[t.Any]:
    return list({repr(value): value for value in values}.values())


def _did_you_mean(word: str, known: c.Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def _at(estate: Estate, name: str, text: str) -> str:
    place = estate.where(name)
    return f"{place}: {text}" if place else text
