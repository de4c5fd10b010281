# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed host program with single steps of a release replaced: for broken twins, and to hold a release."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from tests.system.lab import Lab
from tests.system.load import put
from tests.system.releases import HOSTS

PROGRAM = "/usr/local/bin/seaworthy"
TEXT = """#!/usr/bin/python3
import sys
sys.path.insert(0, "{program}.whole")
import pathlib
from seaworthy import _cli, _release

class Twin(_release.Release):
{methods}

sys.exit(_cli.main(release=Twin))
"""


@contextmanager
def twin(lab: Lab, methods: str) -> Generator[None]:
    """The host program of every manager with these methods (indented by four) instead of a release's own."""
    for host in HOSTS:
        lab.on(host, "mv", PROGRAM, f"{PROGRAM}.whole").require_success()
        put(lab, host, PROGRAM, TEXT.format(program=PROGRAM, methods=methods))
        lab.on(host, "chmod", "0755", PROGRAM).require_success()
    try:
        yield
    finally:
        for host in HOSTS:
            lab.on(host, "mv", f"{PROGRAM}.whole", PROGRAM).require_success()
