# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release wrote to the journal of the host it ran on, with the wall clock's time."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.system.lab import Lab
from tests.system.releases import HOSTS


def events(lab: Lab, app: str, pattern: str) -> Iterator[tuple[float, str]]:
    """Times (epoch) and messages of an application's releases that match a pattern, oldest first per host."""
    words = ("journalctl", "--quiet", "--no-pager", "--output", "json", "--output-fields", "MESSAGE", "--since", "-1h")
    for host in HOSTS:
        result = lab.on(host, *words, "--grep", pattern)  # exit code 1: nothing matches
        for line in result.output.splitlines():
            entry = json.loads(line)
            try:
                event = json.loads(entry["MESSAGE"])
            except ValueError:
                continue
            if isinstance(event, dict) and event.get("app") == app:
                yield int(entry["__REALTIME_TIMESTAMP"]) / 1e6, str(event["message"])


def off_at(lab: Lab, app: str, number: int) -> float:
    """When the last router of a release was off every edge."""
    pattern = f"r{number} is off every edge"
    found = [at for at, message in events(lab, app, pattern) if message.startswith(pattern)]
    if not found:
        message = f"no host's journal says that {app} {pattern}"
        raise AssertionError(message)
    return max(found)
