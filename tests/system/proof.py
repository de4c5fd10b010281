# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of a drill: docs/proof/<name>.json in a run of `make drills`, else .logs/proof/<name>.json."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.run import LOGS, ROOT
from tests.system.lab import Lab
from tests.tools.claims import read_claims
from tests.tree import tracked

Prove = Callable[[str, str, dict[str, Any]], Path]


def commit() -> str:
    """The commit that was tested; `+changes` when the checkout had others."""
    words = ["git", "-C", str(ROOT)]
    head = subprocess.run([*words, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    quiet = subprocess.run([*words, "diff", "--quiet", "HEAD", "--", ".", ":!docs/proof", ":!README.md"], check=False)
    return head if quiet.returncode == 0 else f"{head}+changes"


def versions(lab: Lab) -> dict[str, str]:
    """Versions of what took part."""
    engine = json.loads(lab.on("m1", "docker", "version", "--format", "json").require_success().output)
    images = lab.on("m1", "docker", "service", "ls", "--format", "{{.Name}} {{.Image}}").require_success().output
    traefik = dict(line.split() for line in images.splitlines() if line).get("edge_traefik", "unknown")
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "docker": engine["Server"]["Version"],
        "traefik": traefik.partition("@")[0],
    }


def write(lab: Lab, folder: Path, name: str, seen: str, facts: dict[str, Any]) -> Path:
    """Write the proof of a claim; `seen` is its cell in the README's table."""
    claims = {claim.name: claim for claim in read_claims()}
    if name not in claims:
        message = f"{name} is no claim of tests/claims.yml"
        raise KeyError(message)
    proof = {
        "name": name,
        "claim": claims[name].text,
        "seen": seen,
        "when": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit(),
        "hash": claims[name].digest(ROOT, tracked()),
        "versions": versions(lab),
        "machine": {"cpus": os.cpu_count(), "load_average": [round(value, 1) for value in os.getloadavg()]},
        "facts": facts,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(proof, indent=2, sort_keys=True) + "\n")
    return path


def folder(*, kept: bool) -> Path:
    """Where proofs of this run go."""
    return ROOT / "docs/proof" if kept else LOGS / "proof"
