#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_file
short_description: Write a file that holds a secret
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Writes a secret to one file and to nowhere else. The file is replaced in one step and is never readable by others.
  - Its content appears in no diff and no log.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: partial
    details: Says that the content differs, not how.
options:
  path:
    description: The file. Its folder must exist.
    type: path
    required: true
  content:
    description: The secret. The file ends as this text ends.
    type: str
    required: true
  mode:
    description: Permissions of the file.
    type: raw
    default: "0600"
  owner:
    description: Owner of the file.
    type: str
    default: root
  group:
    description: Group of the file.
    type: str
    default: root
"""

EXAMPLES = r"""
- name: Write the key of the ACME account
  seaworthy.swarm.secret_file:
    path: /etc/seaworthy/acme.key
    content: "{{ lookup('seaworthy.swarm.secret', 'acme_account_key') }}"
"""

RETURN = r"""
path:
  description: The file.
  returned: always
  type: str
  sample: /etc/seaworthy/acme.key
"""

import os
import pathlib
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule


def write(module: AnsibleModule, path: pathlib.Path, content: bytes) -> None:
    """Into a file of the same folder that only root may read, then in one step to its name."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params, path=name), False)
        pathlib.Path(name).replace(path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise


def apply(module: AnsibleModule) -> dict[str, t.Any]:
    """Compare, write when it differs, and say what was different."""
    path = pathlib.Path(module.params["path"])
    content = module.params["content"].encode()
    if not path.parent.is_dir():
        if module.check_mode:
            return {"changed": True, "diff": {"before": "absent\n", "after": "the secret\n"}}
        module.fail_json(msg=f"cannot write {path}: its folder does not exist")
    if path.exists() and not path.is_file():
        module.fail_json(msg=f"cannot write {path}: it is no file")
    before = "absent" if not path.exists() else "the secret" if path.read_bytes() == content else "other content"
    if before != "the secret":
        if not module.check_mode:
            write(module, path, content)
        return {"changed": True, "diff": {"before": f"{before}\n", "after": "the secret\n"}}
    arguments = module.load_file_common_arguments(module.params, path=str(path))
    diff: dict[str, t.Any] = {}
    return {"changed": module.set_fs_attributes_if_different(arguments, False, diff=diff), "diff": diff}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True, "no_log": True},
            "mode": {"type": "raw", "default": "0600"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
        },
        supports_check_mode=True,
    )
    module.exit_json(path=module.params["path"], **apply(module))


if __name__ == "__main__":
    main()
