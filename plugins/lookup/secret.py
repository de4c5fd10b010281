# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a secret that the action `secrets` has fetched."""

from __future__ import annotations

DOCUMENTATION = r"""
name: secret
short_description: Read a secret that seaworthy.swarm.secrets has fetched
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - Reads only. The module M(seaworthy.swarm.secrets) must have run on C(localhost) earlier in the same run, with its
    result registered as C(__seaworthy_secrets).
options:
  _terms:
    description: Names of secrets.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Write the password of the registry
  seaworthy.swarm.secret_file:
    path: /etc/seaworthy/registry_password
    content: "{{ lookup('seaworthy.swarm.secret', 'registry_pull_password') }}"
"""

RETURN = r"""
_raw:
  description: The values.
  type: list
  elements: str
"""

import difflib
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """No option but the names."""

    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        hosts = (variables or {}).get("hostvars", {})
        fetched = hosts["localhost"].get("__seaworthy_secrets") if "localhost" in hosts else None
        if not isinstance(fetched, dict) or "secrets" not in fetched:
            raise AnsibleLookupError(
                "the secrets of this run were not fetched. Start with a playbook of seaworthy.swarm; with --limit keep "
                "localhost in it (--limit 'm1,localhost'), with --tags keep the tag always"
            )
        values = fetched["secrets"]
        for name in terms:
            if name not in values:
                near = difflib.get_close_matches(name, values, 1)
                hint = f"; did you mean {near[0]}?" if near else f". Declared are: {', '.join(sorted(values))}"
                raise AnsibleLookupError(f"no secret of the name {name} was declared{hint}")
        return [values[name] for name in terms]
