# SPDX-License-Identifier: GPL-3.0-or-later
"""Values for every key of the Compose Specification, as Docker's own parser takes them."""

from __future__ import annotations

import pathlib
import typing as t

from hypothesis import strategies as st

Json = dict[str, t.Any]

_SPEC = pathlib.Path(__file__).parents[1] / "unit/plugins/module_utils/data/compose_spec_keys.txt"
_LINES = _SPEC.read_text().splitlines()
KEYS = {line.removeprefix("services.*.") for line in _LINES if line.startswith("services.*.")}
TOP_KEYS = {line for line in _LINES if not line.startswith(("#", "services."))}

# Beside the Compose file.
FILES = {"web.env": "FROM_FILE=1\n", "labels.env": "from.file=1\n", "motd.txt": "hello\n"}

# What samples refer to. `base` names every secret, so that none goes to all services.
SHARED: dict[str, Json] = {
    "base": {
        "image": "example/base:1",
        "healthcheck": {"test": ["CMD", "true"]},
        "secrets": ["S1", "S2", "E1"],
    },
    "job": {"image": "example/job:1", "restart": "no"},
    "optional": {"image": "example/optional:1", "profiles": ["on"]},
}
TOP: Json = {
    "networks": {"back": {}, "front": {}},
    "volumes": {"data": {}},
    "configs": {"c1": {"content": "a"}, "c2": {"content": "b$$c"}},
    "secrets": {"S1": {"file": "./S1"}, "S2": {"environment": "S2"}, "E1": {"file": "./E1"}},
    "models": {"llm": {"model": "ai/model"}},
}

TAKEN: tuple[tuple[str, t.Any], ...] = (
    ("image", "example/web:2"),
    ("build", "."),
    ("build", {"context": ".", "dockerfile": "Dockerfile", "args": {"A": "b"}, "target": "prod"}),
    ("command", "echo a $$b"),
    ("command", ["echo", "a b", "$$c"]),
    ("entrypoint", ["/entry", "x"]),
    ("user", "1000:1000"),
    ("user", "root"),
    ("working_dir", "/srv"),
    ("init", True),
    ("stdin_open", True),
    ("tty", True),
    ("stop_signal", "SIGQUIT"),
    ("stop_grace_period", "1m30s"),
    ("hostname", "web.local"),
    ("container_name", "shop_{}"),
    ("platform", "linux/amd64"),
    *(("pull_policy", value) for value in ("always", "missing", "build", "daily")),
    ("pull_refresh_after", "24h"),
    ("extends", {"service": "job"}),
    ("profiles", ["on"]),
    ("profiles", ["off"]),
    ("attach", False),
    ("develop", {"watch": [{"path": ".", "action": "rebuild"}]}),
    ("environment", {"A": "1", "B": "{{ x }}", "C": "", "D": "a$$b"}),
    ("environment", ["A=1", "B=true"]),
    ("environment", {"E1": "dev", "A": "1"}),
    ("env_file", ["./web.env"]),
    ("label_file", ["./labels.env"]),
    ("labels", {"team": "a$$b"}),
    ("labels", ["team=a"]),
    ("configs", ["c1"]),
    ("configs", [{"source": "c2", "target": "/etc/c2", "uid": "1", "gid": "2", "mode": 0o440}]),
    ("secrets", ["S1"]),
    ("secrets", [{"source": "S2", "target": "two", "uid": "1", "gid": "2", "mode": 0o400}]),
    ("secrets", ["E1"]),
    ("depends_on", ["base"]),
    ("depends_on", {"base": {"condition": "service_healthy", "restart": True, "required": True}}),
    ("depends_on", {"job": {"condition": "service_completed_successfully"}}),
    *(("restart", value) for value in ("always", "unless-stopped", "on-failure", "on-failure:4", "no")),
    ("healthcheck", {"test": "curl x", "interval": "7s", "timeout": "2s", "retries": 9, "start_period": "1m10s"}),
    ("healthcheck", {"test": ["CMD", "a"], "start_interval": "300ms"}),
    ("healthcheck", {"disable": True}),
    ("scale", 3),
    ("mem_limit", "300m"),
    ("mem_reservation", "20m"),
    ("cpus", 0.25),
    ("pids_limit", 99),
    ("shm_size", "64m"),
    ("tmpfs", "/tmp"),
    ("tmpfs", ["/tmp:size=1m,mode=1777", "/run"]),
    ("ulimits", {"nproc": 77, "nofile": {"soft": 1, "hard": 2}}),
    ("networks", ["back"]),
    ("networks", {"back": {"aliases": ["other"]}, "front": None}),
    ("expose", ["80", "90-91"]),
    ("extra_hosts", ["a.example=192.0.2.1", "b.example:192.0.2.2"]),
    ("extra_hosts", {"a.example": "2001:db8::1"}),
    ("dns", "192.0.2.53"),
    ("dns_search", ["example.com"]),
    ("volumes", [{"type": "tmpfs", "target": "/t", "consistency": "cached", "tmpfs": {"size": "1m", "mode": 0o1777}}]),
    ("read_only", True),
    ("cap_add", ["NET_BIND_SERVICE"]),
    ("cap_drop", ["KILL"]),
    ("security_opt", ["no-new-privileges:true"]),
    ("sysctls", {"net.core.somaxconn": 1024}),
    ("sysctls", ["net.core.somaxconn=1024"]),
    ("logging", {"driver": "json-file", "options": {"max-size": "3m"}}),
    ("deploy", {"mode": "replicated", "endpoint_mode": "dnsrr", "replicas": 2, "labels": {"a": "b"}}),
    (
        "deploy",
        {
            "resources": {
                "limits": {"cpus": "0.5", "memory": "100M", "pids": 50},
                "reservations": {"cpus": "0.1", "memory": "10M"},
            }
        },
    ),
    (
        "deploy",
        {"restart_policy": {"condition": "on-failure", "delay": "7s", "max_attempts": 3, "window": "1m40s"}},
    ),
    (
        "deploy",
        {
            "placement": {
                "constraints": ["node.role==worker"],
                "preferences": [{"spread": "node.labels.a"}],
                "max_replicas_per_node": 2,
            }
        },
    ),
    ("deploy", {"update_config": {"order": "start-first"}, "rollback_config": {"parallelism": 1}}),
    ("x-mine", {"a": 1}),
)

