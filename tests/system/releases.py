# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications as the drills release them: files with the behaviour they want, and what the cluster then holds."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.run import ROOT, Result
from tests.system.lab import Lab

SHAPES = {path.parent.name: path for path in sorted((ROOT / "tests/fixtures/compose").glob("*/app.yml"))}
SOURCES = {"shop": ROOT / "apps/shop.yml", "probe": ROOT / "tests/fixtures/apps/probe.yml"} | SHAPES
HOSTS = ("m1", "m2", "m3")
GONE_SECONDS = 90


def fresh_version() -> str:
    """A version that no earlier run has used."""
    return f"drill-{time.time():.0f}"


@dataclass
class Release:
    """What the record of an application says."""

    last: int
    serving: int
    version: str


@dataclass
class Apps:
    """A folder of app files, and the playbooks run with it."""

    lab: Lab
    folder: Path

    def write(
        self, name: str, environment: Mapping[str, str] | None = None, *, version: str = "1", health: bool = True
    ) -> None:
        """The app as its own file has it, but for this; without `health` its routes have no health path."""
        source = SOURCES[name]
        raw: dict[str, Any] = yaml.safe_load(source.read_text())
        raw["compose"] = [str((source.parent / path).resolve()) for path in raw["compose"]]
        raw["version"] = version
        raw["environment"] = {**raw["environment"], **(environment or {})}
        if not health:
            raw["routes"] = [{key: value for key, value in r.items() if key != "health"} for r in raw["routes"]]
        (self.folder / f"{name}.yml").write_text(yaml.safe_dump(raw, sort_keys=False))

    def playbook(self, path: str, *words: str, log: str) -> Result:
        """Run a playbook on these applications."""
        extra = ("-e", f"seaworthy_apps_dir={self.folder}", *words)
        return self.lab.ansible_playbook(path, *extra, log=f"system/{log}.log")

    def build(self, name: str, version: str) -> Result:
        """Build and push the images of a version."""
        words = ("-e", f"seaworthy_app={name}", "-e", f"seaworthy_version={version}")
        return self.playbook("playbooks/build.yml", *words, log=f"build-{name}").require_success()

    def issue(self, *, log: str) -> None:
        """Have certificates for the names of these applications, and of no others."""
        self.playbook("playbooks/platform.yml", "--tags", "certificates", log=log).require_success()

    def deploy(self, name: str, version: str, *, log: str) -> Result:
        """Release a version."""
        words = ("-e", f"seaworthy_app={name}", "-e", f"seaworthy_version={version}")
        return self.playbook("playbooks/deploy.yml", *words, log=log)

    def record(self, name: str) -> Release:
        """The record of an application; zeros when it has none."""
        filters = ("--filter", f"name=seaworthy-app-{name}", "--format", "{{.ID}}")
        ids = self.lab.on("m1", "docker", "config", "ls", *filters).require_success().output.split()
        if not ids:
            return Release(0, 0, "")
        inspected = self.lab.on("m1", "docker", "config", "inspect", ids[0]).require_success().output
        labels = json.loads(inspected)[0]["Spec"]["Labels"]
        number = {key: int(labels[f"seaworthy.lease.{key}"] or 0) for key in ("last", "serving")}
        return Release(**number, version=labels["seaworthy.lease.version"])

    def left_of(self, name: str, number: int) -> list[str]:
        """Services, networks and containers of a release; waits a moment for Swarm to remove its containers."""
        end = time.monotonic() + GONE_SECONDS
        while True:
            found = self._objects(f"{name}-r{number}_")
            if not found or time.monotonic() > end:
                return found
            time.sleep(2)

    def _objects(self, prefix: str) -> list[str]:
        found = []
        for kind in ("service", "network"):
            words = ("docker", kind, "ls", "--filter", f"name={prefix}", "--format", "{{.Name}}")
            found += [f"{kind} {one}" for one in self.lab.on("m1", *words).require_success().output.split()]
        for host in HOSTS:
            words = ("docker", "ps", "--all", "--filter", f"name={prefix}", "--format", "{{.Names}}")
            found += [f"{host}: container {one}" for one in self.lab.on(host, *words).require_success().output.split()]
        return found

    def remove(self, name: str) -> None:
        """Take an application off the estate: every stack of it and its record."""
        words = ("docker", "stack", "ls", "--format", "{{.Name}}")
        stacks = self.lab.on("m1", *words).require_success().output.split()
        for stack in stacks:
            if stack.startswith(f"{name}-r"):
                self.lab.on("m1", "docker", "stack", "rm", stack).require_success()
        record = f"seaworthy-app-{name}"
        if self.record(name).last:
            self.lab.on("m1", "docker", "config", "rm", record).require_success()
