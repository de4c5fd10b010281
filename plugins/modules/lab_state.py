#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_state
short_description: Make the keys and names of the lab's hosts
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Makes, in the lab's state directory, the SSH key of the controller (C(ssh/id_ed25519)), a host key for every host,
    the C(known_hosts) that pins them, and for every host a directory C(hosts/NAME) with what it takes over at boot
    (host key, C(authorized_keys), C(hosts), C(resolv.conf)).
  - Keys are made once and kept. Files are readable by their owner only.
requirements:
  - ssh-keygen
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode. The diff names files, it never shows keys.
    support: full
options:
  path:
    description: The lab's state directory.
    type: path
    required: true
  hosts:
    description: The lab's hosts, each with its addresses.
    type: dict
    required: true
  domain:
    description: Domain of the hosts.
    type: str
    default: lab.test
  nameserver:
    description: Address of the name server that the hosts ask; empty when they ask none.
    type: str
    default: ""
  names:
    description: More names for the hosts' C(/etc/hosts), each with its addresses.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Make the keys of the lab
  seaworthy.swarm.lab_state:
    path: ~/.local/state/seaworthy/lab
    hosts:
      m1: [192.168.89.11, "fd89:5ea::11"]
    nameserver: 192.168.89.2
"""

RETURN = r"""
private_key:
  description: Path of the key that the controller logs in with.
  returned: always
  type: str
  sample: /root/.local/state/seaworthy/lab/ssh/id_ed25519
known_hosts:
  description: Path of the file that pins the host keys.
  returned: always
  type: str
  sample: /root/.local/state/seaworthy/lab/ssh/known_hosts
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _lab_state
from ..module_utils._errors import SeaworthyError


def run(module: AnsibleModule) -> dict[str, Any]:
    """Make what is missing."""
    params = module.params
    layout = _lab_state.Layout(
        folder=Path(params["path"]),
        hosts=[_lab_state.Host(name, tuple(addresses)) for name, addresses in params["hosts"].items()],
        names=params["names"],
        nameserver=params["nameserver"],
        domain=params["domain"],
    )
    result = {
        "private_key": str(layout.user_key),
        "known_hosts": str(layout.folder / "ssh" / "known_hosts"),
    }
    keys = layout.missing_keys()
    touched = [str(path) for path in keys]
    if not module.check_mode:
        for path, comment in keys.items():
            _lab_state.make_key(path, comment)
    if not keys or not module.check_mode:
        for path, content in layout.derived().items():
            if _lab_state.differs(path, content):
                touched.append(str(path))
                if not module.check_mode:
                    _lab_state.write(path, content)
    after = "".join(f"{path}\n" for path in touched)
    return {**result, "changed": bool(touched), "diff": {"before": "", "after": after}}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "hosts": {"type": "dict", "required": True},
            "domain": {"type": "str", "default": "lab.test"},
            "nameserver": {"type": "str", "default": ""},
            "names": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
