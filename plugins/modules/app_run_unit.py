#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_run_unit
short_description: Start a one-off command of an application, or read on what it writes
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Without O(job) it starts the command and returns the name of its job. With O(job) it returns what was written since
    O(cursor), waiting some seconds for more, and in the end how the command ended.
  - M(seaworthy.swarm.app_run) calls it again and again, and shows what it returns.
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
  service:
    description: Its service. Needed when it has more than one.
    type: str
  command:
    description: The words of the command.
    type: list
    elements: str
  timeout_seconds:
    description: End the command after this time.
    type: float
  job:
    description: The job to watch.
    type: str
  cursor:
    description: Where to read on, RV(cursor) of the call before.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Start it
  seaworthy.swarm.app_run_unit:
    app: shop
    service: api
    command: [npm, run, seed]
  register: started

- name: See what it has written so far
  seaworthy.swarm.app_run_unit:
    job: "{{ started.job }}"
"""

RETURN = r"""
job:
  description: Name of the job.
  returned: unless in check mode
  type: str
  sample: shop-run-1f0c9a3b
lines:
  description: What was written, each with C(stdout) or C(stderr) before it.
  returned: with O(job)
  type: list
  elements: list
  sample: [[stdout, seeded 12 products]]
cursor:
  description: Where to read on.
  returned: with O(job)
  type: int
  sample: 34
verdict:
  description: How it ended, as RV(seaworthy.swarm.app_run#module:rc) and its neighbours; nothing while it runs.
  returned: with O(job)
  type: dict
  sample: {"rc": 0, "node": m2, "seconds": 3.4}
service:
  description: The service that it runs as.
  returned: without O(job)
  type: str
  sample: api
release:
  description: The release that it runs in.
  returned: without O(job)
  type: str
  sample: r7
version:
  description: Its version.
  returned: without O(job)
  type: str
  sample: 1.4.2
image:
  description: The image.
  returned: without O(job)
  type: str
  sample: registry.example.com/shop/api:1.4.2@sha256:0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c
"""

import time
import typing as t
import uuid

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _objects, _output, _serving
from ..module_utils._errors import SeaworthyError
from ..module_utils._unit import Unit

POLL_SECONDS = 0.2
WAIT_SECONDS = 10.0  # for more output; the operator's program asks again

Json = dict[str, t.Any]


def unit_of(job: str) -> Unit:
    """The unit that starts and watches this job."""
    return Unit(f"seaworthy-{job}")


def start(params: Json, check_mode: bool) -> Json:
    """Where it runs, and in a real run the name of the job."""
    serving = _serving.find(_objects.open_cluster(check_mode), params["app"])
    spec = serving.service(params["service"])["Spec"]
    where: Json = {
        "changed": True,
        "service": spec["Labels"]["seaworthy.service"],
        "release": serving.name,
        "version": serving.version,
        "image": spec["TaskTemplate"]["ContainerSpec"]["Image"],
    }
    if check_mode:
        return where
    job = f"{params['app']}-run-{uuid.uuid4().hex[:8]}"
    request = {"app": params["app"], "service": where["service"], "command": params["command"], "name": job}
    unit_of(job).start("run", request | {"timeout": params["timeout_seconds"]})
    return where | {"job": job}


def watch(job: str, cursor: int) -> Json:
    """What was written from there on, and when all was read, the verdict."""
    unit = unit_of(job)
    output = unit.request.with_suffix(_output.SUFFIX)
    end = time.monotonic() + WAIT_SECONDS
    while True:
        ended = unit.has_ended()  # asked before the output is read: what there is then is all
        lines, cursor = _output.read(output, cursor)
        if lines or ended or time.monotonic() > end:
            break
        time.sleep(POLL_SECONDS)
    verdict = None
    if ended and not lines:
        verdict = unit.take()
        output.unlink(missing_ok=True)
    return {"changed": True, "job": job, "lines": lines, "cursor": cursor, "verdict": verdict}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str"},
            "service": {"type": "str"},
            "command": {"type": "list", "elements": "str"},
            "timeout_seconds": {"type": "float"},
            "job": {"type": "str"},
            "cursor": {"type": "int", "default": 0},
        },
        required_one_of=[("app", "job")],
        mutually_exclusive=[("app", "job")],
        required_together=[("app", "command")],
        supports_check_mode=True,
    )
    params = module.params
    try:
        result = watch(params["job"], params["cursor"]) if params["job"] else start(params, module.check_mode)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
