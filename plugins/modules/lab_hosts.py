#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_hosts
short_description: Run the lab's hosts as containers, or remove a lab
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - With O(state=present) makes the hosts that do not exist, starts those that do not run, and waits until SSH answers.
    A host runs systemd and an engine of its own, with capabilities, never privileged. A host that exists is never
    replaced.
  - With O(state=absent) removes every container, volume and network that carries the lab's label, and nothing else.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  state:
    description: Whether the hosts are to run, or nothing of the lab is to be left.
    type: str
    choices: [present, absent]
    default: present
  lab:
    description: Name of the lab. Everything carries the label C(seaworthy.lab=NAME).
    type: str
    required: true
  socket:
    description: Path of the engine's socket.
    type: path
    default: /var/run/docker.sock
  hosts:
    description: The hosts, each with its IPv4 and its IPv6 address in the network C(seaworthy-NAME).
    type: dict
    default: {}
  image:
    description: Image of the hosts. Required with O(state=present).
    type: str
  identities:
    description: Directory with a directory of keys and names for every host. Required with O(state=present).
    type: path
  binds:
    description: More mounts, as C(docker run --volume) takes them.
    type: list
    elements: str
    default: []
  timeout_seconds:
    description: How long the hosts may take until SSH answers.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Run two hosts
  seaworthy.swarm.lab_hosts:
    lab: lab
    hosts:
      m1: [192.168.89.11, "fd89:5ea::11"]
      m2: [192.168.89.12, "fd89:5ea::12"]
    image: seaworthy/lab-host:trixie
    identities: ~/.local/state/seaworthy/lab/hosts

- name: Remove the lab
  seaworthy.swarm.lab_hosts:
    lab: lab
    state: absent
"""

RETURN = r"""
missing:
  description: The hosts that do not exist after the module has run; in check mode those that it would make.
  returned: with O(state=present)
  type: list
  elements: str
  sample: []
removed:
  description: What was removed.
  returned: with O(state=absent)
  type: list
  elements: str
  sample: [container seaworthy-lab-m1]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _lab_hosts
from ..module_utils._errors import SeaworthyError
from ..module_utils._lab_engine import Engine, answers


def present(module: AnsibleModule, lab: _lab_hosts.Lab) -> dict[str, Any]:
    """Have the hosts running."""
    params = module.params
    hosts = [
        _lab_hosts.Host(name, addresses, f"{params['identities']}/{name}", params["image"], params["binds"])
        for name, addresses in params["hosts"].items()
    ]
    engine = Engine(params["socket"])
    # In check mode on a bare machine no engine answers: then no host exists.
    found = _lab_hosts.existing(engine, lab) if not module.check_mode or answers(params["socket"]) else {}
    if old := _lab_hosts.outdated(engine, lab, hosts, found):
        module.warn(
            f"{', '.join(old)} of lab {lab.name} run an earlier version of {params['image']}; they are kept."
            " Remove the lab and make it again to renew them"
        )
    idle = _lab_hosts.idle(lab, hosts, found)
    missing = [host.name for host in hosts if lab.container(host.name) not in found]
    if not module.check_mode:
        _lab_hosts.bring_up(engine, lab, hosts, found)
        _lab_hosts.wait_for_ssh(hosts, params["timeout_seconds"])
        missing = []
    return {
        "changed": bool(idle),
        "missing": missing,
        "diff": {
            "before": _lines([host.name for host in hosts if host.name not in idle]),
            "after": _lines([host.name for host in hosts]),
        },
    }


def absent(module: AnsibleModule, lab: _lab_hosts.Lab) -> dict[str, Any]:
    """Leave nothing of the lab."""
    engine = Engine(module.params["socket"])
    if not answers(module.params["socket"]):
        module.warn(
            f"no Docker engine answers on {module.params['socket']}; a stopped one may still hold {lab.network}-*"
        )
        return {"changed": False, "removed": []}
    removed = _lab_hosts.belongings(engine, lab) if module.check_mode else _lab_hosts.remove_all(engine, lab)
    return {"changed": bool(removed), "removed": removed, "diff": {"before": _lines(removed), "after": ""}}


def _lines(items: list[str]) -> str:
    return "".join(f"{item}\n" for item in items)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "lab": {"type": "str", "required": True},
            "socket": {"type": "path", "default": "/var/run/docker.sock"},
            "hosts": {"type": "dict", "default": {}},
            "image": {"type": "str"},
            "identities": {"type": "path"},
            "binds": {"type": "list", "elements": "str", "default": []},
            "timeout_seconds": {"type": "int", "default": 120},
        },
        required_if=[("state", "present", ("image", "identities"))],
        supports_check_mode=True,
    )
    lab = _lab_hosts.Lab(module.params["lab"])
    try:
        module.exit_json(**(present(module, lab) if module.params["state"] == "present" else absent(module, lab)))
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
