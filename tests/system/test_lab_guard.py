# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong address in the lab never leaves the machine, and the package mirrors are reached all the same."""

from __future__ import annotations

import json

import pytest

from tests.system.lab import Lab

pytestmark = pytest.mark.smoke

HOSTS = ("m1", "harbour")
# Prints how a connection ended: "connected", or the error's name. A time-out would mean that nobody rejected it.
CONNECT = """
import errno, socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5).close()
    print("connected")
except TimeoutError:
    print("no answer")
except OSError as error:
    print(errno.errorcode.get(error.errno, str(error)))
"""
GATEWAY = "192.168.89.1"  # this machine itself


def connect(lab: Lab, host: str, address: str, port: int) -> str:
    """Try to connect from a host of the lab."""
    return lab.on(host, "python3", "-c", CONNECT, address, port).require_success().output.strip()


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("address", ["198.51.100.1", "2001:db8::1", GATEWAY])
def test_what_is_neither_lab_nor_mirror_is_rejected_at_once(lab: Lab, host: str, address: str) -> None:
    assert connect(lab, host, address, 443) in ("ECONNREFUSED", "EHOSTUNREACH", "EACCES", "ENETUNREACH")


@pytest.mark.parametrize("host", HOSTS)
def test_mirrors_are_reached_on_their_ports_only(lab: Lab, host: str) -> None:
    mirrors = json.loads((lab.state / "mirrors.json").read_text())
    address, ports = mirrors[0]["addresses"][0], mirrors[0]["ports"]
    assert [connect(lab, host, address, port) for port in ports] == ["connected"] * len(ports)
    assert connect(lab, host, address, 22) != "connected"


@pytest.mark.parametrize("host", HOSTS)
def test_no_name_is_asked_for_outside(lab: Lab, host: str) -> None:
    assert lab.on(host, "getent", "ahosts", "registry.lab.test").returncode == 0
    assert lab.on(host, "getent", "ahosts", "example.org").returncode != 0


def test_hosts_reach_each_other_over_both_families(lab: Lab) -> None:
    assert {connect(lab, "m1", address, 22) for address in ("192.168.89.12", "fd89:5ea::12")} == {"connected"}
