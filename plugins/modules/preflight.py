#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Check an inventory before any host is touched
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Finds misspelt and missing variables, groups that do not exist, impossible numbers of managers, missing addresses
    and overlapping networks.
  - Names all problems in one error, each with file and line where the inventory defines it.
  - Runs on the controller and touches no host.
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
- name: Check the inventory
  seaworthy.swarm.preflight:
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
plan:
  description: What the platform makes of each host, from the inventory alone.
  returned: success
  type: dict
  sample: {"m1": ["Docker engine", "manager of the swarm", "edge on ports 80 and 443"]}
problems:
  description: What is wrong, one line each.
  returned: always
  type: list
  elements: str
  sample: []
"""
