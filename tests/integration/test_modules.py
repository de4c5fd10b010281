# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module of the hosts on a manager of the lab: refusals, check mode, create, again, change, remove, again.

The steps of a module are targets/<module>.yml. What they make is called it-* and is removed at their end.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.seaworthy.swarm.plugins.plugin_utils._secrets import certificate_authority
from tests.run import ROOT
from tests.system.lab import Lab, Recap
from tests.tree import require_none, tracked

TARGETS = tracked(r"^tests/integration/targets/[^/]+\.yml$")
# Modules without steps of their own here, and where they run in this same test run.
ELSEWHERE = {
    "tests/unit, and `make up` on the controller": {
        "app_build",
        "apps",
        "certificate_check",
        "host_tool",
        "pins",
        "preflight",
        "secrets",
    },
    "tests/unit and tests/system: it needs the controller only": {"app_check"},
    "tests/system: they change a whole host, swarm or edge": {
        "app_image",
        "certificates",
        "platform_teardown",
        "swarm_member",
    },
    "tests/system/drills: they are about an application that serves": {
        "app_logs",
        "app_run",
        "app_run_unit",
        "estate_status",
    },
}
KINDS = ("config", "secret", "network", "service")


@pytest.fixture(scope="session")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets that nothing may print, as a file of variables."""
    made = {name: secrets.token_hex(20) for name in ("it_value", "it_value2", "it_digest_key")}
    made |= {name: certificate_authority() for name in ("it_authority", "it_authority2")}
    path = tmp_path_factory.mktemp("integration") / "values.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(made))
    return path


def _printable(value: str) -> str:
    """Of a key a line in its middle: labels and certificates are no secret."""
    return value.splitlines()[1] if value.startswith("-----BEGIN") else value


def test_every_module_has_a_target() -> None:
    """A new module is tried on a real engine, or it is said where it is."""
    modules = {path.stem for path in tracked(r"^plugins/modules/[^/]+\.py$") if not path.name.startswith("lab_")}
    missing = modules - {path.stem for path in TARGETS} - {name for names in ELSEWHERE.values() for name in names}
    require_none(sorted(missing), "write tests/integration/targets/<module>.yml")


@pytest.mark.parametrize("target", TARGETS, ids=lambda path: path.stem)
def test_module(target: Path, lab: Lab, values: Path) -> None:
    """Every step, with all that Ansible can say about it; no secret is said."""
    words = ["--diff", "-vvv", "-e", f"@{values}", target]
    result = lab.ansible_playbook(*words, log=f"integration/{target.stem}.log", timeout=300)
    said = [name for name, value in json.loads(values.read_text()).items() if _printable(value) in result.output]
    require_none(said, f"a secret was printed, see {result.log}")
    result.require_success()


def test_examples_run(lab: Lab, values: Path, tmp_path: Path) -> None:
    """The examples of these modules as they are documented, in check mode: they name parts of the platform."""
    (tmp_path / "haproxy.cfg.j2").write_text("defaults\n")
    tasks = [task for target in TARGETS for task in _examples(target.stem)]
    play = {"hosts": "swarm_managers[0]", "gather_facts": False, "become": True, "tasks": tasks}
    made = json.loads(values.read_text())
    secret_names = {"secret_digest_key": "it_digest_key", "acme_account_key": "it_value", "internal_ca": "it_authority"}
    fetched = {"secrets": {name: made[source] for name, source in secret_names.items()}}
    fetch = {"ansible.builtin.set_fact": {"__seaworthy_secrets": fetched}, "no_log": True}
    first = {"hosts": "localhost", "gather_facts": False, "tasks": [fetch]}
    playbook = tmp_path / "examples.yml"
    playbook.touch(mode=0o600)
    playbook.write_text(yaml.safe_dump([first, play]))
    result = lab.ansible_playbook("--check", "--diff", playbook, log="integration/examples.log", timeout=300)
    recap = Recap.read(result.require_success().output)
    assert recap.hosts["m1"]["ok"] == len(tasks)


def _examples(module: str) -> list[dict[str, Any]]:
    text = (ROOT / "plugins/modules" / f"{module}.py").read_text()
    found: list[dict[str, Any]] = yaml.safe_load(text.partition('EXAMPLES = r"""')[2].partition('"""')[0])
    return found


def test_nothing_is_left(lab: Lab) -> None:
    """The lab is as before."""
    found = []
    for kind in KINDS:
        words = ("docker", kind, "ls", "--filter", "name=it-", "--format", "{{.Name}}")
        names = lab.on("m1", *words).require_success().output.split()
        found += [f"{kind} {name}" for name in names if name.startswith("it-")]
    listed = lab.on("m1", "find", "/root", "-maxdepth", "1", "-name", "it-*").require_success().output
    require_none([*found, *listed.split()], "left behind on m1")
