# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's model to the stack document of a release; the judge is the real `docker stack config`."""

from __future__ import annotations

import copy
import json
import re
import shutil
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _compose, _process, _wrapper
from ansible_collections.seaworthy.swarm.plugins.module_utils._app import App
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError

Json = dict[str, t.Any]
APP: Json = {
    "compose": ["compose.yaml"],
    "routes": [{"service": "web", "target_port": 3000, "hosts": ["shop.example.com"]}],
    "secrets": {"SESSION_KEY": {}, "TOKEN": {}},
}
# As `docker compose config --format json` prints it.
MODEL: Json = {
    "name": "shop",
    "networks": {
        "default": {"name": "shop_default", "ipam": {}},
        "back": {"name": "shop_back", "driver": "bridge", "internal": True, "labels": {"a": "b"}},
    },
    "secrets": {"SESSION_KEY": {"name": "shop_SESSION_KEY", "file": "/here/key"}},
    "configs": {"motd": {"name": "shop_motd", "content": "costs $$5"}},
    "x-common": {"restart": "always"},
    "services": {
        "web": {
            "build": {"context": "/here/web", "dockerfile": "Dockerfile"},
            "command": None,
            "entrypoint": None,
            "environment": {"PRICE": "$$5", "N": "1"},
            "depends_on": {"api": {"condition": "service_healthy", "required": True}},
            "healthcheck": {"test": ["CMD", "true"], "start_period": "1m30s", "start_interval": "500ms"},
            "deploy": {"replicas": 3, "placement": {}},
            "networks": {"default": None},
            "secrets": [{"source": "SESSION_KEY", "target": "/run/secrets/SESSION_KEY"}],
        },
        "api": {
            "image": "example/api:7",
            "user": "1000",
            "configs": [{"source": "motd", "target": "/etc/motd", "mode": "0440"}],
            "depends_on": {"migrate": {"condition": "service_completed_successfully", "required": True}},
            "networks": {"default": None, "back": {"aliases": ["backend"]}},
        },
        "migrate": {"image": "example/api:7", "command": ["migrate"], "networks": {"back": None}},
        "adminer": {"image": "adminer", "profiles": ["dev"], "privileged": True, "networks": {"default": None}},
    },
}
NAMES = {"SESSION_KEY": "shop_SESSION_KEY-1", "TOKEN": "shop_TOKEN-1"}
DIGEST = "@sha256:" + "0" * 64
API = _compose.Image(f"example/api:7{DIGEST}", command=("start",))
IMAGES = {"web": _compose.Image(f"r/shop/web:1{DIGEST}"), "api": API, "migrate": API}


def app(**keys: t.Any) -> App:
    return App.parse("shop", APP | keys)


def translate(model: Json = MODEL, release: int = 3, version: str = "1.0", **keys: t.Any) -> Json:
    return _compose.translate(app(**keys), model, release=release, version=version, images=IMAGES, secret_names=NAMES)


def changed(service: str, **keys: t.Any) -> Json:
    model = copy.deepcopy(MODEL)
    model["services"][service] |= keys
    return model


def refusals(model: Json = MODEL, **keys: t.Any) -> list[str]:
    return [str(refusal) for refusal in _compose.examine(app(**keys), model, registry="r").refusals]


def test_the_shape_of_a_release() -> None:
    document = translate()
    assert "version" not in document
    assert set(document["services"]) == {"shop-web-r3", "shop-api-r3", "shop-migrate-r3"}, "adminer is off"
    web, api, migrate = (document["services"][f"shop-{name}-r3"] for name in ("web", "api", "migrate"))
    assert web["image"] == f"r/shop/web:1{DIGEST}"
    assert web["networks"] == {"default": {"aliases": ["web"]}, "seaworthy-edge": {}}
    assert api["networks"] == {"default": {"aliases": ["api"]}, "back": {"aliases": ["api", "backend"]}}
    assert web["deploy"]["endpoint_mode"] == api["deploy"]["endpoint_mode"] == "dnsrr"
    assert web["deploy"]["labels"]["seaworthy.release"] == "3"
    assert migrate["deploy"]["mode"] == "replicated-job", "api waits for its end"
    assert web["environment"] == {
        "PRICE": "$$5",
        "N": "1",
        "SESSION_KEY_FILE": "/run/secrets/SESSION_KEY",
        "TOKEN_FILE": "/run/secrets/TOKEN",
        "SEAWORTHY_APP": "shop",
        "SEAWORTHY_RELEASE": "r3",
        "SEAWORTHY_VERSION": "1.0",
    }
    assert document["secrets"]["SESSION_KEY"] == {"external": True, "name": "shop_SESSION_KEY-1"}
    assert [entry["source"] for entry in api["secrets"]] == ["TOKEN"], "nobody names TOKEN, so everybody gets it"


