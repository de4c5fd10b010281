# SPDX-License-Identifier: GPL-3.0-or-later
"""One service of the model as a service of the stack document: what each key becomes, and what is refused."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _wrapper
from ansible_collections.seaworthy.swarm.plugins.module_utils._app import App
from ansible_collections.seaworthy.swarm.plugins.module_utils._compose_service import Image, Release, Service

Json = dict[str, t.Any]
IMAGE = Image("example/web:1@sha256:" + "0" * 64)
APP: Json = {
    "compose": ["compose.yaml"],
    "routes": [{"service": "web", "target_port": 3000, "hosts": ["shop.example.com"]}],
    "secrets": {"KEY": {}, "URL": {"as": "env"}},
}


def service(spec: Json, kind: str = "internal", secrets: tuple[str, ...] = ()) -> Service:
    return Service(Release(App.parse("shop", APP), 3, "1.0"), "web", {"image": "example/web:1"} | spec, kind, secrets)


def translated(spec: Json, kind: str = "internal", image: Image = IMAGE, secrets: tuple[str, ...] = ()) -> Json:
    one = service(spec, kind, secrets)
    found = one.translate(image)
    assert [str(refusal) for refusal in one.refusals] == []
    return found


def at(document: Json, path: str) -> t.Any:
    value: t.Any = document
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


LONG_TMPFS = {"type": "tmpfs", "target": "/x", "tmpfs": {"size": "10485760", "mode": 0o1777}}


@pytest.mark.parametrize(
    ("spec", "path", "value"),
    [
        # kept
        ({"command": ["a", "$$b"]}, "command", ["a", "$$b"]),
        ({"entrypoint": ["a"]}, "entrypoint", ["a"]),
        ({"user": "1000:1000"}, "user", "1000:1000"),
        ({"working_dir": "/x"}, "working_dir", "/x"),
        ({"init": False}, "init", False),
        ({"tty": True}, "tty", True),
        ({"stdin_open": True}, "stdin_open", True),
        ({"read_only": True}, "read_only", True),
        ({"stop_signal": "SIGINT"}, "stop_signal", "SIGINT"),
        ({"stop_grace_period": "1m30s"}, "stop_grace_period", "1m30s"),
        ({"hostname": "web.local"}, "hostname", "web.local"),
        ({"dns": ["1.1.1.1"]}, "dns", ["1.1.1.1"]),
        ({"dns_search": ["a.b"]}, "dns_search", ["a.b"]),
        ({"sysctls": {"net.core.somaxconn": "1"}}, "sysctls", {"net.core.somaxconn": "1"}),
        ({"ulimits": {"nproc": 5, "nofile": {"soft": 1, "hard": 2}}}, "ulimits.nofile", {"soft": 1, "hard": 2}),
        ({"labels": {"team": "a"}}, "labels.team", "a"),
        ({"healthcheck": {"test": ["CMD", "a"], "x-a": 1}}, "healthcheck", {"test": ["CMD", "a"]}),
        ({"healthcheck": {"disable": True}}, "healthcheck", {"disable": True}),
        ({"deploy": {"labels": {"team": "$$a"}}}, "deploy.labels.team", "$$a"),
        ({"deploy": {"placement": {"max_replicas_per_node": 1}}}, "deploy.placement", {"max_replicas_per_node": 1}),
        # amounts
        ({}, "deploy.replicas", 1),
        ({"deploy": {"replicas": 3}}, "deploy.replicas", 3),
        ({"scale": 2}, "deploy.replicas", 2),
        ({}, "deploy.resources.limits", {"memory": str(1024**3), "pids": 1024}),
        ({"deploy": {"resources": {"limits": {"cpus": 0.5}}}}, "deploy.resources.limits.cpus", "0.5"),
        ({"mem_limit": "5"}, "deploy.resources.limits.memory", "5"),
        ({"cpus": 0.5}, "deploy.resources.limits.cpus", "0.5"),
        ({"pids_limit": 7}, "deploy.resources.limits.pids", 7),
        ({"mem_reservation": "5"}, "deploy.resources.reservations.memory", "5"),
        ({"mem_reservation": str(2 * 1024**3)}, "deploy.resources.limits.memory", str(2 * 1024**3)),
        # restart
        ({}, "deploy.restart_policy", {"condition": "any", "delay": "2s"}),
        ({"restart": "always"}, "deploy.restart_policy.condition", "any"),
        ({"restart": "unless-stopped"}, "deploy.restart_policy.condition", "any"),
        ({"restart": "on-failure"}, "deploy.restart_policy", {"condition": "on-failure", "delay": "2s"}),
        ({"restart": "on-failure:3"}, "deploy.restart_policy.max_attempts", 3),
        (
            {"restart": "always", "deploy": {"restart_policy": {"condition": "on-failure", "delay": "9s"}}},
            "deploy.restart_policy",
            {"condition": "on-failure", "delay": "9s"},
        ),
        # memory file systems
        ({"tmpfs": ["/tmp"]}, "volumes", [{"type": "tmpfs", "target": "/tmp"}]),
        (
            {"tmpfs": ["/tmp:size=64m,mode=1777,noexec"]},
            "volumes",
            [{"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 64 * 1024**2}}],
        ),
        ({"shm_size": "5"}, "volumes", [{"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": 5}}]),
        ({"volumes": [LONG_TMPFS]}, "volumes", [{"type": "tmpfs", "target": "/x", "tmpfs": {"size": 10485760}}]),
        # rights
        ({}, "cap_drop", ["NET_RAW"]),
        ({"user": "1000"}, "cap_drop", ["ALL"]),
        ({"user": "root:1"}, "cap_drop", ["NET_RAW"]),
        ({"cap_drop": ["chown"]}, "cap_drop", ["NET_RAW", "CHOWN"]),
        ({"cap_drop": ["CAP_ALL", "CHOWN"]}, "cap_drop", ["ALL"]),
        ({"cap_add": ["CAP_NET_RAW"]}, "cap_drop", []),
        ({"cap_add": ["CAP_NET_RAW", "NET_RAW"]}, "cap_add", ["NET_RAW"]),
        # names and addresses
        ({}, "networks", {"default": {"aliases": ["web"]}}),
        ({"container_name": "shop_web"}, "networks.default.aliases", ["web", "shop_web"]),
        ({"networks": {"back": {"aliases": ["x", "web"]}}}, "networks", {"back": {"aliases": ["web", "x"]}}),
        ({"networks": {"edge": None}}, "networks", {"edge": {"aliases": ["web"]}}),
        ({"extra_hosts": ["a=1.2.3.4", "b=::1"]}, "extra_hosts", ["a:1.2.3.4", "b:::1"]),
        # texts
        ({"environment": {"A": "{{ x }} $$y"}}, "environment.A", '{{"{{"}} x }} $$y'),
        ({"environment": {"A": ""}}, "environment.A", ""),
        ({"logging": {"options": {"max-size": "1m"}}}, "logging.options", {"max-size": "1m", "max-file": "3"}),
        ({}, "logging", {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}),
        # files
        ({"configs": [{"source": "a"}]}, "configs", [{"source": "a", "target": "/a"}]),
        (
            {"configs": [{"source": "a", "target": "/b", "uid": "1", "gid": "2", "mode": "0440"}]},
            "configs",
            [{"source": "a", "target": "/b", "uid": "1", "gid": "2", "mode": 0o440}],
        ),
        # used: they change nothing here
        ({"platform": "linux/amd64"}, "platform", None),
        ({"pull_policy": "always"}, "pull_policy", None),
        ({"expose": ["80"]}, "expose", None),
        ({"security_opt": ["no-new-privileges:true"]}, "security_opt", None),
        ({"deploy": {"mode": "replicated", "update_config": {"order": "start-first"}}}, "deploy.update_config", None),
        ({"x-mine": 1}, "x-mine", None),
    ],
)
def test_what_a_key_becomes(spec: Json, path: str, value: object) -> None:
    assert at(translated(spec), path) == value


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"ports": [{"target": 80}]}, "ports: clients come through `routes`.* `ports: !reset \\[\\]`"),
        ({"privileged": True}, "privileged: a privileged container owns its host"),
        ({"network_mode": "host"}, "network_mode: the platform decides the networks. found: host"),
        ({"volumes": [{"type": "volume", "source": "a", "target": "/d"}]}, r"volumes\[0\]: data .*volume a at /d"),
        ({"volumes": [{"type": "volume", "target": "/d"}]}, r"volumes\[0\]: data of an app.*found: volume at /d"),
        ({"volumes": [LONG_TMPFS, {"type": "bind", "source": "/a", "target": "/b"}]}, r"volumes\[1\]: the file would"),
        ({"volumes": [{"type": "image", "source": "a", "target": "/b"}]}, r"volumes\[0\]: docker stack deploy"),
        ({"volumes": [LONG_TMPFS | {"tmpfs": {"mode": 0o700}}]}, r"volumes\[0\].tmpfs.mode: Swarm's is 1777"),
        ({"volumes": [LONG_TMPFS | {"read_only": True}]}, r"volumes\[0\].read_only: a tmpfs that nobody can write"),
        ({"tmpfs": ["/x"], "volumes": [LONG_TMPFS]}, "volumes: two file systems at one place.* found: /x"),
        ({"tmpfs": ["/tmp:exec"]}, "tmpfs: of the options only size"),
        ({"tmpfs": ["/tmp:size=50%"]}, "tmpfs: of the options only size"),
        ({"cap_add": ["SYS_ADMIN"]}, "cap_add: this right reaches beyond the container. found: SYS_ADMIN"),
        ({"cap_add": ["CAP_ALL"]}, "cap_add: this right.* ALL"),
        ({"hostname": "{{.Node.Hostname}}"}, "hostname: this is no host name"),
        ({"platform": "linux/arm64"}, "platform: the platform's hosts are linux/amd64. found: linux/arm64"),
        ({"pull_policy": "never"}, "pull_policy: every host must be able to pull"),
        ({"security_opt": ["seccomp=unconfined"]}, "security_opt: only no-new-privileges .* seccomp=unconfined"),
        ({"extra_hosts": ["a=host-gateway"]}, "extra_hosts: a container's own host"),
        ({"pids_limit": -1}, "pids_limit: a number of processes without limit"),
        ({"logging": {"driver": "syslog"}}, "logging.driver: the platform reads the logs of json-file. found: syslog"),
        ({"environment": {"C": None}}, "environment.C: it has no value"),
        ({"environment": {"KEY": "dev"}}, "environment.KEY: the app file declares this secret.*as: env"),
        ({"environment": {"SEAWORTHY_APP": "x"}}, "environment.SEAWORTHY_APP: the platform sets it itself"),
        ({"labels": {"traefik.enable": "true"}}, "labels.traefik.enable: labels of the platform"),
        ({"deploy": {"labels": {"traefik.a": "b"}}}, "deploy.labels.traefik.a: labels of the platform"),
        ({"deploy": {"mode": "global"}}, 'deploy.mode: the gates .* global. A job is a service with `restart: "no"`'),
        ({"deploy": {"endpoint_mode": "vip"}}, "deploy.endpoint_mode: names resolve to the containers"),
        ({"deploy": {"replicas": 0}}, "deploy.replicas: a service of a release has at least one replica"),
        ({"scale": 0}, "scale: a service of a release has at least one replica"),
        ({"deploy": {"resources": {"reservations": {"devices": [1]}}}}, "deploy.resources.reservations.devices"),
        ({"deploy": {"restart_policy": {"condition": "odd"}}}, "deploy.restart_policy.condition: Swarm knows"),
        ({"restart": "no"}, "restart: a service of class internal must run. found: no. Write `classes: {web: once}`"),
        ({"command": []}, "command: Swarm cannot empty"),
        ({"entrypoint": []}, "entrypoint: Swarm cannot empty"),
        ({"surprise": 1}, "surprise: this is no key that the platform knows"),
    ],
)
def test_refused(spec: Json, message: str) -> None:
    one = service(spec)
    one.translate(IMAGE)
    assert len(one.refusals) == 1
    assert re.match(f"service web: {message}", str(one.refusals[0]))


def test_all_that_is_refused_is_collected() -> None:
    one = service({"privileged": True, "ports": [{"target": 1}], "restart": "no", "environment": {"A": None}})
    one.translate(IMAGE)
    assert {refusal.key for refusal in one.refusals} == {"privileged", "ports", "restart", "environment.A"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"restart": "always"}, "restart: this service runs once"),
        ({"restart": "on-failure:2"}, "restart: this service runs once"),
        ({"deploy": {"restart_policy": {"condition": "any"}}}, "deploy.restart_policy: this service runs once"),
        ({"scale": 2}, "scale: a service that runs once has one replica"),
        ({"restart": "no"}, None),
        ({"deploy": {"restart_policy": {"condition": "none"}}}, None),
        ({}, None),
    ],
)
def test_a_service_that_runs_once(spec: Json, message: str | None) -> None:
    one = service(spec | {"healthcheck": {"test": ["CMD", "a"]}}, "once")
    document = one.translate(IMAGE)
    assert [str(refusal).startswith(f"service web: {message}") for refusal in one.refusals] == [True] * bool(message)
    assert document["deploy"]["mode"] == "replicated-job"
    assert document["deploy"]["restart_policy"] == {"condition": "none"}
    assert document["healthcheck"] == {"test": ["NONE"]}, "Swarm would kill a job that it calls unhealthy"


def test_a_routed_service() -> None:
    document = translated({}, "routed")
    assert document["networks"] == {"default": {"aliases": ["web"]}, "seaworthy-edge": {}}
    labels = document["deploy"]["labels"]
    assert labels["traefik.http.services.shop-web-r3.loadbalancer.server.port"] == "3000"
    assert labels["seaworthy.service"] == document["labels"]["seaworthy.service"] == "web"


@pytest.mark.parametrize("name", ["Web", "a.b", "w" * 60, "_a"])
def test_a_name_that_swarm_or_a_registry_cannot_have(name: str) -> None:
    one = Service(Release(App.parse("shop", APP), 3, "1.0"), name, {"image": "x"}, "internal", ())
    one.translate(IMAGE)
    assert {refusal.key for refusal in one.refusals} == {"name"}


def test_a_secret_is_a_file() -> None:
    document = translated({}, secrets=("KEY",))
    assert document["secrets"] == [{"source": "KEY", "target": "KEY"}]
    assert document["environment"]["KEY_FILE"] == "/run/secrets/KEY"
    assert "configs" not in document


@pytest.mark.parametrize(
    ("entry", "path", "reference"),
    [
        ({"target": "/run/secrets/KEY"}, "/run/secrets/KEY", {"target": "KEY"}),
        ({"target": "a", "mode": "0400"}, "/run/secrets/a", {"target": "a", "mode": 0o400}),
        ({"target": "/etc/a", "uid": "1", "gid": "2"}, "/etc/a", {"target": "/etc/a", "uid": "1", "gid": "2"}),
    ],
)
def test_where_a_secret_is(entry: Json, path: str, reference: Json) -> None:
    document = translated({"secrets": [{"source": "KEY"} | entry]}, secrets=("KEY",))
    assert document["environment"]["KEY_FILE"] == path
    assert document["secrets"] == [{"source": "KEY"} | reference]


def test_the_file_variable_says_where_the_secret_is() -> None:
    assert translated({"environment": {"KEY_FILE": "/run/secrets/KEY"}}, secrets=("KEY",))
    one = service({"environment": {"KEY_FILE": "/elsewhere"}}, secrets=("KEY",))
    one.translate(IMAGE)
    assert str(one.refusals[0]).startswith("service web: environment.KEY_FILE: the secret is the file /run/secrets/KEY")


WRAPPED = _wrapper.wrap([], ["URL"])


@pytest.mark.parametrize(
    ("spec", "image", "entrypoint", "command"),
    [
        ({}, Image("x", entrypoint=("a", "$b"), command=("c",)), ["a", "$$b"], ["c"]),
        ({}, Image("x", command=("c",)), [], ["c"]),
        ({"command": ["d"]}, Image("x", entrypoint=("a",), command=("c",)), ["a"], ["d"]),
        ({"entrypoint": ["e"]}, Image("x", entrypoint=("a",), command=("c",)), ["e"], None),
        ({"entrypoint": ["e"], "command": ["d"]}, Image("x", command=("c",)), ["e"], ["d"]),
    ],
)
def test_the_program_behind_the_script(spec: Json, image: Image, entrypoint: list[str], command: object) -> None:
    document = translated(spec | {"environment": {"URL": "dev"}}, image=image, secrets=("URL",))
    assert document["entrypoint"] == [*WRAPPED, *entrypoint]
    assert document.get("command") == command
    assert "URL" not in document["environment"]
    assert document["environment"]["URL_FILE"] == "/run/secrets/URL"
    assert document["configs"] == [{"source": _wrapper.CONFIG, "target": _wrapper.PATH, "mode": 0o444}]


@pytest.mark.parametrize(
    ("healthcheck", "of_image", "found"),
    [
        (None, None, None),
        ({"test": ["CMD", "a"], "retries": 2}, None, {"test": ["CMD", *WRAPPED, "a"], "retries": 2}),
        (
            {"interval": "5s"},
            {"Test": ["CMD-SHELL", "$a"]},
            {"test": ["CMD", *WRAPPED, "/bin/sh", "-c", "$$a"], "interval": "5s"},
        ),
        (None, {"Test": ["CMD", "b"]}, {"test": ["CMD", *WRAPPED, "b"]}),
        ({"disable": True}, {"Test": ["CMD", "b"]}, {"disable": True}),
        ({"test": ["NONE"]}, {"Test": ["CMD", "b"]}, {"test": ["NONE"]}),
    ],
)
def test_the_healthcheck_behind_the_script(healthcheck: Json | None, of_image: Json | None, found: Json | None) -> None:
    image = Image("x", command=("c",), healthcheck=of_image)
    spec = {"healthcheck": healthcheck} if healthcheck else {}
    assert translated(spec, image=image, secrets=("URL",)).get("healthcheck") == found


@pytest.mark.parametrize(
    ("spec", "image", "message"),
    [
        ({}, Image("x"), "entrypoint: secrets with `as: env` need to know what to start"),
        (
            {"secrets": [{"source": "URL", "target": "u"}]},
            Image("x", command=("c",)),
            "secrets.URL: with `as: env` its",
        ),
        ({"environment": {"a.b": "1"}}, Image("x", command=("c",)), "environment.a.b: many shells do not hand on"),
    ],
)
def test_refused_behind_the_script(spec: Json, image: Image, message: str) -> None:
    one = service(spec, secrets=("URL",))
    one.translate(image)
    assert [str(refusal).startswith(f"service web: {message}") for refusal in one.refusals] == [True]
