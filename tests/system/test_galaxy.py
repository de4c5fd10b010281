# SPDX-License-Identifier: GPL-3.0-or-later
"""A project that installed the collection: no checkout, no Makefile, the tarball and PyPI's ansible only."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.run import ROOT, Result, run
from tests.system.lab import Lab, Recap
from tests.system.proof import Prove
from tests.tools.build import build

pytestmark = pytest.mark.drill

SEEN: set[str] = set()  # what the proof needs to have passed before it
BY_NAME = [
    {
        "name": "One role and one module by their full names",
        "hosts": "swarm_managers",
        "become": True,
        "gather_facts": True,
        "roles": [{"role": "seaworthy.swarm.host_baseline"}],
        "post_tasks": [{"name": "Ask the swarm", "seaworthy.swarm.swarm_info": {}, "register": "answer"}],
    }
]


@dataclass(frozen=True)
class Project:
    """An empty directory with an environment of its own, into which the tarball was installed."""

    folder: Path
    programs: Path

    def run(self, *words: object, log: str, timeout: float = 1200) -> Result:
        """Run one of Ansible's programs as a user of the collection does: nothing of the checkout is visible."""
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        env = {"PATH": path, "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"), "PYTHONPATH": ""}
        env |= {"ANSIBLE_HOME": str(self.folder / ".ansible"), "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg")}
        program = self.programs / str(words[0])
        return run([program, *words[1:]], log=f"system/galaxy-{log}.log", cwd=self.folder, env=env, timeout=timeout)

    def install(self, tarball: Path, *words: str) -> Result:
        """Install the collection from the tarball alone."""
        where = ["-p", self.folder / "collections"]
        return self.run("ansible-galaxy", "collection", "install", "--offline", tarball, *where, *words, log="install")


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user gets."""
    return build(tmp_path_factory.mktemp("tarball"))


def _project(folder: Path, programs: Path) -> Project:
    """A project with the lab's inventory and one app file."""
    shutil.copytree(ROOT / "inventories/lab", folder / "inventories/lab")
    shutil.copy(ROOT / "inventories/lab_vault_password.sh", folder)
    settings = ["[defaults]", "vault_password_file = lab_vault_password.sh", "[connection]", "pipelining = True"]
    (folder / "ansible.cfg").write_text("\n".join(settings) + "\n")
    app = yaml.safe_load((ROOT / "apps/shop.yml").read_text())
    app["compose"] = ["../collections/ansible_collections/seaworthy/swarm/examples/shop/compose.yaml"]
    (folder / "apps").mkdir()
    (folder / "apps/shop.yml").write_text(yaml.safe_dump(app))
    (folder / "by_name.yml").write_text(yaml.safe_dump(BY_NAME))
    return Project(folder, programs)


@pytest.fixture(scope="module")
def project(lab: Lab, tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with PyPI's ansible in a fresh environment."""
    del lab
    folder = tmp_path_factory.mktemp("project")
    run([sys.executable, "-m", "venv", folder / "venv"], log="system/galaxy-venv.log").require_success()
    words = [folder / "venv/bin/python", "-m", "pip", "install", "-r", ROOT / "requirements.txt"]
    run(words, log="system/galaxy-pip.log", timeout=900).require_success()
    made = _project(folder, folder / "venv/bin")
    made.install(tarball).require_success()
    return made


def test_galaxy_site(project: Project) -> None:
    """`seaworthy.swarm.site` from the installed collection finds the running lab as it should be."""
    result = project.run("ansible-playbook", "-i", "inventories/lab", "seaworthy.swarm.site", log="site", timeout=1800)
    recap = Recap.read(result.require_success().output)
    assert recap.changed == frozenset()
    assert str(ROOT) not in result.output
    SEEN.add("site")


def test_galaxy_role_and_module_by_name(project: Project) -> None:
    """One role and one module in somebody's own playbook."""
    result = project.run("ansible-playbook", "-i", "inventories/lab", "by_name.yml", log="by-name").require_success()
    assert Recap.read(result.output).total("changed") == 0
    SEEN.add("by name")


def test_galaxy_without_dependencies(tarball: Path, tmp_path: Path, prove: Prove) -> None:
    """With ansible-core alone the error names what is missing, and no host is touched."""
    floor = run([ROOT / ".ci/venv", "floor"], log="system/galaxy-floor.log").require_success()
    bare = _project(tmp_path, Path(floor.output.splitlines()[-1]) / "bin")
    refused = bare.install(tarball)
    assert refused.returncode != 0
    assert "community.docker" in refused.output
    bare.install(tarball, "--no-deps").require_success()
    result = bare.run("ansible-playbook", "-i", "inventories/lab", "seaworthy.swarm.site", log="bare-site")
    assert result.returncode != 0
    for missing in ("community.docker", "community.crypto", "libpass", "pip install ansible"):
        assert missing in result.output, f"the error does not name {missing}"
    assert "m1" not in Recap.read(result.output).hosts
    if {"site", "by name"} <= SEEN:
        prove("galaxy", "site changed=0, role and module changed=0; without dependencies each is named", {})
