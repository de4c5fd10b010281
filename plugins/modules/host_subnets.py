#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_subnets
short_description: Refuse subnets that a host already uses
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Fails, with the reason, when one of the given subnets overlaps an address or a route of the host, or another one.
  - Changes nothing.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  subnets:
    description: The subnets to be used.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the user calls it, best the variable that holds it.
        type: str
        required: true
      subnet:
        description: IPv4 or IPv6 subnet with prefix length.
        type: str
        required: true
      interface:
        description: Our own interface; what lies on it is no conflict.
        type: str
"""

EXAMPLES = r"""
- name: Refuse subnets that are in use
  seaworthy.swarm.host_subnets:
    subnets:
      - {name: swarm_address_pool, subnet: 198.51.100.0/24}
"""

RETURN = r"""
used:
  description: Subnets the host uses.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.0/24]
"""

import json
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import SeaworthyError
from ..module_utils._subnets import Wanted, refuse_conflicts, used


def ip(module: AnsibleModule, *words: str) -> list[dict[str, t.Any]]:
    """The JSON that the program ip gives."""
    _code, out, _error = module.run_command(["ip", "-json", *words], check_rc=True)
    return t.cast("list[dict[str, t.Any]]", json.loads(out or "[]"))


def main() -> None:
    subnet = {
        "name": {"type": "str", "required": True},
        "subnet": {"type": "str", "required": True},
        "interface": {"type": "str"},
    }
    module = AnsibleModule(
        argument_spec={"subnets": {"type": "list", "elements": "dict", "required": True, "options": subnet}},
        supports_check_mode=True,
    )
    known = used([*ip(module, "-4", "route"), *ip(module, "-6", "route")], ip(module, "address"))
    try:
        refuse_conflicts([Wanted.parse(**item) for item in module.params["subnets"]], known)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(changed=False, used=sorted({str(one.subnet) for one in known}))


if __name__ == "__main__":
    main()
