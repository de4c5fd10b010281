# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine can run a lab: every problem at once, each with what to do."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import platform
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _process

LAB_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
BRIDGE_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")  # the kernel takes 15 characters
ARCHITECTURE = "x86_64"


@dataclass(frozen=True)
class Plan:
    """The lab that is to be made."""

    name: str
    bridge: str
    subnet: str
    subnet6: str
    hosts: Mapping[str, Sequence[str]]


def plan_problems(plan: Plan) -> list[str]:
    """What is wrong with the lab as it is described."""
    found = []
    for option, value, pattern in (("lab name", plan.name, LAB_NAME), ("bridge", plan.bridge, BRIDGE_NAME)):
        if not pattern.fullmatch(value):
            found.append(f"the {option} is {value!r}, expected {pattern.pattern}")
    for position, text in enumerate((plan.subnet, plan.subnet6)):
        try:
            subnet = ipaddress.ip_network(text)
        except ValueError as error:
            found.append(f"a subnet of the lab is none: {error}")
            continue
        found += _address_problems(subnet, {name: addresses[position] for name, addresses in plan.hosts.items()})
    return found


def _address_problems(subnet: ipaddress.IPv4Network | ipaddress.IPv6Network, hosts: Mapping[str, str]) -> list[str]:
    owners = {str(subnet[1]): "the lab's gateway"}
    found = []
    for name, address in hosts.items():
        try:
            inside = ipaddress.ip_address(address) in subnet
        except ValueError:
            inside = False
        if not inside:
            found.append(f"host {name} has the address {address!r}, expected one of {subnet}")
        elif owner := owners.get(address):
            found.append(f"host {name} has the address {address}, which is that of {owner}")
        owners[address] = f"host {name}"
    return found


def overlaps(routes: Iterable[Mapping[str, Any]], plan: Plan) -> list[str]:
    """Routes of this machine that the lab's subnets would cut off."""
    found = []
    for text in (plan.subnet, plan.subnet6):
        subnet = ipaddress.ip_network(text)
        for route in routes:
            if route.get("dev") == plan.bridge or route.get("dst") in (None, "default"):
                continue
            other = ipaddress.ip_network(route["dst"], strict=False)
            if other.version == subnet.version and other.overlaps(subnet):
                found.append(
                    f"the lab's subnet {subnet} overlaps with {other}, which this machine reaches through"
                    f" {route.get('dev')}: choose another subnet, and addresses in it in the inventory"
                )
    return found


def machine_problems(programs: Mapping[str, str], modules: Iterable[str], engine_answers: bool) -> list[str]:
    """What this machine lacks. `programs` maps a program to the Debian package that brings it."""
    found = []
    release = _os_release()
    if release.get("ID") != "debian" or platform.machine() != ARCHITECTURE:
        found.append(
            f"this machine is {release.get('ID', 'unknown')} on {platform.machine()}, expected debian on {ARCHITECTURE}"
        )
    if os.geteuid() != 0:
        found.append(f"this user is no root (user id {os.geteuid()}): run the same command as root")
    needed = dict(programs)
    if engine_answers:
        needed.pop("dockerd", None)
    missing = sorted({package for program, package in needed.items() if shutil.which(program) is None})
    if missing:
        found.append(f"programs are missing; run: apt-get install --no-install-recommends {' '.join(missing)}")
    if absent := sorted(name for name in modules if importlib.util.find_spec(name) is None):
        found.append(
            f"the Python of Ansible lacks {', '.join(absent)}; run: pip install -r requirements.txt in its environment"
        )
    return found


def routes() -> list[dict[str, Any]]:
    """The routes of this machine, both families; none where the program ip is missing."""
    if shutil.which("ip") is None:
        return []
    found: list[dict[str, Any]] = []
    for family in ("-4", "-6"):
        found += json.loads(_process.run(["ip", "-json", family, "route"]).stdout or "[]")
    return found


def _os_release() -> dict[str, str]:
    return platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
