# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""A host's membership in the swarm: read it, or make it so."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import ipaddress
import pathlib
import typing as t

from ._clock import Clock, Deadline, SystemClock
from ._cluster import SOCKET, Cluster, Json
from ._errors import ClusterError, InputError, NotFound, Unavailable

PORT = 2377
GATEWAY = "docker_gwbridge"
# The label that says a swarm is ours.
OURS = {"seaworthy.platform": "swarm"}
POLL = 0.5
STARTING = 15.0


@dataclasses.dataclass(frozen=True)
class State:
    """What one host says about its swarm."""

    state: str  # no_engine, inactive, pending, active, error or locked
    manager: bool = False
    node_id: str = ""
    address: str = ""
    cluster_id: str = ""
    ours: bool = False
    managers: tuple[str, ...] = ()
    address_pool: tuple[str, ...] = ()
    address_pool_prefix: int = 0
    error: str = ""

    @property
    def active(self) -> bool:
        return self.state == "active"

    @property
    def result(self) -> dict[str, t.Any]:
        """As a module returns it."""
        return {
            "state": self.state,
            "active": self.active,
            "manager": self.manager,
            "node_id": self.node_id,
            "address": self.address,
            "cluster_id": self.cluster_id,
            "ours": self.ours,
            "managers": list(self.managers),
        }


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the host is to be. Without `join` it starts the swarm."""

    manager: bool
    address: str
    address_pool: str
    address_pool_prefix: int
    gateway_subnets: tuple[str, ...]
    join: tuple[str, ...] = ()
    token: str = dataclasses.field(default="", repr=False)
    seconds: float = 60.0


def local_engine(timeout: float = 30.0) -> Cluster:
    """The engine of this host. One that is starting is waited for, one that is not installed is not."""
    return Cluster(timeout=timeout, patience=STARTING if pathlib.Path(SOCKET).exists() else 0.0)


def read(cluster: Cluster) -> State:
    """The membership of this engine's host."""
    try:
        swarm = cluster.info()["Swarm"]
    except Unavailable:
        return State("no_engine")
    tree = swarm.get("Cluster") or {}
    return State(
        state=swarm["LocalNodeState"],
        manager=bool(swarm.get("ControlAvailable")),
        node_id=swarm.get("NodeID") or "",
        address=swarm.get("NodeAddr") or "",
        cluster_id=tree.get("ID") or "",
        ours=OURS.items() <= ((tree.get("Spec") or {}).get("Labels") or {}).items(),
        managers=tuple(sorted(remote["Addr"] for remote in swarm.get("RemoteManagers") or [])),
        address_pool=tuple(tree.get("DefaultAddrPool") or []),
        address_pool_prefix=int(tree.get("SubnetSize") or 0),
        error=swarm.get("Error") or "",
    )


def join_tokens(cluster: Cluster) -> dict[str, str]:
    """What a host needs to join, by role. Secret."""
    tokens = cluster.swarm()["JoinTokens"]
    return {"manager": tokens["Manager"], "worker": tokens["Worker"]}


def endpoint(address: str) -> str:
    """Address and port of a manager."""
    return f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"


