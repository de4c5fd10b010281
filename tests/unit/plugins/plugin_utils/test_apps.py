# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications' files: found, read, refused with file and key."""

from __future__ import annotations

import json
import pathlib
import stat
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._app import App
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.plugin_utils import _apps, _parser

COMPOSE = "services:\n  web:\n    image: nginx:1\n"


class FakeParser(_parser.Parser):
    """A Compose whose answers are given."""

    def __init__(self, variables: list[dict[str, t.Any]] | None = None) -> None:
        super().__init__(["false"])
        self._variables = variables or []

    def variables(self, app: str, files: t.Sequence[pathlib.Path]) -> list[dict[str, t.Any]]:
        del app, files
        return self._variables

    def model(self, app: str, files: t.Sequence[pathlib.Path], environment: t.Mapping[str, str]) -> dict[str, t.Any]:
        del files, environment
        return {
            "name": app,
            "services": {"web": {"image": "nginx:1", "networks": {"default": None}}},
            "networks": {"default": {"name": f"{app}_default", "ipam": {}}},
        }


def variable(name: str, default: str = "", required: bool = False) -> dict[str, t.Any]:
    return {"Name": name, "DefaultValue": default, "PresenceValue": "", "Required": required}


def app_file(folder: pathlib.Path, name: str = "shop", compose: str = COMPOSE, **more: t.Any) -> pathlib.Path:
    folder.mkdir(exist_ok=True)
    (folder / "compose.yaml").write_text(compose)
    raw = {"compose": ["compose.yaml"], "version": "1"} | more
    path = folder / f"{name}.yml"
    path.write_text(json.dumps(raw))
    return path


def read(path: pathlib.Path, parser: _parser.Parser | None) -> _apps.Found:
    return _apps.read(path, json.loads(path.read_text()), parser, None)


def test_an_application_is_read(tmp_path: pathlib.Path) -> None:
    path = app_file(tmp_path, secrets={"KEY": {"generate": "password"}, "OTHER": None})
    found = read(path, FakeParser())
    assert found.app.name == "shop"
    assert found.model is not None
    assert _apps.secrets(found) == [{"name": "shop/KEY", "generate": "password"}, {"name": "shop/OTHER"}]


def test_the_folder(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="seaworthy_apps_dir"):
        _apps.files(tmp_path / "apps", None)
    shop = app_file(tmp_path, "shop")
    assert _apps.files(tmp_path, None) == [shop]
    assert _apps.files(tmp_path, "shop") == [shop]
    with pytest.raises(InputError, match="Did you mean shop"):
        _apps.files(tmp_path, "shpo")


def test_another_suffix_is_not_passed_over(tmp_path: pathlib.Path) -> None:
    (tmp_path / "shop.yaml").write_text("")
    with pytest.raises(InputError, match=r"shop.yaml: the name of an application's file ends in .yml"):
        _apps.files(tmp_path, None)


@pytest.mark.parametrize(("text", "message"), [("a: 1\nb: [", r"shop.yml:2: this is no YAML"), ("- a", "a mapping")])
def test_bad_yaml(tmp_path: pathlib.Path, text: str, message: str) -> None:
    path = tmp_path / "shop.yml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        _apps.load(path)


def test_a_compose_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    path = app_file(tmp_path, compose="")
    (tmp_path / "compose.yaml").unlink()
    with pytest.raises(InputError, match=r"shop.yml: compose: there is no file .*compose.yaml"):
        read(path, FakeParser())


def test_a_variable_without_value_is_refused_with_its_place(tmp_path: pathlib.Path) -> None:
    path = app_file(tmp_path, compose="services:\n  web:\n    image: x:${TAG}\n")
    with pytest.raises(InputError, match=rf"{tmp_path}/compose.yaml:3: \${{TAG}}.*`environment` in {path}"):
        read(path, FakeParser([variable("TAG")]))


def test_a_key_that_is_not_taken_is_refused_without_compose_too(tmp_path: pathlib.Path) -> None:
    path = app_file(tmp_path, compose="services:\n  web:\n    image: x\n    privileged: true\n")
    with pytest.raises(InputError, match=r"compose.yaml:4: service web: privileged: a privileged container"):
        read(path, None)


