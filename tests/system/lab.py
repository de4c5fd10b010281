# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of this machine, as the tests of this tier use it."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.run import ROOT, Result, run

NAME = "lab"


@dataclass(frozen=True)
class Recap:
    """What an ansible-playbook run did."""

    changed: frozenset[tuple[str, str]]  # (task, host)
    hosts: dict[str, dict[str, int]]  # host → counters

    @classmethod
    def read(cls, output: str) -> Recap:
        """Read the default callback's output."""
        changed, task, hosts = set(), "", {}
        for line in output.splitlines():
            if title := re.match(r"(?:TASK|RUNNING HANDLER) \[(.*?)\] \**$", line):
                task = title.group(1)
            elif host := re.match(r"changed: \[([^\] ]+)", line):
                changed.add((task, host.group(1)))
            elif counters := re.match(r"(\S+)\s+: (ok=\d+ .*)$", line):
                pairs = (pair.split("=") for pair in counters.group(2).split())
                hosts[counters.group(1)] = {key: int(value) for key, value in pairs}
        return cls(frozenset(changed), hosts)

    def total(self, counter: str) -> int:
        """Sum over all hosts."""
        return sum(counters[counter] for counters in self.hosts.values())


@dataclass(frozen=True)
class Cost:
    """Wall time, and processor time of the whole machine (the engine's work is nobody's child)."""

    wall_seconds: int
    cpu_seconds: int

    def __str__(self) -> str:
        return f"{self.wall_seconds} s ({self.cpu_seconds} s of CPU)"


def _busy_seconds() -> float:
    user, nice, system, _idle, _wait, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


@dataclass
class Lab:
    """The running lab."""

    found: list[str]  # its containers before this run
    root: Path = ROOT
    served: bool = False
    costs: dict[str, Cost] = field(default_factory=dict)

    @contextmanager
    def cost(self, name: str) -> Generator[None]:
        """Note what something costs."""
        wall, busy = time.monotonic(), _busy_seconds()
        yield
        self.costs[name] = Cost(round(time.monotonic() - wall), round(_busy_seconds() - busy))

    @property
    def state(self) -> Path:
        """Where keys, vault and pins lie."""
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
        return Path(home) / "seaworthy" / NAME

    def ansible_playbook(self, *words: object, log: str, timeout: float = 1800, cwd: Path = ROOT) -> Result:
        """Run ansible-playbook as a user would, in the runtime environment."""
        return run([ROOT / ".ci/venv", "runtime", "ansible-playbook", *words], log=log, timeout=timeout, cwd=cwd)

    def make(self, target: str, *words: str, log: str, timeout: float = 1800) -> Result:
        """Run a target of the Makefile."""
        return run(["make", target, *words], log=log, timeout=timeout)

    def on(self, host: str, *words: object, timeout: float = 120) -> Result:
        """Run a program on a host of the lab (or harbour, the outsider) as root."""
        name = f"seaworthy-{NAME}-{host}"
        return run(["docker", "exec", name, *words], log=f"system/on-{host}.log", timeout=timeout)

    def harbour(self, *words: object, timeout: float = 120) -> Result:
        """Run a program outside of the estate."""
        return self.on("harbour", *words, timeout=timeout)

    def up(self, log: str = "system/up.log") -> Result:
        """Bring the lab to the served shop."""
        result = self.make("up", log=log).require_success()
        self.served = True
        return result


def ours(kind: str, lab: str = NAME) -> list[str]:
    """Names of a lab's containers, volumes or networks on this machine."""
    words = ["docker", kind, "ls", "--filter", f"label=seaworthy.lab={lab}", "--format", "json"]
    words += ["--all"] if kind == "container" else []
    listed = run(words, log=f"system/ours-{kind}.log").require_success().output
    return sorted(str(one.get("Names") or one["Name"]) for one in map(json.loads, listed.splitlines()))
