# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the host program on the controller, copy it to the host."""

from __future__ import annotations

import pathlib
import tempfile
import typing as t

from ansible.plugins.action import ActionBase

from ..plugin_utils import _zipapp

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "module_utils"


class ActionModule(ActionBase):
    """Module host_tool."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            argument_spec={"path": {"type": "path", "default": "/usr/local/bin/seaworthy"}}
        )
        with tempfile.NamedTemporaryFile(prefix="seaworthy-") as program:
            program.write(_zipapp.build(_zipapp.sources(SOURCES)))
            program.flush()
            return self._copy(program.name, options["path"], task_vars or {})

    def _copy(self, source: str, target: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        task = self._task.copy()
        task.args = {"src": source, "dest": target, "mode": "0755", "owner": "root", "group": "root"}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return t.cast("dict[str, t.Any]", action.run(task_vars=task_vars))
