#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_config
short_description: Manage a config of the swarm
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - A config of a swarm cannot be changed. So each content is an object of its own, named O(name) plus a digest of the
    content; RV(name) is the full name, for use in a service.
  - When a new version is created, older ones that no service uses are removed.
  - Runs on a manager. In check mode a host without a swarm counts as an empty one.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
    details: Shows names and labels; the digest in the name stands for the content.
options:
  name:
    description: Name without the digest, at most 51 characters.
    type: str
    required: true
  data:
    description: The content.
    type: str
  src:
    description: A file on the host with the content, instead of O(data).
    type: path
  labels:
    description: Labels. The module adds C(seaworthy.name).
    type: dict
    default: {}
  state:
    description: Whether the config shall exist.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Store the settings of a proxy
  seaworthy.swarm.swarm_config:
    name: edge_socket_proxy
    data: "{{ lookup('ansible.builtin.template', 'haproxy.cfg.j2') }}"
    labels: {seaworthy.platform: traefik}
  register: __settings

- name: Remove all their versions
  seaworthy.swarm.swarm_config:
    name: edge_socket_proxy
    state: absent
"""

RETURN = r"""
name:
  description: Full name of the version that has the content; with O(state=absent) the name without the digest.
  returned: always
  type: str
  sample: edge_socket_proxy-3f0a9c1d2b4e
base_name:
  description: Name without the digest.
  returned: always
  type: str
  sample: edge_socket_proxy
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _objects
from ..module_utils._errors import SeaworthyError


def run(module: AnsibleModule) -> _objects.Outcome:
    """Make it so."""
    params = module.params
    cluster = _objects.open_cluster(module.check_mode)
    config = _objects.Blobs(cluster, "config", params["name"], module.check_mode)
    if params["state"] == "absent":
        return config.absent()
    data = _objects.content(params["data"], params["src"], module.check_mode)
    digest = _objects.UNKNOWN if data is None else _objects.plain_digest(data)
    return config.present(digest, data or b"", params["labels"])


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "data": {"type": "str"},
            "src": {"type": "path"},
            "labels": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        mutually_exclusive=[("data", "src")],
        required_if=[("state", "present", ("data", "src"), True)],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module).result())
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
