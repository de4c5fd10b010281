# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and check the applications of an estate. Documentation: plugins/modules/apps.py."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._errors import SeaworthyError
from ..plugin_utils import _apps
from ..plugin_utils._parser import Parser

ARGUMENTS: dict[str, t.Any] = {
    "folder": {"type": "path", "default": "apps"},
    "only": {"type": "str"},
    "registry": {"type": "str"},
    "compose_binary": {"type": "path"},
    "cache": {"type": "path", "default": "~/.cache/seaworthy"},
    "scan": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Runs on the controller only."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(ARGUMENTS)[1]
        try:
            return result | self._apps(arguments)
        except SeaworthyError as error:
            raise AnsibleActionFail(str(error), result=error.result) from error

    def _apps(self, arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        # Hostnames are compared over all applications, so all of them are read; `only` says which are returned.
        folder = pathlib.Path(arguments["folder"])
        wanted = {path.stem for path in _apps.files(folder, arguments["only"])}
        find = Parser.find if arguments["scan"] else Parser.require
        parser = find(arguments["compose_binary"], pathlib.Path(arguments["cache"]).expanduser())
        found = [_apps.read(path, self._raw(path), parser, arguments["registry"]) for path in _apps.files(folder, None)]
        hosts = _apps.distinct_hosts(one.app for one in found)
        for note in (note for one in found for note in one.notes):
            self._display.display(f"note: {note}")
        chosen = [one for one in found if one.app.name in wanted]
        return {
            "changed": False,
            "parsed": parser is not None,
            "apps": [
                {
                    "name": one.app.name,
                    "source": one.app.source,
                    "app": one.raw,
                    "model": one.model,
                    "registry": arguments["registry"],
                }
                for one in chosen
            ],
            "hosts": hosts,
            "secrets": [secret for one in chosen for secret in _apps.secrets(one)],
        }

    def _raw(self, path: pathlib.Path) -> dict[str, t.Any]:
        return _apps.filled(path, self._load, self._templar.template)

    def _load(self, path: str) -> t.Any:
        return self._loader.load_from_file(path, cache="none", trusted_as_template=True)
