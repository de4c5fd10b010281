# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as a whole: what is shipped, Ansible's checks of it, the oldest ansible-core, the documentation."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sysconfig
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.run import ROOT, run
from tests.tools import settings
from tests.tools.build import build
from tests.tree import require_none, tracked

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaworthy"
SHIPPED = re.compile(
    r"^(plugins|roles|playbooks|meta|docs|inventories|apps|examples|changelogs)/|"
    r"^(README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|MANIFEST\.json|FILES\.json|site\.yml|versions\.yml|"
    r"bindep\.txt|requirements\.txt|constraints\.txt)$"
)


def _galaxy() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    return loaded


def _runtime() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as a user gets it."""
    return build(tmp_path_factory.mktemp("galaxy"))


@pytest.fixture(scope="module")
def unpacked(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped files in the place that ansible-test wants."""
    place = tmp_path_factory.mktemp("shipped") / "ansible_collections" / "seaworthy" / "swarm"
    with tarfile.open(tarball) as archive:
        archive.extractall(place, filter="data")
    return place


def test_tarball_holds_what_users_need_and_nothing_else(tarball: Path) -> None:
    """No tests, scenarios, proofs, dot files or settings of our tools."""
    with tarfile.open(tarball) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    other = [name for name in names if not SHIPPED.match(name) or name.startswith("docs/proof/")]
    require_none(other, "not for users: name it in build_ignore of galaxy.yml")
    hidden = [name for name in names if any(part.startswith(".") for part in Path(name).parts)]
    wanted = (".dockerignore", ".npmrc")  # parts of the example that people start from
    require_none([name for name in hidden if not name.endswith(wanted)], "dot files are not shipped")
    needed = {"README.md", "LICENSE", "CHANGELOG.md", "meta/runtime.yml", "versions.yml", "playbooks/site.yml"}
    require_none(sorted(needed - set(names)), "missing in the tarball")


def test_galaxy_importer(tarball: Path, tmp_path: Path) -> None:
    """The checks that Galaxy runs on an upload."""
    work = tmp_path / "importer"
    work.mkdir()
    shutil.copy(tarball, work)
    config = work / "importer.cfg"
    config.write_text("[galaxy-importer]\nRUN_ANSIBLE_TEST=False\nRUN_ANSIBLE_LINT=False\nCHECK_REQUIRED_TAGS=True\n")
    words = ["python", "-m", "galaxy_importer.main", work / tarball.name]
    result = run(words, log="lint/galaxy-importer.log", cwd=work, env={"GALAXY_IMPORTER_CONFIG": str(config)})
    result.require_success()
    assert "Importer processing completed successfully" in result.output
    bad = [line for line in result.output.splitlines() if re.match(r"(WARNING|ERROR)", line)]
    require_none(bad, "galaxy-importer complains")


def test_ansible_test_sanity(unpacked: Path) -> None:
    """Every sanity test of ansible-core on the shipped files."""
    home = CACHE / "ansible-test"
    _offline_get_pip(home)
    tests = unpacked / "tests"
    tests.mkdir()
    shutil.copy(ROOT / "tests/config.yml", tests)
    galaxy = {key: value for key, value in _galaxy().items() if key != "build_ignore"}
    (unpacked / "galaxy.yml").write_text(yaml.safe_dump(galaxy))
    for generated in ("MANIFEST.json", "FILES.json"):
        (unpacked / generated).unlink()
    run(["git", "init", "-q", "."], log="lint/sanity-git.log", cwd=unpacked).require_success()
    run(["git", "add", "-A"], log="lint/sanity-git.log", cwd=unpacked).require_success()
    # ansible-test keeps its own environments in HOME: ours, so that nobody else's are touched.
    settings = {"HOME": str(home), "ANSIBLE_HOME": str(home / ".ansible"), "LC_ALL": "C.UTF-8"}
    settings["XDG_CONFIG_HOME"] = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    # pyenv's stand-ins answer only for chosen versions; the real interpreters come first.
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    settings["PATH"] = os.pathsep.join([*map(str, sorted(versions.glob("3.1[1-9].*/bin"))), os.environ["PATH"]])
    words = ["ansible-test", "sanity", "--python", "default", "--color", "no", "-v"]
    run(words, log="lint/sanity.log", cwd=unpacked, env=settings, timeout=1200).require_success()


def test_sanity_ignores_nothing() -> None:
    """There is no file of excuses."""
    assert not (ROOT / "tests/sanity").exists()


def _offline_get_pip(home: Path) -> None:
    """ansible-test downloads a script to get pip; Python's own ensurepip does the same without."""
    spec = importlib.util.find_spec("ansible_test")
    assert spec is not None and spec.submodule_search_locations, "ansible-test is part of ansible-core"
    source = Path(spec.submodule_search_locations[0], "_internal", "python_requirements.py").read_text()
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in re.findall(r"pip='([\d.]+)'", source):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text("import ensurepip\n\nensurepip.bootstrap()\n")


def test_floor_runs_unit_tests() -> None:
    """The unit tests on the oldest ansible-core we support."""
    words = [".ci/venv", "floor", "python", "-m", "pytest", "-q", "tests/unit"]
    run(words, log="lint/floor-unit.log", timeout=900).require_success()


