# SPDX-License-Identifier: GPL-3.0-or-later
"""How this machine reaches the package registries, read from the settings of its own clients.

The lab builds images from packages. Nothing here knows a registry by name: whatever apt, npm and pip of the controller
are told to use is what the lab's images use too.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import _process
from ._errors import InputError, SeaworthyError

APT = Path("/etc/apt")
APT_SETTINGS = re.compile(
    r"^Acquire::(?:Check-Valid-Until|Check-Date|Max-FutureTime|https?::(?:Proxy|CAInfo|Timeout)) "
)
CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
NPM_SETTINGS = ("registry", "omit-lockfile-registry-resolved", "audit", "fund", "update-notifier")
PIP_SETTINGS = ("index-url", "extra-index-url", "timeout", "default-timeout", "disable-pip-version-check")
PIP_LINKS = ("-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "-vv", "pip")
PIP_LINK = "Found link "
PROXIES = ("http_proxy", "https_proxy")
CLIENTS = {
    "npm": ["npm", "config", "list", "--long"],
    "go": ["go", "env", "GOPROXY"],
}


@dataclass(frozen=True)
class AptMirrors:
    """Where Debian's packages come from: the archive, its security suite, and the settings to reach them."""

    archive: str
    security: str
    settings: tuple[str, ...] = ()

    def sources(self, suite: str) -> list[str]:
        """The one-line sources of a Debian release."""
        return [
            f"deb {self.archive} {suite} main",
            f"deb {self.archive} {suite}-updates main",
            f"deb {self.security} {suite}-security main",
        ]


@dataclass(frozen=True)
class AptSource:
    """One `Types: deb` entry of apt's configuration."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]


def parse_sources(name: str, text: str) -> list[AptSource]:
    """Read a file of sources.list.d in either of apt's formats; entries that are switched off are left out."""
    return _parse_deb822(text) if name.endswith(".sources") else _parse_one_line(text)


def _parse_deb822(text: str) -> list[AptSource]:
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and key:
                fields[key] += " " + line.strip()
            elif ":" in line:
                key, value = line.split(":", 1)
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        found.append(AptSource(tuple(fields.get("uris", "").split()), tuple(fields.get("suites", "").split())))
    return found


def _parse_one_line(text: str) -> list[AptSource]:
    found = []
    for line in text.splitlines():
        match = re.match(r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", line)
        if match:
            found.append(AptSource((match.group(1),), (match.group(2),)))
    return found


def choose_mirrors(sources: list[AptSource], codename: str) -> tuple[str, str]:
    """The archive and the security archive among the machine's sources: (archive, security)."""
    archive = [uri for source in sources if codename in source.suites for uri in source.uris]
    security = [uri for source in sources if f"{codename}-security" in source.suites for uri in source.uris]
    if not archive:
        raise InputError(
            "this machine's apt configuration names no archive for its own Debian release",
            found=sorted({suite for source in sources for suite in source.suites}),
            expected=codename,
            remedy="add the archive of this release to /etc/apt/sources.list.d and run the playbook again",
        )
    return archive[0], (security or [archive[0].rstrip("/") + "-security"])[0]


def apt_mirrors() -> AptMirrors:
    """The machine's own Debian mirrors and the apt settings that are needed to reach them."""
    files = [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*"))]
    sources = [
        source
        for file in files
        if file.suffix in (".list", ".sources") and file.is_file()
        for source in parse_sources(file.name, file.read_text())
    ]
    archive, security = choose_mirrors(sources, platform.freedesktop_os_release().get("VERSION_CODENAME", ""))
    dump = _run(["apt-config", "dump"]).splitlines()
    settings = tuple(line for line in dump if APT_SETTINGS.match(line))
    return AptMirrors(archive, security, settings)


def npm_settings() -> dict[str, str]:
    """The npm settings that decide which registry is asked, and how; empty when the machine has no npm."""
    if shutil.which("npm") is None:
        return {}
    shown = json.loads(_run(["npm", "config", "list", "--json"]))
    return {key: _plain(shown[key]) for key in NPM_SETTINGS if shown.get(key) is not None}


def pip_settings(text: str) -> dict[str, str]:
    """The settings of a `pip config list` that decide which index is asked."""
    found = {}
    for line in text.splitlines():
        name, _equals, value = line.partition("=")
        section, _dot, key = name.strip().rpartition(".")
        if section in ("global", "install", ":env:") and key in PIP_SETTINGS:
            found[key] = value.strip().strip("'")
    return found


def npmrc(settings: Mapping[str, str], ca_file: str) -> str:
    """An npmrc with these settings that trusts the certificates of ca_file."""
    return "".join(f"{key}={value}\n" for key, value in {**settings, "cafile": ca_file}.items())


def pip_conf(settings: Mapping[str, str], ca_file: str) -> str:
    """A pip.conf with these settings that trusts the certificates of ca_file."""
    lines = [f"{key} = {value}" for key, value in {**settings, "cert": ca_file}.items()]
    return "[global]\n" + "\n".join(lines) + "\n"


def ca_bundle() -> bytes:
    """The certificates this machine trusts, its own additions among them."""
    for name in (os.environ.get("SSL_CERT_FILE", ""), *CA_BUNDLES):
        if name and Path(name).is_file():
            return Path(name).read_bytes()
    raise InputError(
        "this machine has no bundle of trusted certificates",
        found="none of " + ", ".join(CA_BUNDLES),
        expected="the file that package ca-certificates makes",
        remedy="apt-get install ca-certificates",
    )


def urls() -> Iterator[str]:
    """Texts that name every address from which this machine's package clients fetch, proxies on the way among them."""
    mirrors = apt_mirrors()
    yield from (mirrors.archive, mirrors.security, *mirrors.settings)
    yield from (value for name, value in os.environ.items() if name.lower() in PROXIES)
    for client, argv in CLIENTS.items():
        if shutil.which(client):
            yield _process.run(argv).stdout
    # Files may lie on another host than the index that names them, so pip is asked for the links of one package.
    links = _process.run([sys.executable, *PIP_LINKS]).stdout
    yield from (line for line in links.splitlines() if PIP_LINK in line)


def _plain(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _run(argv: list[str]) -> str:
    done = _process.run(argv)
    if done.returncode:
        raise SeaworthyError(f"{argv[0]} does not tell its settings", found=done.stderr.strip(), expected="exit code 0")
    return done.stdout
