#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_network
short_description: Manage a network of the swarm
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Creates or removes an overlay network. A network cannot be changed, so one that exists but differs is an error.
  - Runs on a manager. In check mode a host without a swarm counts as an empty one.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  name:
    description: Name of the network.
    type: str
    required: true
  spec:
    description:
      - The network as the Docker API takes it (C(/networks/create)), without its name. C(Driver) is C(overlay) unless
        given.
      - What it does not mention is not compared, except labels.
    type: dict
    default: {}
  state:
    description: Whether the network shall exist.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Make the network between the edges and the services they route to
  seaworthy.swarm.swarm_network:
    name: edge
    spec:
      Attachable: false
      Labels: {seaworthy.platform: traefik}
"""

RETURN = r"""
name:
  description: Name of the network.
  returned: always
  type: str
  sample: edge
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _objects
from ..module_utils._clock import SystemClock
from ..module_utils._errors import SeaworthyError


def run(module: AnsibleModule) -> _objects.Outcome:
    """Make it so."""
    cluster = _objects.open_cluster(module.check_mode)
    name, spec = module.params["name"], module.params["spec"]
    if module.params["state"] == "absent":
        return _objects.network_absent(cluster, SystemClock(), name, module.check_mode)
    return _objects.network_present(cluster, name, spec, module.check_mode)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "spec": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module).result())
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
