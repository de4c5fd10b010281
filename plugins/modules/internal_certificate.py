#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: internal_certificate
short_description: A certificate of the internal CA on a host
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Makes a private key on the host, has its request signed on the controller and puts the certificate beside the key as
    C(<name>.key) and C(<name>.crt). The certificates to trust are in C(ca.crt) of the same folder.
  - The key of the host never leaves the host, the key of the CA never leaves the controller.
  - A certificate is renewed when less than a third of its lifetime is left, when its names differ, when it does not
    belong to the host's key or when another CA has signed it.
requirements:
  - The program openssl on the host.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  name:
    description: Name of the files.
    type: str
    required: true
  folder:
    description: Folder of the files.
    type: path
    default: /etc/seaworthy/pki
  dns:
    description: DNS names in the certificate. The first is also its common name.
    type: list
    elements: str
    default: []
  addresses:
    description: IP addresses in the certificate.
    type: list
    elements: str
    default: []
  authority:
    description:
      - The CA as PEM, one private key and its certificate. More certificates are trusted as well, so a new CA can be
        trusted before it signs.
      - Needed; only the controller sees it.
    type: str
  days:
    description: Lifetime of a new certificate in days.
    type: int
    default: 90
  install:
    description: For the action plugin of this module only. What to write on the host.
    type: dict
    suboptions:
      certificate:
        description: The certificate as PEM.
        type: str
        required: true
      trusted:
        description: The certificates to trust as PEM.
        type: str
        required: true
"""

EXAMPLES = r"""
- name: Give the host its certificate
  seaworthy.swarm.internal_certificate:
    name: host
    dns: ["{{ inventory_hostname }}"]
    addresses: ["{{ private_ip }}"]
    authority: "{{ lookup('seaworthy.swarm.secret', 'internal_ca') }}"
  become: true
"""

RETURN = r"""
reason:
  description: Why a new certificate was made, empty when the present one is good.
  returned: success
  type: str
  sample: it ends on 2026-12-24
"""

import os
import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule


def make_key(module: AnsibleModule, path: pathlib.Path) -> None:
    """A new key that only root can read, complete when it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    candidate = path.with_name(f".{path.name}.{os.getpid()}")
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(candidate)]
    try:
        module.run_command(command, check_rc=True, umask=0o077)
        candidate.replace(path)
    finally:
        candidate.unlink(missing_ok=True)


def request(module: AnsibleModule, key: pathlib.Path, name: str) -> str:
    """A certificate request, which proves that the host has the key."""
    _code, out, _error = module.run_command(
        ["openssl", "req", "-new", "-key", str(key), "-subj", f"/CN={name}"], check_rc=True
    )
    return str(out)


def text(path: pathlib.Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def write(path: pathlib.Path, content: str) -> None:
    candidate = path.with_name(f".{path.name}.{os.getpid()}")
    candidate.write_text(content)
    candidate.chmod(0o644)
    candidate.replace(path)


def main() -> None:
    install = {"certificate": {"type": "str", "required": True}, "trusted": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "folder": {"type": "path", "default": "/etc/seaworthy/pki"},
            "dns": {"type": "list", "elements": "str", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "authority": {"type": "str", "no_log": True},
            "days": {"type": "int", "default": 90},
            "install": {"type": "dict", "options": install},
        },
        supports_check_mode=True,
    )
    folder, name = pathlib.Path(module.params["folder"]), module.params["name"]
    key, certificate, trusted = folder / f"{name}.key", folder / f"{name}.crt", folder / "ca.crt"
    wanted: dict[str, t.Any] | None = module.params["install"]
    if wanted:
        write(trusted, wanted["trusted"])
        write(certificate, wanted["certificate"])
        module.exit_json(changed=True)
    new = not key.exists()
    if new and not module.check_mode:
        make_key(module, key)
    if key.exists() and not module.check_mode:
        new = module.set_mode_if_different(str(key), "0600", new)
    module.exit_json(
        changed=new,
        request=request(module, key, name) if key.exists() else "",
        certificate=text(certificate),
        trusted=text(trusted),
    )


if __name__ == "__main__":
    main()
