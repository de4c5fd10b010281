# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree as a whole: licences, no registry names, no paths of one person's machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.run import ROOT
from tests.tree import require_none, tracked

GENERATED = re.compile(
    r"^(LICENSE$|CHANGELOG\.md$|changelogs/changelog\.yaml$|docs/proof/|.*/package-lock\.json$|.*\.(svg|png|json)$)"
)


def _text(path: Path) -> str:
    return (ROOT / path).read_bytes().decode(errors="replace")


def test_every_file_names_its_licence() -> None:
    """An SPDX line, the module header, or an entry of REUSE.toml."""
    covered = re.compile(_reuse_pattern())
    missing = [
        path
        for path in tracked()
        if not re.search(r"SPDX-License-Identifier: |GNU General Public License v3\.0\+", _text(path)[:1500])
        and not covered.match(str(path))
    ]
    require_none(missing, "add '# SPDX-License-Identifier: GPL-3.0-or-later' near the top, or an entry in REUSE.toml")


def _reuse_pattern() -> str:
    names = [name for entry in tomllib.loads(_text(Path("REUSE.toml")))["annotations"] for name in entry["path"]]
    glob = [
        re.escape(name).replace(r"\*\*/", "(.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*") for name in names
    ]
    return "^(LICENSE|" + "|".join(glob) + ")$"


def _configured_registries() -> set[str]:
    """Host names of this machine's package registries, read from the clients' own settings."""
    commands = (
        ["npm", "config", "get", "registry"],
        ["go", "env", "GOPROXY"],
        ["pip", "config", "list"],
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"],
    )
    hosts: set[str] = set()
    for command in commands:
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
        except FileNotFoundError:
            continue
        hosts |= {urlsplit(url).hostname or "" for url in re.findall(r"https?://[^\s,'\"|]+", answer)}
    return {host for host in hosts if "." in host}


def test_tree_names_no_package_registry() -> None:
    """Registries come from the machine's configuration at run time, so the tree works behind any mirror."""
    hosts = _configured_registries()
    found = [f"{path}: {host}" for path in tracked() for host in hosts if host in _text(path)]
    require_none(found, "names a package registry; derive it from the machine's own settings at run time")


@pytest.mark.parametrize("path", tracked(r"(package-lock\.json|\.lock|go\.sum|npm-shrinkwrap\.json)$"), ids=str)
def test_lock_file_names_no_registry(path: Path) -> None:
    """No address that a package was once fetched from."""
    assert not re.findall(r'"?resolved"?\s*[:=]\s*"?https?://', _text(path)), f"{path} has addresses of a registry"


def test_tree_names_no_path_of_one_machine() -> None:
    """No home directory or workplace of the person who wrote it."""
    homes = re.compile(r"(?<![\w.~}])/(home/(?!ops\b)\w+|work/(main|shared))\b")
    found = [f"{path}: {m.group()}" for path in tracked() for m in [homes.search(_text(path))] if m]
    require_none(found, "names a directory of one person's machine")


def test_tree_has_no_leftover_marks() -> None:
    """What is planned is an issue, not a comment."""
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    found = [path for path in tracked() if not GENERATED.match(str(path)) and mark.search(_text(path))]
    require_none(found, "say it in an issue")
