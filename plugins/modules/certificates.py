#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificates
short_description: See to it that every edge serves a valid certificate for each name
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Tells the issuer on this manager what to do (C(/etc/seaworthy/certs.json)).
  - Where a certificate is missing, comes from another authority or has less than a third of its lifetime left, starts
    the issuer (C(seaworthy-certs.service)) and waits for it.
  - Then waits until every edge shows each certificate in a handshake.
  - While the issuer runs already, it waits for that first.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
options:
  names:
    description: Host names, one certificate for each.
    type: list
    elements: str
    required: true
  email:
    description: Address that the certificate authority writes to.
    type: str
    required: true
  directory:
    description: URL of the ACME directory.
    type: str
    required: true
  ca_file:
    description: File on this host with the CA that signed the ACME server's own certificate.
    type: path
  addresses:
    description: Addresses that the names must lead to.
    type: list
    elements: str
    required: true
  edges:
    description: The edges, and the addresses on which this host reaches them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the host.
        type: str
        required: true
      address:
        description: Its address.
        type: str
        required: true
  wait_seconds:
    description: How long every edge may take to show a certificate.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Have certificates on every edge
  seaworthy.swarm.certificates:
    names: [shop.example.com]
    email: ops@example.com
    directory: https://acme-v02.api.letsencrypt.org/directory
    addresses: [192.0.2.11, "2001:db8::11"]
    edges:
      - {name: m1, address: 10.0.0.11}
"""

RETURN = r"""
certificates:
  description: The certificates that the edges serve.
  returned: success, not in check mode
  type: list
  elements: dict
  contains:
    name:
      description: The host name.
      type: str
      returned: always
      sample: shop.example.com
    not_after:
      description: When it ends, in seconds since 1970.
      type: float
      returned: always
      sample: 1795602138.0
    fingerprint:
      description: SHA-256 of the certificate.
      type: str
      returned: always
      sample: 2f0c…
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _acme, _objects
from ..module_utils._certs import Issuer, Settings
from ..module_utils._errors import SeaworthyError

UNIT = "seaworthy-certs.service"
IDLE = ("inactive", "failed")


def tell(module: AnsibleModule, settings: Settings) -> tuple[bool, str]:
    """Write the issuer's settings; returns whether they differed, and what they were."""
    before = _acme.SETTINGS.read_text() if _acme.SETTINGS.exists() else ""
    changed = before != settings.text()
    if changed and not module.check_mode:
        unfinished = _acme.SETTINGS.with_suffix(".unfinished")
        unfinished.write_text(settings.text())
        unfinished.replace(_acme.SETTINGS)
    return changed, before


def start(module: AnsibleModule) -> None:
    """Start the issuer, or join the run that goes on, and wait for its end."""
    code, _out, error = module.run_command(["systemctl", "start", UNIT])
    if code != 0:
        reasons = json.loads(_acme.RESULT.read_text()) if _acme.RESULT.exists() else [error.strip()]
        raise SeaworthyError(
            f"the issuer failed: {'; '.join(reasons)}", remedy=f"See `journalctl --unit {UNIT}` on this host."
        )


def is_running(module: AnsibleModule) -> bool:
    return str(module.run_command(["systemctl", "is-active", UNIT])[1]).strip() not in IDLE


def report(issuer: Issuer) -> list[dict[str, Any]]:
    """What the edges serve now."""
    served = sorted(issuer.served().values(), key=lambda item: item.name)
    return [{"name": item.name, "not_after": item.not_after, "fingerprint": item.fingerprint} for item in served]


def run(module: AnsibleModule) -> dict[str, Any]:
    """Tell, issue, verify."""
    settings = Settings.parse(module.params)
    told, before = tell(module, settings)
    issuer = _acme.new_issuer(settings, _objects.open_cluster(module.check_mode), lambda _text: None)
    if not module.check_mode and is_running(module):
        start(module)
    due = issuer.due()
    result = {
        "changed": told or bool(due),
        "diff": [
            {"before_header": str(_acme.SETTINGS), "before": before, "after": settings.text()},
            {"before": "", "after": "".join(f"{name}: {reason}\n" for name, reason in due.items())},
        ],
    }
    if module.check_mode:
        return result
    if due:
        start(module)
    issuer.verify(module.params["wait_seconds"])
    return {**result, "certificates": report(issuer)}


def main() -> None:
    """Entry point."""
    text = {"type": "str", "required": True}
    names = {"type": "list", "elements": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "names": names,
            "email": text,
            "directory": text,
            "ca_file": {"type": "path"},
            "addresses": names,
            "edges": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {"name": text, "address": text},
            },
            "wait_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
