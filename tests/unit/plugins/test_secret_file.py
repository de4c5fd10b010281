# SPDX-License-Identifier: GPL-3.0-or-later
"""Module secret_file: nobody else may read the file at any moment, and nothing of it is shown."""

from __future__ import annotations

import grp
import json
import os
import pathlib
import pwd
import stat
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.seaworthy.swarm.plugins.modules import secret_file


def run(path: pathlib.Path, content: str, capsys: pytest.CaptureFixture[str], **more: t.Any) -> dict[str, t.Any]:
    owner = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
    with patch_module_args({"path": str(path), "content": content, **owner, **more}), pytest.raises(SystemExit):
        secret_file.main()
    return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))


def test_it_is_written_once(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "key"
    first = run(path, "hush-hush", capsys)
    assert first["changed"]
    assert path.read_text() == "hush-hush"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not run(path, "hush-hush", capsys)["changed"]
    assert "hush-hush" not in json.dumps(first["diff"])
    assert list(tmp_path.iterdir()) == [path]


def test_other_content_and_other_permissions_are_changes(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "key"
    path.write_text("old-secret")
    answer = run(path, "new-secret", capsys)
    assert answer["changed"]
    assert "secret" in answer["diff"]["after"]
    assert "old-secret" not in json.dumps(answer)
    path.chmod(0o644)
    assert run(path, "new-secret", capsys)["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_check_mode_writes_nothing(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "key", tmp_path / "no folder yet" / "key"):
        assert run(path, "hush-hush", capsys, _ansible_check_mode=True)["changed"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(tmp_path / "folder" / "key", "hush-hush", capsys)
    assert answer["failed"]
    assert "folder does not exist" in answer["msg"]


def test_a_folder_in_its_place(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is no file" in run(tmp_path, "hush-hush", capsys)["msg"]
