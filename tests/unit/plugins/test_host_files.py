# SPDX-License-Identifier: GPL-3.0-or-later
"""Module host_files: whole files, honest in check mode, refused before they land."""

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

from ansible_collections.seaworthy.swarm.plugins.modules import host_files

Json = dict[str, t.Any]
OWNER = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}


def run(capsys: pytest.CaptureFixture[str], files: list[Json], folders: list[Json], *, check: bool = False) -> Json:
    items = {"files": [OWNER | item for item in files], "folders": [OWNER | item for item in folders]}
    with patch_module_args(items | {"_ansible_check_mode": check}), pytest.raises(SystemExit):
        host_files.main()
    return t.cast(Json, json.loads(capsys.readouterr().out))


def test_files_and_folders_are_made_once(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, folder = tmp_path / "deep" / "er" / "file", tmp_path / "private"
    wanted = [{"path": str(file), "content": "one\n"}], [{"path": str(folder), "mode": "0700"}]
    planned = run(capsys, *wanted, check=True)
    assert list(tmp_path.iterdir()) == [], "check mode makes nothing"
    done = run(capsys, *wanted)
    assert planned["changed_paths"] == done["changed_paths"] == [str(folder), str(file)]
    assert planned["diff"] == done["diff"]
    assert file.read_text() == "one\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not run(capsys, *wanted)["changed"]
    assert [path.name for path in file.parent.iterdir()] == ["file"], "nothing is left beside it"


def test_content_and_mode_are_repaired(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file"
    path.write_text("by hand\n")
    wanted = [{"path": str(path), "content": "ours\n", "mode": "0640"}]
    planned, answer = run(capsys, wanted, [], check=True), run(capsys, wanted, [])
    assert planned["diff"] == answer["diff"]
    assert answer["diff"][0]["after"] == {"mode": "0640"}
    assert (answer["diff"][1]["before"], answer["diff"][1]["after"]) == ("by hand\n", "ours\n")
    path.chmod(0o666)
    assert run(capsys, wanted, [], check=True)["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert run(capsys, wanted, [])["changed_paths"] == [str(path)]
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("ours\n", 0o640)


def test_what_the_program_refuses_does_not_land(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file"
    path.write_text("good\n")
    wanted = {"path": str(path), "content": "bad\n", "validate": ["grep", "good", "%s"]}
    answer = run(capsys, [wanted], [])
    assert answer["failed"]
    assert f"the new content of {path} is refused by grep" in answer["msg"]
    assert path.read_text() == "good\n"
    assert list(tmp_path.iterdir()) == [path]
    assert run(capsys, [wanted | {"content": "good indeed\n"}], [])["changed"]


def test_a_judge_that_is_not_installed_yet_is_not_asked(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    assert run(capsys, [{"path": str(path), "content": "x", "validate": ["no-such-program", "%s"]}], [])["changed"]


def test_other_things_in_the_place_are_refused(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert "is no file" in run(capsys, [{"path": str(tmp_path), "content": ""}], [])["msg"]
    assert "a file of this name" in run(capsys, [], [{"path": str(file)}])["msg"]
