#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells, again and again, which servers of a service each edge believes in; by the host program's own eyes.

It runs on a manager of the lab. Arguments: Traefik's name of the service, then NAME=ADDRESS of each edge. Each line of
standard output is one look: {"at": ..., "edges": {NAME: {SERVER: "UP"} or null}}. It stops when standard input ends.
"""

from __future__ import annotations

import importlib
import json
import select
import sys
import time

PROGRAM = "/usr/local/bin/seaworthy"
PAUSE_SECONDS = 0.1


def main(service: str, *addresses: str) -> None:
    """Look until nobody listens any more."""
    sys.path.insert(0, PROGRAM)
    program = importlib.import_module("seaworthy._edges")
    edges = program.Edges([program.Edge(*one.split("=")) for one in addresses], program.tls_context())
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        seen = {}
        for edge in edges.all:
            try:
                seen[edge.name] = (edges.service(edge, service) or {}).get("serverStatus") or {}
            except program.EdgeError:
                seen[edge.name] = None
        print(json.dumps({"at": round(time.time(), 3), "edges": seen}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
