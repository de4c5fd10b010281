#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_image
short_description: Build one image from a context archive and push it
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Builds an image with BuildKit on the host it runs on and pushes it to a registry, unless the registry serves the tag
    already with the same O(context_digest) as its label C(seaworthy.context).
  - M(seaworthy.swarm.app_build) makes the context archives and calls this module.
requirements:
  - Docker Engine with the buildx plugin on the host
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  image:
    description: Name of the image, with registry and tag.
    type: str
    required: true
  context_digest:
    description: Digest of everything that decides the image.
    type: str
    required: true
  archive:
    description:
      - Path on the host of the build context, a tar archive compressed by gzip. Without it nothing is built and
        RV(ignore:changed) says whether that would be necessary.
    type: path
  dockerfile:
    description: Path of the Dockerfile in the context.
    type: str
    default: Dockerfile
  args:
    description: Build arguments. They can be read from the image, so they are no place for secrets.
    type: dict
    default: {}
  target:
    description: The stage of the Dockerfile to build.
    type: str
  options:
    description: More options of C(docker buildx build).
    type: list
    elements: str
    default: []
  username:
    description: User of the registry who may push.
    type: str
  password:
    description: That user's password.
    type: str
  keep:
    description:
      - Folder on the host where built images are kept by O(context_digest), so that a registry that lost them gets them
        again without a build. Change it when the base images change. Needs skopeo on the host.
    type: path
  timeout_seconds:
    description: How long a build may take.
    type: int
    default: 1200
"""

EXAMPLES = r"""
- name: Build the api's image
  seaworthy.swarm.app_image:
    image: registry.example.com/shop/api:1.4.2
    context_digest: sha256:0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c
    archive: /tmp/api.tar.gz
    username: push
    password: "{{ lookup('seaworthy.swarm.secret', 'registry_push_password') }}"
"""

RETURN = r"""
build_log:
  description: After a failed build, its last lines.
  returned: failure
  type: list
  elements: str
  sample: ['ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1']
image:
  description: Name of the image.
  returned: always
  type: str
  sample: registry.example.com/shop/api:1.4.2
digest:
  description: Digest of the image that the registry serves.
  returned: when the registry serves it
  type: str
  sample: sha256:0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _process, _registry
from ..module_utils._app_build import CONTEXT_LABEL
from ..module_utils._errors import SeaworthyError

TAIL = 25  # lines of a build that failed


class Workshop:
    """A login at the registry that lasts for one image, and the programs that use it."""

    def __init__(self, work: Path, params: dict[str, Any]) -> None:
        self._work = work
        self._params = params
        self._image = f"docker://{params['image']}"
        self._login = work / "docker" / "config.json"
        self._login.parent.mkdir()
        self._login.touch(mode=0o600)
        self._login.write_text(
            json.dumps(_registry.docker_config(params["image"], params["username"], params["password"]))
        )

    def build(self) -> None:
        """Build and push the image."""
        params = self._params
        context = self._work / "context"
        context.mkdir()
        self._run(["tar", "--extract", "--gzip", f"--file={params['archive']}", f"--directory={context}"])
        argv = ["docker", "buildx", "build", "--progress=plain", "--provenance=false", "--push"]
        argv += [f"--tag={params['image']}", f"--label={CONTEXT_LABEL}={params['context_digest']}"]
        argv += [f"--file={context / params['dockerfile']}"]
        argv += [f"--build-arg={key}={value}" for key, value in params["args"].items()]
        argv += [f"--target={params['target']}"] if params["target"] else []
        argv += params["options"]
        self._run([*argv, str(context)])

    def push_kept(self, kept: Path) -> None:
        """Push an image that was built before."""
        self._skopeo(f"--dest-authfile={self._login}", f"dir:{kept}", self._image)

    def keep(self, kept: Path) -> None:
        """Keep the image that was pushed."""
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as part:
            self._skopeo(f"--src-authfile={self._login}", self._image, f"dir:{part}/image")
            (Path(part) / "image").rename(kept)

    def _skopeo(self, *arguments: str) -> None:
        self._run(["skopeo", "copy", "--quiet", "--preserve-digests", *arguments])

    def _run(self, argv: list[str]) -> None:
        environment = {**os.environ, "DOCKER_CONFIG": str(self._login.parent)}
        done = _process.run(argv, env=environment, seconds=self._params["timeout_seconds"])
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()[-TAIL:]
            raise SeaworthyError(
                f"{self._params['image']} could not be built: {said[-1] if said else 'no reason given'}",
                remedy=f"The last lines of {argv[0]} say more",
                build_log=said,
            )


def build(params: dict[str, Any]) -> None:
    """Have the registry serve the image."""
    kept = Path(params["keep"]) / params["context_digest"].replace(":", "-") if params["keep"] else None
    with tempfile.TemporaryDirectory(prefix="seaworthy-build-") as work:
        workshop = Workshop(Path(work), params)
        if kept and kept.exists():
            workshop.push_kept(kept)
            return
        workshop.build()
        if kept:
            workshop.keep(kept)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "image": {"type": "str", "required": True},
            "context_digest": {"type": "str", "required": True},
            "archive": {"type": "path"},
            "dockerfile": {"type": "str", "default": "Dockerfile"},
            "args": {"type": "dict", "default": {}},
            "target": {"type": "str"},
            "options": {"type": "list", "elements": "str", "default": []},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "keep": {"type": "path"},
            "timeout_seconds": {"type": "int", "default": 1200},
        },
        required_together=[("username", "password")],
        supports_check_mode=True,
    )
    params = module.params
    result: dict[str, Any] = {"image": params["image"]}
    try:
        registry = _registry.Registry.of(params["image"], params["username"], params["password"])
        served = registry.image(params["image"])
        result["changed"] = served is None or served.labels.get(CONTEXT_LABEL) != params["context_digest"]
        before = f"{params['image']} {served.digest if served else 'absent'}\n"
        after = before
        if result["changed"]:
            after = f"{params['image']} built from {params['context_digest']}\n"
            if params["archive"] and not module.check_mode:
                build(params)
                served = registry.image(params["image"])
        if served is not None:
            result["digest"] = served.digest
        result["diff"] = {"before": before, "after": after}
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