def test_what_services_share() -> None:
    document = translate()
    own = {"seaworthy.app": "shop", "seaworthy.release": "3", "seaworthy.version": "1.0"}
    assert document["networks"] == {
        "default": {"labels": own},
        "back": {"driver": "overlay", "internal": True, "labels": {"a": "b"} | own},
        "seaworthy-edge": {"external": True, "name": "edge"},
    }
    assert document["configs"] == {"motd": {"content": "costs $5"}}, "a file that nobody interpolates"


def test_a_secret_in_the_environment() -> None:
    model = changed("api", environment={"URL": "postgres://dev"})
    secrets = {"URL": {"as": "env"}, "SESSION_KEY": {}}
    names = {"URL": "shop_URL-1", "SESSION_KEY": "shop_SESSION_KEY-1"}
    document = _compose.translate(
        app(secrets=secrets), model, release=3, version="1.0", images=IMAGES, secret_names=names
    )
    api, migrate = document["services"]["shop-api-r3"], document["services"]["shop-migrate-r3"]
    assert api["entrypoint"] == _wrapper.wrap([], ["URL"])
    assert api["command"] == ["start"]
    assert "postgres" not in json.dumps(document)
    assert "entrypoint" not in migrate, "it does not name the secret"
    assert document["configs"][_wrapper.CONFIG] == {"content": _wrapper.SCRIPT}


@pytest.mark.parametrize(
    ("services", "profiles", "waves"),
    [
        ({"a": {}, "b": {}}, [], [("a", "b")]),
        ({"a": {"b": {}}, "b": {}}, [], [("b",), ("a",)]),
        ({"a": {"b": {}, "c": {}}, "b": {"c": {}}, "c": {}, "d": {}}, [], [("c", "d"), ("b",), ("a",)]),
        ({"a": {"p": {"required": False}}, "p": {}}, [], [("a",)]),
        ({"a": {"p": {"required": False}}, "p": {}}, ["p"], [("p",), ("a",)]),
        ({"a": {"b": {}}, "b": {"a": {}}}, [], [("a", "b")]),  # Compose itself refuses it
    ],
)
def test_waves(services: Json, profiles: list[str], waves: list[tuple[str, ...]]) -> None:
    model = {
        "services": {
            name: {"image": "x", "depends_on": needs} | ({"profiles": ["p"]} if name == "p" else {})
            for name, needs in services.items()
        }
    }
    assert _compose.waves(App.parse("shop", {"compose": ["c"], "profiles": profiles}), model) == waves


@pytest.mark.parametrize(
    ("classes", "spec", "kind"),
    [
        ({}, {}, "internal"),
        ({}, {"restart": "no"}, "once"),
        ({}, {"restart": "always"}, "internal"),
        ({}, {"deploy": {"restart_policy": {"condition": "none"}}}, "once"),
        ({}, {"restart": "no", "deploy": {"restart_policy": {"condition": "any"}}}, "internal"),
        ({"api": "worker"}, {"restart": "no"}, "worker"),
        ({"api": "internal"}, {"restart": "no"}, "internal"),
        ({"api": "once"}, {}, "once"),
    ],
)
def test_class_of(classes: dict[str, str], spec: Json, kind: str) -> None:
    assert _compose.class_of(app(classes=classes), "api", changed("api", **spec)) == kind
    assert _compose.class_of(app(), "web", MODEL) == "routed"
    assert _compose.class_of(app(), "migrate", MODEL) == "once"


