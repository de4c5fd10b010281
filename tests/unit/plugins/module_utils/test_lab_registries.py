# SPDX-License-Identifier: GPL-3.0-or-later
"""How this machine reaches the package registries."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_registries, _process
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_registries import AptMirrors, AptSource

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://one.example.org/debian
 http://two.example.org/debian
Suites: trixie trixie-updates
Components: main

Types: deb
URIs: http://one.example.org/security
Suites: trixie-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example.org/debian
Suites: trixie

Types: deb-src
URIs: http://source.example.org/debian
Suites: trixie
"""
ONE_LINE = """\
# deb http://off.example.org/debian trixie main
deb http://one.example.org/debian trixie main contrib
deb [signed-by=/usr/share/keyrings/x.gpg arch=amd64] http://two.example.org/debian trixie-updates main
deb-src http://source.example.org/debian trixie main
"""


def test_sources_of_both_formats_are_read() -> None:
    assert _lab_registries.parse_sources("debian.sources", DEB822) == [
        AptSource(
            ("http://one.example.org/debian", "http://two.example.org/debian"),
            ("trixie", "trixie-updates"),
        ),
        AptSource(("http://one.example.org/security",), ("trixie-security",)),
    ]
    assert _lab_registries.parse_sources("debian.list", ONE_LINE) == [
        AptSource(("http://one.example.org/debian",), ("trixie",)),
        AptSource(("http://two.example.org/debian",), ("trixie-updates",)),
    ]


def test_the_mirrors_are_those_of_the_machines_own_release() -> None:
    sources = _lab_registries.parse_sources("debian.sources", DEB822)
    assert _lab_registries.choose_mirrors(sources, "trixie") == (
        "http://one.example.org/debian",
        "http://one.example.org/security",
    )


def test_a_machine_without_security_archive_has_it_beside_the_archive() -> None:
    sources = [AptSource(("http://one.example.org/debian/",), ("trixie",))]
    assert _lab_registries.choose_mirrors(sources, "trixie")[1] == "http://one.example.org/debian-security"


def test_a_machine_without_archive_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"found: \['bookworm'\]. expected: trixie"):
        _lab_registries.choose_mirrors([AptSource(("http://one.example.org/debian",), ("bookworm",))], "trixie")


def test_only_settings_of_pip_that_choose_an_index_are_taken() -> None:
    shown = "global.cert='/etc/ssl/x'\nglobal.index-url='https://one.example.org/simple'\n:env:.timeout='180'\n"
    assert _lab_registries.pip_settings(shown) == {"index-url": "https://one.example.org/simple", "timeout": "180"}


def test_client_files_trust_the_given_certificates() -> None:
    assert _lab_registries.npmrc({"registry": "https://one.example.org/"}, "/ca.crt") == (
        "registry=https://one.example.org/\ncafile=/ca.crt\n"
    )
    assert _lab_registries.pip_conf({"timeout": "180"}, "/ca.crt") == "[global]\ntimeout = 180\ncert = /ca.crt\n"


def test_every_client_of_the_machine_is_asked_where_it_fetches_from(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "npm": 'registry = "https://npm.example.org/"',
        "go": "https://go.example.org|direct",
        "pip": "Looking in indexes\n  Found link https://files.example.org/a.whl (from https://pip.example.org/simple/)",
    }

    def run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        client = "pip" if "pip" in argv else argv[0]
        return subprocess.CompletedProcess(list(argv), 0, answers[client], "")

    archive, security = "http://one.example.org/debian", "http://one.example.org/security"
    proxy = 'Acquire::http::Proxy "http://proxy.example.org:3128";'
    monkeypatch.setattr("shutil.which", lambda program: program)
    monkeypatch.setattr(_process, "run", run)
    monkeypatch.setattr(_lab_registries, "apt_mirrors", lambda: AptMirrors(archive, security, (proxy,)))
    monkeypatch.setenv("HTTPS_PROXY", "http://other-proxy.example.org:8080")
    found = " ".join(_lab_registries.urls())
    for part in ("npm", "go", "files", "pip", "proxy", "other-proxy"):
        assert f"//{part}.example.org" in found
    assert archive in found
    assert security in found
