#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_registry_image
short_description: Put image archives into the lab's registry
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Pushes archives made by M(seaworthy.swarm.lab_image) to a registry that answers without TLS and login on the host
    itself, under the name that each archive carries, without C(docker.io).
  - A tag that has the archive's digest already is left alone.
requirements:
  - skopeo on the host
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  registry:
    description: Address of the registry, host and port.
    type: str
    required: true
  archives:
    description: Paths of the archives on the host. In check mode one that does not exist counts as not pushed yet.
    type: list
    elements: path
    required: true
"""

EXAMPLES = r"""
- name: Fill the mirror
  seaworthy.swarm.lab_registry_image:
    registry: 127.0.0.1:5101
    archives: [/srv/images/library_traefik_v3.7.15-0123456789abcdef.tar]
"""

RETURN = r"""
pushed:
  description: What was pushed, repository and tag.
  returned: always
  type: list
  elements: str
  sample: ["library/traefik:v3.7.15"]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _lab_image, _process, _registry
from ..module_utils._errors import SeaworthyError


def push(registry: str, name: str, archive: Path) -> None:
    """Copy an archive into the registry, digests as they are."""
    argv = ["skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]
    done = _process.run([*argv, f"oci-archive:{archive}", f"docker://{registry}/{name}"])
    if done.returncode:
        raise SeaworthyError(f"{name} could not be pushed", found=done.stderr.strip(), expected="exit code 0 of skopeo")


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "registry": {"type": "str", "required": True},
            "archives": {"type": "list", "elements": "path", "required": True},
        },
        supports_check_mode=True,
    )
    address = module.params["registry"]
    registry = _registry.Registry(f"http://{address}", {"Accept": _registry.ACCEPTED})
    pushed: list[str] = []
    before: list[str] = []
    after: list[str] = []
    try:
        for archive in map(Path, module.params["archives"]):
            if module.check_mode and not archive.exists():
                pushed.append(archive.name)
                after.append(f"{archive.name}\n")
                continue
            image = _lab_image.read_archive(archive)
            name = image["name"].removeprefix("docker.io/")
            served = registry.digest(*name.rsplit(":", 1))
            if served == image["digest"]:
                continue
            pushed.append(name)
            before.append(f"{name} {served or 'absent'}\n")
            after.append(f"{name} {image['digest']}\n")
            if not module.check_mode:
                push(address, name, archive)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), pushed=pushed, **error.result)
    module.exit_json(changed=bool(pushed), pushed=pushed, diff={"before": "".join(before), "after": "".join(after)})


if __name__ == "__main__":
    main()