class Membership:
    """One host on its way to what is wanted. `plan` looks, `apply` acts."""

    def __init__(self, cluster: Cluster, wanted: Wanted, clock: Clock | None = None) -> None:
        self._cluster = cluster
        self._wanted = wanted
        self._clock = clock or SystemClock()

    def plan(self) -> list[str]:
        """The steps that are missing, in order; nothing is changed. Raises where no step of ours helps."""
        state = read(self._cluster)
        if state.state == "no_engine":
            return ["gateway", "join" if self._wanted.join else "init"]
        if state.active:
            self._refuse_difference(state)
        elif state.state == "locked":
            raise ClusterError("the swarm on this host is locked", remedy="Unlock it: docker swarm unlock")
        elif state.state != "inactive":
            raise ClusterError(
                f"this host is a broken member of a swarm ({state.state}): {state.error}",
                remedy="Repair its Docker Engine, or take it out: docker swarm leave --force",
            )
        gateway = self._gateway_step(state)
        return [*gateway, *([] if state.active else ["join" if self._wanted.join else "init"])]

    def apply(self, steps: c.Sequence[str]) -> State:
        """Take the steps and wait until the host is a member."""
        actions = {
            "replace_gateway": self._replace_gateway,
            "gateway": self._make_gateway,
            "init": self._init,
            "join": self._join,
        }
        for step in steps:
            actions[step]()
        return self._settle()

    # -- is what is there what we want? -----------------------------------------------------------

    def _refuse_difference(self, state: State) -> None:
        wanted, leave = self._wanted, "Take the host out first (drain, docker swarm leave), then run this again."
        role = {True: "manager", False: "worker"}
        if state.manager != wanted.manager:
            raise InputError(
                "the swarm has this host in another role than the inventory",
                found=role[state.manager],
                expected=role[wanted.manager],
                remedy=f"Put it into the right group, or on a manager: docker node "
                f"{'promote' if wanted.manager else 'demote'} {state.node_id}",
            )
        if state.address != wanted.address:
            raise InputError(
                "the swarm knows this host by another address",
                found=state.address,
                expected=wanted.address,
                remedy=leave,
            )
        if state.manager and not state.ours:
            raise InputError(
                "this host is in a swarm that is not ours",
                found=f"swarm {state.cluster_id} without the label seaworthy.platform=swarm",
                expected="no swarm, or one that this role has made",
                remedy="If nothing on it is needed: docker swarm leave --force",
            )
        if not state.manager and wanted.join and not set(state.managers) & {endpoint(one) for one in wanted.join}:
            raise InputError(
                "this host is a worker of another swarm",
                found=f"managers {', '.join(state.managers)}",
                expected=f"a manager of {', '.join(wanted.join)}",
                remedy="If nothing on it is needed: docker swarm leave --force",
            )
        pool = (wanted.address_pool,), wanted.address_pool_prefix
        if state.manager and (state.address_pool, state.address_pool_prefix) != pool:
            raise InputError(
                "the address pool of a swarm cannot be changed",
                found=f"{', '.join(state.address_pool)}, prefix {state.address_pool_prefix}",
                expected=f"{wanted.address_pool}, prefix {wanted.address_pool_prefix}",
                remedy="Set swarm_address_pool and swarm_address_pool_prefix to what was found.",
            )

    # -- docker_gwbridge --------------------------------------------------------------------------

    def _gateway_step(self, state: State) -> list[str]:
        try:
            network = self._cluster.network(GATEWAY)
        except NotFound:
            return ["gateway"]
        found = tuple(_normal(config["Subnet"]) for config in network["IPAM"]["Config"] or [])
        if sorted(found) == sorted(map(_normal, self._wanted.gateway_subnets)):
            return []
        if state.active or network.get("Containers"):
            raise InputError(
                f"the network {GATEWAY} of this host cannot be changed while it is used",
                found=", ".join(found),
                expected=", ".join(self._wanted.gateway_subnets),
                remedy="Set swarm_gateway_subnet and swarm_gateway_subnet6 to what was found, or take the host out "
                "first (drain, docker swarm leave) and run this again.",
            )
        return ["replace_gateway", "gateway"]

    def _replace_gateway(self) -> None:
        self._cluster.remove_network(GATEWAY)

    def _make_gateway(self) -> None:
        """Before Swarm makes it: with a subnet we know, and IPv6, so that containers see the clients' addresses."""
        self._cluster.create_network(
            {
                "Name": GATEWAY,
                "Driver": "bridge",
                "EnableIPv6": any(":" in subnet for subnet in self._wanted.gateway_subnets),
                "IPAM": {"Driver": "default", "Config": [_subnet(one) for one in self._wanted.gateway_subnets]},
                "Options": {
                    "com.docker.network.bridge.name": GATEWAY,
                    "com.docker.network.bridge.enable_icc": "false",
                    "com.docker.network.bridge.enable_ip_masquerade": "true",
                },
            }
        )

    # -- the swarm --------------------------------------------------------------------------------

    def _init(self) -> None:
        wanted = self._wanted
        self._cluster.swarm_init(
            {
                "ListenAddr": endpoint(wanted.address),
                "AdvertiseAddr": endpoint(wanted.address),
                "DataPathAddr": wanted.address,
                "DefaultAddrPool": [wanted.address_pool],
                "SubnetSize": wanted.address_pool_prefix,
                "Spec": {"Name": "default", "Labels": OURS},
            }
        )

    def _join(self) -> None:
        wanted = self._wanted
        if not wanted.token:
            raise InputError(
                "this host cannot join: no manager of the swarm has answered",
                expected=f"a manager at {', '.join(map(endpoint, wanted.join))}",
                remedy="Run again without --limit, so that the managers come first.",
            )
        try:
            self._cluster.swarm_join(
                {
                    "ListenAddr": endpoint(wanted.address),
                    "AdvertiseAddr": endpoint(wanted.address),
                    "DataPathAddr": wanted.address,
                    "RemoteAddrs": [endpoint(one) for one in wanted.join],
                    "JoinToken": wanted.token,
                }
            )
        except ClusterError:
            # The engine goes on in the background when its own 20 s are over.
            if read(self._cluster).state not in ("pending", "active"):
                raise

    def _settle(self) -> State:
        deadline = Deadline(self._clock, self._wanted.seconds, "becoming a member of the swarm")
        while True:
            state = read(self._cluster)
            if state.active and state.manager == self._wanted.manager:
                return state
            if state.state == "error":
                raise ClusterError(f"this host could not become a member of the swarm: {state.error}")
            deadline.check()
            self._clock.sleep(POLL)


def _normal(subnet: str) -> str:
    return str(ipaddress.ip_network(subnet))


def _subnet(subnet: str) -> Json:
    network = ipaddress.ip_network(subnet)
    return {"Subnet": str(network), "Gateway": str(network.network_address + 1)}
