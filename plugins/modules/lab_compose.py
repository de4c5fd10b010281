#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_compose
short_description: Build Docker's Compose parser from its Go module
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Builds the Compose plugin as a program, so that Compose files are read by Docker's own parser on a controller that
    has no Docker. A build is made once per version.
requirements:
  - Go 1.24 or newer, or 1.21 and newer where it may fetch a newer toolchain
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  version:
    description: Version of the Go module, for instance C(v2.40.3).
    type: str
    required: true
  path:
    description: Where the program goes. C(build) and C(build.log) are made beside it.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Build the Compose parser
  seaworthy.swarm.lab_compose:
    version: v2.40.3
    path: ~/.cache/seaworthy/compose/v2.40.3/docker-compose
"""

RETURN = r"""
path:
  description: The program.
  returned: always
  type: str
  sample: /root/.cache/seaworthy/compose/v2.40.3/docker-compose
"""

import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _process
from ..module_utils._errors import SeaworthyError

MODULE = "github.com/docker/compose/v2"
GO_MOD = "module seaworthy/compose\n\ngo 1.23.0\n\nrequire {module} {version}\n"


def build(version: str, path: Path) -> None:
    """Build the program beside its place, then put it there."""
    log = path.parent / "build.log"
    if shutil.which("go") is None:
        raise SeaworthyError(
            "the Compose parser cannot be built",
            found="no program go",
            expected="Go 1.24 or newer",
            remedy="apt-get install golang-go",
        )
    folder = path.parent / "build"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(GO_MOD.format(module=MODULE, version=version))
    partial = path.with_name(f"{path.name}.partial")
    flags = f"-ldflags=-s -w -X {MODULE}/internal.Version={version}"
    done = _process.run(["nice", "go", "build", "-mod=mod", flags, "-o", str(partial), f"{MODULE}/cmd"], cwd=folder)
    log.write_text(done.stdout + done.stderr)
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-10:])
        raise SeaworthyError(f"the Compose parser {version} could not be built", found=last, remedy=f"read {log}")
    partial.rename(path)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={"version": {"type": "str", "required": True}, "path": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    path = Path(module.params["path"])
    changed = not path.exists()
    try:
        if changed and not module.check_mode:
            build(module.params["version"], path)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    diff = {"before": "", "after": f"{path}\n" if changed else ""}
    module.exit_json(changed=changed, path=str(path), diff=diff)


if __name__ == "__main__":
    main()
