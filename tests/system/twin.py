# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed host program with parts of it replaced: for broken twins, and to hold a release."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from tests.system.lab import Lab
from tests.system.load import put
from tests.system.releases import HOSTS

PROGRAM = "/usr/local/bin/seaworthy"
TEXT = """#!/usr/bin/python3
import sys
sys.path.insert(0, "{program}.whole")
import pathlib
from seaworthy import _certs_writer, _cli, _release

class Twin(_release.Release):
    pass

{code}

sys.exit(_cli.main(release=Twin))
"""


@contextmanager
def twin(lab: Lab, methods: str) -> Generator[None]:
    """The host program of every manager with these methods (indented by four) instead of a release's own."""
    with patched(lab, f"class Twin(_release.Release):\n{methods}", HOSTS):
        yield


@contextmanager
def patched(lab: Lab, code: str, hosts: Iterable[str]) -> Generator[None]:
    """The host program of these managers, which runs this code first; a class Twin takes the place of Release."""
    for host in hosts:
        lab.on(host, "mv", PROGRAM, f"{PROGRAM}.whole").require_success()
        put(lab, host, PROGRAM, TEXT.format(program=PROGRAM, code=code))
        lab.on(host, "chmod", "0755", PROGRAM).require_success()
    try:
        yield
    finally:
        for host in hosts:
            lab.on(host, "mv", f"{PROGRAM}.whole", PROGRAM).require_success()
