# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thumbprint of an ACME account."""

from __future__ import annotations

import collections.abc as c

from ansible.errors import AnsibleFilterError

from ..module_utils._account import thumbprint
from ..module_utils._errors import SeaworthyError

DOCUMENTATION = r"""
name: acme_thumbprint
short_description: The thumbprint of an ACME account
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - The thumbprint (RFC 7638) of an account's key. It is no secret.
  - Together with a token it answers every HTTP-01 challenge of the account.
options:
  _input:
    description: The key, EC on P-256, in PEM.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the thumbprint
  ansible.builtin.debug:
    msg: "{{ lookup('seaworthy.swarm.secret', 'acme_account_key') | seaworthy.swarm.acme_thumbprint }}"
"""

RETURN = r"""
_value:
  description: The thumbprint.
  type: str
  sample: f3Yg7yZ1r2tq1k0m4E2m6v0Kx0W9Jb2m3c4d5e6f7g8
"""


def acme_thumbprint(key: str) -> str:
    """Errors never show the key."""
    try:
        return thumbprint(key)
    except SeaworthyError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, c.Callable[[str], str]]:
        return {"acme_thumbprint": acme_thumbprint}
