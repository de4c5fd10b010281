# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch secrets once, on the controller. Documentation: plugins/modules/secrets.py."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.vault import VaultLib, match_encrypt_secret, parse_vaulttext_envelope
from ansible.plugins.action import ActionBase

from ..module_utils._errors import InputError, SeaworthyError
from ..plugin_utils._secrets import GENERATORS, Backend, Declared, EnvironmentBackend, FileBackend, fetch

ARGUMENTS: dict[str, t.Any] = {
    "backend": {"type": "str", "choices": ["file", "env"], "default": "file"},
    "file": {"type": "path"},
    "secrets": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "generate": {"type": "str", "choices": sorted(GENERATORS)},
        },
    },
}


class LoaderVault:
    """The vault passwords this run was started with."""

    def __init__(self, vault: VaultLib) -> None:
        self._vault = vault

    def decrypt(self, data: bytes) -> bytes:
        try:
            return bytes(self._vault.decrypt(data))
        except AnsibleError as error:
            raise InputError(f"the file of secrets cannot be decrypted: {error}", remedy=self._remedy()) from None

    def encrypt(self, data: bytes, like: bytes | None) -> bytes:
        """By the password of the same vault id as before, else by the one ansible-vault would take."""
        wanted = constants.config.get_config_value("DEFAULT_VAULT_ENCRYPT_IDENTITY")
        if like is not None:
            before = parse_vaulttext_envelope(like)[3]
            if any(vault_id == before for vault_id, _secret in self._vault.secrets):
                wanted = before
        if not self._vault.secrets:
            raise InputError("there is no vault password to encrypt secrets with", remedy=self._remedy())
        vault_id, secret = match_encrypt_secret(self._vault.secrets, wanted)
        return bytes(self._vault.encrypt(data, secret, vault_id=vault_id))

    def _remedy(self) -> str:
        return "Name the vault password: vault_password_file in ansible.cfg, --vault-password-file or --vault-id"


class ActionModule(ActionBase):
    """Runs on the controller only."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        required = [("backend", "file", ("file",))]
        arguments = self.validate_argument_spec(argument_spec=ARGUMENTS, required_if=required)[1]
        declared = [Declared(entry["name"], entry["generate"]) for entry in arguments["secrets"]]
        backend: Backend
        if arguments["backend"] == "file":
            vault = LoaderVault(self._loader._vault)
            backend = FileBackend(pathlib.Path(arguments["file"]), vault)
        else:
            backend = EnvironmentBackend(os.environ, [secret.name for secret in declared])
        try:
            values, made = fetch(backend, declared, store=not self._task.check_mode)
        except SeaworthyError as error:
            raise AnsibleActionFail(str(error), result=error.result) from error
        return result | {"changed": bool(made), "generated": made, "secrets": values, "_ansible_no_log": True}
