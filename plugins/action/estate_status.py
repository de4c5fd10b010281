# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the estate on one screen. Documentation: plugins/modules/estate_status.py."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

Json = dict[str, t.Any]


class ActionModule(ActionBase):
    """Asks the manager, and prints what is there as lines."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        result: Json = super().run(tmp, task_vars)
        result |= self._execute_module(module_name="seaworthy.swarm.estate_status", task_vars=task_vars)
        for line in result.get("lines", []):
            self._display.display(line)
        if problems := result.get("problems"):
            message = "something is not as it should be; the lines with ! say what"
            return {"failed": True, "problems": problems, "msg": message}  # Ansible prints all of it
        return result
