#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: What a host says about its swarm
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Reads the membership of a host in a swarm. A host without a Docker Engine is a member of none.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  join_tokens:
    description:
      - Return the secrets that hosts join with. The host must be a manager, else they are empty.
      - Set C(no_log) for the task then.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read the membership
  seaworthy.swarm.swarm_info:
  register: __membership
"""

RETURN = r"""
state:
  description: C(no_engine), or the engine's own word, C(inactive), C(pending), C(active), C(error) or C(locked).
  returned: success
  type: str
  sample: active
active:
  description: Whether the host is a working member.
  returned: success
  type: bool
  sample: true
manager:
  description: Whether it is a manager.
  returned: success
  type: bool
  sample: true
node_id:
  description: Its id in the swarm.
  returned: success
  type: str
  sample: 1btn6vzoysbtgm5t9nlg5sfxn
address:
  description: The address that the swarm knows it by.
  returned: success
  type: str
  sample: 192.0.2.11
cluster_id:
  description: Id of the swarm; only managers know it.
  returned: success
  type: str
  sample: pb2hmeobg5qjf6zmi5cxhxpe9
ours:
  description: Whether role P(seaworthy.swarm.swarm#role) has made this swarm; only managers know it.
  returned: success
  type: bool
  sample: true
managers:
  description: Addresses and ports of the managers it knows.
  returned: success
  type: list
  elements: str
  sample: ["192.0.2.11:2377"]
join_tokens:
  description: The secrets that hosts join with, C(manager) and C(worker).
  returned: when asked for, from a manager
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import SeaworthyError
from ..module_utils._membership import join_tokens, local_engine, read


def main() -> None:
    module = AnsibleModule(
        argument_spec={"join_tokens": {"type": "bool", "default": False, "no_log": False}}, supports_check_mode=True
    )
    cluster = local_engine()
    try:
        state = read(cluster)
        wanted = module.params["join_tokens"] and state.active and state.manager
        tokens = {"join_tokens": join_tokens(cluster)} if wanted else {}
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(changed=False, **state.result, **tokens)


if __name__ == "__main__":
    main()