def test_a_part_has_what_it_uses() -> None:
    document = translate()
    part = _compose.part(document, ["shop-api-r3"])
    assert set(part["services"]) == {"shop-api-r3"}
    assert part["networks"] == document["networks"]
    assert set(part["configs"]) == {"motd"}
    assert set(part["secrets"]) == {"TOKEN"}
    assert "configs" not in _compose.part(document, ["shop-web-r3"])


@pytest.mark.parametrize(
    ("model", "keys", "message"),
    [
        (MODEL, {}, None),
        (MODEL, {"profiles": ["dev"]}, "service adminer: privileged: a privileged container owns its host"),
        (
            MODEL,
            {"profiles": ["dve"]},
            r"apps/shop.yml: profiles: the Compose file has no profile dve. Did you mean dev\?",
        ),
        (MODEL, {"classes": {"adminer": "worker"}}, "apps/shop.yml: classes: service adminer is off. Name one of its"),
        (
            MODEL,
            {"classes": {"ap": "worker"}},
            "apps/shop.yml: classes: the Compose file has no service ap. Did you mean",
        ),
        (MODEL | {"volumes": {"data": {"name": "shop_data"}}}, {}, None),
        (MODEL | {"surprise": 1}, {}, "surprise: this is no key that the platform knows"),
        (changed("web", depends_on={"adminer": {}}), {}, "service web: depends_on.adminer: service adminer is off"),
        (changed("web", depends_on={"adminer": {"required": False}}), {}, None),
        (
            changed("web", depends_on={"migrate": {"condition": "service_healthy"}}),
            {},
            "service web: depends_on.migrate: it waits for the health of migrate, which runs once",
        ),
        (
            MODEL,
            {"classes": {"migrate": "worker"}},
            "service api: depends_on.migrate: it waits for the end of migrate, but a service of class worker must run",
        ),
        (
            changed("api", secrets=[{"source": "TOKE"}]),
            {},
            r"service api: secrets.TOKE: the app file does not declare this secret. Did you mean TOKEN\?",
        ),
        (
            changed("api", secrets=[{"source": "other"}]),
            {},
            r"service api: secrets.other: .*`secrets: {other: {}}` into",
        ),
    ],
)
def test_refused_between_services(model: Json, keys: Json, message: str | None) -> None:
    found = refusals(model, **keys)
    assert bool(found) == bool(message), found
    assert not message or re.match(message, found[0])


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("networks", {"name": "other"}, "networks.back.name: .* belongs to one release"),
        ("networks", {"external": True, "name": "other"}, "networks.back.external: .* belongs to one release"),
        ("networks", {"driver": "macvlan"}, "networks.back.driver: hosts share overlay networks only. found: macvlan"),
        ("networks", {"driver": "overlay", "attachable": True, "enable_ipv4": True}, None),
        ("networks", {"enable_ipv4": False}, "networks.back.enable_ipv4: an overlay always has IPv4"),
        ("networks", {"enable_ipv6": True}, "networks.back.enable_ipv6: docker stack deploy makes"),
        (
            "networks",
            {"ipam": {"config": [{"subnet": "10.0.0.0/24"}]}},
            "networks.back.ipam: Swarm gives the addresses",
        ),
        ("networks", {"driver_opts": {"a": "b"}}, "networks.back.driver_opts: the platform decides"),
        ("networks", {"labels": {"seaworthy.a": "b"}}, "networks.back.labels.seaworthy.a: labels of the platform"),
        ("configs", {"content": ""}, "configs.motd: Swarm takes no empty config"),
        ("configs", {"content": "x" * 900_001}, "configs.motd: a config holds at most 900 KB"),
        ("configs", {"content": "x", "name": "other"}, "configs.motd.name: each release has its own configs"),
        ("configs", {"external": True, "name": "other"}, "configs.motd.external: write its text into"),
        ("configs", {"content": "x", "template_driver": "golang"}, "configs.motd.template_driver: the text is taken"),
        ("secrets", {"external": True, "name": "other"}, None),
        ("secrets", {"driver": "vault"}, "secrets.SESSION_KEY.driver: values come from the app file's secrets only"),
    ],
)
def test_refused_beside_services(kind: str, options: Json, message: str | None) -> None:
    name = {"networks": "back", "configs": "motd", "secrets": "SESSION_KEY"}[kind]
    found = refusals(MODEL | {kind: {name: options}})
    assert bool(found) == bool(message), found
    assert not message or re.match(message, found[0])


