# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's model to a stack document; the judge is the real `docker stack config`."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _compose
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
    "networks": {"default": {"name": "shop_default", "ipam": {}}},
    "secrets": {"SESSION_KEY": {"name": "shop_SESSION_KEY", "file": "/here/key"}},
    "x-common": {"restart": "always"},
    "services": {
        "web": {
            "build": {"context": "/here/web", "dockerfile": "Dockerfile"},
            "command": None,
            "entrypoint": None,
            "environment": {"PRICE": "$$5", "N": "1"},
            "expose": ["3000"],
            "healthcheck": {
                "test": ["CMD", "true"],
                "timeout": "3s",
                "interval": "10s",
                "retries": 3,
                "start_period": "1m30s",
                "start_interval": "500ms",
            },
            "deploy": {
                "replicas": 3,
                "resources": {
                    "limits": {"cpus": 0.5, "memory": "268435456", "pids": 100},
                    "reservations": {"memory": "67108864"},
                },
                "placement": {},
            },
            "init": True,
            "labels": {"team": "$$shop"},
            "networks": {"default": None},
            "read_only": True,
            "secrets": [{"source": "SESSION_KEY", "target": "/run/secrets/SESSION_KEY"}],
            "stop_grace_period": "1m30s",
            "stop_signal": "SIGTERM",
            "tmpfs": ["/tmp", "/run:size=64m,mode=1777"],
            "volumes": [{"type": "tmpfs", "target": "/x", "tmpfs": {"size": "10485760"}}],
        },
        "api": {
            "image": "example/api:7",
            "command": ["npm", "start"],
            "entrypoint": ["sh", "-c"],
            "user": "1000",
            "healthcheck": {"disable": True},
            "networks": {"default": None},
        },
    },
}
NAMES = {"SESSION_KEY": "shop_SESSION_KEY-1", "TOKEN": "shop_TOKEN-1"}
IMAGES = {"web": _compose.Image("r/shop/web:1@sha256:" + "0" * 64, ""), "api": _compose.Image("example/api:7")}


def app(**keys: t.Any) -> App:
    return App.parse("shop", APP | keys)


def translate(model: Json = MODEL, release: int = 3, version: str = "1.0", **keys: t.Any) -> Json:
    return _compose.translate(app(**keys), model, release=release, version=version, images=IMAGES, secret_names=NAMES)


def changed(service: str, **keys: t.Any) -> Json:
    model = copy.deepcopy(MODEL)
    model["services"][service] |= keys
    return model


def test_the_shape_of_a_release() -> None:
    document = translate()
    assert "version" not in document
    assert set(document["services"]) == {"shop-web-r3", "shop-api-r3"}
    web, api = document["services"]["shop-web-r3"], document["services"]["shop-api-r3"]
    assert web["networks"] == {"default": {"aliases": ["web"]}, "edge": {}}
    assert api["networks"] == {"default": {"aliases": ["api"]}}
    assert web["deploy"]["endpoint_mode"] == api["deploy"]["endpoint_mode"] == "dnsrr"
    assert web["deploy"]["labels"]["seaworthy.release"] == "3"
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


def test_defaults_are_added_and_choices_kept() -> None:
    web, api = translate()["services"].values()
    assert web["deploy"]["resources"]["limits"] == {"cpus": "0.5", "memory": "268435456", "pids": 100}
    assert api["deploy"]["resources"]["limits"] == {"memory": "1g", "pids": 1024}
    assert web["cap_drop"] == ["NET_RAW"], "the image runs as root"
    assert api["cap_drop"] == ["ALL"], "the file says user 1000"
    assert web["logging"]["options"]["max-size"] == "10m"


