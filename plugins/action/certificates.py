# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the team's own certificates on the controller. Documentation: plugins/modules/certificates.py."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._certs import FILES
from ..module_utils._errors import SeaworthyError
from ..plugin_utils import _certificate_files


class ActionModule(ActionBase):
    """The module does the work on the manager; keys reach it as arguments, which are never shown."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("source") == FILES and arguments.get("files_dir"):
            arguments["certificates"] = self._certificates(arguments)
        result: dict[str, t.Any] = self._execute_module(
            module_name="seaworthy.swarm.certificates", module_args=arguments, task_vars=task_vars
        )
        return result

    def _certificates(self, arguments: dict[str, t.Any]) -> list[dict[str, t.Any]]:
        folder = pathlib.Path(str(arguments["files_dir"])).expanduser()
        try:
            found = _certificate_files.read(folder, list(arguments["names"]), datetime.datetime.now(datetime.UTC))
        except SeaworthyError as error:
            raise AnsibleActionFail(str(error), result=error.result) from None
        return [dataclasses.asdict(one) | {"name": name} for name, one in found.certificates.items()]
