# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of a Compose file with a container sees each thing that is not as the file says."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.system.promised import File, Promise, Seen

Json = dict[str, Any]
SECOND = 10**9

MODEL: Json = {
    "name": "harbour",
    "services": {
        "api": {
            "build": {"context": "."},
            "cap_add": ["NET_BIND_SERVICE"],
            "cap_drop": ["ALL"],
            "command": ["serve", "--price", "$$5"],
            "configs": [{"source": "site", "target": "/etc/site.conf", "mode": "0440", "uid": "7", "gid": "8"}],
            "container_name": "the-api",
            "cpus": 0.5,
            "depends_on": {"store": {"condition": "service_started"}},
            "deploy": {
                "labels": {"tier": "back"},
                "mode": "replicated",
                "placement": {},
                "replicas": 2,
                "resources": {"limits": {"memory": "1000", "pids": 9}, "reservations": {"cpus": "0.1"}},
                "restart_policy": {"condition": "on-failure", "delay": "1m30s", "max_attempts": 4},
            },
            "dns": ["192.0.2.1"],
            "dns_search": ["example.com"],
            "entrypoint": None,
            "environment": {"GREETING": "{{ hello }} $$5", "TOKEN": None},
            "extra_hosts": ["metrics=192.0.2.2"],
            "healthcheck": {"test": ["CMD-SHELL", "test -e /up"], "interval": "2s", "retries": 3},
            "hostname": "gopher",
            "init": True,
            "labels": {"team": "deck"},
            "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
            "mem_limit": "1000",
            "mem_reservation": "500",
            "networks": {"back": {"aliases": ["api.internal"]}},
            "pids_limit": 9,
            "read_only": True,
            "restart": "unless-stopped",
            "secrets": [{"source": "key", "target": "/run/secrets/key"}],
            "security_opt": ["no-new-privileges:true"],
            "shm_size": "2048",
            "stdin_open": True,
            "stop_grace_period": "8s",
            "stop_signal": "SIGINT",
            "sysctls": {"net.core.somaxconn": "1024"},
            "tmpfs": ["/tmp:size=1m"],
            "tty": True,
            "ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 3},
            "user": "1000",
            "volumes": [{"type": "tmpfs", "target": "/cache", "tmpfs": {"size": "4096"}}],
            "working_dir": "/srv",
        }
    },
    "networks": {"back": {"name": "harbour_back", "internal": True}},
    "configs": {"site": {"content": "price $$5\n"}},
    "secrets": {"key": {"file": "key"}},
}
STATE: Json = {
    "container": {
        "Config": {
            "Cmd": ["serve", "--price", "$5"],
            "Entrypoint": ["/bin/sh", "/seaworthy-env", "TOKEN", "--", "/entry.sh"],
            "Env": [
                "PATH=/bin",
                "LANG=C",
                "GREETING={{ hello }} $5",
                "TOKEN_FILE=/run/secrets/TOKEN",
                "SEAWORTHY_APP=x",
            ],
            "Healthcheck": {
                "Test": ["CMD", "/bin/sh", "/seaworthy-env", "TOKEN", "--", "/bin/sh", "-c", "test -e /up"],
                "Interval": 2 * SECOND,
                "Retries": 3,
            },
            "Hostname": "gopher",
            "Labels": {"com.docker.stack.namespace": "harbour-r1", "team": "deck", "seaworthy.app": "harbour"},
            "OpenStdin": True,
            "StopSignal": "SIGINT",
            "Tty": True,
            "User": "1000",
            "WorkingDir": "/srv",
        },
        "HostConfig": {
            "CapAdd": ["CAP_NET_BIND_SERVICE"],
            "CapDrop": ["ALL"],
            "Dns": ["192.0.2.1"],
            "DnsSearch": ["example.com"],
            "ExtraHosts": ["metrics:192.0.2.2"],
            "Init": True,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}},
            "Memory": 1000,
            "Mounts": [
                {"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {"SizeBytes": 1024**2}},
                {"Type": "tmpfs", "Target": "/cache", "TmpfsOptions": {"SizeBytes": 4096}},
                {"Type": "tmpfs", "Target": "/dev/shm", "TmpfsOptions": {"SizeBytes": 2048}},
            ],
            "NanoCpus": SECOND // 2,
            "PidsLimit": 9,
            "ReadonlyRootfs": True,
            "Sysctls": {"net.core.somaxconn": "1024"},
            "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}, {"Name": "nproc", "Soft": 3, "Hard": 3}],
        },
        "NetworkSettings": {"Networks": {"harbour-r1_back": {}, "edge": {}}},
    },
    "image": {"Config": {"Entrypoint": ["/entry.sh"], "Cmd": ["other"], "Env": ["PATH=/bin", "LANG=C"]}},
    "service": {
        "Spec": {
            "Labels": {"tier": "back"},
            "Mode": {"Replicated": {"Replicas": 2}},
            "TaskTemplate": {
                "ContainerSpec": {"StopGracePeriod": 8 * SECOND},
                "Networks": [{"Target": "n1", "Aliases": ["api", "the-api", "api.internal"]}, {"Target": "n2"}],
                "Resources": {"Reservations": {"NanoCPUs": SECOND // 10, "MemoryBytes": 500}},
                "RestartPolicy": {"Condition": "on-failure", "Delay": 90 * SECOND, "MaxAttempts": 4},
            },
        }
    },
    "networks": {"n1": {"Name": "harbour-r1_back", "Internal": True}, "n2": {"Name": "edge"}},
    "status": {"NoNewPrivs": "1"},
    "files": {"/etc/site.conf": File("price $5\n", 0o440, 7, 8), "/run/secrets/key": File(None, 0o444, 0, 0)},
}


def differences(model: Json, state: Json) -> list[str]:
    return Promise(model, "api", routed=True, env_secrets=["TOKEN"]).differences(Seen(**state))


def keys(found: list[str]) -> set[str]:
    return {line.split(": ")[1] for line in found}


def test_kept() -> None:
    assert differences(MODEL, STATE) == []


def set_at(state: Json, path: str, value: object) -> None:
    """Change one fact; `~` in a path is a slash in a key."""
    *parents, last = [name.replace("~", "/") for name in path.split("/")]
    for name in parents:
        state = state[name]
    state[last] = value


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("container/Config/Cmd", ["serve", "--price", "$$5"], "command"),
        ("container/Config/Entrypoint", ["/entry.sh"], "entrypoint"),
        ("container/Config/Env", ["PATH=/bin", "LANG=C", "GREETING=hello $5"], "environment.GREETING"),
        ("container/Config/Env", ["PATH=/bin", "LANG=C", "GREETING={{ hello }} $5", "TOKEN=x"], "environment.TOKEN"),
        ("container/Config/Env", ["LANG=C", "GREETING={{ hello }} $5", "PATH=/bin", "MORE=1"], "environment"),
        ("container/Config/Healthcheck", {"Test": ["NONE"]}, "healthcheck.test"),
        ("container/Config/Healthcheck/Interval", 3 * SECOND, "healthcheck.interval"),
        ("container/Config/Hostname", "other", "hostname"),
        ("container/Config/Labels/team", "other", "labels"),
        ("container/Config/OpenStdin", False, "stdin_open"),
        ("container/Config/StopSignal", "SIGTERM", "stop_signal"),
        ("container/Config/Tty", False, "tty"),
        ("container/Config/User", "", "user"),
        ("container/Config/WorkingDir", "", "working_dir"),
        ("container/HostConfig/CapAdd", [], "cap_add"),
        ("container/HostConfig/CapDrop", ["CAP_NET_RAW"], "cap_drop"),
        ("container/HostConfig/Dns", [], "dns"),
        ("container/HostConfig/DnsSearch", [], "dns_search"),
        ("container/HostConfig/ExtraHosts", [], "extra_hosts"),
        ("container/HostConfig/Init", None, "init"),
        ("container/HostConfig/LogConfig/Config", {"max-size": "10m"}, "logging.options"),
        ("container/HostConfig/LogConfig/Type", "none", "logging.driver"),
        ("container/HostConfig/Memory", 0, "mem_limit"),
        ("service/Spec/TaskTemplate/Resources", {}, "mem_reservation"),
        ("container/HostConfig/Mounts", [], "tmpfs /tmp"),
        ("container/HostConfig/Mounts", [], "volumes /cache"),
        ("container/HostConfig/Mounts", [], "shm_size /dev/shm"),
        ("container/HostConfig/NanoCpus", 0, "cpus"),
        ("container/HostConfig/PidsLimit", 0, "pids_limit"),
        ("container/HostConfig/PidsLimit", 0, "deploy.resources.limits.pids"),
        ("container/HostConfig/ReadonlyRootfs", False, "read_only"),
        ("container/HostConfig/Sysctls", {}, "sysctls"),
        ("container/HostConfig/Ulimits", [], "ulimits"),
        ("container/NetworkSettings/Networks", {"harbour-r1_back": {}}, "networks"),
        ("files/~etc~site.conf", File("price $$5\n", 0o440, 7, 8), "configs.site"),
        ("files/~etc~site.conf", File("price $5\n", 0o444, 7, 8), "configs.site"),
        ("files/~run~secrets~key", None, "secrets.key"),
        ("networks/n1/Internal", False, "networks.back.internal"),
        ("service/Spec/Labels", {}, "deploy.labels"),
        ("service/Spec/Mode", {"Global": {}}, "deploy.mode"),
        ("service/Spec/Mode/Replicated/Replicas", 1, "deploy.replicas"),
        ("service/Spec/TaskTemplate/ContainerSpec/StopGracePeriod", 10 * SECOND, "stop_grace_period"),
        ("service/Spec/TaskTemplate/Networks", [{"Target": "n1", "Aliases": ["api"]}], "networks.back.aliases"),
        ("service/Spec/TaskTemplate/Resources", {}, "deploy.resources.reservations.cpus"),
        ("service/Spec/TaskTemplate/RestartPolicy/Delay", SECOND, "deploy.restart_policy.delay"),
        ("status/NoNewPrivs", "0", "security_opt"),
    ],
)
def test_broken(path: str, value: object, key: str) -> None:
    state = copy.deepcopy(STATE)
    set_at(state, path, value)
    assert key in keys(differences(MODEL, state))


