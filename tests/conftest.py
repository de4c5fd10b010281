# SPDX-License-Identifier: GPL-3.0-or-later
"""The one pytest run: tiers in order, visible progress, and a hard stop that names what did not run."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_engine
from tests.system.lab import Lab, ours
from tests.tools.claims import findings
from tests.tree import tracked

ROOT = Path(__file__).resolve().parent.parent
FIRST_OF_SYSTEM, LAST_OF_SYSTEM = "test_lab.py", "test_restore.py"
# The modules of `integration` are tried on the lab that the first file of `system` has brought up.
STAGES = (
    "lint/",
    "unit/",
    "molecule/",
    f"system/{FIRST_OF_SYSTEM}",
    "integration/",
    "system/",
    f"system/{LAST_OF_SYSTEM}",
)
MINUTES = float(os.environ.get("SEAWORTHY_TEST_MINUTES", "75"))


class TimeIsOver(Exception):
    """The run's hard stop came while a test was running."""


def _place(item: pytest.Item) -> tuple[int, str]:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    stage = max((stage for stage in STAGES if path.startswith(stage)), key=len)
    return STAGES.index(stage), path


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the Makefile's targets need."""
    parser.addoption(
        "--changed", action="store_true", help="molecule: only scenarios whose files changed since the commit"
    )
    parser.addoption("--proof", action="store_true", help="drills write their proofs to docs/proof, not to .logs/proof")
    parser.addoption(
        "--only", default="", help="only tests of the lab whose path or name contains this (a claim's name)"
    )
    parser.addoption("--part", default="", help="k/n: run only the k-th of n parts of the tests of the lab")


def pytest_configure(config: pytest.Config) -> None:
    """Note when the time is over."""
    config.stash[DEADLINE] = time.monotonic() + MINUTES * 60


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tiers; what is long comes last, so a slip is seen within seconds."""
    items.sort(key=_place)
    only = str(config.getoption("--only"))
    if only:
        items[:] = [
            item for item in items if item.path.name == LAST_OF_SYSTEM or only in re.sub(r"\W+", "_", item.nodeid)
        ]
    part = str(config.getoption("--part"))
    if part:
        number, count = (int(word) for word in part.split("/"))
        fixed = (FIRST_OF_SYSTEM, LAST_OF_SYSTEM)
        files = sorted({item.path for item in items if item.path.name not in fixed})
        items[:] = [item for item in items if item.path.name in fixed or files.index(item.path) % count == number - 1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Proofs whose covered files changed since: no failure, but said in every run."""
    for name in findings(ROOT, tracked())[1]:
        terminalreporter.write_line(f"stale proof: {name} (its files changed since; make drills ONLY={name})")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """After the hard stop every remaining test is an error that says it did not run."""
    if item.path.name != LAST_OF_SYSTEM and time.monotonic() >= item.config.stash[DEADLINE]:
        pytest.fail(f"did not run: the {MINUTES:g} minutes of this run are over", pytrace=False)
    with _interrupted(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """The test that runs at the hard stop is interrupted; what tidies up after it is not."""
    with _interrupted(item):
        return (yield)


@contextmanager
def _interrupted(item: pytest.Item) -> Generator[None]:
    remaining = item.config.stash[DEADLINE] - time.monotonic()
    if item.path.name != LAST_OF_SYSTEM:
        signal.signal(signal.SIGALRM, _time_is_over)
        signal.setitimer(signal.ITIMER_REAL, max(remaining, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture(scope="session")
def engine() -> Generator[str]:
    """A Docker engine on this machine; one that had to be started is ended again, unless it has containers left."""
    socket = "/var/run/docker.sock"
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "seaworthy"
    record = _lab_engine.Record(home / "engine-of-tests.json")
    if not _lab_engine.answers(socket):
        _lab_engine.start(socket, record, ROOT / ".logs" / "dockerd.log", seconds=60)
    yield socket
    if record.running() and not _lab_engine.containers(socket):
        _lab_engine.stop(record, seconds=60)


@pytest.fixture(scope="session")
def machine(engine: str) -> Generator[Lab]:
    """The machine as it is found; a lab that was not there before is removed at the end, whatever happened."""
    del engine
    lab = Lab(found=ours("container"))
    yield lab
    if not lab.found and ours("container"):
        lab.make("down", log="system/down.log").require_success()


@pytest.fixture(scope="session")
def lab(machine: Lab) -> Lab:
    """The lab, serving the shop."""
    if not machine.served:
        machine.up()
    return machine


def _time_is_over(number: int, frame: FrameType | None) -> None:
    del number, frame
    message = f"the {MINUTES:g} minutes of this run are over"
    raise TimeIsOver(message)


DEADLINE = pytest.StashKey[float]()
