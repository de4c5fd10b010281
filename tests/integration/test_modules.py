# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module of the hosts on a manager of the lab: refusals, check mode, create, again, change, remove, again.

The steps of a module are targets/<module>.yml. What they make is called it-* and is removed at their end.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from ansible_collections.seaworthy.swarm.plugins.plugin_utils._secrets import certificate_authority
from tests.system.lab import Lab
from tests.tree import require_none, tracked

TARGETS = tracked(r"^tests/integration/targets/[^/]+\.yml$")
# Modules without steps of their own here, and where they run in this same test run.
ELSEWHERE = {
    "tests/unit, and `make up` on the controller": {"app_build", "apps", "host_tool", "pins", "preflight", "secrets"},
    "tests/system: they change a whole host, swarm or edge": {
        "app_image",
        "certificates",
        "platform_teardown",
        "swarm_member",
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


def test_nothing_is_left(lab: Lab) -> None:
    """The lab is as before."""
    found = []
    for kind in KINDS:
        words = ("docker", kind, "ls", "--filter", "name=it-", "--format", "{{.Name}}")
        names = lab.on("m1", *words).require_success().output.split()
        found += [f"{kind} {name}" for name in names if name.startswith("it-")]
    listed = lab.on("m1", "find", "/root", "-maxdepth", "1", "-name", "it-*").require_success().output
    require_none([*found, *listed.split()], "left behind on m1")
