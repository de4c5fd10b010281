# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of systems and engines: tested, untested with a warning, or refused."""

from __future__ import annotations

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._engine_support import Host, judge, version_of
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError

CE = {"docker-ce": "5:28.5.2-1~debian.12~bookworm"}
IO = {"docker.io": "26.1.5+dfsg1-9+b9"}


def host(
    system: str,
    release: str,
    architecture: str = "x86_64",
    installed: dict[str, str] | None = None,
    candidates: dict[str, str] | None = None,
) -> Host:
    return Host(system, release, architecture, installed or {}, candidates or {})


@pytest.mark.parametrize("installed", [{}, IO])
def test_debian_13_with_its_own_engine_is_tested(installed: dict[str, str]) -> None:
    """Bare or converged."""
    assert judge(host("debian", "13", installed=installed), "distribution") is None


@pytest.mark.parametrize(("system", "release"), [("debian", "12"), ("ubuntu", "24.04"), ("debian", "13")])
def test_the_engine_of_docker_is_taken_with_a_warning(system: str, release: str) -> None:
    """Nobody tested it, and it says so."""
    for found in (host(system, release, candidates=CE), host(system, release, installed=CE)):
        warning = judge(found, "docker")
        assert warning is not None
        assert warning.startswith(f"untested: {system} {release} with docker-ce 5:28.5.2")


@pytest.mark.parametrize(
    ("found", "source", "reason"),
    [
        (host("debian", "12"), "distribution", "the Docker Engine in debian 12 is too old"),
        (host("ubuntu", "24.04"), "distribution", r"the Docker Engine in ubuntu 24\.04 is too old"),
        (host("ubuntu", "22.04", candidates=CE), "docker", r"not supported.*ubuntu 22\.04"),
        (host("fedora", "43"), "distribution", "not supported.*fedora 43"),
        (host("debian", "13", architecture="aarch64"), "distribution", "processor.*aarch64.*amd64"),
        (host("debian", "12"), "docker", "no package docker-ce can be installed.*repository"),
        (host("debian", "12", candidates={"docker-ce": "5:20.10.24~3-0"}), "docker", r"too old.*20\.10.*26\.1"),
        (host("debian", "13", installed=CE), "distribution", "docker-ce is installed.*docker_source"),
        (host("debian", "12", installed=IO, candidates=CE), "docker", r"docker\.io is installed"),
    ],
)
def test_everything_else_is_refused_with_the_reason(found: Host, source: str, reason: str) -> None:
    """What was found, what is expected."""
    with pytest.raises(InputError, match=reason):
        judge(found, source)


@pytest.mark.parametrize(
    ("package", "version"),
    [("5:27.3.1-1~debian.12~bookworm", (27, 3)), ("26.1.5+dfsg1-9+b9", (26, 1)), ("5:29", (0, 0)), ("", (0, 0))],
)
def test_versions_of_packages(package: str, version: tuple[int, int]) -> None:
    """With and without Debian's epoch; what cannot be read counts as old."""
    assert version_of(package) == version
