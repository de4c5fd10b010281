#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_logs
short_description: Show what an application's containers wrote
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Reads the newest lines of the release that serves, of all its replicas on all nodes, in the order in which they were
    written, each with its service, replica and node.
  - Lines of containers that have ended are there as long as Swarm keeps the container.
  - The lines are shown as the application wrote them. Whether they hold secrets is up to the application.
  - Changes nothing. Runs on one manager of the swarm.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  app:
    description: Name of the application.
    type: str
    required: true
  service:
    description: Only lines of this service.
    type: str
  release:
    description: Number of another release that exists, as C(7) or C(r7).
    type: str
  tail:
    description: How many lines, altogether.
    type: int
    default: 100
  since:
    description: Only lines of the last time, for example C(90s), C(10m) or C(1h30m).
    type: str
"""

EXAMPLES = r"""
- name: Show what the shop wrote
  seaworthy.swarm.app_logs:
    app: shop

- name: Show what its service web wrote in the last ten minutes
  seaworthy.swarm.app_logs:
    app: shop
    service: web
    since: 10m
    tail: 1000
"""

RETURN = r"""
lines:
  description: The lines, oldest first.
  returned: always
  type: list
  elements: dict
  sample:
    - at: "2026-11-25T08:45:28.123456789Z"
      service: web
      replica: 2
      node: m3
      stream: stdout
      text: GET / 200
unread:
  description: Replicas whose lines could not be read, and why.
  returned: always
  type: list
  elements: str
  sample: ["web.1 on m2: the node is down"]
release:
  description: The release.
  returned: always
  type: str
  sample: r7
version:
  description: Its version.
  returned: always
  type: str
  sample: 1.4.2
"""

import dataclasses
import re
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _objects, _tail
from ..module_utils._errors import InputError, SeaworthyError

Json = dict[str, t.Any]


def release_number(text: str | None) -> int | None:
    """7 and r7 are the same."""
    if not text:
        return None
    match = re.fullmatch(r"r?(\d+)", text)
    if match is None:
        raise InputError("this is no release", found=text, expected="its number, for example r7")
    return int(match[1])


def run(params: Json) -> Json:
    """The newest lines."""
    if params["tail"] < 1:
        raise InputError("tail is the number of lines to show", found=params["tail"], expected="1 or more")
    found = _tail.gather(
        _objects.open_cluster(False),
        params["app"],
        service=params["service"],
        release=release_number(params["release"]),
        tail=params["tail"],
        since=time.time() - _tail.seconds(params["since"]) if params["since"] else None,
    )
    return {
        "changed": False,
        "lines": [dataclasses.asdict(entry) for entry in found.entries],
        "unread": list(found.unread),
        "release": found.release,
        "version": found.version,
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "required": True},
            "service": {"type": "str"},
            "release": {"type": "str"},
            "tail": {"type": "int", "default": 100},
            "since": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module.params)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
