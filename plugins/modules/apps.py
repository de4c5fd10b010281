#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apps
short_description: Read and check the applications of an estate
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Reads C(<folder>/<name>.yml), one application each, fills in templates from the inventory, has the Compose files
    they name read by Compose's own parser, and checks that the platform can run the result.
  - Runs on the controller and touches no host.
  - Of C(${...}) in a Compose file only C(environment) of the app file is a source. A variable without value and without
    default is an error.
requirements:
  - Compose 2.24 or newer on the controller. It needs no engine.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  folder:
    description: Folder of the applications' files.
    type: path
    default: apps
  only:
    description: Return this application only. All are checked.
    type: str
  registry:
    description: Registry of the images that the Compose files build, C(host) or C(host:port).
    type: str
  compose_binary:
    description: The Compose to use. Without it the docker program's plugin, then the lab's own build is taken.
    type: path
  cache:
    description: Where the lab keeps its builds.
    type: path
    default: ~/.cache/seaworthy
  scan:
    description: Without a Compose scan keys and variables only, instead of an error.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read the applications
  seaworthy.swarm.apps:
    registry: registry.example.com
  delegate_to: localhost
  run_once: true
  register: read
"""

RETURN = r"""
apps:
  description: The applications, as M(seaworthy.swarm.app_release) takes them.
  returned: success
  type: list
  elements: dict
  sample: []
hosts:
  description: All hostnames of all applications.
  returned: success
  type: list
  elements: str
  sample: [shop.example.com]
parsed:
  description: Whether Compose has read the files. If not, their keys were scanned and RV(apps) have no model.
  returned: success
  type: bool
  sample: true
secrets:
  description: The secrets of the applications, as M(seaworthy.swarm.secrets) takes them.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "shop/SESSION_KEY", "generate": "password"}]
"""
