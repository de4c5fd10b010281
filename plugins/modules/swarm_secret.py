#!/usr/bin/python
# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_secret
short_description: Manage a secret of the swarm
version_added: 0.1.0
author: Seaworthy founders (@seaworthy)
description:
  - A secret of a swarm cannot be changed. So each content is an object of its own, named O(name) plus a digest of the
    content; RV(name) is the full name, for use in a service.
  - The digest is keyed (HMAC), so that nobody finds a value by trying guesses against the name.
  - When a new version is created, older ones that no service uses are removed.
  - Runs on a manager. In check mode a host without a swarm counts as an empty one.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: partial
    details: Shows names and labels, never the content.
options:
  name:
    description: Name without the digest, at most 51 characters.
    type: str
    required: true
  value:
    description: The content.
    type: str
  src:
    description: A file on the host with the content, instead of O(value).
    type: path
  digest_key:
    description: Key of the digest. Required with O(state=present).
    type: str
  labels:
    description: Labels. The module adds C(seaworthy.name).
    type: dict
    default: {}
  state:
    description: Whether the secret shall exist.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Store the key of the internal entrypoint
  seaworthy.swarm.swarm_secret:
    name: edge_internal_key
    src: /etc/seaworthy/pki/edge.internal.key
    digest_key: "{{ lookup('seaworthy.swarm.secret', 'secret_digest_key') }}"
    labels: {seaworthy.platform: traefik}
  register: __key

- name: Remove all its versions
  seaworthy.swarm.swarm_secret:
    name: edge_internal_key
    state: absent
"""

RETURN = r"""
name:
  description: Full name of the version that has the content; with O(state=absent) the name without the digest.
  returned: always
  type: str
  sample: edge_internal_key-3f0a9c1d2b4e
base_name:
  description: Name without the digest.
  returned: always
  type: str
  sample: edge_internal_key
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _objects
from ..module_utils._errors import SeaworthyError


def run(module: AnsibleModule) -> _objects.Outcome:
    """Make it so."""
    params = module.params
    cluster = _objects.open_cluster(module.check_mode)
    secret = _objects.Blobs(cluster, "secret", params["name"], module.check_mode)
    if params["state"] == "absent":
        return secret.absent()
    data = _objects.content(params["value"], params["src"], module.check_mode)
    key, name = params["digest_key"], params["name"]
    digest = _objects.UNKNOWN if data is None else _objects.keyed_digest(key, name, data)
    return secret.present(digest, data or b"", params["labels"])


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "value": {"type": "str", "no_log": True},
            "src": {"type": "path"},
            "digest_key": {"type": "str", "no_log": True},
            "labels": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        mutually_exclusive=[("value", "src")],
        required_if=[("state", "present", ("value", "src"), True), ("state", "present", ("digest_key",))],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module).result())
    except SeaworthyError as error:
        module.fail_json(msg=str(error), **error.result)


if __name__ == "__main__":
    main()
