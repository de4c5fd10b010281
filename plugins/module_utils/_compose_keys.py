# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Every key of the Compose Specification, and what the platform makes of it.

The translation refuses by these tables and copies by them; docs/compose.md is made from them. The list of keys is that
of compose-go v2.9.1, schema/compose-spec.json (the parser in Compose v2.40): a unit test holds the tables against it.

A path has dots between its keys; `*` stands for any name, or for the items of a list. A row without rows beneath it
speaks for everything beneath it.
"""

from __future__ import annotations

import dataclasses
import enum


class Verdict(enum.StrEnum):
    """What the platform makes of a key."""

    KEPT = "kept"  # it stands in the stack document as it is
    TRANSLATED = "translated"  # the stack document says the same in another way
    USED = "used"  # Compose's parser or the platform acts on it, or it has its meaning on your own machine only
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True)
class Key:
    """A row: what becomes of a key, or why it is refused; `becomes` is its path in the stack document."""

    path: str
    verdict: Verdict
    says: str
    becomes: str = ""


def _kept(path: str, says: str = "As it is.") -> Key:
    return Key(path, Verdict.KEPT, says, path)


def _translated(path: str, becomes: str, says: str) -> Key:
    return Key(path, Verdict.TRANSLATED, says, becomes)


def _used(path: str, says: str) -> Key:
    return Key(path, Verdict.USED, says)


def _refused(says: str, *paths: str) -> tuple[Key, ...]:
    return tuple(Key(path, Verdict.REFUSED, says) for path in paths)


_NO_SWARM = "Swarm has no such setting"
_HOST = "it reaches into the host that a container happens to run on"
_MOVES = "a service that needs one host's device cannot move between hosts"
_ADDRESS = "Swarm gives the addresses, and two releases run side by side"
_HARDWARE = "the platform's hosts offer no such hardware"
_HOOK = "Swarm runs nothing in a container but its own program; start it from the image's entrypoint"
_MODELS = "the platform runs no language models; name the model's URL in `environment`"
_DATA = "data of an app comes with the release engine; use a tmpfs, or the platform's database"
_CPU = "Swarm divides processor time by `cpus` only"
_PARSER = "Read by Compose's parser."
_ONE_COLOUR = (
    "Nothing is left to steer: a release starts beside the one that serves, is switched at once and undoes itself."
)

SERVICE: tuple[Key, ...] = (
    # What runs
    _translated("image", "image", "The same name with the digest that its registry gives for it."),
    _used("build", "Playbook `build` builds and pushes it; the image is <registry>/<app>/<service>:<version>."),
    _kept("command", "As it is; an empty list is refused, because Swarm cannot empty what the image says."),
    _kept("entrypoint", "As `command`; with `secrets: {…: {as: env}}` behind the script that reads the secrets."),
    _kept("user"),
    _kept("working_dir"),
    _kept("init"),
    _kept("stdin_open"),
    _kept("tty"),
    _kept("stop_signal"),
    _kept("stop_grace_period"),
    _kept("hostname", "As it is, the same for each replica. Only letters, digits, dots and hyphens."),
    _translated("container_name", "networks", "One more name on the networks; Swarm itself names the containers."),
    _used("platform", "Only linux/amd64, which is what the hosts are."),
    _used("pull_policy", "Each release asks the registry once and pins the digest. `never` is refused."),
    _used("pull_refresh_after", "As `pull_policy`."),
    _used("extends", _PARSER),
    _used("profiles", "Such a service is left out unless `profiles` of the app file names one of them."),
    _used("attach", "Says what `docker compose up` shows on your own machine."),
    _used("develop", "For `docker compose watch` on your own machine."),
    *_refused("a program on your machine cannot run a service of the platform", "provider"),
    *_refused(_HOOK, "post_start", "pre_stop"),
    *_refused(_MODELS, "models"),
    # What it is told
    _translated(
        "environment",
        "environment",
        "As it is, also where Swarm would fill in {{ }}. A name without value is refused; a secret with `as: env` "
        "takes the place of the value.",
    ),
    _used("env_file", _PARSER + " A name in it that looks like a secret must be declared in the app file."),
    _kept("labels", "As it is. Labels of traefik, seaworthy and com.docker are refused."),
    _used("label_file", _PARSER),
    *_refused("Swarm has no annotations; use `labels`", "annotations"),
    _kept("configs.*.source"),
    _kept("configs.*.target"),
    _kept("configs.*.uid"),
    _kept("configs.*.gid"),
    _translated("configs.*.mode", "configs.*.mode", "As a number."),
    _kept("secrets.*.source", "The value comes from the secret of this name in the app file, which must declare it."),
    _kept("secrets.*.target", "As it is; <NAME>_FILE says where. A secret with `as: env` cannot have another one."),
    _kept("secrets.*.uid"),
    _kept("secrets.*.gid"),
    _translated("secrets.*.mode", "secrets.*.mode", "As a number."),
    # When
    _used("depends_on.*.condition", "Services start in waves; a wave starts when the one before it is well."),
    _used("depends_on.*.required", "Whether a service that a profile leaves out is an error."),
    _used("depends_on.*.restart", "A release replaces all its services together."),
    _translated(
        "restart",
        "deploy.restart_policy",
        '`on-failure:n` as its policy, `always` and `unless-stopped` as `any`; `"no"` is class once: it runs to exit 0 '
        "before what depends on it.",
    ),
    _kept("healthcheck.test", "As it is; with `secrets: {…: {as: env}}` behind the script that reads the secrets."),
    _kept("healthcheck.interval"),
    _kept("healthcheck.timeout"),
    _kept("healthcheck.retries"),
    _kept("healthcheck.start_period"),
    _kept("healthcheck.start_interval"),
    _kept("healthcheck.disable"),
    # How much
    _translated("scale", "deploy.replicas", "The number of replicas."),
    _translated("mem_limit", "deploy.resources.limits.memory", "The memory limit."),
    _translated("mem_reservation", "deploy.resources.reservations.memory", "The memory reserved."),
    _translated("cpus", "deploy.resources.limits.cpus", "The processor limit."),
    _translated("pids_limit", "deploy.resources.limits.pids", "The limit of processes; `-1` is refused."),
    _translated("shm_size", "volumes", "A tmpfs of that size at /dev/shm."),
    _translated("tmpfs", "volumes", "A mount of type tmpfs; of its options only `size` can be chosen."),
    _kept("ulimits"),
    *_refused(_CPU, "cpu_count", "cpu_percent", "cpu_shares", "cpu_quota", "cpu_period", "cpuset"),
    *_refused(_CPU, "cpu_rt_period", "cpu_rt_runtime"),
    *_refused("Swarm gives no swap beyond the memory limit", "memswap_limit", "mem_swappiness"),
    *_refused("the memory limit must hold", "oom_kill_disable", "oom_score_adj"),
    *_refused(_NO_SWARM, "blkio_config", "storage_opt"),
    # Networks
    _translated("networks", "networks", "Each is an overlay of the release; the service's name resolves on it."),
    _translated("networks.*.aliases", "networks.*.aliases", "As it is, beside the service's own name."),
    *_refused(_ADDRESS, "networks.*.ipv4_address", "networks.*.ipv6_address", "networks.*.link_local_ips"),
    *_refused(_ADDRESS, "networks.*.mac_address", "mac_address"),
    *_refused(_NO_SWARM, "networks.*.interface_name", "networks.*.gw_priority", "networks.*.priority"),
    *_refused(_NO_SWARM, "networks.*.driver_opts"),
    _used("expose", "It documents; services on one network reach each other on every port."),
    _translated("extra_hosts", "extra_hosts", "Name and address; `host-gateway` is refused."),
    _kept("dns"),
    _kept("dns_search"),
    *_refused("docker stack deploy does not know it", "dns_opt", "group_add"),
    *_refused(
        "clients come through `routes` of the app file; write `ports: !reset []` for this service into a second file "
        "and list it under `compose` behind the first",
        "ports",
    ),
    *_refused("the platform decides the networks", "network_mode"),
    *_refused("services reach each other by their names; use `aliases` under `networks`", "links", "external_links"),
    *_refused(_NO_SWARM, "domainname", "uts"),
    # Files
    _used("volumes.*.type", "Only tmpfs: " + _DATA + ". A bind mount is refused: put the files into the image."),
    _translated("volumes.*.target", "volumes.*.target", "As it is."),
    _translated("volumes.*.tmpfs.size", "volumes.*.tmpfs.size", "As it is."),
    _used("volumes.*.tmpfs.mode", "Only 1777, which is what Swarm gives."),
    _used("volumes.*.consistency", "A hint for Docker Desktop."),
    *_refused(_DATA, "volumes.*.source", "volumes.*.volume"),
    *_refused("the file would have to be on every host; put it into the image or use `configs`", "volumes.*.bind"),
    *_refused("docker stack deploy does not know it", "volumes.*.image"),
    *_refused("a tmpfs that nobody can write holds nothing", "volumes.*.read_only"),
    *_refused("name what each service needs itself", "volumes_from"),
    _kept("read_only"),
    # Rights
    _kept("cap_add", "As it is, of the rights that end at the container; others are refused by name."),
    _translated("cap_drop", "cap_drop", "Added to what the platform drops: ALL, or NET_RAW where the user is root."),
    _used("security_opt", "Only no-new-privileges, which the engine sets for every container."),
    _kept("sysctls"),
    *_refused("a privileged container owns its host", "privileged"),
    *_refused("whoever has the engine's socket owns the host", "use_api_socket"),
    *_refused(_HOST, "pid", "ipc", "userns_mode", "cgroup", "cgroup_parent"),
    *_refused(_MOVES, "devices", "device_cgroup_rules"),
    *_refused(_HARDWARE, "gpus"),
    *_refused("the platform's hosts have one runtime", "runtime"),
    *_refused("it is for Windows", "credential_spec", "isolation"),
    # Logs
    _kept("logging.driver", "Only json-file, which the platform reads."),
    _kept("logging.options", "As it is; where the file is silent three files of 10 MB."),
    # Deploy
    _used("deploy.mode", "Only replicated: the gates of a release count replicas."),
    _used("deploy.endpoint_mode", "Only dnsrr, which the platform always sets."),
    _kept("deploy.replicas", "As it is, at least 1."),
    _kept("deploy.labels", "As `labels`, on the Swarm service."),
    _kept("deploy.resources.limits.cpus"),
    _kept("deploy.resources.limits.memory", "As it is; 1g where the file is silent."),
    _kept("deploy.resources.limits.pids", "As it is; 1024 where the file is silent."),
    _kept("deploy.resources.reservations.cpus"),
    _kept("deploy.resources.reservations.memory"),
    *_refused(_HARDWARE, "deploy.resources.reservations.generic_resources", "deploy.resources.reservations.devices"),
    _kept("deploy.restart_policy.condition", "`any` and `on-failure` as they are; `none` is class once."),
    _kept("deploy.restart_policy.delay"),
    _kept("deploy.restart_policy.max_attempts"),
    _kept("deploy.restart_policy.window"),
    _kept("deploy.placement.constraints"),
    _kept("deploy.placement.preferences.*.spread"),
    _kept("deploy.placement.max_replicas_per_node"),
    _used("deploy.update_config", _ONE_COLOUR),
    _used("deploy.rollback_config", _ONE_COLOUR),
)

_OWN_NETWORKS = "a network of the app belongs to one release, or two releases would meet on it"

TOP: tuple[Key, ...] = (
    _used("version", "Compose itself ignores it."),
    _used("name", "The app's name, which is its file's name, takes its place."),
    _used("include", _PARSER),
    _used("services", "See above."),
    *_refused(_MODELS, "models"),
    _used("volumes", "Services name them, and are refused for it: see `volumes` of a service."),
    _used("networks.*.name", f"Only Compose's own name for it: {_OWN_NETWORKS}."),
    _translated("networks.*.driver", "networks.*.driver", "bridge and overlay become overlay; others are refused."),
    _kept("networks.*.internal"),
    _kept("networks.*.attachable"),
    _kept("networks.*.labels", "As `labels` of a service."),
    _used("networks.*.enable_ipv4", "An overlay always has IPv4; false is refused."),
    *_refused("docker stack deploy makes overlays for IPv4 only", "networks.*.enable_ipv6"),
    *_refused(_OWN_NETWORKS, "networks.*.external"),
    *_refused(_ADDRESS, "networks.*.ipam"),
    *_refused("the platform decides how overlays are made", "networks.*.driver_opts"),
    _used("secrets.*.name", "The platform names its secrets itself."),
    _used("secrets.*.file", "For your own machine; here the value comes from the secret of this name in the app file."),
    _used("secrets.*.environment", "As `file`."),
    _used("secrets.*.external", "As `file`."),
    *_refused("values come from the app file's secrets only", "secrets.*.driver", "secrets.*.driver_opts"),
    *_refused("values come from the app file's secrets only", "secrets.*.template_driver"),
    *_refused("the platform labels its secrets itself", "secrets.*.labels"),
    _used("configs.*.name", "Only Compose's own name for it; each release has its own configs."),
    _kept("configs.*.content", "As it is, at most 900 KB."),
    _translated("configs.*.file", "configs.*.content", "Its text becomes `content`."),
    _translated("configs.*.environment", "configs.*.content", "Its value becomes `content`."),
    *_refused("write its text into the Compose file, or name a file", "configs.*.external"),
    *_refused("the text is taken as it is", "configs.*.template_driver"),
    *_refused("the platform labels its configs itself", "configs.*.labels"),
)

SERVICE_BY_PATH = {key.path: key for key in SERVICE}
TOP_BY_PATH = {key.path: key for key in TOP}
