# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what an application's containers wrote. Documentation: plugins/modules/app_logs.py."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

MILLISECONDS = len("2026-11-25T08:45:28.123")
Json = dict[str, t.Any]


class ActionModule(ActionBase):
    """Asks the manager, and prints the lines as lines."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        result: Json = super().run(tmp, task_vars)
        result |= self._execute_module(module_name="seaworthy.swarm.app_logs", task_vars=task_vars)
        for line in result.get("lines", []):
            origin = f"{line['service']}.{line['replica']} {line['node']}"
            self._display.display(f"{line['at'][:MILLISECONDS]}Z {origin} | {line['text']}")
        for reason in result.get("unread", []):
            self._display.warning(f"lines are missing: {reason}")
        return result
