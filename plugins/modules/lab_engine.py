#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_engine
short_description: Start a Docker engine for the lab when none answers, and end it again
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - With O(state=present) an engine that answers is used as it is. When none answers, C(dockerd) is started in a session
    of its own, so that it outlives the playbook, and noted by process id and start time.
  - With O(state=absent) only the engine that was noted is ended, and only when it has no container left, whoever made
    it.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  state:
    description: Whether an engine is to answer, or the one that this module started is to end.
    type: str
    choices: [present, absent]
    default: present
  socket:
    description: Path of the engine's socket.
    type: path
    default: /var/run/docker.sock
  record:
    description: File that notes the engine that this module started.
    type: path
    required: true
  log:
    description: File that takes what C(dockerd) says.
    type: path
    required: true
  timeout_seconds:
    description: How long the engine may take to answer, or to end.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Start a Docker engine unless one answers
  seaworthy.swarm.lab_engine:
    record: ~/.local/state/seaworthy/engine.json
    log: ~/.cache/seaworthy/dockerd.log

- name: End the engine that we started, unless it still has containers
  seaworthy.swarm.lab_engine:
    state: absent
    record: ~/.local/state/seaworthy/engine.json
    log: ~/.cache/seaworthy/dockerd.log
"""

RETURN = r"""
answers:
  description: Whether an engine answers now. In check mode an engine that would be started does not.
  returned: always
  type: bool
  sample: true
ours:
  description: Whether the engine that answers was started by this module.
  returned: always
  type: bool
  sample: true
kept_for:
  description: The containers for which our engine was left running.
  returned: with O(state=absent)
  type: list
  elements: str
  sample: [somebody_elses]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _lab_engine
from ..module_utils._errors import SeaworthyError


def present(module: AnsibleModule) -> dict[str, Any]:
    """Have an engine that answers."""
    params = module.params
    record = _lab_engine.Record(Path(params["record"]))
    answers = _lab_engine.answers(params["socket"])
    changed = not answers
    if changed and not module.check_mode:
        _lab_engine.start(params["socket"], record, Path(params["log"]), params["timeout_seconds"])
        answers = True
    return {"changed": changed, "answers": answers, "ours": answers and record.running() is not None}


def absent(module: AnsibleModule) -> dict[str, Any]:
    """End our engine when nobody needs it."""
    params = module.params
    record = _lab_engine.Record(Path(params["record"]))
    answers = _lab_engine.answers(params["socket"])
    ours = record.running() is not None
    kept_for = _lab_engine.containers(params["socket"]) if ours and answers else []
    changed = record.read() is not None and not kept_for
    if changed and not module.check_mode:
        _lab_engine.stop(record, params["timeout_seconds"])
        ours, answers = False, answers and not ours
    return {"changed": changed, "answers": answers, "ours": ours, "kept_for": kept_for}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "socket": {"type": "path", "default": "/var/run/docker.sock"},
            "record": {"type": "path", "required": True},
            "log": {"type": "path", "required": True},
            "timeout_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        result = present(module) if module.params["state"] == "present" else absent(module)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    before, after = ("runs\n", "ended\n") if module.params["state"] == "absent" else ("no engine\n", "dockerd\n")
    result["diff"] = {"before": before, "after": after if result["changed"] else before}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
