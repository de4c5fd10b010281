# SPDX-License-Identifier: GPL-3.0-or-later
"""The host program: its exit code and its files are the truth."""

from __future__ import annotations

import json
import pathlib
import ssl
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _cli, _edges
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import ReleaseFailed
from ansible_collections.seaworthy.swarm.plugins.module_utils._release import Release
from tests.unit.plugins.module_utils.test_release import APP, MODEL

Json = dict[str, t.Any]


class Good(Release):
    def run(self) -> Json:
        return {"changed": True, "version": self.request.version}


class Bad(Release):
    def run(self) -> Json:
        raise ReleaseFailed("start", "it crashed", tasks=[])


class Faulty(Release):
    def run(self) -> Json:
        raise ZeroDivisionError


@pytest.fixture
def request_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(_edges, "tls_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    app = {"name": "shop", "app": APP, "model": MODEL, "registry": "r"}
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"app": app, "version": "1", "state": "released", "edges": [], "owner": "me"}))
    return file


def outcome(file: pathlib.Path) -> Json:
    return t.cast(Json, json.loads(file.with_suffix(".result").read_text()))


def test_success(request_file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _cli.main(["release", f"--request={request_file}"], release=Good) == 0
    assert outcome(request_file) == {"failed": False, "changed": True, "version": "1"}
    assert json.loads(capsys.readouterr().out)["result"]["version"] == "1"


def test_failure(request_file: pathlib.Path) -> None:
    assert _cli.main(["release", f"--request={request_file}"], release=Bad) == 1
    result = outcome(request_file)
    assert (result["failed"], result["phase"], result["reason"]) == (True, "start", "it crashed")


def test_a_fault_of_ours_leaves_a_result_too(request_file: pathlib.Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _cli.main(["release", f"--request={request_file}"], release=Faulty)
    assert outcome(request_file)["failed"]


def test_a_bad_request(request_file: pathlib.Path) -> None:
    raw = json.loads(request_file.read_text())
    raw["app"]["app"] = {"composed": []}
    request_file.write_text(json.dumps(raw))
    assert _cli.main(["release", f"--request={request_file}"]) == 1
    assert "Did you mean compose?" in outcome(request_file)["msg"]
