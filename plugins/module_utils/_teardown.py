# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Taking applications and platform out of a swarm. What others made in it stays."""

from __future__ import annotations

import typing as t

from ._clock import Clock, Deadline
from ._cluster import Cluster
from ._errors import ClusterError, NotFound

Json = dict[str, t.Any]
SECONDS = 120.0
OURS = ("seaworthy.app", "seaworthy.platform", "seaworthy.run")


def is_ours(labels: t.Mapping[str, str] | None) -> bool:
    """Whether one of our labels is on it."""
    return any(label in (labels or {}) for label in OURS)


def foreign_services(cluster: Cluster) -> list[str]:
    """Services that are not ours, by name."""
    return sorted(str(s["Spec"]["Name"]) for s in cluster.services() if not is_ours(s["Spec"].get("Labels")))


def objects(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Everything of ours as kind, id and name, in the order in which it can be removed."""
    found = []
    for kind, listed in (("service", cluster.services()), ("config", cluster.configs()), ("secret", cluster.secrets())):
        found += [(kind, one["ID"], one["Spec"]["Name"]) for one in listed if is_ours(one["Spec"].get("Labels"))]
    found += [("network", one["Id"], one["Name"]) for one in cluster.networks() if is_ours(one.get("Labels"))]
    return found


def remove(cluster: Cluster, clock: Clock, listed: t.Iterable[tuple[str, str, str]]) -> None:
    """A network or config is in use until the last task has ended: that is waited for."""
    deadline = Deadline(clock, SECONDS, "removing what the platform made")
    removers = {
        "service": cluster.remove_service,
        "config": cluster.remove_config,
        "secret": cluster.remove_secret,
        "network": cluster.remove_network,
    }
    for kind, id, _name in listed:
        while True:
            try:
                removers[kind](id)
                break
            except NotFound:
                break
            except ClusterError:
                if deadline.expired():
                    raise
                clock.sleep(1.0)
