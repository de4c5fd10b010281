#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_service
short_description: Manage a service of the swarm
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Creates, updates or removes a service from a spec of the Docker API. The service is changed only where the live spec
    does not contain the wanted one, with its version index, so that nobody's change is overwritten unseen.
  - What the spec does not mention is not compared, except labels. An update replaces the whole spec but O(keep).
  - Configs, secrets and networks are named in the spec; the module adds their ids.
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
    description: Name of the service.
    type: str
    required: true
  spec:
    description:
      - The service as the Docker API takes it (C(/services/create)), without its name. Required with O(state=present).
    type: dict
  keep:
    description: Paths in the spec that are set when the service is created and afterwards left as found.
    type: list
    elements: str
    default: []
  wait:
    description: Wait until all tasks run by the present spec, also when nothing was changed.
    type: bool
    default: true
  wait_seconds:
    description: How long to wait before it is an error.
    type: int
    default: 300
  state:
    description: Whether the service shall exist.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Run the proxy before the Docker socket on every manager
  seaworthy.swarm.swarm_service:
    name: edge_socket_proxy
    spec:
      Labels: {seaworthy.platform: traefik}
      Mode: {Global: {}}
      EndpointSpec: {Mode: dnsrr}
      TaskTemplate:
        ContainerSpec:
          Image: docker.io/library/haproxy:3.0
          Configs:
            - ConfigName: edge_socket_proxy-3f0a9c1d2b4e
              File: {Name: /usr/local/etc/haproxy/haproxy.cfg, UID: "0", GID: "0", Mode: 292}
        Networks:
          - {Target: edge_socket}
        Placement: {Constraints: [node.role==manager]}

- name: Remove it
  seaworthy.swarm.swarm_service:
    name: edge_socket_proxy
    state: absent
"""

RETURN = r"""
name:
  description: Name of the service.
  returned: always
  type: str
  sample: edge_socket_proxy
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _objects
from ..module_utils._clock import SystemClock
from ..module_utils._errors import SeaworthyError


def run(module: AnsibleModule) -> _objects.Outcome:
    """Make it so, and wait until it is."""
    params = module.params
    cluster = _objects.open_cluster(module.check_mode)
    service = _objects.Service(cluster, params["name"], params["spec"] or {}, params["keep"], module.check_mode)
    if params["state"] == "absent":
        return service.absent()
    outcome = service.present()
    if params["wait"] and not module.check_mode:
        _objects.wait_until_settled(cluster, SystemClock(), params["name"], params["wait_seconds"])
    return outcome


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "spec": {"type": "dict"},
            "keep": {"type": "list", "elements": "str", "default": []},
            "wait": {"type": "bool", "default": True},
            "wait_seconds": {"type": "int", "default": 300},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ("spec",))],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module).result())
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
