# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check certificates from the controller. Documentation: plugins/modules/certificate_check.py."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._clock import SystemClock
from ..module_utils._errors import SeaworthyError
from ..plugin_utils import _certificate_files, _outside

ARGUMENTS: dict[str, t.Any] = {
    "names": {"type": "list", "elements": "str", "required": True},
    "addresses": {"type": "list", "elements": "str"},
    "files_dir": {"type": "path"},
    "ca_file": {"type": "path"},
    "port": {"type": "int", "default": 443},
    "alarm_days": {"type": "float"},
    "wait_seconds": {"type": "int", "default": 20},
    "timeout_seconds": {"type": "float", "default": 5.0},
}
Result = dict[str, t.Any]


class ActionModule(ActionBase):
    """Runs on the controller only."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(ARGUMENTS, required_one_of=[("addresses", "files_dir")])[1]
        result |= {"changed": False, "problems": [], "certificates": []}
        try:
            if arguments["files_dir"]:
                self._files(arguments)
            if arguments["addresses"]:
                result |= self._outside(arguments)
        except SeaworthyError as error:
            if not self._task.check_mode or arguments["files_dir"]:
                raise AnsibleActionFail(str(error), result=error.result) from None
            result["problems"] = [str(error)]
        if result["problems"] and not self._task.check_mode:
            count = len(result["problems"])
            text = "\n".join(f"- {line}" for line in result["problems"])
            raise AnsibleActionFail(f"clients would see {count} problem(s) with certificates:\n{text}", result=result)
        return result

    def _files(self, arguments: Result) -> None:
        folder = pathlib.Path(arguments["files_dir"])
        found = _certificate_files.read(folder, arguments["names"], datetime.datetime.now(datetime.UTC))
        for warning in found.warnings:
            self._display.warning(warning)

    def _outside(self, arguments: Result) -> Result:
        clock = SystemClock()
        client = _outside.tls_client(arguments["ca_file"], arguments["port"], arguments["timeout_seconds"])
        names, addresses, alarm = (arguments[key] for key in ("names", "addresses", "alarm_days"))
        patience = 0 if self._task.check_mode else arguments["wait_seconds"]
        seen = _outside.watch(lambda: _outside.look(client, names, addresses, alarm, clock.time()), clock, patience)
        for note in seen.notes:
            self._display.warning(note)
        certificates = [
            {
                "name": name,
                "fingerprint": one.fingerprint,
                "not_after": one.not_after,
                "addresses": [address for address, other in shown.items() if other.fingerprint == one.fingerprint],
            }
            for name, shown in seen.shown.items()
            for one in {one.fingerprint: one for one in shown.values()}.values()
        ]
        return {"problems": list(seen.problems), "certificates": certificates}
