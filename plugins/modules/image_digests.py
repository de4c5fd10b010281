#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_digests
short_description: Resolve images to digests
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Pulls images by tag on the host's own engine, so through its mirrors, and gives the digests they have there.
  - Changes nothing but the engine's store of images, so it reports no change.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: partial
    details: Pulls nothing. Only images the engine has already are in the result.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  images:
    description: Images, C(name:tag) by a key of yours.
    type: dict
    required: true
  docker_socket:
    description: The engine's socket.
    type: path
    default: /var/run/docker.sock
"""

EXAMPLES = r"""
- name: Resolve an image
  seaworthy.swarm.image_digests:
    images:
      haproxy: docker.io/library/haproxy:3.2.9
"""

RETURN = r"""
images:
  description: The same keys with C(name:tag@digest).
  returned: success
  type: dict
  sample: {"haproxy": "docker.io/library/haproxy:3.2.9@sha256:0f51..."}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._cluster import Cluster, split_reference
from ..module_utils._errors import ClusterError, SeaworthyError


def digest_of(image: t.Mapping[str, t.Any], name: str) -> str:
    """The digest under which a registry knows this image by this name."""
    short = split_reference(name)[0].removeprefix("docker.io/").removeprefix("library/")
    for reference in image.get("RepoDigests") or ():
        repository, _at, digest = reference.partition("@")
        if repository.removeprefix("docker.io/").removeprefix("library/") == short:
            return str(digest)
    raise ClusterError(f"the engine knows no digest of {name}", remedy="It was not pulled from a registry. Remove it")


def resolve(cluster: Cluster, images: t.Mapping[str, str], pull: bool) -> dict[str, str]:
    """Each image with its digest; without `pull` only those the engine has."""
    resolved = {}
    for key, name in images.items():
        if pull:
            cluster.pull(name)
        try:
            resolved[key] = f"{name}@{digest_of(cluster.image(name), name)}"
        except ClusterError:
            if pull:
                raise
    return resolved


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "dict", "required": True},
            "docker_socket": {"type": "path", "default": "/var/run/docker.sock"},
        },
        supports_check_mode=True,
    )
    cluster = Cluster(module.params["docker_socket"], patience=0.0 if module.check_mode else 40.0)
    try:
        images = resolve(cluster, module.params["images"], pull=not module.check_mode)
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(changed=False, images=images)


if __name__ == "__main__":
    main()
