# SPDX-License-Identifier: GPL-3.0-or-later
"""Module certificates: when it starts the issuer, and when not."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _acme, _objects
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.modules import certificates

PARAMS: dict[str, t.Any] = {
    "names": ["a.example.com"],
    "email": "ops@example.com",
    "directory": "https://acme.example.com/dir",
    "ca_file": None,
    "addresses": ["192.0.2.11"],
    "edges": [{"name": "m1", "address": "10.0.0.11"}],
    "wait_seconds": 60,
}


class Module:
    """As much of AnsibleModule as is used; a started unit issues at once."""

    def __init__(self, issuer: Issuer, check: bool = False) -> None:
        self.params = PARAMS
        self.check_mode = check
        self.issuer = issuer
        self.active = "inactive"
        self.started = 0
        self.code = 0

    def run_command(self, argv: list[str]) -> tuple[int, str, str]:
        if argv[1] == "is-active":
            return 0, f"{self.active}\n", ""
        self.started += 1
        self.issuer.missing = {} if self.code == 0 else self.issuer.missing
        return self.code, "", "Job failed\n"


class Issuer:
    """Says what is due."""

    def __init__(self) -> None:
        self.missing = {"a.example.com": "there is none"}
        self.verified = 0

    def due(self) -> dict[str, str]:
        return self.missing

    def served(self) -> dict[str, t.Any]:
        return {}

    def verify(self, seconds: float) -> None:
        self.verified += 1


@pytest.fixture
def issuer(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    found = Issuer()
    monkeypatch.setattr(_acme, "SETTINGS", tmp_path / "certs.json")
    monkeypatch.setattr(_acme, "RESULT", tmp_path / "result.json")
    monkeypatch.setattr(_acme, "new_issuer", lambda *_arguments: found)
    monkeypatch.setattr(_objects, "open_cluster", lambda _check: None)
    return found


def test_it_issues_once(issuer: Issuer) -> None:
    module = Module(issuer)
    assert certificates.run(module)["changed"] is True
    assert json.loads(_acme.SETTINGS.read_text())["names"] == ["a.example.com"]
    assert certificates.run(module)["changed"] is False
    assert (module.started, issuer.verified) == (1, 2)


def test_check_mode_starts_nothing(issuer: Issuer) -> None:
    module = Module(issuer, check=True)
    result = certificates.run(module)
    assert result["changed"] is True
    assert "a.example.com: there is none" in result["diff"][1]["after"]
    assert (module.started, issuer.verified, _acme.SETTINGS.exists()) == (0, 0, False)


def test_a_run_that_goes_on_is_not_ours(issuer: Issuer) -> None:
    module = Module(issuer)
    certificates.run(module)
    issuer.missing = {"a.example.com": "it ends soon"}
    module.active = "activating"
    assert certificates.run(module)["changed"] is False


def test_the_reason_is_told(issuer: Issuer) -> None:
    module = Module(issuer)
    module.code = 1
    _acme.RESULT.write_text('["a.example.com does not lead to the edges"]')
    with pytest.raises(SeaworthyError, match="does not lead to the edges"):
        certificates.run(module)
    _acme.RESULT.unlink()
    with pytest.raises(SeaworthyError, match="Job failed"):
        certificates.run(module)
