# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The estate on one screen: nodes and edges, applications and their certificates, what is wrong."""

from __future__ import annotations

import collections.abc as c
import re
import textwrap
import typing as t

from . import _certs_check, _certs_writer, _convergence, _routing, _run
from ._certs_writer import Served
from ._clock import seconds_of
from ._cluster import Cluster
from ._edges import Edge, Edges
from ._errors import EdgeError
from ._lease import Record, records
from ._plan import releases_of

Json = dict[str, t.Any]

WIDTH = 110
DAY = 86400.0
HOST = re.compile(r"Host\(`([^`]+)`\)")


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
    served = _certs_writer.served(cluster)
    certificates = [_certificate(served[name], now) for name in sorted(served)]
    apps = [_app(cluster, record, served, now) for record in records(cluster).values()]
    problems = [f"node {node['name']} is {node['state']}" for node in nodes if node["state"] != "ready"]
    problems += [edge["error"] for edge in answers if edge["error"]]
    problems += [f"{one['name']}: {one['problem']}" for one in certificates if one["problem"]]
    problems += [f"{app['name']}: {text}" for app in apps for text in app["problems"]]
    return {"nodes": nodes, "edges": answers, "certificates": certificates, "apps": apps, "problems": problems}


def render(status: Json) -> str:
    """The same for people."""
    edges = {edge["name"]: edge for edge in status["edges"]}
    nodes = [
        (node["name"], node["role"], node["state"], node["availability"], _traefik(edges.get(node["name"])))
        for node in status["nodes"]
    ]
    apps = [
        (
            app["name"],
            app["release"] or "-",
            app["version"] or "-",
            _age(app["age"]),
            _days(app["certificate_days"]),
            _doing(app),
        )
        for app in status["apps"]
    ]
    lines = _table(("NODE", "ROLE", "STATE", "AVAILABILITY", "EDGE"), nodes)
    lines += ["", *_table(("APPLICATION", "RELEASE", "VERSION", "AGE", "CERTIFICATE", "SERVICES"), apps)]
    lines += ["", *(f"! {problem}" for problem in status["problems"])] if status["problems"] else ["", "All is well."]
    return "\n".join(lines)


# -- what is there ----------------------------------------------------------------------------------


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


def _certificate(served: Served, now: float) -> Json:
    return {"name": served.name, "days": _days_left(served, now), "problem": _certs_check.near_end(served, now)}


def _days_left(served: Served, now: float) -> float:
    return round((served.not_after - now) / DAY, 1)


def _app(cluster: Cluster, record: Record, served: c.Mapping[str, Served], now: float) -> Json:
    present = releases_of(cluster, record.app)
    serving = present.get(record.serving, [])
    services = sorted((_service(cluster, service) for service in serving), key=_name)
    hosts = {host: _certificate_for(host, served) for host in _hosts(serving)}
    days = [_days_left(certificate, now) for certificate in hosts.values() if certificate]
    busy = record.held(now)
    problems = [f"{one['name']} {one['problem']}" for one in services if one["problem"]]
    problems += [f"{host} has no certificate" for host, certificate in hosts.items() if certificate is None]
    if not services:
        problems.append("no release serves")
    if not busy and (left := sorted(set(present) - {record.serving})):
        problems.append(f"left by a run that ended early: {', '.join(f'r{number}' for number in left)}")
    return {
        "name": record.app,
        "release": f"r{record.serving}" if record.serving else None,
        "version": record.version or None,
        "age": now - min(seconds_of(service["CreatedAt"]) for service in serving) if serving else None,
        "services": services,
        "certificate_days": min(days) if days else None,
        "changing": f"{record.owner}: {record.phase}" if busy else None,
        "running": [service["Spec"]["Name"] for service in cluster.services({"label": [f"{_run.LABEL}={record.app}"]})],
        "problems": problems,
    }


def _service(cluster: Cluster, service: Json) -> Json:
    counts = service["ServiceStatus"]
    found: Json = {
        "name": service["Spec"]["Labels"]["seaworthy.service"],
        "running": counts["RunningTasks"],
        "replicas": counts["DesiredTasks"],
        "done": _convergence.is_once(service) and bool(counts.get("CompletedTasks")),
        "problem": None,
    }
    if not found["done"] and found["running"] < found["replicas"]:
        text = "has not ended well" if _convergence.is_once(service) else "has too few replicas"
        found["problem"] = f"{text} ({found['running']} of {found['replicas']} run){_reason(cluster, service)}"
    return found


def _reason(cluster: Cluster, service: Json) -> str:
    """What the newest task that does not run says, as far as it says anything."""
    told = [
        task
        for task in _convergence.most_telling(cluster.tasks({"service": [service["ID"]]}))
        if task["Status"]["State"] != "running" and task["Status"].get("Err")
    ]
    if not told:
        return ""
    nodes = {node["ID"]: node["Description"]["Hostname"] for node in cluster.nodes()}
    return f": {_convergence.explain(told[0] | {'NodeID': nodes.get(told[0].get('NodeID'))})}"


def _hosts(services: c.Sequence[Json]) -> list[str]:
    """The public names of these services, from their routers."""
    rules = [
        router.rule
        for service in services
        for router in _routing.routers_of(service["Spec"].get("Labels") or {})
        if router.public
    ]
    return sorted({host for rule in rules for host in HOST.findall(rule)})


def _certificate_for(host: str, served: c.Mapping[str, Served]) -> Served | None:
    return served.get(host) or served.get(f"*.{host.partition('.')[2]}")


# -- how people read it -------------------------------------------------------------------------------


def _table(heads: c.Sequence[str], rows: c.Sequence[c.Sequence[str]]) -> list[str]:
    """Columns as wide as they need; the last one goes on in further lines."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads) - 1)]
    lines = []
    for row in (heads, *rows):
        first = "".join(f"{cell:{width}}  " for cell, width in zip(row, widths, strict=False))
        lines += textwrap.wrap(row[-1], WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
    return lines


def _traefik(edge: Json | None) -> str:
    if edge is None:
        return "-"
    return f"Traefik {edge['version']}" if edge["version"] else "no answer"


def _doing(app: Json) -> str:
    services = [f"{s['name']} {'done' if s['done'] else '{running}/{replicas}'.format_map(s)}" for s in app["services"]]
    changing = [f"(changed by {app['changing']})"] if app["changing"] else []
    running = [f"(one-off {', '.join(app['running'])})"] if app["running"] else []
    return " ".join([", ".join(services), *changing, *running]).strip() or "-"


def _age(seconds: float | None) -> str:
    """In one unit: 40 s, 5 min, 3 h, 12 d."""
    if seconds is None:
        return "-"
    for unit, size in (("d", DAY), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _days(days: float | None) -> str:
    return "-" if days is None else f"{days:.0f} d left"
