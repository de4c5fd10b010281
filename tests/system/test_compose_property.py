# SPDX-License-Identifier: GPL-3.0-or-later
"""What Docker's Compose accepts becomes what `docker stack config` accepts, or is refused by its key; no key is lost.

Compose and the Docker CLI are the real ones (neither needs an engine). First every key alone, then many together.
"""

from __future__ import annotations

import collections.abc as c
import copy
import dataclasses
import json
import pathlib
import re
import typing as t

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from ansible_collections.seaworthy.swarm.plugins.module_utils import _compose, _compose_service, _process
from ansible_collections.seaworthy.swarm.plugins.module_utils._app import App
from ansible_collections.seaworthy.swarm.plugins.module_utils._compose_findings import Refusal
from ansible_collections.seaworthy.swarm.plugins.module_utils._compose_keys import (
    SERVICE_BY_PATH,
    TOP_BY_PATH,
    Key,
    Verdict,
)
from ansible_collections.seaworthy.swarm.plugins.plugin_utils._parser import Parser
from tests.system import compose_samples as samples
from tests.system import proof

pytestmark = pytest.mark.smoke

Json = dict[str, t.Any]
Path = tuple[str | int, ...]

CACHE = pathlib.Path("~/.cache/seaworthy").expanduser()
APP = App.parse(
    "shop",
    {
        "compose": ["compose.yaml"],
        "profiles": ["on"],
        "secrets": {"S1": {}, "S2": {}, "E1": {"as": "env"}},
    },
)
SECRETS = dict.fromkeys(APP.secrets, "named")
# Keys that Compose's parser uses up: the model does not have them any more.
USED_UP = {"env_file", "extends", "label_file", "pull_refresh_after"}
# What `docker stack deploy` reads of a service (docker/cli, cli/compose/convert/service.go). Others it drops.
DEPLOYED = {
    *("cap_add", "cap_drop", "command", "configs", "deploy", "dns", "dns_search", "entrypoint", "environment"),
    *("extra_hosts", "healthcheck", "hostname", "image", "init", "labels", "logging", "networks", "read_only"),
    *("secrets", "stdin_open", "stop_grace_period", "stop_signal", "sysctls", "tty", "ulimits", "user"),
    *("volumes", "working_dir"),
}
# What stands for a whole item in the short form of a list.
SHORT = {
    "configs": "configs.*.source",
    "secrets": "secrets.*.source",
    "depends_on": "depends_on.*.condition",
    "volumes": "volumes.*.volume",
}
# The item itself is taken away, not only its name.
WHOLE_ITEM = {"configs.*.source", "secrets.*.source", "volumes.*.target", "deploy.placement.preferences.*.spread"}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    folder = tmp_path_factory.mktemp("compose")
    for name, text in samples.FILES.items():
        (folder / name).write_text(text)
    return Judge(Parser.require(None, CACHE), folder)


