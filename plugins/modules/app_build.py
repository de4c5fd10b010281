#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_build
short_description: Build an application's images and push them
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Builds every service of a Compose model that has a C(build) section, with BuildKit on the host of the task, and
    pushes it as C(registry/application/service:version).
  - Of C(build) it takes C(context) (a folder), C(dockerfile), C(dockerfile_inline), C(args), C(target), C(labels),
    C(network), C(extra_hosts), C(shm_size), C(cache_from), C(pull), C(no_cache) and C(platforms) (linux/amd64). Any
    other key is refused by its name.
  - The contexts are read on the controller, without what C(.dockerignore) leaves out.
  - An image is built when the registry does not have its tag, or has it from another context. The label
    C(seaworthy.context) of an image is the digest of its context, Dockerfile and build arguments.
  - Prints the digest that the registry gives for each image. After a failed build, prints the build's last lines.
requirements:
  - Docker Engine with the buildx plugin on the host of the task
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  name:
    description: Name of the application.
    type: str
    required: true
  version:
    description: Version of the application, the tag of its images.
    type: str
    required: true
  model:
    description: The application's Compose model, as C(docker compose config --format json) prints it.
    type: dict
    required: true
  profiles:
    description: The profiles that are on. A service that belongs to others only is not built.
    type: list
    elements: str
    default: []
  registry:
    description: The registry, host and port.
    type: str
    required: true
  username:
    description: User of the registry who may push.
    type: str
  password:
    description: That user's password.
    type: str
  keep:
    description:
      - Folder on the host of the task where built images are kept, so that a registry that lost them gets them again
        without a build. Change it when the base images change. Needs skopeo there.
    type: path
"""

EXAMPLES = r"""
- name: Build the shop
  seaworthy.swarm.app_build:
    name: shop
    version: 1.4.2
    model: "{{ model }}"
    registry: registry.example.com
    username: push
    password: "{{ lookup('seaworthy.swarm.secret', 'registry_push_password') }}"
"""

RETURN = r"""
images:
  description: For every service that is built, the name and digest of its image and whether it was built now.
  returned: always
  type: dict
  sample:
    api:
      image: registry.example.com/shop/api:1.4.2
      digest: sha256:0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c
      changed: true
"""