def _playbooks() -> list[Path]:
    return [Path("site.yml"), *tracked(r"^playbooks/[^/]+\.yml$")]


@pytest.mark.parametrize("playbook", _playbooks(), ids=str)
def test_floor_reads_playbook(playbook: Path) -> None:
    """Every playbook's syntax on the oldest ansible-core (ansible-lint checks it on the newest)."""
    collections = f"{ROOT / '.ansible/collections'}:{sysconfig.get_path('purelib')}"
    words = [".ci/venv", "floor", "ansible-playbook", "--syntax-check", playbook]
    words += ["-e", "seaworthy_app=shop", "-e", "seaworthy_version=1"]
    log = f"lint/floor-{playbook.stem}.log"
    run(words, log=log, env={"ANSIBLE_COLLECTIONS_PATH": collections}).require_success()


@pytest.mark.parametrize("inventory", sorted({path.parts[1] for path in tracked(r"^inventories/[^/]+/")}))
def test_inventory_is_complete(inventory: str) -> None:
    """Each example inventory is read without a warning."""
    words = ["ansible-inventory", "-i", f"inventories/{inventory}", "--graph"]
    result = run(words, log=f"lint/inventory-{inventory}.log").require_success()
    assert "WARNING" not in result.output, result.output


def test_oldest_core_is_declared_once() -> None:
    """meta/runtime.yml is the source; the floor environment and ansible-lint's settings follow it."""
    oldest = re.fullmatch(r">=(\d+\.\d+)\.0", _runtime()["requires_ansible"])
    assert oldest is not None
    assert f"ansible-core=={oldest.group(1)}." in (ROOT / "requirements-floor.txt").read_text()
    newest = re.search(r"^ansible-core==2\.(\d+)\.", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert newest is not None
    also = yaml.safe_load((ROOT / ".ansible-lint").read_text())["supported_ansible_also"]
    assert also == [f"2.{minor}" for minor in range(20, int(newest.group(1)) + 1)]


def test_action_group_names_every_swarm_module() -> None:
    """module_defaults for the group reach each module that talks to the cluster."""
    files = tracked(r"^plugins/modules/[^_][^/]*\.py$")
    talking = sorted(path.stem for path in files if path.stem.startswith("swarm_"))
    assert sorted(_runtime()["action_groups"]["swarm"]) == talking


def test_plugin_documentation() -> None:
    """Every plugin's and role's documentation can be rendered, and what it refers to exists."""
    words = ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "dependent", "."]
    run(words, log="lint/antsibull-docs.log", timeout=900).require_success()


def test_changelog() -> None:
    """Fragments are well formed."""
    run(["antsibull-changelog", "lint"], log="lint/changelog.log").require_success()


def test_dependencies_come_from_the_pinned_ansible_package() -> None:
    """galaxy.yml asks for collections that `pip install -r requirements.txt` brings, in versions that fit."""
    words = ["ansible-galaxy", "collection", "list", "--format", "json"]
    result = run(words, log="lint/collections.log").require_success()
    listed = json.loads(result.output[result.output.index("{") : result.output.rindex("}") + 1])
    found = {name: entry["version"] for place in listed.values() for name, entry in place.items()}
    for name, wanted in _galaxy()["dependencies"].items():
        assert SpecifierSet(wanted).contains(found[name]), f"{name} {found[name]} is not {wanted}"


def test_table_of_settings_is_current() -> None:
    """docs/existing_hosts.md has the settings of _estate.py."""
    assert not settings.outdated(), "run: make docs"


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md names each pinned package and each Debian package that is installed."""
    told = set(re.findall(r"`([a-z0-9.-]+)`", (ROOT / "docs/dependencies.md").read_text()))
    pinned = {
        name
        for path in ("requirements.txt", "requirements-dev.txt")
        for name in re.findall(r"^([a-z][a-z0-9-]*)==", (ROOT / path).read_text(), re.MULTILINE)
    }
    debian = set(re.findall(r"\b[a-z0-9]+:([a-z.0-9-]+)", (ROOT / ".ci/packages").read_text())) | set(
        _galaxy()["dependencies"]
    )
    require_none(sorted((pinned | debian) - {name.lower() for name in told}), "no reason in docs/dependencies.md")


def test_commands_of_the_documentation_exist() -> None:
    """Every make target, playbook and file that README and docs tell people to type."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    missing = []
    for path in tracked(r"^(README|CONTRIBUTING|docs/[^/]+)\.md$"):
        for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", (ROOT / path).read_text(), re.MULTILINE | re.DOTALL):
            missing += [f"{path}: make {name}" for name in re.findall(r"\bmake ([a-z]+)", block) if name not in targets]
            for name in re.findall(r"seaworthy\.swarm\.([a-z_]+)", block):
                if not (ROOT / "playbooks" / f"{name}.yml").is_file():
                    missing.append(f"{path}: seaworthy.swarm.{name}")
            for name in re.findall(r"(?:^|\s)((?:playbooks/|\.ci/|requirements)[\w./-]+)", block):
                if not (ROOT / name).is_file():
                    missing.append(f"{path}: {name}")
    require_none(missing, "told to people, but not there")
