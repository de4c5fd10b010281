# SPDX-License-Identifier: GPL-3.0-or-later
"""How this machine reaches the package registries."""

from __future__ import annotations

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_registries
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_registries import AptMirrors, AptSource

DEB822 = """\
# comment
Types: deb deb-src
URIs: https://mirror.example.org/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://mirror.example.org/security
Suites:
 trixie-security
Components: main

Types: deb
URIs: https://off.example.org/
Suites: trixie
Enabled: no

Types: deb-src
URIs: https://source.example.org/
Suites: trixie
"""


def test_sources_in_the_deb822_format() -> None:
    assert _lab_registries.parse_sources("debian.sources", DEB822) == [
        AptSource(("https://mirror.example.org/debian",), ("trixie", "trixie-updates")),
        AptSource(("https://mirror.example.org/security",), ("trixie-security",)),
    ]


def test_sources_of_one_line_each() -> None:
    text = "# deb https://off.example.org x main\ndeb [arch=amd64] https://a.example.org trixie main\ndeb-src b c d\n"
    assert _lab_registries.parse_sources("sources.list", text) == [AptSource(("https://a.example.org",), ("trixie",))]


def test_the_mirrors_of_this_release_are_chosen() -> None:
    sources = _lab_registries.parse_sources("debian.sources", DEB822)
    archive, security = _lab_registries.choose_mirrors(sources, "trixie")
    assert AptMirrors(archive, security).sources("bookworm") == [
        "deb https://mirror.example.org/debian bookworm main",
        "deb https://mirror.example.org/debian bookworm-updates main",
        "deb https://mirror.example.org/security bookworm-security main",
    ]


def test_a_machine_without_an_archive_is_told_what_to_add() -> None:
    with pytest.raises(InputError, match=r"names no archive.*expected: trixie.*sources\.list\.d"):
        _lab_registries.choose_mirrors([AptSource(("https://a.example.org",), ("bookworm",))], "trixie")


def test_only_pips_settings_of_the_index_are_carried() -> None:
    text = "global.index-url='https://pypi.example.org/simple'\n:env:.timeout='180'\nfreeze.timeout='10'\nglobal.user='x'\n"
    assert _lab_registries.pip_settings(text) == {"index-url": "https://pypi.example.org/simple", "timeout": "180"}


def test_settings_as_files() -> None:
    assert _lab_registries.npmrc({"audit": "false"}, "/ca.crt") == "audit=false\ncafile=/ca.crt\n"
    assert _lab_registries.pip_conf({"timeout": "9"}, "/ca.crt") == "[global]\ntimeout = 9\ncert = /ca.crt\n"
