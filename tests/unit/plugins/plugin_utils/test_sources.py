# SPDX-License-Identifier: GPL-3.0-or-later
"""The Compose files as they are written."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.plugin_utils import _sources

MAIN = """\
include:
  - other/compose.yaml
  - path: [more/compose.yaml]
    project_directory: here
  - {path: env/compose.yaml, env_file: env/values}
x-common: &common
  stop_signal: SIGINT
services:
  web:
    <<: *common
    image: x
    ports: !reset []
    deploy:
      resources:
        limits: {memory: 1g}
  ext:
    extends: {file: base.yaml, service: base}
  same:
    extends: web
networks:
  back: {driver: bridge}
"""


def files(folder: pathlib.Path, **texts: str) -> dict[str, pathlib.Path]:
    found = {}
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        found[name] = path
    return found


def test_files_that_are_included_or_extended_belong_to_the_app(tmp_path: pathlib.Path) -> None:
    made = files(
        tmp_path,
        compose_yaml=MAIN,
        base_yaml="services:\n  base: {image: y}\n",
        other__compose_yaml="include: [deep.yaml]\n",
        other__deep_yaml="services:\n  deep: {image: z}\n",
        more__compose_yaml="services: {}\n",
        env__compose_yaml="services: {}\n",
        env__values="V=1\n",
        other__env="not read: its name is not .env",
    )
    (tmp_path / "here").mkdir()
    (tmp_path / "here/.env").write_text("export A=1\n#B=2\n C = 3\n")
    found = _sources.find([made["compose_yaml"]])
    names = {path.resolve().relative_to(tmp_path.resolve()).as_posix() for path in found.files}
    assert names == {
        "compose.yaml", "base.yaml", "other/compose.yaml", "other/deep.yaml", "more/compose.yaml", "env/compose.yaml"
    }  # fmt: skip
    assert {path.relative_to(tmp_path).as_posix() for path in found.env_files} == {"here/.env", "env/values"}


@pytest.mark.parametrize(
    ("service", "key", "line"),
    [
        ("web", "image", ":11"),
        ("web", "stop_signal", ":7"),
        ("web", "ports", ":12"),
        ("web", "deploy.resources.limits.memory", ":15"),
        ("web", "deploy.resources.limits.cpus", ":15"),
        ("web", "environment.A", ":9"),
        ("web", "volumes[0].target", ":9"),
        ("nobody", "image", ":8"),
        ("", "networks.back.driver", ":21"),
        ("", "configs.a", ""),
    ],
)
def test_the_place_of_a_key(tmp_path: pathlib.Path, service: str, key: str, line: str) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(MAIN)
    assert _sources.find([file]).place(service, key) == f"{file}{line}"


def test_the_last_file_has_the_last_word(tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("services:\n  web:\n    image: x\n    init: true\n")
    second.write_text("services:\n  web:\n    init: false\n")
    found = _sources.find([first, second])
    assert found.place("web", "image") == f"{first}:3"
    assert found.place("web", "init") == f"{second}:3"
    assert found.keys_of("web") == ["image", "init"]
    assert found.top_keys() == ["services"]


def test_the_place_of_a_key_that_is_extended(tmp_path: pathlib.Path) -> None:
    made = files(
        tmp_path,
        compose_yaml="services:\n  web:\n    extends: {file: base.yaml, service: base}\n    image: x\n"
        "  second:\n    extends: web\n",
        base_yaml="services:\n  base:\n    init: true\n    image: y\n    extends: {service: deep}\n"
        "  deep:\n    user: me\nnetworks: {n: {}}\n",
    )
    found = _sources.find([made["compose_yaml"]])
    compose, base = made["compose_yaml"], tmp_path / "base.yaml"
    expected = {"image": f"{compose}:4", "init": f"{base}:3", "user": f"{base}:7"}
    for service in ("web", "second"):
        assert {key: found.place(service, key) for key in expected} == expected
    assert found.top_keys() == ["services"], "only the service is taken from there"


def test_variables_of_env_files_that_the_compose_files_speak_of(tmp_path: pathlib.Path) -> None:
    env, file = tmp_path / ".env", tmp_path / "compose.yaml"
    env.write_text("A=1\nexport B=2\n# C=3\nD=4\n")
    file.write_text("a: ${A:-x}\nb: [B]\nc: ${C}\n# ${D}\nadd: 1\n")
    assert _sources.names_in([env], [file]) == {"A": env, "B": env}


@pytest.mark.parametrize(("text", "message"), [("a: [", r"c.yaml:1: this is no YAML"), ("\x00", "c.yaml: this is no")])
def test_no_yaml(tmp_path: pathlib.Path, text: str, message: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        _sources.find([file], strict=True)
    assert _sources.find([file]).place("web", "image") == str(file), "Compose says what is wrong"
