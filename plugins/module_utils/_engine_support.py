# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Which operating system together with which Docker Engine do we take?"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import re

from ._errors import InputError

DISTRIBUTION, DOCKER = "distribution", "docker"
OLDEST_ENGINE = (26, 1)
TESTED = {("debian", "13")}
UNTESTED = {("debian", "12"), ("ubuntu", "24.04")}
EXPECTED = (
    "Debian 13; or, untested, Debian 12 or Ubuntu 24.04 with the engine of Docker's own repository "
    "(docker_source: docker), at least 26.1"
)
# What the other source's packages are called: apt would remove one to install the other.
ENGINE_PACKAGES = {DISTRIBUTION: "docker.io", DOCKER: "docker-ce"}


@dataclasses.dataclass(frozen=True)
class Host:
    """What a host says about itself."""

    system: str
    release: str
    architecture: str
    installed: c.Mapping[str, str]
    candidates: c.Mapping[str, str]


def version_of(package: str) -> tuple[int, int]:
    """`5:27.3.1-1~debian` → (27, 3)."""
    match = re.match(r"(?:\d+:)?(\d+)\.(\d+)", package)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def judge(host: Host, source: str) -> str | None:
    """A warning for a pair that nobody tested; an error for one we do not take."""
    name = f"{host.system} {host.release}"
    if host.architecture != "x86_64":
        raise InputError("this processor is not supported", found=host.architecture, expected="x86_64 (amd64)")
    if (host.system, host.release) not in TESTED | UNTESTED:
        raise InputError("this operating system is not supported", found=name, expected=EXPECTED)
    if (host.system, host.release) in UNTESTED and source == DISTRIBUTION:
        raise InputError(
            f"the Docker Engine in {name} is too old", found="docker_source: distribution", expected=EXPECTED
        )
    other = ENGINE_PACKAGES[DISTRIBUTION if source == DOCKER else DOCKER]
    if other in host.installed:
        raise InputError(
            f"package {other} is installed, which docker_source: {source} would replace",
            found=f"{other} {host.installed[other]}",
            expected=f"no engine, or {ENGINE_PACKAGES[source]}",
            remedy="Set docker_source to where this engine comes from, or remove the package yourself.",
        )
    if source == DISTRIBUTION:
        return None
    package = ENGINE_PACKAGES[DOCKER]
    version = host.installed.get(package) or host.candidates.get(package)
    if version is None:
        raise InputError(
            f"no package {package} can be installed",
            expected="Docker's own repository in the host's apt configuration",
            remedy="Add the repository as Docker's manual says, or use Debian 13 with docker_source: distribution.",
        )
    if version_of(version) < OLDEST_ENGINE:
        raise InputError("the Docker Engine is too old", found=f"{package} {version}", expected="26.1 or newer")
    return f"untested: {name} with {package} {version}; tested is Debian 13 with its own docker.io"
