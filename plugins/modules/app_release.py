#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_release
short_description: Release an application without dropping a request
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Starts the new release of an application beside the one that serves. When it is healthy and answers through every
    edge, the edges are switched, each confirms it, and the old release is drained and removed.
  - Its services start in the order of C(depends_on). One of class C(once) runs a single time in each release, and must
    end with exit code 0 before what depends on it starts; it may take 30 minutes.
  - A secret with C(as=env) needs an image with C(/bin/sh); the image is looked into before anything is started.
  - Whatever fails before every edge has switched removes the new release again. Users saw nothing of it.
  - The work is done by the host program (role C(host_tool)) in a transient systemd unit on this manager. This module
    watches it. Whoever kills the module, or loses the connection, does not end the release.
  - Runs on one manager of the swarm.
requirements:
  - The host program C(/usr/local/bin/seaworthy) and certificates of this host in C(/etc/seaworthy/pki).
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details: A host without a swarm counts as an empty one.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  app:
    description: The application, one item of RV(seaworthy.swarm.apps#module:apps).
    type: dict
    required: true
  version:
    description:
      - The version to release, the tag of images that the Compose files build.
      - Without it the version that serves is kept, and a first release takes the one in the app file.
    type: str
  state:
    description:
      - V(present) releases the application only if no release of it serves. What serves is kept, and RV(differs) says
        whether the files say something else.
      - V(released) makes what the files say serve. Nothing is done when it already does.
      - V(restarted) releases the version that serves once more, also when nothing differs. It fails when none serves,
        and when O(version) names another one.
    type: str
    choices: [present, released, restarted]
    default: present
  secrets:
    description: Name of the Swarm secret for each secret of the application.
    type: dict
    default: {}
  edges:
    description: The edges. Each must answer, or the release fails.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the host, for messages.
        type: str
        required: true
      address:
        description: Address of its internal entrypoint.
        type: str
        required: true
"""

EXAMPLES = r"""
- name: Read the applications
  seaworthy.swarm.apps:
    registry: registry.example.com
  delegate_to: localhost
  register: read

- name: Release version 1.4.2 of the first one
  seaworthy.swarm.app_release:
    app: "{{ read.apps[0] }}"
    version: 1.4.2
    state: released
    secrets:
      SESSION_KEY: shop_SESSION_KEY-3f0a9c1d2b4e
    edges:
      - {name: m1, address: 192.0.2.11}
      - {name: m2, address: 192.0.2.12}

- name: Start all of its services anew
  seaworthy.swarm.app_release:
    app: "{{ read.apps[0] }}"
    state: restarted
    secrets:
      SESSION_KEY: shop_SESSION_KEY-3f0a9c1d2b4e
    edges:
      - {name: m1, address: 192.0.2.11}
      - {name: m2, address: 192.0.2.12}
"""

RETURN = r"""
release:
  description: The release that serves, in check mode the one that would.
  returned: always, unless nothing serves
  type: str
  sample: r7
version:
  description: Its version.
  returned: always, unless nothing serves
  type: str
  sample: 1.4.2
previous:
  description: The release that was replaced.
  returned: when one was
  type: str
  sample: r6
reason:
  description: Why something was done, or not; after a failure, what went wrong.
  returned: always
  type: str
  sample: version 1.4.2 replaces 1.4.1 (r6)
phase:
  description: How far the release came.
  returned: when the host program ran
  type: str
  sample: done
differs:
  description: What serves is not what the app's files say, and was left as it is.
  returned: success
  type: bool
  sample: false
steps:
  description: What was done, with the time of each step.
  returned: when the host program ran
  type: list
  elements: dict
  sample: [{"at": 1795000000.123, "phase": "switch", "message": "switching to r7"}]
seconds:
  description: How long it took.
  returned: when the host program ran
  type: float
  sample: 24.1
tasks:
  description: After a failure, the tasks that tell most - service, state, error and last lines of their logs.
  returned: failure
  type: list
  elements: dict
  sample: [{"service": "web", "state": "failed", "error": "task: non-zero exit (1)", "log": ["no database"]}]
left:
  description: After a failure, what could not be removed now. The next run removes it.
  returned: failure, when something is left
  type: str
  sample: r7 is still there and is removed by the next run
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _objects
from ..module_utils._errors import InputError, SeaworthyError
from ..module_utils._lease import Record, read_record
from ..module_utils._plan import Plan, Request, decide, releases_of
from ..module_utils._unit import Unit

POLL_SECONDS = 0.5

Json = dict[str, t.Any]


def wait(unit: Unit) -> Json:
    """The verdict. The program has a deadline for everything it waits for, so there is none here."""
    while not unit.has_ended():
        time.sleep(POLL_SECONDS)
    return unit.take()


def request_of(module: AnsibleModule, owner: str) -> Json:
    """What the host program is asked for."""
    return {name: module.params[name] for name in ("app", "version", "state", "secrets", "edges")} | {"owner": owner}


def difference(record: Record, plan: Plan) -> Json:
    """The release that serves, before and after."""
    before = f"release: r{plan.blue}\nversion: {record.version}\n" if plan.blue else ""
    after = f"release: r{plan.number}\nversion: {plan.version}\n" if plan.release else before
    return {"before": before, "after": after, "before_header": record.app, "after_header": record.app}


def run(module: AnsibleModule) -> Json:
    """Plan here; let the host program do it."""
    app = module.params["app"]
    if app.get("model") is None:
        if not module.check_mode:
            raise InputError(
                f"{app.get('source')}: its Compose files were not read by Compose, so it cannot be released",
                remedy="Install Compose 2.24 or newer on the controller.",
            )
        return {"changed": True, "reason": "its Compose files could not be read yet; a plan needs Compose"}
    cluster = _objects.open_cluster(module.check_mode)
    record = read_record(cluster, app["name"])
    plan = decide(Request.parse(request_of(module, "a plan")), record, releases_of(cluster, app["name"]))
    result: Json = {"changed": plan.acts, "reason": plan.reason, "differs": plan.differs}
    serving = plan.number if plan.release else plan.blue
    result |= {"release": f"r{serving}", "version": plan.version, "diff": difference(record, plan)}
    if plan.differs:
        module.warn(f"application {app['name']}: {plan.reason}")
    busy = record.held(time.time())
    if module.check_mode or not plan.acts or (busy and not plan.release):
        return result | {"changed": plan.acts and not (busy and not plan.release)}
    unit = Unit(f"seaworthy-release-{app['name']}-{plan.number}")
    unit.start("release", request_of(module, f"{unit.name} on {cluster.info()['Name']}"))
    return result | wait(unit)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "dict", "required": True},
            "version": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "released", "restarted"], "default": "present"},
            "secrets": {"type": "dict", "default": {}, "no_log": False},
            "edges": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "address": {"type": "str", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    if result.pop("failed", False):
        result.pop("diff", None)
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
