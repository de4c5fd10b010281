# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications of tests/fixtures/compose on the estate, and their containers as the hosts show them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.system.lab import NAME, Lab
from tests.system.load import put
from tests.system.promised import File, Promise, Seen
from tests.system.releases import HOSTS

Json = dict[str, Any]
SCRIPT = Path(__file__).parent / "look.py"
PLACE = "/run/look.py"


@dataclass(frozen=True)
class Shape:
    """An app file as it was released, and Docker's own reading of its Compose files."""

    name: str
    app: Json
    model: Json

    @classmethod
    def read(cls, file: Path, cache: Path, *, compose: Sequence[str] | None = None) -> Shape:
        """Ask the lab's Compose; `compose` takes the place of the app file's list."""
        app: Json = yaml.safe_load(file.read_text())
        binary = max(cache.glob("compose/v*/docker-compose"))
        words = [str(binary), "-p", file.stem, "--env-file", os.devnull, "--profile", "*"]
        words += [word for path in compose or app["compose"] for word in ("-f", path)]
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **app["environment"]}
        words += ["config", "--format", "json"]
        done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True, timeout=60)
        return cls(file.stem, app, json.loads(done.stdout))

    def services(self) -> list[str]:
        """Those without a profile; no shape switches one on."""
        return sorted(name for name, spec in self.model["services"].items() if not spec.get("profiles"))

    def promise(self, service: str) -> Promise:
        """What the files say of a service. A secret that no service names goes to all."""
        spec = self.model["services"][service]
        secrets = self.app.get("secrets") or {}
        return Promise(
            self.model,
            service,
            routed=any(route["service"] == service for route in self.app["routes"]),
            once=spec.get("restart") == "no",
            env_secrets=[name for name, options in secrets.items() if (options or {}).get("as") == "env"],
        )


@dataclass(frozen=True)
class Process:
    """One process of a container."""

    uid: int
    command: str
    environment: list[str]


@dataclass(frozen=True)
class Container:
    """A container with what its host, its image and its Swarm service say."""

    host: str
    service: str
    seen: Seen
    processes: list[Process]

    @property
    def running(self) -> bool:
        return bool(self.seen.container["State"]["Running"])


def containers(lab: Lab, shape: Shape) -> list[Container]:
    """All containers of a shape on all hosts."""
    secret = {service: shape.promise(service).paths() for service in shape.services()}
    request = json.dumps({"app": shape.name, "paths": {service: list(paths) for service, paths in secret.items()}})
    services = _inspected(lab, "service", "ls", "--filter", f"label=seaworthy.app={shape.name}", "--quiet")
    networks = _inspected(lab, "network", "ls", "--filter", "driver=overlay", "--quiet", "--no-trunc")
    by_name = {service["Spec"]["Name"]: service for service in services}
    found = []
    for host in HOSTS:
        put(lab, host, PLACE, SCRIPT.read_text())
        words = ["docker", "exec", "-i", f"seaworthy-{NAME}-{host}", "python3", PLACE]
        done = subprocess.run(words, input=request, text=True, check=True, capture_output=True, timeout=120)
        for one in json.loads(done.stdout):
            labels = one["container"]["Config"]["Labels"]
            service = labels["seaworthy.service"]
            files = {
                path: File(None if secret[service][path] else file["text"], file["mode"], file["uid"], file["gid"])
                for path, file in one["files"].items()
                if file
            }
            seen = Seen(
                container=one["container"],
                image=one["image"],
                service=by_name[labels["com.docker.swarm.service.name"]],
                networks={network["Id"]: network for network in networks},
                status=one["status"],
                files=files,
            )
            found.append(Container(host, service, seen, [Process(**process) for process in one["processes"]]))
    return found


def _inspected(lab: Lab, kind: str, *listing: str) -> list[Json]:
    ids = lab.on("m1", "docker", kind, *listing).require_success().output.split()
    found: list[Json] = (
        json.loads(lab.on("m1", "docker", kind, "inspect", *ids).require_success().output) if ids else []
    )
    return found
