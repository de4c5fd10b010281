# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop's Compose file is no file of ours: it runs with plain `docker compose up`, as on a developer's machine."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest

from tests.run import ROOT, run
from tests.system.lab import NAME, Lab
from tests.system.proof import Prove

FOLDER = "/srv/developer"
COMPOSE = ("docker", "compose", "--project-directory", f"{FOLDER}/shop")


@pytest.fixture
def developer(lab: Lab) -> Generator[Lab]:
    """A developer's machine: harbour's engine, Debian's Compose, a copy of the shop. Nothing of it stays."""
    for words in (
        ("apt-get", "update"),
        ("apt-get", "install", "--yes", "--no-install-recommends", "docker-compose"),
        ("mkdir", FOLDER),
    ):
        lab.harbour(*words, timeout=300).require_success()
    copy = ("docker", "cp", ROOT / "examples/shop", f"seaworthy-{NAME}-harbour:{FOLDER}/shop")
    run(copy, log="system/compose-up-copy.log").require_success()
    yield lab
    lab.harbour(*COMPOSE, "down", "--volumes", "--rmi", "all", timeout=300)
    lab.harbour("apt-get", "purge", "--yes", "docker-compose").require_success()
    lab.harbour("rm", "-rf", FOLDER, "/var/lib/apt/lists").require_success()


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
