# SPDX-License-Identifier: GPL-3.0-or-later
"""How the host behaves. The files that roles wrote are not read again: their effect is asked for."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Generator
from typing import Any

import pytest
from testinfra.host import Host

PKI = "/etc/seaworthy/pki"
# The smallest image there can be: a program of the host with the libraries it needs.
IMAGE = "tar -ch -C / usr/bin/cat lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6 | docker import - scratch"


@pytest.fixture(autouse=True)
def sudo(host: Host) -> Generator[None]:
    """Ask as root."""
    with host.sudo():
        yield


def read(host: Host, command: str) -> Any:
    """What a program says in JSON."""
    return json.loads(host.check_output(command))


def test_the_host_is_a_swarm_that_takes_work(host: Host) -> None:
    """One manager, ready, with the label that lets the edge run on it."""
    node = read(host, "docker node inspect self")[0]
    assert node["Status"]["State"] == "ready"
    assert node["ManagerStatus"]["Leader"] is True
    assert node["Status"]["Addr"] == "192.168.98.11"
    assert node["Spec"]["Labels"] == {"edge": "true"}


def test_overlay_networks_come_from_the_address_pool(host: Host) -> None:
    """Not from Docker's own choice, which may be in use elsewhere."""
    host.check_output("docker network create --driver overlay probe")
    network = read(host, "docker network inspect probe")[0]
    host.check_output("docker network rm probe")
    (subnet,) = [ipaddress.IPv4Network(config["Subnet"]) for config in network["IPAM"]["Config"]]
    assert subnet.subnet_of(ipaddress.IPv4Network("10.201.0.0/16"))
    assert subnet.prefixlen == 24


def test_containers_reach_the_outside_over_both_families(host: Host) -> None:
    """The bridge has the addresses we chose; without IPv6 all clients of IPv6 would look like one."""
    (bridge,) = read(host, "ip -json address show docker_gwbridge")
    addresses = {info["local"] for info in bridge["addr_info"] if info["scope"] == "global"}
    assert addresses == {"172.22.255.1", "fd22:255::1"}


def test_a_container_cannot_gain_privileges(host: Host) -> None:
    """Swarm drops this option of a service, so it must be the engine's default."""
    host.check_output(IMAGE)
    status = host.check_output("docker run --rm scratch cat /proc/self/status")
    host.check_output("docker rmi scratch")
    assert "NoNewPrivs:\t1" in status


def test_logs_of_containers_are_limited(host: Host) -> None:
    """A talkative container fills no disk."""
    host.check_output(IMAGE)
    name = host.check_output("docker create scratch cat /proc/version")
    (container,) = read(host, f"docker inspect {name}")
    host.check_output(f"docker rm {name} && docker rmi scratch")
    assert container["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}


def test_the_certificate_is_of_the_internal_ca(host: Host) -> None:
    """For the host's own address and name, as server and as client."""
    for purpose in ("sslserver", "sslclient"):
        for name in ("-verify_ip 192.168.98.11", "-verify_ip fd89:5ec::11", "-verify_hostname h1"):
            host.check_output(f"openssl verify -CAfile {PKI}/ca.crt -purpose {purpose} {name} {PKI}/host.crt")
    assert host.run(f"openssl verify -CAfile {PKI}/ca.crt -verify_ip 192.168.98.12 {PKI}/host.crt").rc != 0


def test_the_key_is_of_the_certificate_and_only_for_root(host: Host) -> None:
    """What a service presents is what it can prove."""
    key = host.check_output(f"openssl pkey -in {PKI}/host.key -pubout")
    assert key == host.check_output(f"openssl x509 -in {PKI}/host.crt -noout -pubkey")
    assert host.run(f"sudo -u nobody cat {PKI}/host.key").rc != 0


def test_the_host_program_runs(host: Host) -> None:
    """It needs nothing but the host's Python."""
    assert "release" in host.check_output("/usr/local/bin/seaworthy --help")


def test_hosts_of_the_estate_are_known_by_name(host: Host) -> None:
    """By their private addresses, without a name server."""
    assert "192.168.98.11" in host.check_output("getent ahostsv4 h1")


def test_the_kernel_has_our_parameters(host: Host) -> None:
    """As set at run time, not in a file."""
    assert host.check_output("sysctl -n net.core.somaxconn net.ipv4.conf.all.rp_filter").split() == ["4096", "2"]


def test_the_clock_is_looked_after(host: Host) -> None:
    """Certificates and leases need the time; in a container the service itself does not start."""
    assert host.check_output("systemctl is-enabled systemd-timesyncd") == "enabled"
