#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_check
short_description: Say what the platform makes of each key of an application's Compose files
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Reads an application's file and its Compose files and gives every key its verdict - C(kept) as it is, C(translated)
    into a stack document's words, C(used) by Compose's parser or the platform, or C(refused) with the reason.
  - Fails when anything is refused, and then lists all of it with file, line, service, key, reason and remedy.
  - Runs on the controller and needs neither hosts nor an inventory. Without one, C(seaworthy_domain) is C(example.com).
    Other variables that an application's file names must be given.
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
    description: Check this application only.
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
"""

EXAMPLES = r"""
- name: Check the applications
  seaworthy.swarm.app_check:
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
apps:
  description: The applications that were checked.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: shop
    source:
      description: Its file.
      type: str
      sample: apps/shop.yml
    files:
      description: Its Compose files, with those they include or extend.
      type: list
      elements: str
      sample: [compose.yaml]
    services:
      description: Its services, each with C(name), C(class), C(wave), C(image) and C(verdicts).
      type: list
      elements: dict
      sample:
        - name: web
          class: routed
          wave: 1
          image: nginx:1.29
          verdicts:
            - {key: stop_signal, verdict: kept, says: As it is., place: "compose.yaml:7"}
    left_out:
      description: Services that are left out, because none of their profiles is on.
      type: list
      elements: str
      sample: [adminer]
    verdicts:
      description: The verdicts on keys beside the services, like C(networks), as RV(apps[].services) has them.
      type: list
      elements: dict
      sample: []
    notes:
      description: What is good to know though nothing is wrong.
      type: list
      elements: str
      sample: []
    refused:
      description: What is refused of this application, as in RV(refused).
      type: list
      elements: dict
      sample: []
refused:
  description: All that is refused.
  returned: when Compose can read the files
  type: list
  elements: dict
  contains:
    file:
      description: File and line.
      type: str
      sample: compose.yaml:12
    service:
      description: The service; empty for what stands beside the services.
      type: str
      sample: web
    key:
      description: The key.
      type: str
      sample: ports
    reason:
      description: Why it is refused.
      type: str
      sample: clients come through `routes` of the app file
    found:
      description: What stands there.
      type: str
      sample: "80:80"
    remedy:
      description: What to do.
      type: str
      sample: ""
"""
