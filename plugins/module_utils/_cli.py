# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The host program `seaworthy`: what must work without a controller. Its exit code is the truth."""

from __future__ import annotations

import argparse
import collections.abc as c
import json
import pathlib
import signal
import sys
import types
import typing as t
import uuid

from . import _certs_run, _edges, _run, _status
from ._clock import SystemClock
from ._cluster import Cluster
from ._errors import SeaworthyError
from ._output import SUFFIX, Output
from ._plan import Request
from ._release import Release
from ._stack import Stacks

Json = dict[str, t.Any]


def main(arguments: c.Sequence[str] | None = None, *, release: type[Release] = Release) -> int:
    """Run one command. Tests may bring a release of their own."""
    parser = argparse.ArgumentParser(prog="seaworthy", description="The host program of seaworthy.swarm.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("release", help="release an application")
    command.add_argument("--request", type=pathlib.Path, required=True, help="file of the request (JSON)")
    command.set_defaults(run=lambda options: _release(options.request, release))
    command = commands.add_parser("run", help="run a one-off command of an application")
    command.add_argument("--request", type=pathlib.Path, required=True, help="file of the request (JSON)")
    command.set_defaults(run=lambda options: _one_off(options.request))
    command = commands.add_parser("status", help="show nodes, edges and applications")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=lambda options: _show_status(options.json))
    command = commands.add_parser("certs", help="issue certificates that are due and check what the edges serve")
    command.add_argument("--force", action="append", default=[], metavar="NAME", help="a new certificate for NAME")
    command.add_argument("--check", action="store_true", help="order nothing, only check what the edges serve")
    command.set_defaults(
        run=lambda options: _certs_run.check(_say) if options.check else _certs_run.issue(options.force, _say)
    )
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except SeaworthyError as error:
        sys.stderr.write(f"seaworthy: {error}\n")
        return 1


def _release(path: pathlib.Path, release: type[Release]) -> int:
    """Events go to stdout (the journal)."""

    def work() -> Json:
        request = Request.parse(json.loads(path.read_text()))
        cluster = Cluster()
        run = release(
            request,
            cluster=cluster,
            edges=_edges.Edges(request.edges, _edges.tls_context()),
            stacks=Stacks(cluster),
            clock=SystemClock(),
            emit=_emit,
            nonce=uuid.uuid4().hex,
        )
        return {"failed": False} | run.run()

    return _report(path, work)


def _one_off(path: pathlib.Path) -> int:
    """What the command writes goes to the file `<request>.output`."""
    signal.signal(signal.SIGTERM, _stop)

    def work() -> Json:
        request = _run.Request.parse(json.loads(path.read_text()))
        cluster = Cluster()
        with Output(path.with_suffix(SUFFIX)) as output:
            login = Stacks(cluster).login
            return _run.Run(request, cluster=cluster, login=login, clock=SystemClock(), tell=output.add).run()

    return _report(path, work)


def _stop(number: int, _frame: types.FrameType | None) -> None:
    """So that what must be removed is removed."""
    raise SystemExit(128 + number)


def _report(path: pathlib.Path, work: c.Callable[[], Json]) -> int:
    """The verdict goes to the file `<request>.result`."""
    try:
        result = work()
    except SeaworthyError as error:
        result = {"failed": True, "changed": False, "msg": str(error)} | error.result
    except Exception as error:
        _finish(path, {"failed": True, "changed": False, "msg": f"a fault of seaworthy itself: {error!r}"})
        raise
    _finish(path, result)
    return 1 if result["failed"] else 0


def _finish(path: pathlib.Path, result: Json) -> None:
    """In one step: whoever watches for the file reads all of it."""
    _emit({"result": result})
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(result))
    unfinished.rename(path.with_suffix(".result"))


def _emit(event: Json) -> None:
    _say(json.dumps(event))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _show_status(as_json: bool) -> int:
    cluster = Cluster()
    edges = _edges.Edges(_status.edges_of(cluster.nodes()), _edges.tls_context())
    status = _status.gather(cluster, edges, SystemClock().time())
    _say(json.dumps(status, indent=2) if as_json else _status.render(status))
    return 1 if status["problems"] else 0
