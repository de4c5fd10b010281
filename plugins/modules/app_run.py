#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_run
short_description: Run a one-off command of an application
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Runs a command in the image of a service that serves, with its networks, environment, secrets, user and limits. It
    takes the place of the image's command; the entrypoint stays.
  - Shows what the command writes while it writes it, and fails with its exit code.
  - The command runs as a Swarm job of its own, C(<application>-run-<id>), on any node. It gets no requests and is
    removed when it has ended.
  - The host program starts and watches the job in a transient systemd unit on this manager. Whoever kills
    C(ansible-playbook), or loses the connection, does not end the command. C(docker service rm) of the job does.
  - A run and a release of the same application exclude each other.
  - Runs on one manager of the swarm.
requirements:
  - The host program C(/usr/local/bin/seaworthy) and a login for the registry on this host.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details: Says what would be run, and where.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  app:
    description: Name of the application.
    type: str
    required: true
  service:
    description: Its service. Needed when it has more than one.
    type: str
  command:
    description:
      - The command, as a list of words, or as a text that is split as a shell would, without a shell's other abilities.
      - Everybody who may ask the Docker engine can read it, so it is no place for secrets.
    type: raw
    required: true
  timeout_seconds:
    description: End the command after this time, with exit code 124. Without it there is no limit.
    type: float
"""

EXAMPLES = r"""
- name: Load the first products
  seaworthy.swarm.app_run:
    app: shop
    service: api
    command: [npm, run, seed]

- name: Give it ten minutes
  seaworthy.swarm.app_run:
    app: shop
    service: api
    command: npm run seed -- --all
    timeout_seconds: 600
"""

RETURN = r"""
rc:
  description:
    - Exit code of the command; C(124) when it took longer than it may, C(125) when it was not started or did not end by
      itself.
  returned: when the job was created
  type: int
  sample: 0
stdout_lines:
  description: The last 1,000 lines (after a failure 20) that the command wrote to its standard output.
  returned: when the job was created
  type: list
  elements: str
  sample: [seeded 12 products]
stderr_lines:
  description: The last 1,000 lines (after a failure 20) that it wrote to its standard error.
  returned: when the job was created
  type: list
  elements: str
  sample: []
job:
  description: Name of the job.
  returned: when it was started
  type: str
  sample: shop-run-1f0c9a3b
service:
  description: The service that it ran as.
  returned: always
  type: str
  sample: api
release:
  description: The release that it ran in.
  returned: always
  type: str
  sample: r7
version:
  description: Its version.
  returned: always
  type: str
  sample: 1.4.2
image:
  description: The image.
  returned: always
  type: str
  sample: registry.example.com/shop/api:1.4.2@sha256:0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c
node:
  description: The node it ran on.
  returned: when it ended
  type: str
  sample: m2
seconds:
  description: How long it took, with its start.
  returned: when it ended
  type: float
  sample: 3.4
"""
