#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_teardown
short_description: Take applications, platform and swarm off a host
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - With O(objects=true) removes every service, config, secret and network that carries a label of this collection.
  - With O(objects=false) lets the host leave the swarm. It stays when services that are not ours run in the swarm.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  objects:
    description: Remove the objects in the swarm (on one manager), or leave the swarm (on every host).
    type: bool
    required: true
  keep_swarm:
    description: Do not leave the swarm, because others use it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Take everything of ours out of the swarm
  seaworthy.swarm.platform_teardown:
    objects: true
  become: true
  register: taken_out

- name: Leave the swarm
  seaworthy.swarm.platform_teardown:
    objects: false
    keep_swarm: "{{ taken_out.foreign | length > 0 }}"
  become: true
"""

RETURN = r"""
foreign:
  description: Services that are not ours and stay, by name.
  returned: with O(objects=true)
  type: list
  elements: str
  sample: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._clock import SystemClock
from ..module_utils._cluster import Cluster
from ..module_utils._errors import SeaworthyError, Unavailable
from ..module_utils._teardown import foreign_services, objects, remove


def take_out(module: AnsibleModule, cluster: Cluster) -> dict[str, t.Any]:
    """Remove the objects."""
    found = objects(cluster)
    if not module.check_mode:
        remove(cluster, SystemClock(), found)
    lines = "".join(f"{kind} {name}\n" for kind, dummy, name in found)
    return {"changed": bool(found), "foreign": foreign_services(cluster), "diff": {"before": lines, "after": ""}}


def leave(module: AnsibleModule, cluster: Cluster, state: str) -> dict[str, t.Any]:
    """Leave the swarm."""
    member = state != "inactive" and not module.params["keep_swarm"]
    if member and not module.check_mode:
        cluster.swarm_leave()
    return {"changed": member, "diff": {"before": "member of the swarm\n" if member else "", "after": ""}}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "objects": {"type": "bool", "required": True},
            "keep_swarm": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    cluster = Cluster(patience=5.0)
    try:
        swarm = cluster.info()["Swarm"]
        if module.params["objects"]:
            manager = bool(swarm.get("ControlAvailable"))
            module.exit_json(**(take_out(module, cluster) if manager else {"changed": False, "foreign": []}))
        module.exit_json(**leave(module, cluster, swarm["LocalNodeState"]))
    except Unavailable:
        module.exit_json(changed=False, foreign=[])  # no engine
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
