# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the controller can see of a Compose file: where values come from."""

from __future__ import annotations

import copy
import pathlib
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._app import App
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.plugin_utils import _app_report, _apps, _model, _parser, _sources

Json = dict[str, t.Any]


class FakeParser(_parser.Parser):
    """A Compose that fills in `${...}` of a given model, and knows what env files say."""

    def __init__(self, model: Json, from_env_file: Json | None = None) -> None:
        super().__init__(["false"])
        self._model = model
        self._from_env_file = from_env_file or {}
        self.asked: list[str] = []

    def variables(self, app: str, files: t.Sequence[pathlib.Path]) -> list[Json]:
        del app, files
        return []

    def model(self, app: str, files: t.Sequence[pathlib.Path], environment: t.Mapping[str, str]) -> Json:
        del app, files
        found: Json = self._filled(copy.deepcopy(self._model), environment)
        for service, variables in self._from_env_file.items():
            found["services"][service].setdefault("environment", {}).update(variables)
        return found

    def without_env_files(
        self,
        app: str,
        files: t.Sequence[pathlib.Path],
        environment: t.Mapping[str, str],
        services: t.Iterable[str],
    ) -> Json:
        del app, files
        self.asked = list(services)
        found: Json = self._filled(copy.deepcopy(self._model), environment)
        return found

    def _filled(self, value: t.Any, environment: t.Mapping[str, str]) -> t.Any:
        if isinstance(value, dict):
            return {name: self._filled(item, environment) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, environment) for item in value]
        if isinstance(value, str):
            for name, text in environment.items():
                value = value.replace(f"${{{name}}}", text)
        return value


def app(**keys: t.Any) -> App:
    return App.parse("shop", {"compose": ["c.yaml"]} | keys)


def read(parser: FakeParser, **keys: t.Any) -> tuple[Json, list[str]]:
    model, refusals = _model.read(app(**keys), parser, [])
    return model, [str(refusal) for refusal in refusals]


def one(**spec: t.Any) -> Json:
    return {"services": {"web": {"image": "x"} | spec}}


AS_ENV = {"secrets": {"KEY": {"as": "env"}}}


@pytest.mark.parametrize(
    ("spec", "keys", "environment", "refusal"),
    [
        ({"environment": {"KEY": "${KEY}"}}, AS_ENV, {"KEY": ""}, None),
        ({"environment": {"KEY": "dev"}}, AS_ENV, {"KEY": "dev"}, None),
        (
            {"environment": {"URL": "db://${KEY}@db"}},
            AS_ENV,
            None,
            "service web: environment.URL: the value of secret KEY would stand here",
        ),
        ({"command": ["run", "${KEY}"]}, AS_ENV, None, "service web: command: the value of secret KEY would"),
        ({"environment": {"KEY": "${KEY}"}}, AS_ENV | {"environment": {"KEY": "mine"}}, {"KEY": "mine"}, None),
    ],
)
def test_a_secret_among_the_variables(spec: Json, keys: Json, environment: Json | None, refusal: str | None) -> None:
    model, refusals = read(FakeParser(one(**spec)), **keys)
    assert [text.startswith(str(refusal)) for text in refusals] == [True] * bool(refusal), refusals
    assert environment is None or model["services"]["web"]["environment"] == environment


def test_names_of_an_env_file_that_look_like_secrets() -> None:
    parser = FakeParser(one(environment={"TOKEN": "written"}), {"web": {"DB_PASSWORD": "x", "LEVEL": "info"}})
    _found, refusals = read(parser)
    assert parser.asked == ["web"]
    assert [text.partition(". ")[0] for text in refusals] == [
        "service web: environment.DB_PASSWORD: it comes from an env_file and looks like a secret, but whoever may ask "
        "the engine could read its value"
    ]
    assert "secrets: {DB_PASSWORD: {as: env}}" in refusals[0]
    assert read(parser, secrets={"DB_PASSWORD": {"as": "env"}})[1] == [], "it is declared"
    quiet = FakeParser(one(), {"web": {"LEVEL": "info"}})
    assert read(quiet)[1] == []
    assert quiet.asked == [], "Compose is not asked again without a reason"


def test_a_value_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere/else")
    parser = FakeParser(one(environment={"HOME": "/somewhere/else", "PATH": "/bin"}))
    assert read(parser)[1] == [
        "service web: environment.HOME: its value would come from this machine; give it one, or take it out"
    ]
    assert read(parser, environment={"HOME": "/somewhere/else"})[1] == []


