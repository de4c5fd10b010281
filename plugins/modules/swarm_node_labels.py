#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_node_labels
short_description: Labels of a node of the swarm
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Sets and removes labels of a node. Labels that are not named stay as they are.
  - Runs on a manager.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  node_id:
    description: Id of the node. When it is empty, in check mode before there is a swarm, the labels count as missing.
    type: str
    required: true
  labels:
    description: Labels by name. A label whose value is empty is removed.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the membership
  seaworthy.swarm.swarm_info:
  register: membership

- name: Let the edge run on this node
  seaworthy.swarm.swarm_node_labels:
    node_id: "{{ membership.node_id }}"
    labels: {edge: "true"}
  become: true
"""

RETURN = r"""
labels:
  description: All labels of the node.
  returned: success
  type: dict
  sample: {edge: "true"}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._clock import Deadline, SystemClock
from ..module_utils._cluster import Cluster
from ..module_utils._errors import Conflict, InputError, SeaworthyError

SECONDS = 30.0


def merge(present: dict[str, str], wanted: dict[str, object]) -> dict[str, str]:
    """The labels as they should be."""
    removed = {name for name, value in wanted.items() if value in (None, "")}
    kept = {name: value for name, value in present.items() if name not in removed}
    return kept | {name: str(value) for name, value in wanted.items() if name not in removed}


def apply(
    cluster: Cluster, node_id: str, wanted: dict[str, object], check: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Labels before and after. A node that changed meanwhile is read again."""
    deadline = Deadline(SystemClock(), SECONDS, "changing the labels of the node")
    while True:
        node = cluster.node(node_id)
        before: dict[str, str] = node["Spec"].get("Labels") or {}
        after = merge(before, wanted)
        if before == after or check:
            return before, after
        try:
            cluster.update_node(node_id, node["Version"]["Index"], node["Spec"] | {"Labels": after})
        except Conflict:
            deadline.check()
        else:
            return before, after


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "node_id": {"type": "str", "required": True},
            "labels": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    node_id, wanted = module.params["node_id"], module.params["labels"]
    try:
        if node_id:
            before, after = apply(Cluster(), node_id, wanted, module.check_mode)
        elif module.check_mode:
            before, after = {}, merge({}, wanted)
        else:
            raise InputError("the host is no node of the swarm, so it can have no labels")
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(changed=before != after, labels=after, diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