def without(model: Json, *names: str) -> Json:
    changed = copy.deepcopy(model)
    for name in names:
        del changed["services"]["api"][name]
    return changed


def test_what_the_file_leaves_out_is_the_images() -> None:
    model = without(MODEL, "command", "user", "stop_signal", "healthcheck", "working_dir")
    assert keys(differences(model, STATE)) == {
        "command",
        "user",
        "stop_signal",
        "working_dir",
        "healthcheck.test",
        "healthcheck.interval",
        "healthcheck.retries",
    }


def test_an_entrypoint_of_the_file_ends_the_images_command() -> None:
    model = without(MODEL, "command")
    model["services"]["api"]["entrypoint"] = ["/other"]
    state = copy.deepcopy(STATE)
    state["container"]["Config"]["Entrypoint"][-1:] = ["/other"]
    state["container"]["Config"]["Cmd"] = None
    assert differences(model, state) == []


@pytest.mark.parametrize(
    ("restart", "policy", "same"),
    [
        ("always", {"Condition": "any"}, True),
        ("unless-stopped", {"Condition": "none"}, False),
        ("no", {"Condition": "none"}, True),
        ("on-failure:5", {"Condition": "on-failure", "MaxAttempts": 5}, True),
        ("on-failure:5", {"Condition": "on-failure"}, False),
    ],
)
def test_restart(restart: str, policy: Json, same: bool) -> None:
    model = without(MODEL, "deploy")
    model["services"]["api"]["restart"] = restart
    state = copy.deepcopy(STATE)
    state["service"]["Spec"]["TaskTemplate"]["RestartPolicy"] = policy
    assert (keys(differences(model, state)) == set()) is same


def test_a_key_that_nobody_compares_is_a_difference() -> None:
    model = copy.deepcopy(MODEL)
    model["services"]["api"] |= {"privileged": True}
    model["services"]["api"]["deploy"] |= {"endpoint_mode": "vip"}
    assert keys(differences(model, STATE)) == {"privileged", "deploy.endpoint_mode"}


def test_paths() -> None:
    assert Promise(MODEL, "api").paths() == {"/etc/site.conf": False, "/run/secrets/key": True}


def test_once_has_no_health_check() -> None:
    found = Promise(MODEL, "api", routed=True, once=True, env_secrets=["TOKEN"]).differences(Seen(**STATE))
    assert keys(found) == {"healthcheck"}
