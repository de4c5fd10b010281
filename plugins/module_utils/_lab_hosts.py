# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's hosts: containers that run systemd and a Docker engine of their own, told apart from others by a label."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._clock import Clock, Deadline, SystemClock
from ._errors import SeaworthyError
from ._lab_engine import Engine

LABEL = "seaworthy.lab"
IMAGE_LABEL = "seaworthy.factory"
# SYS_PTRACE: without it no healthcheck runs in a container whose user is not root (runc opens its /proc/<pid>/ns).
CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "NET_RAW", "MKNOD")
CGROUPS = "/sys/fs/cgroup:/sys/fs/cgroup:rw"
TMPFS = {"run": "", "run/lock": "", "tmp": "exec"}
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Lab:
    """A lab by name: how its things in the engine are called and labelled."""

    name: str

    @property
    def label(self) -> str:
        """The label, as a filter wants it."""
        return f"{LABEL}={self.name}"

    @property
    def labels(self) -> dict[str, str]:
        """The label of everything that belongs to the lab."""
        return {LABEL: self.name}

    @property
    def network(self) -> str:
        """The lab's network."""
        return f"seaworthy-{self.name}"

    def container(self, host: str) -> str:
        """The container of a host."""
        return f"seaworthy-{self.name}-{host}"

    def volume(self, host: str) -> str:
        """The volume of a host's Docker engine."""
        return f"{self.container(host)}-docker"


@dataclass(frozen=True)
class Host:
    """A host that is to run: where its identity lies and where it is reached."""

    name: str
    addresses: Sequence[str]
    identity: str
    image: str
    binds: Sequence[str] = ()


def spec(lab: Lab, host: Host) -> dict[str, Any]:
    """The container of a host, as the engine's API takes it."""
    address, address6 = host.addresses
    return {
        "Hostname": host.name,
        "Image": host.image,
        "Labels": lab.labels,
        "HostConfig": {
            "CapAdd": list(CAPABILITIES),
            "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
            # What the command line calls systempaths=unconfined: the nested engine writes to /proc/sys.
            "MaskedPaths": [],
            "ReadonlyPaths": [],
            "CgroupnsMode": "host",
            "Tmpfs": {f"/{folder}": options for folder, options in TMPFS.items()},
            "Binds": [CGROUPS, f"{lab.volume(host.name)}:/var/lib/docker", f"{host.identity}:/etc/lab:ro", *host.binds],
            "NetworkMode": lab.network,
        },
        "NetworkingConfig": {
            "EndpointsConfig": {lab.network: {"IPAMConfig": {"IPv4Address": address, "IPv6Address": address6}}}
        },
    }


def existing(engine: Engine, lab: Lab) -> dict[str, dict[str, Any]]:
    """The lab's containers by name, as the engine lists them."""
    return {one["Names"][0].lstrip("/"): one for one in engine.containers({"label": [lab.label]})}


def idle(lab: Lab, hosts: Sequence[Host], found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The hosts that do not run, those that do not exist among them."""
    return [host.name for host in hosts if found.get(lab.container(host.name), {}).get("State") != "running"]


def bring_up(engine: Engine, lab: Lab, hosts: Sequence[Host], found: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the hosts that do not exist and start those that do not run."""
    stopped = idle(lab, hosts, found)
    for host in hosts:
        name = lab.container(host.name)
        if name not in found:
            engine.create_volume(lab.volume(host.name), lab.labels)
            engine.create_container(name, spec(lab, host))
        if host.name in stopped:
            engine.start_container(name)


def outdated(engine: Engine, lab: Lab, hosts: Sequence[Host], found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The hosts that were made from an earlier image than the one of their name."""
    names = [host.name for host in hosts if lab.container(host.name) in found]
    images = {host.name: engine.image(host.image)["Id"] for host in hosts if host.name in names}
    return [name for name in names if found[lab.container(name)]["ImageID"] != images[name]]


def remove_all(engine: Engine, lab: Lab) -> list[str]:
    """Remove every container, volume and network of the lab; returns their names. Images of no use go with them."""
    removed = []
    for name in existing(engine, lab):
        engine.remove_container(name)
        removed.append(f"container {name}")
    for name in engine.volumes(lab.label):
        engine.remove_volume(name)
        removed.append(f"volume {name}")
    for network in engine.networks({"label": [lab.label]}):
        engine.remove_network(network["Id"])
        removed.append(f"network {network['Name']}")
    engine.prune_images(IMAGE_LABEL)
    return removed


def belongings(engine: Engine, lab: Lab) -> list[str]:
    """Everything of the lab in the engine, as remove_all would name it."""
    return [
        *(f"container {name}" for name in existing(engine, lab)),
        *(f"volume {name}" for name in engine.volumes(lab.label)),
        *(f"network {network['Name']}" for network in engine.networks({"label": [lab.label]})),
    ]


def wait_for_ssh(hosts: Sequence[Host], seconds: float, clock: Clock | None = None) -> None:
    """Wait until each host's SSH server greets on its IPv4 address."""
    clock = clock or SystemClock()
    deadline = Deadline(clock, seconds, "the start of the hosts")
    for host in hosts:
        while not greets(host.addresses[0]):
            if deadline.expired():
                raise SeaworthyError(
                    f"host {host.name} does not answer over SSH",
                    found=f"no greeting on {host.addresses[0]} port 22 after {seconds:.0f} s",
                    expected="an SSH server",
                    remedy=f"docker exec <container of {host.name}> journalctl -b shows how far it came",
                )
            clock.sleep(POLL_SECONDS)


def greets(address: str) -> bool:
    """Whether an SSH server answers."""
    try:
        with socket.create_connection((address, 22), timeout=2.0) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
