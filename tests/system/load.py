# SPDX-License-Identifier: GPL-3.0-or-later
"""Load on the estate from harbour while something happens, and the judgement of what it counted."""

from __future__ import annotations

import dataclasses
import json
import select
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import yaml

from tests.run import LOGS, ROOT
from tests.system.lab import NAME, Lab
from tests.system.loadgen import Plan, Stream

CA_FILE = "/run/loadgen-ca.pem"
MIN_REQUESTS = 5000
MIN_SLOW = 200
MIN_PER_SECOND = 100
START_SECONDS = 30
SETTLE_SECONDS = 3

PROBE = (
    Stream("get, keep-alive", "/", 46),
    Stream("get, new connection", "/", 30, new_connection=True),
    Stream("post", "/echo", 26, method="POST", body="ahoy {n}", check="echo"),
    Stream("two seconds", "/slow", 6),
)
SHOP = (
    Stream("page, keep-alive", "/", 16, check="page"),
    Stream("page, new connection", "/", 10, new_connection=True, check="page"),
    Stream("get, keep-alive", "/api/orders", 32),
    Stream("get, new connection", "/api/orders", 20, new_connection=True),
    Stream("post", "/api/orders", 24, method="POST", body='{"product": "rope", "quantity": 1}', status=201),
    Stream("two seconds", "/api/report", 6),
)


def addresses(key: str, group: str = "edge") -> dict[str, str]:
    """Addresses of a group's hosts, as the lab's inventory has them (`private_ip` or `private_ip6`)."""
    groups = yaml.safe_load((ROOT / "inventories/lab/hosts.yml").read_text())["all"]["children"]
    return {host: groups["lab"]["hosts"][host][key] for host in groups[group]["hosts"]}


def plan(host: str, streams: tuple[Stream, ...], websocket_path: str, max_seconds: float = 400) -> Plan:
    """The load of the issues' tables, with their streams: through every edge, 20 WebSockets, 5,000 requests or more."""
    return Plan(
        edges=addresses("private_ip"),
        host=host,
        streams=list(streams),
        ca_file=CA_FILE,
        websockets=20,
        websocket_path=websocket_path,
        min_requests=MIN_REQUESTS,
        max_seconds=max_seconds,
    )


class Load:
    """`with Load(lab, plan) as load: ...`; afterwards `load.result` has the counts."""

    def __init__(self, lab: Lab, plan: Plan, log: str) -> None:
        self.plan = plan
        self.result: dict[str, Any] = {}
        self._lab = lab
        self._log = LOGS / f"system/{log}.json"
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        script = (Path(__file__).parent / "loadgen.py").read_text()
        put(self._lab, "harbour", "/run/loadgen.py", script)
        put(self._lab, "harbour", CA_FILE, (self._lab.state / "pebble-root.pem").read_text())
        words = ["docker", "exec", "-i", f"seaworthy-{NAME}-harbour", "python3", "/run/loadgen.py"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stdin, _ = self._pipes()
        stdin.write(json.dumps(dataclasses.asdict(self.plan)) + "\n")
        stdin.flush()
        try:
            self._line(START_SECONDS)
        except BaseException:
            self._process.kill()
            raise
        time.sleep(SETTLE_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipes()[0].close()
        try:
            self.result = self._line(self.plan.max_seconds + 60)
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._log.write_text(json.dumps(self.result, indent=2))
        finally:
            self._process.kill()
            self._process.wait()
            self._pipes()[1].close()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        if self._process.stdin is None or self._process.stdout is None:
            message = "the load generator was started without pipes"
            raise RuntimeError(message)
        return self._process.stdin, self._process.stdout

    def _line(self, seconds: float) -> dict[str, Any]:
        stdout = self._pipes()[1]
        ready, _, _ = select.select([stdout], [], [], seconds)
        line = stdout.readline() if ready else ""
        if not line:
            message = f"the load generator said nothing for {seconds:g} s, or ended"
            raise AssertionError(message)
        found: dict[str, Any] = json.loads(line)
        return found


def put(lab: Lab, host: str, path: str, text: str) -> None:
    """Write a file on a host."""
    del lab
    words = ["docker", "exec", "-i", f"seaworthy-{NAME}-{host}", "tee", path]
    subprocess.run(words, input=text, text=True, check=True, stdout=subprocess.DEVNULL, timeout=60)


def early_sockets(result: dict[str, Any], off_at: float | None, drain: float) -> list[dict[str, Any]]:
    """WebSockets that failed: ended earlier than `drain` after blue's routers went off, or did not come back."""
    return [
        end
        for end in result["websockets"]["closed"]
        if off_at is None or end["at"] < off_at + drain or end.get("reconnect") != "ok"
    ]


def faults(result: dict[str, Any], off_at: float | None = None, drain: float = 10.0) -> list[str]:
    """Everything that is not as it must be in a run without a lost request; empty when all is well."""
    found = []
    if result["failed"]:
        kinds = {name: stream["failures"] for name, stream in result["streams"].items() if stream["failures"]}
        found.append(f"{result['failed']} of {result['sent']} requests failed: {kinds}; first: {result['samples'][:5]}")
    if result["mixed"]:
        found.append(f"{result['mixed']} pages mixed two releases")
    if result["sent"] < MIN_REQUESTS:
        found.append(f"only {result['sent']} requests were sent, expected {MIN_REQUESTS}")
    if result["per_second"] < MIN_PER_SECOND:
        found.append(f"only {result['per_second']} requests/s, expected {MIN_PER_SECOND}")
    if result["streams"]["two seconds"]["sent"] < MIN_SLOW:
        found.append(f"only {result['streams']['two seconds']['sent']} long requests, expected {MIN_SLOW}")
    if early := early_sockets(result, off_at, drain):
        found.append(f"{len(early)} WebSockets failed (routers off at {off_at}): {early[:5]}")
    if result["websockets"]["alive_at_end"] < result["websockets"]["wanted"]:
        found.append(f"only {result['websockets']['alive_at_end']} WebSockets were alive at the end")
    return found


def summary(result: dict[str, Any]) -> str:
    """One line for the README's table."""
    text = f"{result['failed']} of {result['sent']:,} requests failed at {result['per_second']:.0f}/s"
    return f"{text}, 20 WebSockets"