REFUSED: tuple[tuple[str, t.Any], ...] = (
    ("provider", {"type": "cloud", "options": {"a": "b"}}),
    ("post_start", [{"command": "a"}]),
    ("pre_stop", [{"command": "a"}]),
    ("models", ["llm"]),
    ("annotations", {"a": "b"}),
    *((key, 1024) for key in ("cpu_count", "cpu_shares", "cpu_quota", "cpu_period")),
    *((key, 50) for key in ("cpu_percent", "mem_swappiness", "oom_score_adj", "cpu_rt_period", "cpu_rt_runtime")),
    ("cpuset", "0"),
    ("memswap_limit", "1g"),
    ("oom_kill_disable", True),
    ("blkio_config", {"weight": 300}),
    ("storage_opt", {"size": "1G"}),
    ("networks", {"back": {"ipv4_address": "192.0.2.9"}}),
    ("networks", {"back": {"ipv6_address": "2001:db8::9"}}),
    ("networks", {"back": {"link_local_ips": ["192.0.2.9"]}}),
    ("networks", {"back": {"mac_address": "02:42:ac:11:65:43"}}),
    ("networks", {"back": {"interface_name": "eth9"}}),
    ("networks", {"back": {"gw_priority": 1, "priority": 2}}),
    ("networks", {"back": {"driver_opts": {"a": "b"}}}),
    ("mac_address", "02:42:ac:11:65:43"),
    ("dns_opt", ["ndots:1"]),
    ("group_add", ["1"]),
    ("ports", ["80:80"]),
    ("ports", [{"target": 80, "published": "8080", "protocol": "tcp", "mode": "host"}]),
    *(("network_mode", value) for value in ("host", "none", "service:base")),
    ("links", ["base"]),
    ("external_links", ["other"]),
    ("domainname", "example.com"),
    ("uts", "host"),
    ("volumes", ["data:/data"]),
    ("volumes", ["/data"]),
    ("volumes", ["./here:/there:ro"]),
    ("volumes", [{"type": "bind", "source": "./here", "target": "/there", "bind": {"create_host_path": True}}]),
    ("volumes", [{"type": "tmpfs", "target": "/t", "read_only": True}]),
    ("volumes", [{"type": "volume", "source": "data", "target": "/t", "volume": {"nocopy": True}}]),
    ("volumes", [{"type": "image", "source": "example/x:1", "target": "/t", "image": {"subpath": "a"}}]),
    ("volumes_from", ["base"]),
    ("privileged", True),
    ("use_api_socket", True),
    ("pid", "host"),
    ("ipc", "host"),
    ("userns_mode", "host"),
    ("cgroup", "host"),
    ("cgroup_parent", "a"),
    ("devices", ["/dev/null:/dev/null"]),
    ("device_cgroup_rules", ["c 1:3 mr"]),
    ("gpus", "all"),
    ("runtime", "runc"),
    ("credential_spec", {"registry": "a"}),
    ("isolation", "default"),
    ("deploy", {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"], "count": 1}]}}}),
    (
        "deploy",
        {"resources": {"reservations": {"generic_resources": [{"discrete_resource_spec": {"kind": "a", "value": 1}}]}}},
    ),
)

# Options of what stands beside the services: the kind, and what is said about one of it.
BESIDE: tuple[tuple[str, Json], ...] = (
    ("networks", {}),
    ("networks", {"driver": "bridge", "internal": True, "attachable": True, "labels": {"a": "b"}}),
    ("networks", {"driver": "overlay", "enable_ipv4": True}),
    ("networks", {"enable_ipv6": True}),
    ("networks", {"external": True}),
    ("networks", {"ipam": {"config": [{"subnet": "192.0.2.0/24"}]}}),
    ("networks", {"driver_opts": {"a": "b"}}),
    ("configs", {"content": "a$$b"}),
    ("configs", {"file": "./motd.txt"}),
    ("configs", {"content": "a", "labels": {"a": "b"}}),
    ("configs", {"content": "a", "template_driver": "golang"}),
    ("configs", {"external": True}),
    ("secrets", {"file": "./S1"}),
    ("secrets", {"environment": "S1"}),
    ("secrets", {"external": True, "name": "other"}),
    ("secrets", {"file": "./S1", "labels": {"a": "b"}}),
    ("secrets", {"file": "./S1", "driver": "vault", "driver_opts": {"a": "b"}}),
    ("secrets", {"file": "./S1", "template_driver": "golang"}),
    ("volumes", {"driver": "local", "driver_opts": {"type": "nfs"}}),
)

# Compose takes only one of these, or both say one thing: the first stays.
_ONE_OF = (
    ("deploy", "scale"),
    ("deploy", "mem_limit"),
    ("deploy", "mem_reservation"),
    ("deploy", "cpus"),
    ("deploy", "pids_limit"),
    ("deploy", "container_name"),
    ("deploy", "restart"),
    ("scale", "container_name"),
    ("network_mode", "networks"),
    ("network_mode", "mac_address"),
    ("networks", "mac_address"),
    ("mem_limit", "mem_reservation"),
    ("provider", "build"),
    ("extends", "restart"),
    ("extends", "scale"),
    ("extends", "deploy"),
    ("pull_policy", "pull_refresh_after"),
)


def with_key(key: str, value: t.Any) -> Json:
    """A service with one key."""
    return combined([(key, value)], "alone")


def combined(pairs: t.Iterable[tuple[str, t.Any]], unique: str) -> Json:
    """A service with these keys, as far as Compose takes them together."""
    spec: Json = {"image": "example/web:1"} | dict(pairs)
    for stays, goes in _ONE_OF:
        if stays in spec:
            spec.pop(goes, None)
    if "container_name" in spec:
        spec["container_name"] = spec["container_name"].format(unique)
    return spec


def says_nothing_new(spec: Json, place: tuple[str | int, ...], pattern: str) -> bool:
    """The key says what would be so without it."""
    value: t.Any = spec
    for step in place:
        value = value[step]
    default = {
        "restart": ("always", "unless-stopped", "no"),
        "logging.driver": ("json-file",),
        "deploy.replicas": (1,),
        "user": ("root",),
    }
    if pattern == "cap_drop" and spec.get("user") == "1000:1000":
        return True  # all are dropped already
    if spec.get("restart") == "no" and pattern.startswith(("healthcheck", "deploy.restart_policy")):
        return True  # it runs once
    if pattern == "secrets.*.source" and value in (spec.get("environment") or {}):
        return True  # either of them gives the service its secret
    return value in default.get(pattern, ())


# The judge's answer comes as YAML: a lone `=` means something to YAML 1.1, and a leading newline gets lost on that way.
_text = (
    st.text("ab1 $:{}\"'#=é\n,[]-", max_size=12)
    .filter(lambda text: text != "=" and not text.startswith("\n"))
    .map(lambda text: text.replace("$", "$$"))
)
_environment = st.dictionaries(st.sampled_from(["A", "B", "LONG_NAME", "n"]), _text, min_size=1)
_labels = st.dictionaries(st.sampled_from(["a", "com.example.b", "x-c"]), _text, min_size=1)
_pairs = st.one_of(
    st.sampled_from(TAKEN),
    st.sampled_from(TAKEN),
    st.tuples(st.just("environment"), _environment),
    st.tuples(st.just("labels"), _labels),
    st.tuples(st.just("command"), st.lists(_text.filter(bool), min_size=1, max_size=3)),
)
_unique = st.uuids().map(lambda one: one.hex)
_clean = st.builds(combined, st.lists(_pairs, min_size=1, max_size=12), _unique)
_unclean = st.builds(
    lambda taken, refused, unique: combined([*taken, *refused], unique),
    st.lists(_pairs, max_size=4),
    st.lists(st.sampled_from(REFUSED), min_size=1, max_size=2),
    _unique,
)
services = st.one_of(_clean, _clean, _clean, _unclean)
