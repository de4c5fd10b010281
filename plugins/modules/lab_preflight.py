#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_preflight
short_description: Tell what stands in the way of a lab on this machine
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Looks at the machine and at the lab that is to be made (system, root, programs, Python packages, names, addresses,
    overlapping routes) and fails with every problem at once. It changes nothing.
  - In check mode it warns and returns the problems, so that a plan can be printed on a bare machine.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  lab:
    description: Name of the lab.
    type: str
    required: true
  bridge:
    description: Name of the lab's bridge.
    type: str
    required: true
  subnet:
    description: IPv4 subnet of the lab.
    type: str
    required: true
  subnet6:
    description: IPv6 subnet of the lab.
    type: str
    required: true
  hosts:
    description: The hosts, each with its IPv4 and its IPv6 address.
    type: dict
    required: true
  programs:
    description:
      - Programs that are needed, each with the Debian package that brings it.
      - C(dockerd) is not needed when an engine answers.
    type: dict
    default: {}
  modules:
    description: Python modules that are needed.
    type: list
    elements: str
    default: []
  socket:
    description: Path of the engine's socket.
    type: path
    default: /var/run/docker.sock
"""

EXAMPLES = r"""
- name: See whether this machine can run the lab
  seaworthy.swarm.lab_preflight:
    lab: lab
    bridge: seaworthy0
    subnet: 192.168.89.0/24
    subnet6: fd89:5ea::/64
    hosts:
      m1: [192.168.89.11, "fd89:5ea::11"]
    programs:
      dockerd: docker.io
      nft: nftables
"""

RETURN = r"""
problems:
  description: What stands in the way.
  returned: always
  type: list
  elements: str
  sample: ["programs are missing; run: apt-get install --no-install-recommends nftables"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _lab_engine, _lab_machine


def problems(params: dict[str, Any]) -> list[str]:
    """All of them."""
    plan = _lab_machine.Plan(params["lab"], params["bridge"], params["subnet"], params["subnet6"], params["hosts"])
    found = _lab_machine.plan_problems(plan)
    if not found:
        found = _lab_machine.overlaps(_lab_machine.routes(), plan)
    answers = _lab_engine.answers(params["socket"])
    return found + _lab_machine.machine_problems(params["programs"], params["modules"], answers)


def main() -> None:
    """Entry point."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "lab": text,
            "bridge": text,
            "subnet": text,
            "subnet6": text,
            "hosts": {"type": "dict", "required": True},
            "programs": {"type": "dict", "default": {}},
            "modules": {"type": "list", "elements": "str", "default": []},
            "socket": {"type": "path", "default": "/var/run/docker.sock"},
        },
        supports_check_mode=True,
    )
    found = problems(module.params)
    summary = "; ".join(found)
    if found and not module.check_mode:
        module.fail_json(msg=f"this machine cannot run lab {module.params['lab']}: {summary}", problems=found)
    if found:
        module.warn(f"this machine cannot run lab {module.params['lab']} yet: {summary}")
    module.exit_json(changed=False, problems=found)


if __name__ == "__main__":
    main()
