# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The estate on one screen: nodes, edges, applications."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ._cluster import Cluster
from ._edges import Edge, Edges
from ._errors import EdgeError
from ._lease import Record, records
from ._plan import releases_of

Json = dict[str, t.Any]


def edges_of(nodes: c.Sequence[Json]) -> list[Edge]:
    """The nodes that carry the label of an edge."""
    return [
        Edge(node["Description"]["Hostname"], node["Status"]["Addr"])
        for node in nodes
        if (node["Spec"].get("Labels") or {}).get("edge") == "true"
    ]


def gather(cluster: Cluster, edges: Edges, now: float) -> Json:
    """What is there; `problems` names what is not as it should be."""
    nodes = sorted(map(_node, cluster.nodes()), key=_name)
    answers = sorted((_edge(edges, edge) for edge in edges.all), key=_name)
    apps = [_app(cluster, record, now) for record in records(cluster).values()]
    problems = [f"node {node['name']} is {node['state']}" for node in nodes if node["state"] != "ready"]
    problems += [edge["error"] for edge in answers if edge["error"]]
    problems += [f"{app['name']}: {text}" for app in apps for text in app["problems"]]
    return {"nodes": nodes, "edges": answers, "apps": apps, "problems": problems}


def render(status: Json) -> str:
    """The same for people."""
    lines = ["NODE                 ROLE     STATE    AVAILABILITY"]
    lines += [f"{n['name']:20} {n['role']:8} {n['state']:8} {n['availability']}" for n in status["nodes"]]
    lines += ["", "EDGE                 ADDRESS          TRAEFIK"]
    lines += [f"{e['name']:20} {e['address']:16} {e['version'] or 'no answer'}" for e in status["edges"]]
    lines += ["", "APPLICATION          RELEASE  VERSION          SERVICES"]
    for app in status["apps"]:
        services = ", ".join(f"{s['name']} {s['running']}/{s['replicas']}" for s in app["services"])
        lines.append(f"{app['name']:20} {app['release'] or '-':8} {app['version'] or '-':16} {services}")
    lines += ["", *(f"! {problem}" for problem in status["problems"])] if status["problems"] else ["", "All is well."]
    return "\n".join(lines)


def _name(found: Json) -> str:
    return str(found["name"])


def _node(node: Json) -> Json:
    manager = node.get("ManagerStatus") or {}
    return {
        "name": node["Description"]["Hostname"],
        "role": "leader" if manager.get("Leader") else node["Spec"]["Role"],
        "state": node["Status"]["State"],
        "availability": node["Spec"]["Availability"],
        "engine": node["Description"]["Engine"]["EngineVersion"],
    }


def _edge(edges: Edges, edge: Edge) -> Json:
    found: Json = {"name": edge.name, "address": edge.address, "version": None, "error": None}
    try:
        found["version"] = edges.version(edge)
    except EdgeError as error:
        found["error"] = error.message
    return found


def _app(cluster: Cluster, record: Record, now: float) -> Json:
    present = releases_of(cluster, record.app)
    services = [
        {
            "name": service["Spec"]["Labels"]["seaworthy.service"],
            "running": service["ServiceStatus"]["RunningTasks"],
            "replicas": service["ServiceStatus"]["DesiredTasks"],
        }
        for service in present.get(record.serving, [])
    ]
    busy = record.held(now)
    problems = [
        f"{s['name']} has {s['running']} of {s['replicas']} replicas" for s in services if s["running"] < s["replicas"]
    ]
    if not services:
        problems.append("no release serves")
    if not busy and (left := sorted(set(present) - {record.serving})):
        problems.append(f"left by a run that ended early: {', '.join(f'r{number}' for number in left)}")
    return {
        "name": record.app,
        "release": f"r{record.serving}" if record.serving else None,
        "version": record.version or None,
        "services": sorted(services, key=_name),
        "changing": f"{record.owner}: {record.phase}" if busy else None,
        "problems": problems,
    }