@pytest.mark.parametrize(
    "platform", ["services:\n  web:\n    privileged: !reset false\n", "services:\n  web:\n    profiles: [dev]\n"]
)
def test_what_is_taken_away_is_not_refused_without_compose(tmp_path: pathlib.Path, platform: str) -> None:
    compose = "services:\n  web:\n    image: x\n    privileged: true\n"
    path = app_file(tmp_path, compose=compose)
    (tmp_path / "platform.yaml").write_text(platform)
    raw = json.loads(path.read_text()) | {"compose": ["compose.yaml", "platform.yaml"]}
    assert _apps.read(path, raw, None, None).model is None


def test_one_hostname_belongs_to_one_application() -> None:
    route = {"service": "web", "target_port": 80, "hosts": ["shop.example.com"]}
    apps = [App.parse(name, {"compose": ["c.yml"], "routes": [route]}) for name in ("shop", "other")]
    assert _apps.distinct_hosts(apps[:1]) == ["shop.example.com"]
    with pytest.raises(InputError, match=r"apps/other.yml: routes: the hostname shop.example.com .* shop already"):
        _apps.distinct_hosts(apps)


@pytest.mark.parametrize(
    ("text", "variables", "lost"),
    [
        ("${A}", [variable("A")], [":1: ${A}"]),
        ("x\n$A", [variable("A")], [":2: ${A}"]),
        ("${A:-}", [variable("A")], []),
        ("${A-}", [variable("A")], []),
        ("${A:+}", [variable("A")], []),
        ("${A:-x}", [variable("A", "x")], []),
        ("${A:-}\n${A}", [variable("A")], [":2: ${A}"]),
        ("${A:?say it}", [variable("A", required=True)], [":1: ${A}"]),
        ("# ${A:-}\n${A}", [variable("A")], [":2: ${A}"]),
        ("${SET}", [variable("SET")], []),
        ("elsewhere", [variable("A")], [": ${A}"]),
    ],
)
def test_unset_variables(tmp_path: pathlib.Path, text: str, variables: list[dict[str, t.Any]], lost: list[str]) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(text)
    expected = [f"{file}{place}" for place in lost]
    assert _parser.unset_variables(variables, {"SET": "1"}, [file]) == expected


def test_scan_finds_what_compose_would(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("a: ${A}\nb: ${B:-x}\nc: ${C:?m}\nd: $D\ne: $$E\nf: $${F}\n# ${G}\n")
    found = {one["Name"]: (one["DefaultValue"], one["Required"]) for one in _parser.scan_variables([file])}
    assert found == {"A": ("", False), "B": ("x", False), "C": ("", True), "D": ("", False)}


def program(path: pathlib.Path, script: str) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_named_compose_must_be_new_enough(tmp_path: pathlib.Path) -> None:
    old = program(tmp_path / "old", "echo v2.20.3")
    with pytest.raises(InputError, match=r"2.20.3.*2.24 or newer"):
        _parser.Parser.find(str(old), tmp_path)
    with pytest.raises(InputError, match="no Compose"):
        _parser.Parser.find(str(tmp_path / "nothing"), tmp_path)
    assert _parser.Parser.find(str(program(tmp_path / "new", "echo 2.24.0")), tmp_path) is not None


def test_the_newest_build_of_the_lab_is_taken(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _parser.Parser.find(None, tmp_path) is None
    program(tmp_path / "compose" / "v2.9.0" / "docker-compose", "echo '{\"services\": {}}'")
    program(tmp_path / "compose" / "v2.40.3" / "docker-compose", 'echo \'{"services": {"new": {}}}\'')
    parser = _parser.Parser.find(None, tmp_path)
    assert parser is not None
    assert parser.model("shop", [], {}) == {"services": {"new": {}}}


def test_the_parser_gets_a_clean_environment(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAK", "1")
    echo = 'printf \'{"words": "%s", "leak": "%s", "a": "%s"}\' "$*" "$LEAK" "$A"'
    parser = _parser.Parser([str(program(tmp_path / "compose", echo))])
    assert parser.model("shop", [pathlib.Path("c.yml")], {"A": "b"}) == {
        "words": "-p shop --env-file /dev/null --profile * -f c.yml config --format json",
        "leak": "",
        "a": "b",
    }


def test_the_last_line_of_compose_is_the_reason(tmp_path: pathlib.Path) -> None:
    refusing = program(tmp_path / "compose", "echo warning >&2; echo 'yaml: line 3: no' >&2; exit 15")
    path = app_file(tmp_path)
    with pytest.raises(InputError, match=r"shop.yml: Compose refuses .*compose.yaml: yaml: line 3: no"):
        read(path, _parser.Parser([str(refusing)]))
