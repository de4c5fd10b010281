#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_member
short_description: Make a host a member of the swarm
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Makes the network C(docker_gwbridge) with fixed subnets, then starts a swarm or joins one, and waits until the host
    is a member.
  - A member is only compared. What cannot be changed while the host is a member is refused with the reason, as is a
    swarm that this module has not made.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  role:
    description: What the host is in the swarm.
    type: str
    choices: [manager, worker]
    required: true
  address:
    description: Private address of the host. Control and data of the swarm use it and no other.
    type: str
    required: true
  join:
    description: Private addresses of managers to join. With none the host starts a swarm.
    type: list
    elements: str
    default: []
  join_token:
    description: The secret of the role, as M(seaworthy.swarm.swarm_info) returns it. Members need none.
    type: str
    default: ""
  address_pool:
    description: Subnet that overlay networks are cut from.
    type: str
    required: true
  address_pool_prefix:
    description: Prefix length of an overlay network.
    type: int
    required: true
  gateway_subnets:
    description: Subnets of C(docker_gwbridge), at most one of IPv4 and one of IPv6.
    type: list
    elements: str
    required: true
  seconds:
    description: How long the host may take to become a member, in seconds.
    type: float
    default: 60
"""

EXAMPLES = r"""
- name: Start the swarm
  seaworthy.swarm.swarm_member:
    role: manager
    address: 192.0.2.11
    address_pool: 10.201.0.0/16
    address_pool_prefix: 24
    gateway_subnets: ["172.22.255.0/24", "fd22:255::/64"]
  become: true
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [gateway, init]
node_id:
  description: Id of the host in the swarm, empty in check mode before it is a member.
  returned: success
  type: str
  sample: 1btn6vzoysbtgm5t9nlg5sfxn
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import SeaworthyError
from ..module_utils._membership import Membership, Wanted, local_engine, read


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "role": {"type": "str", "choices": ["manager", "worker"], "required": True},
            "address": {"type": "str", "required": True},
            "join": {"type": "list", "elements": "str", "default": []},
            "join_token": {"type": "str", "default": "", "no_log": True},
            "address_pool": {"type": "str", "required": True},
            "address_pool_prefix": {"type": "int", "required": True},
            "gateway_subnets": {"type": "list", "elements": "str", "required": True},
            "seconds": {"type": "float", "default": 60.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    wanted = Wanted(
        manager=params["role"] == "manager",
        address=params["address"],
        address_pool=params["address_pool"],
        address_pool_prefix=params["address_pool_prefix"],
        gateway_subnets=tuple(params["gateway_subnets"]),
        join=tuple(one for one in params["join"] if one != params["address"]),
        token=params["join_token"],
        seconds=params["seconds"],
    )
    cluster = local_engine(timeout=60.0)
    membership = Membership(cluster, wanted)
    try:
        steps = membership.plan()
        state = read(cluster) if module.check_mode or not steps else membership.apply(steps)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    after = f"{params['role']} of the swarm at {wanted.address}\n"
    diff = {"before": "" if steps else after, "after": after}
    module.exit_json(changed=bool(steps), steps=steps, diff=diff, node_id=state.node_id)


if __name__ == "__main__":
    main()
