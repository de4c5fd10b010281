#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_check
short_description: Check certificates from the controller, as clients see them
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - With O(addresses), connects to each address for each name and verifies chain and name as a client does. All
    addresses must show the same certificate, and it must be valid for long enough.
  - With O(files_dir), checks the team's own certificates before any host changes. Each name must be covered by one
    certificate that is valid now, whose key belongs to it and whose chain is in order. Less than 30 days left is a
    warning.
  - An address of a kind that the controller cannot reach at all (IPv6 without IPv6) is left out with a warning.
  - At least one of the two is needed.
  - Runs on the controller, reads only, and changes nothing.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details: What O(addresses) show is then returned, but is no error, for the edges may not be there yet.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
options:
  names:
    description: Host names. Of a wildcard a name below it is asked for.
    type: list
    elements: str
    required: true
  addresses:
    description: Public addresses of the edges, IPv4 and IPv6.
    type: list
    elements: str
  files_dir:
    description: Folder with C(<name>.crt) (the certificate, then its chain) and C(<name>.key), or certificates that
      cover the names.
    type: path
  ca_file:
    description: Certificates (PEM) that a chain must lead to, instead of those that this machine trusts.
    type: path
  port:
    description: Port of HTTPS.
    type: int
    default: 443
  alarm_days:
    description: Fewer days left are a problem. Without it, less than a sixth of the lifetime is.
    type: float
  wait_seconds:
    description: How long the edges may take until all is well. A new certificate reaches them one after the other.
    type: int
    default: 20
  timeout_seconds:
    description: How long one connection may take.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: See the shop's certificate as its customers do
  seaworthy.swarm.certificate_check:
    names: [shop.example.com]
    addresses: [192.0.2.11, "2001:db8::11"]
  run_once: true

- name: Check the team's own certificates
  seaworthy.swarm.certificate_check:
    names: [shop.example.com]
    files_dir: certificates
  run_once: true
"""

RETURN = r"""
certificates:
  description: What the addresses show, and a client accepts.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The host name.
      type: str
      returned: always
      sample: shop.example.com
    fingerprint:
      description: SHA-256 of the certificate.
      type: str
      returned: always
      sample: 2f0c…
    not_after:
      description: When it ends, in seconds since 1970.
      type: float
      returned: always
      sample: 1795602138.0
    addresses:
      description: Who shows it.
      type: list
      elements: str
      returned: always
      sample: [192.0.2.11]
problems:
  description: What clients would see, one line each.
  returned: always
  type: list
  elements: str
  sample: []
"""