@dataclasses.dataclass
class Judge:
    """The real parsers, and what the translation says about one document."""

    parser: Parser
    folder: pathlib.Path
    seen: set[str] = dataclasses.field(default_factory=set)
    documents: int = 0
    released: int = 0
    refused: int = 0

    def judge(self, services: c.Mapping[str, Json]) -> None:
        """Raise when a key is lost, or when the stack's parser does not take the document."""
        model = self.model(samples.TOP | {"services": samples.SHARED | dict(services)})
        examination = _compose.examine(APP, model, registry="r.example.com")
        for name, written in services.items():
            if set(written.get("profiles", ["on"])) == {"on"}:
                mine = [refusal for refusal in examination.refusals if refusal.service == name]
                keys = {one.path for one in next(one for one in examination.services if one.name == name).keys}
                self._judge_service(model, name, written, mine, keys)
            else:
                assert name in examination.off, f"{name}: its profile is off"
        good = {
            name: spec
            for name, spec in model["services"].items()
            if not any(refusal.service == name for refusal in examination.refusals)
        }
        self._judge_stack(model | {"services": good})
        self.documents += 1
        on = set(services) - set(examination.off)
        self.released += len(on & set(good))
        self.refused += len(on - set(good))

    def model(self, document: Json) -> Json:
        file = self.folder / "compose.yaml"
        file.write_text(json.dumps(document))
        return self.parser.model(APP.name, [file], {})

    def _judge_service(
        self, model: Json, name: str, written: Json, refusals: c.Sequence[Refusal], keys: c.Collection[str]
    ) -> None:
        spec = model["services"][name]
        for pattern in patterns(written, samples.KEYS):
            row = row_of(pattern, SERVICE_BY_PATH)
            self.seen.add(row.path)
            head = pattern.partition(".")[0]
            if row.verdict is Verdict.REFUSED:
                assert any(re.match(rf"{head}\b", one.key) for one in refusals), f"{name}: {pattern} is not refused"
                continue
            if head in USED_UP:
                continue
            assert any(re.match(rf"{head}\b", key) for key in keys), f"{name}: app_check does not show {pattern}"
            if not refusals and row.becomes:
                for place in places(spec, pattern):
                    self._judge_effect(model, name, place, pattern, row)

    def _judge_effect(self, model: Json, name: str, place: Path, pattern: str, row: Key) -> None:
        """Without the key the stack document is another one, at the place that the table says."""
        if row.path == "image" or samples.says_nothing_new(model["services"][name], place, pattern):
            return
        other = copy.deepcopy(model["services"][name])
        take_away(other, place[:-1] if pattern in WHOLE_ITEM else place)
        before, after = translate(model, name, model["services"][name]), translate(model, name, other)
        changed = differences(before, after)
        assert changed, f"{name}: {pattern} has no effect"
        wanted = row.becomes.partition(".*")[0]
        at_place = any(one.startswith(wanted) or wanted.startswith(one) for one in changed)
        assert at_place, f"{name}: {pattern} changes {changed}, not {wanted}"

    def _judge_stack(self, model: Json) -> None:
        document = translate_all(model)
        for service in document["services"].values():
            assert set(service) <= DEPLOYED, "docker stack deploy drops it in silence"
        for config in document.get("configs", {}).values():
            del config["content"]
            config["file"] = "/dev/null"  # the release engine makes a file of it
        done = _process.run(
            ["docker", "stack", "config", "-c", "-"], data=json.dumps(document), env={"PATH": "/usr/local/bin:/usr/bin"}
        )
        assert done.returncode == 0, done.stderr
        taken = yaml.safe_load(done.stdout)
        for key, service in document["services"].items():
            lost = {name for name, value in service.items() if value} - set(taken["services"][key])
            assert not lost, f"docker stack config does not show {lost}"
            for name, value in service["environment"].items():
                assert taken["services"][key]["environment"][name] == value.replace("$$", "$")


def translate_all(model: Json) -> Json:
    names = _compose.image_names(APP, model, version="1", registry="r.example.com")
    images = {service: _compose.Image(name, command=("start",)) for service, name in names.items()}
    return _compose.translate(APP, model, release=1, version="1", images=images, secret_names=SECRETS)


def translate(model: Json, name: str, spec: Json) -> Json:
    """One service of the document, whatever is refused of others."""
    shared = {one: model["services"][one] for one in ("base", "optional")}
    only = model | {"services": shared | {name: spec | {"depends_on": {}}}}
    document: Json = translate_all(only)["services"][f"shop-{name}-r1"]
    return document


def patterns(written: Json, known: c.Container[str], above: str = "") -> set[str]:
    """The keys of the specification that somebody wrote, as deep as they go."""
    found: set[str] = set()
    for name, value in written.items():
        here = f"{above}.{name}".lstrip(".")
        here = here if here in known else f"{above}.*".lstrip(".")
        inner: set[str] = set()
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                inner |= patterns(item, known, f"{here}.*" if isinstance(value, list) else here)
        inner = {one for one in inner if one in known}
        found |= inner or ({SHORT.get(here, here)} if here in known else set())
    return found


def row_of(pattern: str, table: c.Mapping[str, Key]) -> Key:
    """The row that speaks for a key: its own, or the next one above it."""
    while pattern and pattern not in table:
        pattern = pattern.rpartition(".")[0]
    return table[pattern]


