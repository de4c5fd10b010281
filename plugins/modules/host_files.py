#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Whole files and folders of a host in one task
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Makes folders, then writes whole text files, each replaced in one step.
  - A folder that a file needs and that is named nowhere is made with mode 0755. So check mode also works on a host
    that has none of the folders yet.
  - For secrets use M(seaworthy.swarm.secret_file).
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  folders:
    description: Folders.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The folder.
        type: path
        required: true
      mode:
        description: Permissions.
        type: str
        default: "0755"
      owner:
        description: Owner.
        type: str
        default: root
      group:
        description: Group.
        type: str
        default: root
  files:
    description: Files.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file.
        type: path
        required: true
      content:
        description: Its whole content.
        type: str
        required: true
      mode:
        description: Permissions.
        type: str
        default: "0644"
      owner:
        description: Owner.
        type: str
        default: root
      group:
        description: Group.
        type: str
        default: root
      validate:
        description:
          - A command that ends with 0 when the content is good. C(%s) becomes the path of the candidate. It is asked
            before the file is replaced, when the host has that command, and not in check mode.
        type: list
        elements: str
"""

EXAMPLES = r"""
- name: Limit the journal
  seaworthy.swarm.host_files:
    files:
      - path: /etc/systemd/journald.conf.d/90-seaworthy.conf
        content: |
          [Journal]
          SystemMaxUse=1G
  become: true
"""

RETURN = r"""
changed_paths:
  description: Files and folders that were changed.
  returned: always
  type: list
  elements: str
  sample: [/etc/systemd/journald.conf.d/90-seaworthy.conf]
"""

import os
import pathlib
import shutil
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule

Item = dict[str, t.Any]


class Files:
    """The wanted files, and what was different."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.changed: list[str] = []
        self.diff: list[dict[str, str]] = []

    def folder(self, item: Item) -> None:
        """The folder with all that is above it."""
        path = pathlib.Path(item["path"])
        if path.exists() and not path.is_dir():
            self.module.fail_json(msg=f"cannot make the folder {path}: there is a file of this name")
        self._attributes(path, item)
        if not path.is_dir():
            self._note(path, "absent\n", "folder\n")
            if not self.module.check_mode:
                path.mkdir(parents=True, exist_ok=True)
                self.module.set_fs_attributes_if_different(self._wanted(path, item), False)

    def file(self, item: Item) -> None:
        """The file with its content."""
        path = pathlib.Path(item["path"])
        if path.exists() and not path.is_file():
            self.module.fail_json(msg=f"cannot write {path}: it is no file")
        content = item["content"].encode()
        before = path.read_bytes() if path.exists() else None
        self._attributes(path, item)
        if before != content:
            self._note(path, (before or b"").decode(errors="replace"), item["content"])
            if not self.module.check_mode:
                self._write(path, content, item)

    def _note(self, path: pathlib.Path, before: str, after: str) -> None:
        if str(path) not in self.changed:
            self.changed.append(str(path))
        self.diff.append({"before_header": str(path), "before": before, "after_header": str(path), "after": after})

    def _attributes(self, path: pathlib.Path, item: Item) -> None:
        """Owner and permissions of what is there; what we make gets them when it is made."""
        if not path.exists():
            return
        diff: dict[str, t.Any] = {}
        if self.module.set_fs_attributes_if_different(self._wanted(path, item), False, diff=diff):
            self.changed.append(str(path))
            self.diff.append({**diff, "before_header": str(path), "after_header": str(path)})

    def _wanted(self, path: pathlib.Path, item: Item) -> Item:
        return t.cast(Item, self.module.load_file_common_arguments(item, path=str(path)))

    def _write(self, path: pathlib.Path, content: bytes, item: Item) -> None:
        """Beside its place, checked, then in one step to its name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            self._validate(path, name, item["validate"])
            self.module.set_fs_attributes_if_different(self._wanted(pathlib.Path(name), item), False)
            pathlib.Path(name).replace(path)
        except BaseException:
            pathlib.Path(name).unlink(missing_ok=True)
            raise

    def _validate(self, path: pathlib.Path, candidate: str, command: list[str] | None) -> None:
        if not command or not shutil.which(command[0]):
            return
        code, out, error = self.module.run_command([word.replace("%s", candidate) for word in command])
        if code != 0:
            self.module.fail_json(
                msg=f"the new content of {path} is refused by {command[0]}, the file stays as it was: {error or out}"
            )


def options(mode: str) -> dict[str, dict[str, t.Any]]:
    """What files and folders have in common."""
    return {
        "path": {"type": "path", "required": True},
        "mode": {"type": "str", "default": mode},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
    }


def main() -> None:
    content = {"content": {"type": "str", "required": True}, "validate": {"type": "list", "elements": "str"}}
    module = AnsibleModule(
        argument_spec={
            "folders": {"type": "list", "elements": "dict", "default": [], "options": options("0755")},
            "files": {"type": "list", "elements": "dict", "default": [], "options": options("0644") | content},
        },
        supports_check_mode=True,
    )
    files = Files(module)
    for item in module.params["folders"]:
        files.folder(item)
    for item in module.params["files"]:
        files.file(item)
    module.exit_json(changed=bool(files.changed), changed_paths=files.changed, diff=files.diff)


if __name__ == "__main__":
    main()
