#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: estate_status
short_description: Show nodes, edges, applications, and what is wrong
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Asks the swarm and every edge, and shows the answers on one screen. Fails when something is not as it should be.
  - The host program shows the same with C(seaworthy status), and ends with exit code 1 when something is wrong.
  - Changes nothing. Runs on one manager of the swarm.
requirements:
  - Certificates of this host in C(/etc/seaworthy/pki) (role C(internal_ca)).
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options: {}
"""

EXAMPLES = r"""
- name: Show the estate
  seaworthy.swarm.estate_status:
  become: true
"""

RETURN = r"""
nodes:
  description: The nodes, each with C(name), C(role), C(state), C(availability) and C(engine).
  returned: when nothing is wrong
  type: list
  elements: dict
  sample: [{"name": m1, "role": leader, "state": ready, "availability": active, "engine": 26.1.5}]
edges:
  description: The edges, each with C(name), C(address), C(version) of Traefik, or C(error).
  returned: when nothing is wrong
  type: list
  elements: dict
  sample: [{"name": m1, "address": 192.0.2.11, "version": 3.6.2, "error": null}]
certificates:
  description: The certificates, each with C(name), C(days) that are left and C(problem).
  returned: when nothing is wrong
  type: list
  elements: dict
  sample: [{"name": shop.example.com, "days": 59.2, "problem": ""}]
apps:
  description:
    - The applications, each with C(name), C(release), C(version), C(age) in seconds, C(services), C(certificate_days)
      of the name whose certificate ends first, C(changing) while it is released, C(running) one-off commands, and
      C(problems).
    - A service has C(name), C(running) and C(replicas), C(done) when it runs once and has, and C(problem).
  returned: when nothing is wrong
  type: list
  elements: dict
  sample:
    - name: shop
      release: r7
      version: 1.4.2
      age: 10800.0
      services: [{"name": web, "running": 2, "replicas": 2, "done": false, "problem": null}]
      certificate_days: 59.2
      changing: null
      running: []
      problems: []
problems:
  description: All that is wrong, one line each.
  returned: always
  type: list
  elements: str
  sample: []
lines:
  description: The same for people.
  returned: when nothing is wrong
  type: list
  elements: str
  sample: [All is well.]
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _edges, _objects, _status
from ..module_utils._errors import SeaworthyError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        cluster = _objects.open_cluster(False)
        edges = _edges.Edges(_status.edges_of(cluster.nodes()), _edges.tls_context())
        status = _status.gather(cluster, edges, time.time())
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(changed=False, lines=_status.render(status).splitlines(), **status)


if __name__ == "__main__":
    main()