def test_texts_of_configs(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.txt").write_text("costs $5\n")
    (tmp_path / "b.bin").write_bytes(b"\xff\xfe")
    configs = {
        "a": {"file": str(tmp_path / "a.txt")},
        "b": {"file": str(tmp_path / "b.bin")},
        "c": {"file": str(tmp_path / "nothing")},
        "d": {"environment": "GIVEN"},
        "e": {"environment": "MISSING"},
        "f": {"content": "a$$b"},
    }
    model, refusals = read(FakeParser(one() | {"configs": configs}), environment={"GIVEN": "$x"})
    texts = {name: config.get("content") for name, config in model["configs"].items()}
    assert texts == {"a": "costs $$5\n", "b": None, "c": None, "d": "$$x", "e": None, "f": "a$$b"}
    assert [text.partition(". ")[0] for text in refusals] == [
        "configs.b.file: a config is text",
        "configs.c.file: No such file or directory",
        "configs.e.environment: this variable has no value",
    ]


def test_an_included_file_gets_no_value_from_its_env_file(tmp_path: pathlib.Path) -> None:
    file, env = tmp_path / "c.yaml", tmp_path / ".env"
    file.write_text("a: ${V:-x}\n")
    env.write_text("V=1\n")
    sources = _sources.Sources((file,), {}, env_files=(env,))
    with pytest.raises(InputError, match=rf"V of an included Compose file would get its value from {env}"):
        _model.require_values(app(), FakeParser({}), [file], sources)
    _model.require_values(app(environment={"V": "2"}), FakeParser({}), [file], sources)


def test_secrets_may_stand_for_variables(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("a: ${KEY}\nb: ${COMPOSE_PROJECT_NAME}\n")
    sources = _sources.Sources((file,), {})
    _model.require_values(app(**AS_ENV), None, [file], sources)
    with pytest.raises(InputError, match=r"c.yaml:1: \${KEY}.*as {as: env}"):
        _model.require_values(app(), None, [file], sources)


COMPOSE = """\
services:
  web:
    image: x
    privileged: true
    env_file: web.env
    ports: ["80:80"]
  off: {image: y, profiles: [dev]}
"""


def test_a_report_names_everything(tmp_path: pathlib.Path) -> None:
    (tmp_path / "c.yaml").write_text(COMPOSE)
    model = {
        "services": {
            "web": {"image": "x", "privileged": True, "ports": [{"target": 80}], "stop_signal": "SIGINT"},
            "off": {"image": "y", "profiles": ["dev"]},
        }
    }
    checked = _apps.examine(tmp_path / "shop.yml", {"compose": ["c.yaml"]}, FakeParser(model), None)
    report = _app_report.of(checked)
    (web,) = report["services"]
    assert (web["name"], web["class"], web["wave"], web["image"], report["left_out"]) == (
        "web",
        "internal",
        1,
        "x",
        ["off"],
    )
    assert {one["key"]: (one["verdict"], one["place"].rpartition(":")[2]) for one in web["verdicts"]} == {
        "image": ("translated", "3"),
        "privileged": ("refused", "4"),
        "ports": ("refused", "6"),
        "stop_signal": ("kept", "2"),
        "env_file": ("used", "5"),
    }
    assert [(one["service"], one["key"], one["file"].rpartition(":")[2]) for one in report["refused"]] == [
        ("web", "privileged", "4"),
        ("web", "ports", "6"),
    ]
    text = "\n".join(_app_report.lines(report))
    for words in (
        "web: class internal, wave 1, x",
        "kept       stop_signal",
        "left out, because no profile",
        "refused    p",
    ):
        assert words in text
    summary = _app_report.summary(report["refused"])
    assert summary.startswith("2 things cannot be released:\n- ")
    assert f"{tmp_path}/c.yaml:4: service web: privileged: a privileged container owns its host. Found: true" in summary
    assert _app_report.summary(report["refused"][:1]).startswith("one thing cannot be released:")


def test_a_release_says_all_that_is_refused_with_its_place(tmp_path: pathlib.Path) -> None:
    (tmp_path / "c.yaml").write_text(COMPOSE)
    model = one(privileged=True, ports=[{"target": 80}])
    with pytest.raises(InputError) as raised:
        _apps.read(tmp_path / "shop.yml", {"compose": ["c.yaml"]}, FakeParser(model), None)
    assert f"\n- {tmp_path}/c.yaml:6: service web: ports: clients" in str(raised.value)
    built = FakeParser({"services": {"web": {"build": {"context": "."}}}})
    with pytest.raises(InputError, match="Set seaworthy_registry"):
        _apps.read(tmp_path / "shop.yml", {"compose": ["c.yaml"]}, built, None)
