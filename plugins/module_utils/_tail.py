# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The newest lines of an application's containers, in the order in which they were written."""

from __future__ import annotations

import dataclasses
import typing as t

from . import _serving
from ._app import parse_duration
from ._cluster import Cluster
from ._errors import InputError

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True, order=True)
class Entry:
    """One line, and whose it is."""

    at: str
    service: str
    replica: int
    node: str
    stream: str
    text: str


@dataclasses.dataclass(frozen=True)
class Tail:
    """The lines, and the replicas whose lines could not be read."""

    release: str
    version: str
    entries: tuple[Entry, ...]
    unread: tuple[str, ...]


def seconds(text: str) -> float:
    """The seconds of 90s, 10m or 1h30m."""
    try:
        return parse_duration(text)
    except ValueError:
        raise InputError("this is no time span", found=text, remedy="Write, for example, 90s, 10m or 1h30m.") from None


def gather(
    cluster: Cluster, app: str, *, service: str | None, release: int | None, tail: int, since: float | None
) -> Tail:
    """At most `tail` lines altogether, written after the Unix time `since`."""
    serving = _serving.find(cluster, app, release)
    chosen = [serving.service(service)] if service else list(serving.services.values())
    names = {one["ID"]: str(one["Spec"]["Labels"]["seaworthy.service"]) for one in chosen}
    nodes = {node["ID"]: node for node in cluster.nodes()}
    entries: list[Entry] = []
    unread: list[str] = []
    for task in cluster.tasks({"service": sorted(names)}):
        if not (task["Status"].get("ContainerStatus") or {}).get("ContainerID"):
            continue  # it never started, so it never wrote
        node = nodes.get(task.get("NodeID"), {})
        host = str((node.get("Description") or {}).get("Hostname", "a node that is gone"))
        replica = int(task.get("Slot") or 1)
        who = f"{names[task['ServiceID']]}.{replica} on {host}"
        state = (node.get("Status") or {}).get("State")
        if state != "ready":
            unread.append(f"{who}: the node is {state or 'gone'}")
            continue
        log = cluster.task_lines(task["ID"], tail=tail, since="" if since is None else f"{since:.0f}")
        entries += [
            Entry(line.at, names[task["ServiceID"]], replica, host, line.stream, line.text) for line in log.lines
        ]
        if task["Status"]["State"] == "running":  # the engine may have removed the container of one that has ended
            unread += [f"{who}: {error}" for error in log.errors]
    entries.sort(key=lambda entry: entry.at)
    return Tail(serving.name, serving.version, tuple(entries[-tail:] if tail else ()), tuple(dict.fromkeys(unread)))
