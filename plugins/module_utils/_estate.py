# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""What the collection knows about an estate: its groups, its ports and its `seaworthy_*` variables."""

from __future__ import annotations

import dataclasses

MANAGERS = "swarm_managers"
WORKERS = "swarm_workers"
EDGE = "edge"
LAB = "lab"
LAB_OUTSIDE = "lab_outside"

#: Hosts of the platform.
PLATFORM_GROUPS = (MANAGERS, WORKERS, EDGE)
#: Groups an inventory of ours may have.
GROUPS = (*PLATFORM_GROUPS, LAB, LAB_OUTSIDE)

# Sources that are no group.
PUBLIC = "public"
OPERATORS = "operators"


@dataclasses.dataclass(frozen=True)
class Port:
    """A port on hosts.

    listens: groups whose hosts listen. sources: groups whose hosts may come, or PUBLIC, or OPERATORS (the addresses
    that may administer). containers: `no`; `own_host`: a container may reach it on its own host's gateway address;
    `cluster`: on every host, only where the server itself authenticates each client.
    """

    name: str
    port: int
    protocol: str
    listens: tuple[str, ...]
    sources: tuple[str, ...]
    containers: str = "no"


PORTS = (
    Port("ssh", 22, "tcp", PLATFORM_GROUPS, (OPERATORS,)),
    Port("swarm_management", 2377, "tcp", (MANAGERS,), (MANAGERS, WORKERS)),
    Port("swarm_gossip", 7946, "tcp", (MANAGERS, WORKERS), (MANAGERS, WORKERS)),
    Port("swarm_gossip", 7946, "udp", (MANAGERS, WORKERS), (MANAGERS, WORKERS)),
    Port("swarm_overlay", 4789, "udp", (MANAGERS, WORKERS), (MANAGERS, WORKERS)),
    Port("http", 80, "tcp", (EDGE,), (PUBLIC,)),
    Port("https", 443, "tcp", (EDGE,), (PUBLIC,)),
    Port("http3", 443, "udp", (EDGE,), (PUBLIC,)),  # not behind a balancer (`seaworthy_edge_entry`)
    Port("edge_internal", 8443, "tcp", (EDGE,), (MANAGERS,)),
)


def ports(name: str) -> tuple[Port, ...]:
    """The rows of one name."""
    return tuple(port for port in PORTS if port.name == name)


#: What the platform makes of the hosts of a group, in order; for the plan of hosts that do not exist yet.
WORK = (
    (
        PLATFORM_GROUPS,
        "packages, time, sysctl, journald limits; the program seaworthy; a certificate of the internal CA",
    ),
    ((MANAGERS, WORKERS), "Docker engine, dual-stack docker_gwbridge"),
    ((MANAGERS,), "manager of the swarm"),
    ((WORKERS,), "worker of the swarm"),
    ((EDGE,), "edge: Traefik on ports 80 and 443"),
)


def plan(groups_of_host: tuple[str, ...]) -> list[str]:
    """What is made of a host that is in these groups."""
    return [work for groups, work in WORK if any(group in groups_of_host for group in groups)]


LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


@dataclasses.dataclass(frozen=True)
class Setting:
    """A variable that several roles need. `default` is text for people where it depends on other things."""

    name: str
    type: str
    meaning: str
    default: str | None = None
    required: bool = False
    choices: tuple[str, ...] = ()


SETTINGS = (
    Setting("seaworthy_domain", "str", "Domain under which the applications' names lie.", required=True),
    Setting("seaworthy_environment", "str", "Name of this estate: letters, digits and hyphens.", required=True),
    Setting("seaworthy_acme_email", "str", "Address the certificate authority writes to.", required=True),
    Setting("seaworthy_acme_directory", "str", "ACME directory of the certificate authority.", LETS_ENCRYPT),
    Setting("seaworthy_acme_ca_file", "path", "CA that signed the ACME server's own certificate (PEM, controller)."),
    Setting(
        "seaworthy_certificates_names",
        "list",
        "Names to have certificates for beside those of the applications, for example a wildcard.",
        "[]",
    ),
    Setting("seaworthy_dns_hook_secret", "str", "Name of the secret that `certificates_dns_hook` needs, if any."),
    Setting(
        "seaworthy_edge_entry",
        "str",
        "Who sends clients elsewhere while an edge is being changed: `load_balancer` (then without HTTP/3), or nobody "
        "(`direct`).",
        "direct",
        choices=("direct", "load_balancer"),
    ),
    Setting("seaworthy_load_balancer_addresses", "list", "Public addresses of the balancer before the edges, if any."),
    Setting("seaworthy_apps_dir", "path", "Folder of the applications' files on the controller.", "apps"),
    Setting("seaworthy_registry", "str", "Registry of your own images, `host` or `host:port`."),
    Setting("seaworthy_registry_username", "str", "User that may pull from it.", "pull"),
    Setting("seaworthy_registry_ca_file", "path", "CA that signed the registry's certificate (PEM, controller)."),
    Setting("seaworthy_registry_mirrors", "list", "Read-only mirrors of docker.io, asked first, without login.", "[]"),
    Setting("seaworthy_secrets_backend", "str", "Where secrets are kept.", "file", choices=("file", "env")),
    Setting("seaworthy_secrets_file", "path", "File of secrets (ansible-vault).", "<inventory>/secrets.yml"),
    Setting("seaworthy_pins_file", "path", "File of image digests, yours to commit.", "<inventory>/pins.yml"),
    Setting("seaworthy_compose_binary", "path", "Compose >= 2.24 on the controller.", "what is found"),
    Setting("seaworthy_registry_push_username", "str", "User that may push to it (playbook build).", "push"),
    Setting("seaworthy_build_host", "str", "The host where playbook build builds.", "localhost"),
    Setting("seaworthy_manager", "str", "With -e: the manager that playbooks talk to.", "the first one"),
    Setting("seaworthy_app", "str", "The application (playbooks deploy, logs, run, restart, build)."),
    Setting("seaworthy_version", "str", "The version (playbooks deploy, build)."),
    Setting("seaworthy_service", "str", "The service of the application (playbooks logs, run)."),
    Setting("seaworthy_release", "str", "Another release than the one that serves, like `r7` (playbook logs)."),
    Setting("seaworthy_tail", "number", "How many lines (playbook logs).", "100"),
    Setting("seaworthy_since", "str", "Lines of the last time only, like `10m` (playbook logs)."),
    Setting("seaworthy_command", "words", "The command, a list or a text (playbook run)."),
    Setting("seaworthy_run_timeout", "number", "Seconds after which it is ended (playbook run).", "no limit"),
    Setting("seaworthy_teardown", "str", "The name of the estate, to confirm playbook teardown."),
    Setting("seaworthy_lab_name", "str", "Name of the lab (only in the lab)."),
    Setting("seaworthy_lab_state_dir", "path", "Where the lab keeps keys, vault and pins (only in the lab)."),
    Setting("seaworthy_lab_cache_dir", "path", "Where builds and downloads are kept (only in the lab)."),
)

SETTING_NAMES = tuple(setting.name for setting in SETTINGS)
