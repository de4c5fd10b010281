# SPDX-License-Identifier: GPL-3.0-or-later
"""Twelve Compose files in the shape people publish (tests/fixtures/compose): each key has its verdict, and what is
taken runs as the file says; the rest is refused with file, key and reason.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.run import ROOT
from tests.system.lab import Lab
from tests.system.load import CA_FILE, addresses, put
from tests.system.proof import Prove
from tests.system.releases import SHAPES, Apps, fresh_version
from tests.system.shapes import Container, Shape, containers

pytestmark = pytest.mark.drill

Json = dict[str, Any]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaworthy"
REFUSED = "postgres"
TAKEN = sorted(set(SHAPES) - {REFUSED})
VERDICTS = {"kept", "translated", "used"}
SIGNED = "/?text=ahoy"
ANSWER_SECONDS = 30
AT_ONCE = 3  # builds and releases; different applications do not wait for each other
# Root starts these, and another user does the work: what its processes are called, and the user's id.
DROPPED = {
    ("redis", "cache"): ("redis-server", 999),
    ("migration", "store"): ("redis-server", 999),
    ("nginx-php", "nginx"): ("nginx: worker process", 101),
    ("nginx-php", "php"): ("php-fpm: pool www", 33),
}


@dataclass
class Estate:
    """The accepted shapes, released; `shapes` and `containers` by the application's name."""

    lab: Lab
    apps: Apps
    version: str
    shapes: dict[str, Shape]
    containers: dict[str, list[Container]]

    def get(self, shape: str, path: str) -> str:
        """What an application answers over HTTPS, the same way through each edge in turn."""
        [host] = {host for route in self.shapes[shape].app["routes"] for host in route["hosts"]}
        host = host.replace("{{ seaworthy_domain }}", "lab.test")
        body = ""
        for address in addresses("private_ip").values():
            words = ("curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "15", "--cacert", CA_FILE)
            at = ("--resolve", f"{host}:443:{address}", f"https://{host}{path}")
            body = self.lab.harbour(*words, *at).require_success().output
        return body

    def until(self, shape: str, path: str, good: Callable[[Json], bool]) -> Json:
        """An answer in JSON that is good, within half a minute."""
        end = time.monotonic() + ANSWER_SECONDS
        while not good(answer := json.loads(self.get(shape, path))):
            assert time.monotonic() < end, f"{shape}: {answer}"
            time.sleep(1)
        found: Json = answer
        return found

    def of(self, shape: str, service: str) -> list[Container]:
        return [one for one in self.containers[shape] if one.service == service]

    def secret(self, shape: str, service: str, name: str) -> str:
        """A secret's value, out of a container that has it."""
        one = self.of(shape, service)[0]
        path = f"/proc/{one.seen.container['State']['Pid']}/root/run/secrets/{name}"
        return self.lab.on(one.host, "cat", path).require_success().output


@pytest.fixture(scope="module")
def estate(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Generator[Estate]:
    """All accepted shapes run; afterwards the estate is as before."""
    apps = Apps(lab, tmp_path_factory.mktemp("apps"))
    version = fresh_version()
    apps.write("shop")
    for name in TAKEN:
        apps.write(name, version=version)
    put(lab, "harbour", CA_FILE, (lab.state / "pebble-root.pem").read_text())
    with lab.cost("base images of the shapes"):
        apps.playbook("tests/system/drills/base_images.yml", log="shapes-images").require_success()
    apps.issue(log="shapes-certificates")

    def up(name: str) -> None:
        apps.build(name, version)
        apps.deploy(name, version, log=f"shapes-deploy-{name}").require_success()

    try:
        with lab.cost("images and releases of the shapes"), ThreadPoolExecutor(AT_ONCE) as pool:
            runs = {name: pool.submit(up, name) for name in TAKEN}
        failed = [f"{name}: {error}" for name, run in runs.items() if (error := run.exception())]
        assert not failed, "\n\n".join(failed)
        shapes = {name: Shape.read(apps.folder / f"{name}.yml", CACHE) for name in TAKEN}
        yield Estate(lab, apps, version, shapes, {name: containers(lab, shape) for name, shape in shapes.items()})
    finally:
        for name in TAKEN:
            apps.remove(name)
            (apps.folder / f"{name}.yml").unlink()
        apps.issue(log="shapes-gone")


# -- on the controller ------------------------------------------------------------------------------


def examined(lab: Lab, folder: Path, files: Mapping[str, Sequence[str]]) -> tuple[list[Shape], Json]:
    """What app_check says of these shapes with these Compose files."""
    apps = Apps(lab, folder)
    for name, compose in files.items():
        apps.write(name)
        file = folder / f"{name}.yml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"compose": list(compose)}, sort_keys=False))
    report = folder / "report.json"
    apps.playbook("tests/system/drills/check.yml", "-e", f"report={report}", log=f"shapes-{folder.name}")
    return [Shape.read(folder / f"{name}.yml", CACHE) for name in files], json.loads(report.read_text())


def composes(name: str) -> list[str]:
    """The Compose files of a shape, the published one first."""
    source = SHAPES[name]
    return [str(source.parent / path) for path in yaml.safe_load(source.read_text())["compose"]]


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """The path of each thing that a model says."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    elif value is not None:
        yield path


def without_verdict(model: Json, rows: list[Json]) -> list[str]:
    """Paths for which no row speaks, neither theirs nor one above."""
    spoken = [row["key"] for row in rows]
    return [path for path in leaves(model) if not any(re.match(re.escape(key) + r"($|[.\[])", path) for key in spoken)]


def check_verdicts(lab: Lab, folder: Path) -> Json:
    """Each key has one; what is refused is taken out by one file more, as its reason advises."""
    reset = folder / "reset.yaml.in"
    reset.write_text("services: {db: {volumes: !reset []}}\n")
    files = {name: composes(name) + ([str(reset)] if name == REFUSED else []) for name in SHAPES}
    shapes, report = examined(lab, folder, files)
    said = {app["name"]: app for app in report["apps"]}
    counts: dict[str, int] = {}
    for shape in shapes:
        services = {service["name"]: service["verdicts"] for service in said[shape.name]["services"]}
        assert sorted(services) == shape.services()
        assert sorted(said[shape.name]["left_out"]) == sorted(set(shape.model["services"]) - set(services))
        for name, rows in services.items():
            assert without_verdict(shape.model["services"][name], rows) == [], (shape.name, name)
            for row in rows:
                assert row["says"], row
                assert row["verdict"] in VERDICTS, row
                counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
    return counts


def check_refused(lab: Lab, folder: Path) -> Json:
    """The database with its named volume: file, line, key and reason."""
    _shapes, report = examined(lab, folder, {REFUSED: composes(REFUSED)})
    [refusal] = report["refused"]
    assert line_of(refusal).startswith("volumes:")
    assert (refusal["service"], refusal["key"]) == ("db", "volumes[0]")
    assert refusal["reason"]
    found: Json = refusal
    return found


def line_of(refusal: Json) -> str:
    """The line of the Compose file that a refusal names."""
    file, _colon, number = refusal["file"].rpartition(":")
    lines = (ROOT / str(file)).read_text().splitlines()
    return lines[int(number) - 1].strip()


def check_as_published(lab: Lab, folder: Path) -> list[str]:
    """The one file that was published, without what was written for the platform: ports and mounts are refused."""
    shapes, report = examined(lab, folder, {name: composes(name)[:1] for name in SHAPES})
    expected = set()
    for shape in shapes:
        for service in shape.services():
            spec = shape.model["services"][service]
            expected |= {(shape.name, service, "ports")} if spec.get("ports") else set()
            expected |= {(shape.name, service, f"volumes[{i}]") for i in range(len(spec.get("volumes") or []))}
    found = set()
    for refusal in report["refused"]:
        assert line_of(refusal).startswith(f"{refusal['key'].partition('[')[0]}:"), refusal
        assert refusal["reason"], refusal
        found.add((Path(refusal["file"]).parent.name, refusal["service"], refusal["key"]))
    assert found == expected
    return sorted(" ".join(one) for one in found)


# -- on the estate ----------------------------------------------------------------------------------


def check_containers(estate: Estate) -> int:
    """`docker inspect` shows what the file said. Gives the number of facts."""
    facts, differences = 0, []
    for name, shape in estate.shapes.items():
        for service in shape.services():
            found = estate.of(name, service)
            replicas = (shape.model["services"][service].get("deploy") or {}).get("replicas", 1)
            assert len(found) == replicas, (name, service, found)
            promise = shape.promise(service)
            for one in found:
                assert one.running is not promise.once, (name, service)
                facts += len(list(promise.facts(one.seen)))
                differences += [f"{name}: {text}" for text in promise.differences(one.seen)]
    assert differences == []
    return facts


def check_answers(estate: Estate) -> Json:
    """Each routed service does over HTTPS what it is for."""
    assert "<h1>Harbour notes</h1>" in estate.get("nextjs", "/")
    assert json.loads(estate.get("go-api", "/")) == {"greeting": "hello from a config", "price": "$5"}
    django = json.loads(estate.get("django", "/"))
    assert (django["greeting"], django["users"]) == ("costs $5, {{ not a template }}", 0)
    php = json.loads(estate.get("nginx-php", "/"))
    assert php == {"greeting": 'it\'s "quoted"', "user": 33, "sapi": "fpm-fcgi"}
    assert re.fullmatch(r":\d+", json.loads(estate.get("redis", "/"))["answer"])
    estate.until("worker", "/", lambda answer: len(answer["done"]) == 2)
    estate.until("cron", "/", lambda answer: answer["reports"] >= 2)
    rails, laravel = json.loads(estate.get("rails", "/")), json.loads(estate.get("laravel", "/"))
    return {"rails": f"Rails {rails['rails']} and puma of Debian", "laravel": f"Laravel {laravel['laravel']} of Debian"}


def check_once(estate: Estate) -> Json:
    """The migration has run once, to its end, after the store was there and before the api was."""
    [migrate] = estate.of("migration", "migrate")
    [store] = estate.of("migration", "store")
    [api] = estate.of("migration", "api")
    ended = migrate.seen.container["State"]
    times = [store.seen.container["State"]["StartedAt"], ended["StartedAt"], ended["FinishedAt"]]
    times.append(api.seen.container["State"]["StartedAt"])
    assert ended["ExitCode"] == 0
    assert times == sorted(times)
    assert json.loads(estate.get("migration", "/")) == {"migrations": 1}
    return dict(zip(("store starts", "migration starts", "migration ends", "api starts"), times, strict=True))


def check_dropped(estate: Estate) -> Json:
    """Images that start as root run as it, and do their work as another user."""
    seen = {}
    for (shape, service), (words, uid) in DROPPED.items():
        [one] = estate.of(shape, service)
        assert one.seen.container["Config"]["User"] == ""
        processes = [(process.uid, process.command) for process in one.processes]
        assert {found for found, command in processes if command.startswith(words)} == {uid}, processes
        seen[f"{shape} {service}"] = processes
    return seen


def test_compose_files(lab: Lab, estate: Estate, tmp_path_factory: pytest.TempPathFactory, prove: Prove) -> None:
    """All of the row; the application whose secret comes by its environment has a test of its own."""
    verdicts = check_verdicts(lab, tmp_path_factory.mktemp("verdicts"))
    refused = check_refused(lab, tmp_path_factory.mktemp("refused"))
    published = check_as_published(lab, tmp_path_factory.mktemp("published"))
    facts = check_containers(estate)
    frameworks = check_answers(estate)
    once = check_once(estate)
    dropped = check_dropped(estate)
    seen = (
        f"{sum(verdicts.values())} keys with a verdict; {len(TAKEN)} files run, {facts} facts of their containers are "
        f"what the file says; {REFUSED} refused: {refused['key']} at {refused['file']}; "
        f"{frameworks['rails']}, {frameworks['laravel']}"
    )
    prove(
        "compose_files",
        seen,
        {
            "verdicts": verdicts,
            "refused": refused,
            "refused_as_published": published,
            "frameworks": frameworks,
            "once": once,
            "root_that_drops": dropped,
            "costs": {name: str(cost) for name, cost in lab.costs.items()},
        },
    )


def test_env_secrets(estate: Estate, prove: Prove) -> None:
    """Programs that know only their environment work unchanged; no engine says the value."""
    seen = []
    for shape, service, name, path in (
        ("node-api", "api", "JWT_SECRET", "/sign?text=ahoy"),
        ("django", "web", "DJANGO_SECRET_KEY", SIGNED),
        ("rails", "web", "SECRET_KEY_BASE", SIGNED),
        ("laravel", "app", "APP_KEY", SIGNED),
    ):
        value = estate.secret(shape, service, name)
        expected = hmac.new(value.encode(), b"ahoy", "sha256").hexdigest()
        assert json.loads(estate.get(shape, path))["signature"] == expected
        for one in estate.of(shape, service):
            assert any(f"{name}={value}" in process.environment for process in one.processes), (shape, service)
            for answer in (one.seen.service, one.seen.container):
                assert value not in json.dumps(answer)
            assert f"{name}=" not in json.dumps(one.seen.container["Config"]["Env"])
        seen.append(f"{shape} ({name})")
    refused = no_shell(estate)
    prove(
        "env_secrets",
        f"{', '.join(seen)} sign with it; in no service's spec, in no `docker inspect`; image without a shell refused",
        {"refused": refused},
    )


def no_shell(estate: Estate) -> str:
    """The same wish for the image of go-api, which holds one binary: refused before anything starts."""
    file = estate.apps.folder / "go-api.yml"
    before = estate.apps.record("go-api")
    was = file.read_text()
    raw = yaml.safe_load(was)
    file.write_text(yaml.safe_dump(raw | {"secrets": {"TOKEN": {"as": "env", "generate": "password"}}}))
    try:
        result = estate.apps.deploy("go-api", estate.version, log="shapes-no-shell")
    finally:
        file.write_text(was)
    assert result.returncode != 0
    for word in ("server", "go-api/server", "/bin/sh", "TOKEN_FILE"):
        assert word in result.output, word
    assert estate.apps.record("go-api").serving == before.serving
    assert estate.apps.left_of("go-api", before.last + 1) == []
    return next(line.strip() for line in result.output.splitlines() if "/bin/sh" in line)
