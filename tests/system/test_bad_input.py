# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input ends in a clear message with file and key, before a host is changed; mostly before one is contacted."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.run import ROOT, Result, run
from tests.system.lab import Lab, Recap

pytestmark = pytest.mark.smoke


@dataclass(frozen=True)
class Project:
    """A copy of the lab's inventory and of the shop's files, whose hosts tell when somebody comes."""

    folder: Path

    @property
    def settings(self) -> Path:
        return self.folder / "inventory/group_vars/all/seaworthy.yml"

    @property
    def hosts(self) -> Path:
        return self.folder / "inventory/hosts.yml"

    @property
    def app(self) -> Path:
        return self.folder / "apps/shop.yml"

    @property
    def compose(self) -> Path:
        return self.folder / "shop/compose.yaml"

    def add(self, line: str) -> None:
        self.settings.write_text(f"{self.settings.read_text()}{line}\n")

    def site(self, name: str, playbook: str = "site", *words: str) -> Result:
        apps = ["-e", f"seaworthy_apps_dir={self.folder / 'apps'}"]
        argv = [ROOT / ".ci/venv", "runtime", "ansible-playbook", "-i", self.folder / "inventory", *apps, *words]
        env = {"XDG_STATE_HOME": str(self.folder / "state"), "COLUMNS": "400"}
        return run([*argv, ROOT / f"playbooks/{playbook}.yml"], log=f"system/bad-input-{name}.log", env=env)

    @property
    def contacted(self) -> bool:
        return (self.folder / "contacted").exists()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Good input; each test spoils it."""
    shutil.copytree(ROOT / "inventories/lab", tmp_path / "inventory")
    (tmp_path / "apps").mkdir()
    (tmp_path / "shop").mkdir()
    shutil.copy(ROOT / "examples/shop/compose.yaml", tmp_path / "shop")
    text = (ROOT / "apps/shop.yml").read_text()
    (tmp_path / "apps/shop.yml").write_text(text.replace("../examples/shop/", "../shop/"))
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/contacted\nexit 255\n")
    program.chmod(0o755)
    (tmp_path / "inventory/group_vars/all/contact.yml").write_text(f"ansible_ssh_executable: {program}\n")
    return Project(tmp_path)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def second_app(project: Project) -> None:
    shutil.copy(project.app, project.app.with_name("other.yml"))


def secret_without_generator(project: Project) -> None:
    replace(project.app, "{generate: password}", "{}")


SPOILED: dict[str, tuple[Callable[[Project], object], str]] = {
    "misspelt-variable": (
        lambda p: p.add("seaworthy_domian: example.com"),
        r"seaworthy\.yml:\d+: seaworthy_domian is no variable of this collection; did you mean seaworthy_domain\?",
    ),
    "misspelt-input": (
        lambda p: p.add("docker_registry_mirrrors: []"),
        r"seaworthy\.yml:\d+: docker_registry_mirrrors is no input of a role; did you mean docker_registry_mirrors\?",
    ),
    "missing-domain": (
        lambda p: replace(p.settings, "seaworthy_domain: lab.test\n", ""),
        r"seaworthy_domain.*Set it in group_vars/all",
    ),
    "unknown-group": (
        lambda p: replace(p.hosts, "swarm_managers:", "swarm_manager:"),
        r"hosts\.yml:\d+: unknown group swarm_manager; did you mean swarm_managers\?",
    ),
    "two-managers": (
        lambda p: replace(p.hosts, "swarm_managers:\n      hosts:\n        m1:\n", "swarm_managers:\n      hosts:\n"),
        r"group swarm_managers has 2 hosts",
    ),
    "subnet-overlap": (
        lambda p: p.add("swarm_address_pool: 192.168.0.0/16"),
        r"seaworthy\.yml:\d+: swarm_address_pool 192\.168\.0\.0/16 contains the private_ip 192\.168\.89\.11 of m1",
    ),
    "subnets-overlap-each-other": (
        lambda p: p.add("swarm_gateway_subnet: 10.201.7.0/24"),
        r"swarm_address_pool 10\.201\.0\.0/16 overlaps swarm_gateway_subnet 10\.201\.7\.0/24",
    ),
    "two-apps-one-hostname": (
        second_app,
        r"apps/shop\.yml: routes: the hostname shop\.lab\.test belongs to the application other already",
    ),
    "bad-yaml": (lambda p: p.app.write_text("compose: [\nversion: 1\n"), r"apps/shop\.yml:\d+: this is no YAML"),
    "bad-yaml-in-compose": (
        lambda p: p.compose.write_text("services:\n  web: [\n"),
        r"shop/compose\.yaml:? ?.*(line|:)\s*\d+",
    ),
    "unset-variable": (
        lambda p: replace(p.compose, "${EXIT_AT_ONCE:-0}", "${EXIT_AT_ONSE}"),
        r"shop/compose\.yaml:\d+: \$\{EXIT_AT_ONSE\}.*Set them under `environment` in .*apps/shop\.yml",
    ),
    "key-we-do-not-take": (
        lambda p: replace(p.compose, "    build: ./web\n", "    build: ./web\n    privileged: true\n"),
        r"(shop\.yml|compose\.yaml):.*web.*privileged.*owns its host",
    ),
    "unknown-key-of-the-app": (
        lambda p: replace(p.app, "routes:", "rutes:"),
        r"apps/shop\.yml: rutes: unknown key\. Did you mean routes\?",
    ),
    "missing-secret": (
        secret_without_generator,
        r"1 secret is missing: shop/SESSION_KEY\. Run `ansible-vault create .*/secrets\.yml`",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_refused_on_the_controller(project: Project, name: str) -> None:
    """One play on this machine, no host contacted."""
    spoil, message = SPOILED[name]
    spoil(project)
    result = project.site(name)
    assert result.returncode != 0
    assert re.search(message, result.output), result.output
    assert result.output.count("PLAY [") == 1
    assert not project.contacted


def test_all_problems_of_an_inventory_come_at_once(project: Project) -> None:
    """Not one after the other, run by run."""
    project.add("seaworthy_domian: example.com\nswarm_address_pool: 192.168.0.0/16")
    replace(project.settings, "seaworthy_acme_email: ops@lab.test\n", "")
    output = project.site("all-at-once").output
    assert all(word in output for word in ("seaworthy_domian", "swarm_address_pool", "seaworthy_acme_email is missing"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"Say which application and which version: -e seaworthy_app=shop"),
        (["-e", "seaworthy_app=shpo"], r"there is no application shpo.*Did you mean shop\?"),
    ],
)
def test_deploy_wants_an_application_that_exists(project: Project, words: list[str], message: str) -> None:
    """And says how to name it."""
    result = project.site(f"deploy-{len(words)}", "deploy", *words)
    assert result.returncode != 0
    assert re.search(message, result.output), result.output
    assert not project.contacted


@pytest.fixture
def old_system(lab: Lab) -> Generator[None]:
    """m1 says it is a system that we do not take."""
    words = {"ID": "debian", "VERSION_ID": "11", "NAME": "Debian GNU/Linux", "VERSION_CODENAME": "bullseye"}
    text = "".join(f'{key}="{value}"\\n' for key, value in words.items())
    lab.on("m1", "sh", "-c", f"printf '{text}' > /run/os-release && mount --bind /run/os-release /usr/lib/os-release")
    yield
    lab.on("m1", "umount", "/usr/lib/os-release").require_success()


def unchanged(result: Result) -> None:
    """It failed, and no host was changed."""
    hosts = Recap.read(result.output).hosts
    assert result.returncode != 0
    assert {name: counters["changed"] for name, counters in hosts.items()} == dict.fromkeys(hosts, 0)


@pytest.mark.usefixtures("old_system")
def test_an_unsupported_system_stops_the_run_on_all_hosts(lab: Lab) -> None:
    """One host is wrong: the others stay as they are, too."""
    result = lab.ansible_playbook("playbooks/platform.yml", log="system/bad-input-system.log")
    unchanged(result)
    assert re.search(r"this operating system is not supported.*debian 11", result.output)


def test_an_unsupported_engine_stops_the_run(lab: Lab) -> None:
    """An engine from elsewhere is not replaced in silence."""
    words = ["playbooks/platform.yml", "-e", "docker_source=docker"]
    result = lab.ansible_playbook(*words, log="system/bad-input-engine.log")
    unchanged(result)
    assert "docker_source" in result.output


def test_the_good_input_is_good(project: Project) -> None:
    """Otherwise every test above would prove nothing: the copy itself gets as far as its hosts."""
    raw = yaml.safe_load(project.hosts.read_text())
    assert "swarm_managers" in raw["all"]["children"]
    result = project.site("good", "platform")
    assert "unreachable=1" in result.output
    assert project.contacted
