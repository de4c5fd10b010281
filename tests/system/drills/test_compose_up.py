# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop's Compose file is no file of ours: it runs with plain `docker compose up`, as on a developer's machine."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.run import ROOT, run
from tests.system.lab import NAME, Lab
from tests.system.proof import Prove

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaworthy"
PLUGIN = "/usr/local/libexec/docker/cli-plugins/docker-compose"
FOLDER = "/srv/developer/shop"
COMPOSE = ("docker", "compose", "--project-directory", FOLDER)


@pytest.fixture
def developer(lab: Lab) -> Generator[Lab]:
    """A developer's machine: harbour's engine, Compose, and a copy of the shop; afterwards nothing of it is left."""
    program = max(CACHE.glob("compose/v*/docker-compose"))
    for folder in (Path(PLUGIN).parent, Path(FOLDER).parent):
        lab.harbour("mkdir", "-p", folder).require_success()
    for source, target in ((program, PLUGIN), (ROOT / "examples/shop", FOLDER)):
        words = ["docker", "cp", source, f"seaworthy-{NAME}-harbour:{target}"]
        run(words, log="system/compose-up-copy.log").require_success()
    yield lab
    lab.harbour(*COMPOSE, "down", "--volumes", "--rmi", "all", timeout=300)
    lab.harbour("rm", "-rf", PLUGIN, Path(FOLDER).parent).require_success()


@pytest.mark.drill
def test_compose_up(developer: Lab, prove: Prove) -> None:
    """`docker compose up --build`: every service healthy, a page, an order."""
    developer.harbour(*COMPOSE, "up", "--build", "--detach", "--wait", timeout=900).require_success()
    listed = developer.harbour(*COMPOSE, "ps", "--format", "json").require_success().output
    health = {found["Service"]: found["Health"] for found in map(json.loads, listed.splitlines())}
    assert health == dict.fromkeys(("web", "api", "worker"), "healthy")
    page = developer.harbour("curl", "-fsS", "http://127.0.0.1:3000/").require_success().output
    assert 'data-api-release="dev"' in page
    order = ("--json", '{"product": "rope", "quantity": 1}', "http://127.0.0.1:3000/api/orders")
    placed = json.loads(developer.harbour("curl", "-fsS", *order).require_success().output)["order"]
    assert placed["status"] == "placed"
    prove("compose_up", f"{len(health)} services healthy, a page, an order", {"health": health})
