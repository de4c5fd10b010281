# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release wrote to the journal of the host it ran on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.system.lab import Lab
from tests.system.releases import HOSTS


def results(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Results of releases among the lines of a journal: the line `{"result": ...}` with which each run ends."""
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("result"), dict):
            found.append(event["result"])
    return found


def off_at(lab: Lab, version: str, release: str | None = None) -> float:
    """When the routers of the release that this version (of several runs of it, this release) replaced were off."""
    words = ("journalctl", "--quiet", "--no-pager", "--output", "cat", "--since", "-1h")
    lines = [line for host in HOSTS for line in lab.on(host, *words).require_success().output.splitlines()]
    for result in results(lines):
        if result.get("version") == version and not result["failed"] and release in (None, result["release"]):
            return withdrawn(result)
    message = f"no host's journal has the result of a release of version {version}"
    raise AssertionError(message)


def withdrawn(result: dict[str, Any]) -> float:
    """The time of the step `withdrawn` of the phase in which the old release is retired."""
    times = [step["at"] for step in result["steps"] if step.get("step") == "withdrawn" and step["phase"] == "retire"]
    if len(times) != 1:
        message = f"expected one step `withdrawn` in phase retire, found {len(times)} in {result['steps']}"
        raise AssertionError(message)
    return float(times[0])
