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
  - Tells this manager what certificates there are to be (C(/etc/seaworthy/certs.json)).
  - With O(source=acme), where a certificate is missing, comes from another authority or has less than a third of its
    lifetime left, starts the issuer (C(seaworthy-certs.service)) and waits for it. A run that goes on anywhere in the
    swarm is waited for first.
  - With O(source=files), takes the team's own certificates from a folder on the controller. They are checked as
    M(seaworthy.swarm.certificate_check) does before anything changes.
  - Then waits until every edge whose node lives shows each certificate in a handshake.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode. Keys are in no diff.
    support: full
options:
  names:
    description: Host names, one certificate for each. A wildcard needs O(dns_hook).
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
  source:
    description: Who makes the certificates.
    type: str
    choices: [acme, files]
    default: acme
  email:
    description: Address that the certificate authority writes to.
    type: str
  directory:
    description: URL of the ACME directory.
    type: str
  ca_file:
    description: File on this host with the CA that signed the ACME server's own certificate.
    type: path
  addresses:
    description: Addresses that the names must lead to.
    type: list
    elements: str
  dns_hook:
    description: Is there a program C(/etc/seaworthy/dns_hook) that sets DNS records, for wildcards?
    type: bool
    default: false
  dns_resolvers:
    description: Resolvers (host:port) that are asked whether a record is there, instead of the host's own.
    type: list
    elements: str
    default: []
  dns_propagation_check:
    description: Wait until all name servers of the zone have a record. Without it, the hook must.
    type: bool
    default: true
  files_dir:
    description: Folder on the controller with C(<name>.crt) and C(<name>.key), or certificates that cover the names.
    type: path
  certificates:
    description: What was read from O(files_dir). The controller sets it; leave it out.
    type: list
    elements: dict
    suboptions:
      name:
        description: Host name.
        type: str
        required: true
      chain:
        description: The certificate with its chain, PEM.
        type: str
        required: true
      key:
        description: Its key, PEM.
        type: str
        required: true
      names:
        description: All names in the certificate.
        type: list
        elements: str
        required: true
      not_before:
        description: When it begins, in seconds since 1970.
        type: float
        required: true
      not_after:
        description: When it ends, in seconds since 1970.
        type: float
        required: true
      serial:
        description: What tells it from every other one of this name.
        type: str
        required: true
  issue:
    description: With V(false) this manager is only told.
    type: bool
    default: true
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

- name: Have the team's own certificates on every edge
  seaworthy.swarm.certificates:
    names: [shop.example.com]
    source: files
    files_dir: certificates
    edges:
      - {name: m1, address: 10.0.0.11}
"""

RETURN = r"""
certificates:
  description: The certificates that the edges serve.
  returned: success, not in check mode and not with O(issue=false)
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

from ..module_utils import _certs_files, _certs_run, _certs_writer, _objects
from ..module_utils._certs import FILES, Certificate, Settings
from ..module_utils._clock import SystemClock
from ..module_utils._cluster import Cluster
from ..module_utils._errors import SeaworthyError

UNIT = "seaworthy-certs.service"


def tell(module: AnsibleModule, settings: Settings) -> tuple[bool, str]:
    """Write the settings; returns whether they differed, and what they were."""
    path = _certs_run.SETTINGS
    before = path.read_text() if path.exists() else ""
    changed = before != settings.text()
    if changed and not module.check_mode:
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(settings.text())
        unfinished.replace(path)
    return changed, before


def start(module: AnsibleModule) -> None:
    """Start the issuer, or join its run on this host, and wait for its end."""
    code, _out, error = module.run_command(["systemctl", "start", UNIT])
    if code != 0:
        result = _certs_run.RESULT
        reasons = json.loads(result.read_text()) if result.exists() else [error.strip()]
        raise SeaworthyError(
            f"the issuer failed: {'; '.join(reasons)}", remedy=f"See `journalctl --unit {UNIT}` on this host."
        )


def files_of(module: AnsibleModule) -> dict[str, Certificate]:
    """The team's own certificates by name."""
    found = {}
    for item in module.params["certificates"] or []:
        values = {key: value for key, value in item.items() if key != "name"}
        found[item["name"]] = Certificate(**{**values, "names": tuple(item["names"])})
    return found


def report(cluster: Cluster) -> list[dict[str, Any]]:
    """What the edges serve now."""
    served = sorted(_certs_writer.served(cluster).values(), key=lambda item: item.name)
    return [{"name": item.name, "not_after": item.not_after, "fingerprint": item.fingerprint} for item in served]


def run(module: AnsibleModule) -> dict[str, Any]:
    """Tell, issue or distribute, verify."""
    settings = Settings.parse(module.params)
    told, before = tell(module, settings)
    diff = [{"before_header": str(_certs_run.SETTINGS), "before": before, "after": settings.text()}]
    if not module.params["issue"]:
        return {"changed": told, "diff": diff}
    cluster, clock = _objects.open_cluster(module.check_mode), SystemClock()
    if not module.check_mode:
        _certs_run.join(cluster, clock)
    files = files_of(module)
    issuer = _certs_run.new_issuer(settings, cluster, clock, module.debug)
    due = _certs_files.due(cluster, files) if settings.source == FILES else issuer.due()
    diff.append({"before": "", "after": "".join(f"{name}: {reason}\n" for name, reason in due.items())})
    result = {"changed": told or bool(due), "diff": diff}
    if module.check_mode:
        return result
    if due and settings.source == FILES:
        with _certs_run.lease(cluster, clock, module.debug, patient=True) as held:
            _certs_files.distribute(cluster, _certs_run.KeptClock(clock, held.keep), files, due)
    while due and settings.source != FILES:
        start(module)  # another manager may have been faster: then there is nothing left, or it goes on
        _certs_run.join(cluster, clock)
        due = issuer.due()
    _certs_run.new_check(settings, cluster, clock, module.warn).verify(module.params["wait_seconds"])
    return {**result, "certificates": report(cluster)}


def main() -> None:
    """Entry point."""
    text = {"type": "str", "required": True}
    moment = {"type": "float", "required": True}
    names = {"type": "list", "elements": "str"}
    edge = {"name": text, "address": text}
    certificate = {
        "name": text,
        "chain": text,
        "key": text | {"no_log": True},
        "names": names | {"required": True},
        "not_before": moment,
        "not_after": moment,
        "serial": text,
    }
    module = AnsibleModule(
        argument_spec={
            "names": names | {"required": True},
            "edges": {"type": "list", "elements": "dict", "required": True, "options": edge},
            "source": {"type": "str", "choices": ["acme", "files"], "default": "acme"},
            "email": {"type": "str"},
            "directory": {"type": "str"},
            "ca_file": {"type": "path"},
            "addresses": names,
            "dns_hook": {"type": "bool", "default": False},
            "dns_resolvers": names | {"default": []},
            "dns_propagation_check": {"type": "bool", "default": True},
            "files_dir": {"type": "path"},
            "certificates": {"type": "list", "elements": "dict", "options": certificate},
            "issue": {"type": "bool", "default": True},
            "wait_seconds": {"type": "int", "default": 60},
        },
        required_if=[
            ("source", "acme", ("email", "directory", "addresses")),
            ("source", "files", ("files_dir",)),
        ],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