def test_a_config_whose_name_swarm_would_not_take() -> None:
    name = "c" * 51
    model = changed("api", configs=[{"source": name}]) | {"configs": {name: {"content": "x"}}}
    assert refusals(model) == [f"configs.{name}: the name of the Swarm config gets longer than 64"]


def test_what_no_service_uses_is_not_looked_at() -> None:
    assert refusals(MODEL | {"networks": {"unused": {"external": True, "name": "other"}}}) == []


def test_an_error_says_all_that_is_refused() -> None:
    with pytest.raises(InputError) as one:
        translate(changed("web", privileged=True))
    assert str(one.value) == (
        "apps/shop.yml: service web: privileged: a privileged container owns its host. found: true"
    )
    with pytest.raises(InputError) as several:
        translate(changed("web", privileged=True, ports=[{"target": 80}]))
    assert "\n- service web: ports: clients" in str(several.value)
    assert [refusal["key"] for refusal in several.value.result["refused"]] == ["privileged", "ports"]
    assert (several.value.result["file"], several.value.result["service"]) == ("apps/shop.yml", "web")


def test_a_file_without_services() -> None:
    empty = App.parse("shop", {"compose": ["c"]})
    found = _compose.examine(empty, {"name": "shop"})
    assert [str(refusal) for refusal in found.refusals] == ["apps/shop.yml: services: the Compose file has no service"]


def test_an_examination_names_everything() -> None:
    found = _compose.examine(app(), MODEL, registry="r.example.com")
    assert [(one.name, one.kind, one.wave, one.image) for one in found.services] == [
        ("web", "routed", 3, "r.example.com/shop/web:0"),
        ("api", "internal", 2, "example/api:7"),
        ("migrate", "once", 1, "example/api:7"),
    ]
    assert found.off == ("adminer",)
    assert {one.path: str(one.key.verdict) for one in found.top} == {
        "networks.back.driver": "translated",
        "networks.back.internal": "kept",
        "networks.back.labels": "kept",
        "secrets.SESSION_KEY.file": "used",
        "configs.motd.content": "kept",
    }
    assert [one.path for one in found.services[2].keys] == ["image", "command", "networks"]
    assert _compose.examine(app(), MODEL).services[0].image == "<registry>/shop/web:0"


@pytest.mark.parametrize(
    ("model", "keys", "note"),
    [
        (MODEL, {"classes": {"api": "worker"}}, "service api has class worker; in this version it starts before"),
        (changed("migrate", healthcheck={"test": ["CMD", "a"]}), {}, "service migrate runs once, so its health is not"),
        (changed("api", environment={"DB_PASSWORD": "x"}), {}, "service api: DB_PASSWORD looks like a secret"),
        (
            changed("api", environment={"URL": "x"}),
            {"secrets": {"SESSION_KEY": {}, "URL": {"as": "env"}}},
            "service api: the app file's secret URL takes the place of what",
        ),
        (changed("api", environment={"DB_PASSWORD": "", "KEYBOARD": "x", "DB_PASSWORD_FILE": "/x"}), {}, None),
    ],
)
def test_notes(model: Json, keys: Json, note: str | None) -> None:
    notes = _compose.examine(app(**keys), model).notes
    assert [one.startswith(f"apps/shop.yml: {note}") for one in notes] == [True] * bool(note), notes


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in ("PASSWORD", "POSTGRES_PASSWORD", "API_TOKEN", "SECRET", "AWS_SECRET_ACCESS_KEY")),
        *(
            (name, True)
            for name in (
                "STRIPE_API_KEY",
                "APIKEY",
                "RAILS_MASTER_KEY",
                "SECRET_KEY_BASE",
                "SMTP_PASS",
                "PGPASSWORD",
                "APP_KEY",
            )
        ),
        *(
            (name, False)
            for name in (
                "KEYBOARD",
                "PASSWORD_FILE",
                "TOKEN_TTL",
                "CACHE_KEY_PREFIX",
                "COMPASS",
                "CACHE_KEY",
                "PWD_DIR",
            )
        ),
    ],
)
def test_names_that_look_like_secrets(name: str, is_one: bool) -> None:
    assert bool(_compose.SECRET_NAME.search(name)) == is_one