def places(value: t.Any, pattern: str) -> list[Path]:
    """Where a key stands in Compose's model."""
    step, _dot, rest = pattern.partition(".")
    if not step:
        return [()]
    names: list[str | int] = []
    if isinstance(value, list):
        names = list(range(len(value))) if step == "*" else []
    elif isinstance(value, dict):
        names = [name for name in value if step in ("*", name)]
    return [(name, *inner) for name in names for inner in places(value[name], rest)]


def take_away(value: t.Any, place: Path) -> None:
    for step in place[:-1]:
        value = value[step]
    del value[place[-1]]


def differences(before: t.Any, after: t.Any, above: str = "") -> list[str]:
    """The paths that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            one
            for name in sorted({*before, *after})
            for one in differences(before.get(name), after.get(name), f"{above}.{name}".lstrip("."))
        ]
    return [] if before == after else [above]


def test_every_key_alone(judge: Judge) -> None:
    """One service for each sample of each key; at the end every row of the table was tried."""
    services = {}
    for number, (key, value) in enumerate([*samples.TAKEN, *samples.REFUSED]):
        services[f"s{number}"] = samples.with_key(key, value)
    judge.judge(services)
    assert [path for path in SERVICE_BY_PATH if path not in judge.seen] == [], "no sample has this key"


@pytest.mark.parametrize(("kind", "options"), samples.BESIDE, ids=str)
def test_every_key_beside_the_services(judge: Judge, kind: str, options: Json) -> None:
    use = {"networks": {"mine": None}, "configs": ["mine"], "secrets": ["S1"], "volumes": ["mine:/data"]}[kind]
    name = "S1" if kind == "secrets" else "mine"
    services = {"base": {"image": "x"}, "web": {"image": "x", kind: use}}
    model = judge.model({"services": services, kind: {name: options}})
    for config in model.get("configs", {}).values():
        config.setdefault("content", "text")  # the controller puts it there
    refusals = _compose.examine(APP, model).refusals
    for pattern in patterns({kind: {name: options}}, samples.TOP_KEYS) if options else ():
        row = row_of(pattern, TOP_BY_PATH)
        if row.verdict is Verdict.REFUSED:
            assert any(one.key.startswith(f"{kind}.{name}.") for one in refusals), f"{pattern} is not refused"
        elif row.verdict is Verdict.KEPT and not refusals:
            (place,) = places(model, pattern)
            other = copy.deepcopy(model)
            take_away(other, place)
            changed = differences(translate_all(model)[kind], translate_all(other)[kind])
            assert any(re.match(rf"{name}\.{place[-1]}", one) for one in changed), f"{pattern} has no effect"


SETTINGS = hypothesis.settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],  # the message names service and key; to shrink twenty services takes minutes
    suppress_health_check=list(hypothesis.HealthCheck),
)


@SETTINGS
@hypothesis.given(st.lists(samples.services, min_size=20, max_size=20))
def test_many_keys_together(judge: Judge, services: list[Json]) -> None:
    judge.judge({f"s{i}": spec for i, spec in enumerate(services)})


@pytest.mark.parametrize("key", ["sysctls", "ulimits", "stop_grace_period"])
def test_a_key_that_is_lost_is_found(judge: Judge, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """The twin: a translation that forgets a key does not pass."""
    monkeypatch.setattr(_compose_service, "COPIED", tuple(one for one in _compose_service.COPIED if one != key))
    with pytest.raises(AssertionError, match=rf"{key}.* has no effect"):
        test_every_key_alone(judge)


def test_proof(judge: Judge, prove: proof.Prove) -> None:
    """What the tests above have seen."""
    services = judge.released + judge.refused
    facts = {
        "documents": judge.documents,
        "services": services,
        "services_refused_by_their_key": judge.refused,
        "keys_of_the_specification": len(samples.KEYS),
        "rows_tried": len(judge.seen),
    }
    assert judge.refused and judge.released
    prove(
        "compose_property",
        f"{judge.documents} documents, {services} services, every row of the table: {judge.released} services "
        f"translated whole, {judge.refused} refused by their key, 0 keys lost; one that forgets a key is found",
        facts,
    )