def test_memory_file_systems_in_the_long_form() -> None:
    assert translate()["services"]["shop-web-r3"]["volumes"] == [
        {"type": "tmpfs", "target": "/tmp"},
        {"type": "tmpfs", "target": "/run", "tmpfs": {"size": 64 * 1024 * 1024}},
        {"type": "tmpfs", "target": "/x", "tmpfs": {"size": 10485760}},
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"ports": [{"target": 80}]}, "ports: clients come through `routes`"),
        ({"privileged": True}, "privileged: a privileged container owns its host"),
        ({"restart": "always"}, "restart: Swarm restarts what must run"),
        ({"depends_on": {"api": {}}}, "depends_on: all services of a release start together"),
        ({"cap_add": ["SYS_ADMIN"]}, "cap_add: more rights"),
        ({"hostname": "x"}, "hostname: this key is not taken"),
        ({"volumes": [{"type": "volume", "target": "/data"}]}, "volumes: data of an app"),
        ({"tmpfs": ["/tmp:noexec"]}, "tmpfs: of the options only size"),
        ({"environment": {"C": None}}, "environment.C: it has no value"),
        ({"environment": {"SESSION_KEY": "dev"}}, "environment.SESSION_KEY: the app file declares this secret"),
        ({"environment": {"SESSION_KEY_FILE": "/x"}}, "environment.SESSION_KEY_FILE: the secret is the file"),
        ({"labels": {"traefik.enable": "true"}}, "labels.traefik.enable: labels of the platform"),
        ({"networks": {"back": None}}, "networks.back: only the default network"),
        ({"networks": {"default": {"aliases": ["x"]}}}, "networks.default: only the default network"),
        ({"deploy": {"mode": "global"}}, "deploy.mode: this key"),
        ({"deploy": {"replicas": 0}}, "deploy.replicas: a service of a release has at least one"),
        ({"deploy": {"resources": {"limits": {"gpus": 1}}}}, "deploy.resources.limits.gpus"),
        ({"healthcheck": {"x": 1}}, "healthcheck.x"),
        ({"secrets": [{"source": "TOKE", "target": "/run/secrets/TOKE"}]}, "does not declare.*Did you mean TOKEN"),
        ({"secrets": [{"source": "TOKEN", "target": "/x"}]}, "secrets.TOKEN: a secret is the file"),
        ({"command": []}, "command: Swarm cannot empty"),
    ],
)
def test_refused_by_name(keys: Json, message: str) -> None:
    with pytest.raises(InputError, match=f"apps/shop.yml: service web: .*{message}|apps/shop.yml.*{message}"):
        translate(changed("web", **keys))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"volumes": {"data": {}}}, "top-level volumes: data of an app"),
        ({"configs": {"c": {}}}, "top-level configs: it is not taken"),
        ({"networks": {"back": {"name": "x"}}}, "networks.back: only the default network"),
        ({"networks": {"default": {"internal": True}}}, "networks.default: only the default network"),
        ({"services": {}}, "has no service"),
    ],
)
def test_refused_at_the_top(keys: Json, message: str) -> None:
    with pytest.raises(InputError, match=message):
        translate(MODEL | keys)


def test_a_route_needs_its_service() -> None:
    with pytest.raises(InputError, match=r"routes: the Compose file has no service wbe.*Did you mean web\?"):
        translate(routes=[{**APP["routes"][0], "service": "wbe"}])


def test_a_name_that_is_too_long_for_swarm() -> None:
    model = {"services": {"w" * 50: MODEL["services"]["api"]}}
    with pytest.raises(InputError, match="longer than 63"):
        _compose.check(App.parse("shop", {"compose": ["c"]}), model)


def test_a_built_image_needs_a_registry() -> None:
    with pytest.raises(InputError, match="Set seaworthy_registry"):
        _compose.image_names(app(), MODEL, version="1.0", registry=None)
    assert _compose.image_names(app(), MODEL, version="1.0", registry="r.example.com:5000") == {
        "web": "r.example.com:5000/shop/web:1.0",
        "api": "example/api:7",
    }


def test_check_needs_no_image_and_no_secret() -> None:
    assert _compose.check(app(), MODEL, registry="r") == []
    notes = _compose.check(app(classes={"api": "worker"}), MODEL, registry="r")
    assert notes == [
        "apps/shop.yml: service api has class worker; in this version it starts before the switch, like others"
    ]


def test_the_fingerprint_knows_what_matters() -> None:
    def of(model: Json = MODEL, version: str = "1.0", names: dict[str, str] = NAMES, **keys: t.Any) -> str:
        return _compose.fingerprint(app(**keys), model, version=version, registry="r", secret_names=names)

    same = of()
    assert of(copy.deepcopy(MODEL)) == same
    others = [
        of(changed("web", environment={"N": "2"})),
        of(version="1.1"),
        of(names=NAMES | {"TOKEN": "other"}),
        of(drain="11s"),
        of(routes=[{**APP["routes"][0], "paths": ["/x"]}]),
    ]
    assert same not in others
    assert of(MODEL | {"name": "elsewhere"}) == same


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
    image = _compose.pinned(name, {"Config": {"User": "node"}, "RepoDigests": digests})
    assert image == _compose.Image(reference or f"{name}@sha256:1", "node")


@pytest.mark.skipif(shutil.which("docker") is None, reason="no Docker CLI to ask")
def test_the_real_parser_takes_the_document() -> None:
    """`docker stack config` needs no engine."""
    document = translate()
    done = subprocess.run(
        ["docker", "stack", "config", "-c", "-"],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    assert "PRICE: $5" in done.stdout
    assert "start_interval: 500ms" in done.stdout