def test_a_route_needs_its_service() -> None:
    with pytest.raises(InputError, match=r"routes: the Compose file has no service wbe. Did you mean web\?"):
        translate(routes=[{**APP["routes"][0], "service": "wbe"}])


def test_a_built_image_needs_a_registry() -> None:
    with pytest.raises(InputError, match="Set seaworthy_registry"):
        _compose.image_names(app(), MODEL, version="1.0", registry=None)
    assert _compose.image_names(app(), MODEL, version="1.0", registry="r.example.com:5000") == {
        "web": "r.example.com:5000/shop/web:1.0",
        "api": "example/api:7",
        "migrate": "example/api:7",
    }


def test_the_fingerprint_knows_what_matters() -> None:
    def of(model: Json = MODEL, version: str = "1.0", names: dict[str, str] = NAMES, **keys: t.Any) -> str:
        return _compose.fingerprint(app(**keys), model, version=version, registry="r", secret_names=names)

    same = of()
    assert of(copy.deepcopy(MODEL)) == same
    others = [
        of(changed("web", environment={"N": "2"})),
        of(changed("web", depends_on={})),
        of(MODEL | {"configs": {"motd": {"content": "other"}}}),
        of(version="1.1"),
        of(names=NAMES | {"TOKEN": "other"}),
        of(drain="11s"),
        of(routes=[{**APP["routes"][0], "paths": ["/x"]}]),
        of(secrets={"SESSION_KEY": {}, "TOKEN": {"as": "env"}}),
    ]
    assert same not in others
    assert of(MODEL | {"name": "elsewhere"}) == same
    assert of(changed("adminer", image="other")) == same, "it is off"


@pytest.mark.parametrize(
    ("name", "digests", "reference"),
    [
        ("example/api:7", ["example/api@sha256:1"], "example/api:7@sha256:1"),
        ("docker.io/library/redis:7", ["redis@sha256:1"], "docker.io/library/redis:7@sha256:1"),
        ("redis", ["redis@sha256:1"], "redis@sha256:1"),
        ("r.example.com:5000/shop/web:1", ["other@sha256:2", "r.example.com:5000/shop/web@sha256:1"], None),
        ("redis:7@sha256:9", [], "redis:7@sha256:9"),
    ],
)
def test_pinned(name: str, digests: list[str], reference: str | None) -> None:
    config = {"User": "node", "Entrypoint": ["a"], "Cmd": ["b"], "Healthcheck": {"Test": ["CMD", "c"]}}
    image = _compose.pinned(name, {"Config": config, "RepoDigests": digests})
    assert image == _compose.Image(reference or f"{name}@sha256:1", "node", ("a",), ("b",), {"Test": ["CMD", "c"]})
    assert _compose.pinned("redis@sha256:1", {"Config": {"Entrypoint": None}}) == _compose.Image("redis@sha256:1")


def test_an_image_that_no_registry_knows() -> None:
    with pytest.raises(InputError, match="the registry gave no digest for image web:1"):
        _compose.pinned("web:1", {"RepoDigests": []})


@pytest.mark.skipif(shutil.which("docker") is None, reason="no Docker CLI to ask")
def test_the_real_parser_takes_the_document() -> None:
    """`docker stack config` needs no engine."""
    document = translate()
    del document["configs"]["motd"]["content"]  # the release engine makes a file of it
    document["configs"]["motd"]["file"] = "/dev/null"
    done = _process.run(
        ["docker", "stack", "config", "-c", "-"],
        data=json.dumps(document),
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    assert "PRICE: $5" in done.stdout
    assert "start_interval: 500ms" in done.stdout
