#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pins
short_description: Pin the platform's images to digests
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Gives the images of the collection's C(versions.yml) as C(name:tag@digest).
  - The digests are kept in a file on the controller. What the file lacks is resolved by the engine of the host this
    runs on, through its mirrors, and added. A file of other versions is an error unless O(renew=true).
  - In check mode nothing is pulled. An image that neither the file nor the engine knows is given without a digest.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  file:
    description: The file of pins on the controller.
    type: path
    required: true
  renew:
    description: Resolve all images again.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Pin the images
  seaworthy.swarm.pins:
    file: "{{ inventory_dir }}/pins.yml"
  become: true
  register: pinned
"""

RETURN = r"""
images:
  description: The images by the keys of C(versions.yml).
  returned: success
  type: dict
  sample: {"haproxy": "docker.io/library/haproxy:3.2.9@sha256:0f51..."}
"""
