#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_support
short_description: Refuse hosts whose system or Docker Engine the platform does not take
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Reads the operating system, the processor and the Docker packages of the host and fails, with the reason, when the
    platform does not take them. A pair that should work and that nobody tested gives a warning.
  - Changes nothing.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  source:
    description: Whose packages of the engine are to be used, the distribution's or Docker's.
    type: str
    choices: [distribution, docker]
    required: true
"""

EXAMPLES = r"""
- name: Refuse what the platform does not take
  seaworthy.swarm.docker_support:
    source: distribution
"""

RETURN = r"""
system:
  description: Name and release of the operating system.
  returned: success
  type: str
  sample: debian 13
installed:
  description: Whether the engine is installed already.
  returned: success
  type: bool
  sample: false
tested:
  description: Whether this pair of system and engine is tested.
  returned: success
  type: bool
  sample: true
"""

import platform
import re

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._engine_support import ENGINE_PACKAGES, Host, judge
from ..module_utils._errors import SeaworthyError


def read(module: AnsibleModule) -> Host:
    """The host as it is."""
    installed: dict[str, str] = {}
    candidates: dict[str, str] = {}
    environment = {"LC_ALL": "C"}
    for package in ENGINE_PACKAGES.values():
        code, out, _error = module.run_command(
            ["apt-cache", "policy", package], environ_update=environment, handle_exceptions=False
        )
        for kind, found in (("Installed", installed), ("Candidate", candidates)):
            match = re.search(rf"{kind}: (\S+)", out)
            if code == 0 and match and match[1] != "(none)":
                found[package] = match[1]
    release = platform.freedesktop_os_release()
    return Host(release.get("ID", ""), release.get("VERSION_ID", ""), platform.machine(), installed, candidates)


def main() -> None:
    module = AnsibleModule(
        argument_spec={"source": {"type": "str", "choices": sorted(ENGINE_PACKAGES), "required": True}},
        supports_check_mode=True,
    )
    try:
        host = read(module)
        warning = judge(host, module.params["source"])
    except FileNotFoundError as error:
        module.fail_json(msg=f"this is no Debian or Ubuntu host: {error}")
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    if warning:
        module.warn(warning)
    installed = ENGINE_PACKAGES[module.params["source"]] in host.installed
    module.exit_json(changed=False, system=f"{host.system} {host.release}", installed=installed, tested=warning is None)


if __name__ == "__main__":
    main()
