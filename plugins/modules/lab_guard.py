#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_guard
short_description: Let the lab's bridge reach package mirrors and nothing else
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Loads an nftables table of its own that rejects whatever comes from the lab's bridge and is neither for the lab nor
    for a package mirror of this machine, so that a wrong address in a lab never leaves the machine.
  - The mirrors are those that C(apt), C(npm), C(pip) and C(go) of this machine are told to use, with the proxies on the
    way. Their addresses are looked up once and kept in a file, so the table, and the names in the lab, stay the same.
requirements:
  - nft, root
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  state:
    description: Whether the table is to be there.
    type: str
    choices: [present, absent]
    default: present
  table:
    description: Name of the table, in family C(inet).
    type: str
    required: true
  bridge:
    description: Name of the lab's bridge. Required with O(state=present).
    type: str
  path:
    description: File that keeps the mirrors' addresses. Required with O(state=present).
    type: path
"""

EXAMPLES = r"""
- name: Guard the lab's bridge
  seaworthy.swarm.lab_guard:
    table: seaworthy_lab
    bridge: seaworthy0
    path: ~/.local/state/seaworthy/lab/mirrors.json

- name: Remove the guard
  seaworthy.swarm.lab_guard:
    table: seaworthy_lab
    state: absent
"""

RETURN = r"""
mirrors:
  description: The package mirrors.
  returned: with O(state=present)
  type: list
  elements: dict
  sample: [{"name": "mirror.example.org", "addresses": ["192.0.2.7"], "ports": [80]}]
names:
  description: The mirrors' names, each with its addresses.
  returned: with O(state=present)
  type: dict
  sample: {"mirror.example.org": ["192.0.2.7"]}
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _lab_guard, _lab_registries, _lab_state
from ..module_utils._errors import SeaworthyError


def pinned(path: Path) -> list[_lab_guard.Mirror]:
    """The mirrors as they were looked up the first time."""
    if not path.exists():
        return []
    return [
        _lab_guard.Mirror(one["name"], tuple(one["addresses"]), tuple(one["ports"]))
        for one in json.loads(path.read_text())
    ]


def present(module: AnsibleModule) -> dict[str, Any]:
    """Have the table."""
    params = module.params
    path = Path(params["path"])
    mirrors = pinned(path)
    fresh = not mirrors
    if fresh:
        mirrors = _lab_guard.resolve(_lab_guard.endpoints(_lab_registries.urls()))
    rules = _lab_guard.ruleset(params["table"], params["bridge"], mirrors)
    live = _lab_guard.read(params["table"])
    changed = fresh or _lab_guard.comment_of(live) != _lab_guard.comment_of(rules)
    listed = [asdict(mirror) for mirror in mirrors]
    if changed and not module.check_mode:
        _lab_guard.replace(params["table"], rules)
        _lab_state.write(path, json.dumps(listed, indent=1) + "\n")
    return {
        "changed": changed,
        "mirrors": listed,
        "names": {mirror.name: list(mirror.addresses) for mirror in mirrors},
        "diff": {"before": live, "after": rules if changed else live},
    }


def absent(module: AnsibleModule) -> dict[str, Any]:
    """Remove the table."""
    live = _lab_guard.read(module.params["table"])
    if live and not module.check_mode:
        _lab_guard.remove(module.params["table"])
    return {"changed": bool(live), "diff": {"before": live, "after": ""}}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "table": {"type": "str", "required": True},
            "bridge": {"type": "str"},
            "path": {"type": "path"},
        },
        required_if=[("state", "present", ("bridge", "path"))],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**(present(module) if module.params["state"] == "present" else absent(module)))
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
