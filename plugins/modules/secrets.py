#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets
short_description: Fetch secrets once, on the controller
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Reads all declared secrets in one go, makes the missing ones that can be made, and keeps those in the same place.
  - What is missing and cannot be made is named in one error, before any host is touched.
  - The values are only in the registered result, which is never shown. Register it as C(__seaworthy_secrets) on
    C(localhost); the lookup P(seaworthy.swarm.secret#lookup) reads it from there.
  - In check mode nothing is written. Missing secrets that can be made get a value that lives for this run only.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
    details: Secrets are never shown.
options:
  backend:
    description:
      - C(file) is a YAML file of C(name=value) pairs encrypted by C(ansible-vault).
      - C(env) are environment variables C(SEAWORTHY_SECRET_<NAME>) of the controller. It cannot store, so nothing is
        made.
    type: str
    choices: [file, env]
    default: file
  file:
    description:
      - The encrypted file. Required with O(backend=file). Made (0600) when secrets were made and it does not exist.
    type: path
  secrets:
    description: The secrets that are needed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name, for a secret of an application C(<application>/<NAME>).
        type: str
        required: true
      generate:
        description:
          - How a missing one is made. Without it the user must provide it.
          - V(password) is 32 letters and digits, V(digest_key) 32 random bytes as hexadecimal text, V(ec_p256) a
            private key (PEM), V(certificate_authority) a private key and a certificate for ten years (PEM, one after
            the other).
        type: str
        choices: [certificate_authority, digest_key, ec_p256, password]
"""

EXAMPLES = r"""
- name: Fetch the secrets
  seaworthy.swarm.secrets:
    file: inventories/prod/secrets.yml
    secrets:
      - {name: internal_ca, generate: certificate_authority}
      - {name: registry_pull_password}
  register: __seaworthy_secrets
  no_log: true
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
generated:
  description: Names of the secrets made by this run.
  returned: success
  type: list
  elements: str
  sample: [internal_ca]
secrets:
  description: The secrets by name. Never shown.
  returned: success
  type: dict
  sample: {}
"""
