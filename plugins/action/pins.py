# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pin the platform's images to digests. Documentation: plugins/modules/pins.py."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._errors import SeaworthyError
from ..plugin_utils import _pins

VERSIONS = pathlib.Path(__file__).parents[2] / "versions.yml"
ARGUMENTS: dict[str, t.Any] = {
    "file": {"type": "path", "required": True},
    "renew": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Keeps the file on the controller; asks the host's engine for what is missing."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(ARGUMENTS)[1]
        path = pathlib.Path(arguments["file"])
        try:
            images = _pins.wanted(VERSIONS)
            before = _pins.read(path)
            ask = images if arguments["renew"] else _pins.missing(before, images, path)
        except SeaworthyError as error:
            raise AnsibleActionFail(str(error), result=error.result) from error
        resolved: dict[str, str] = {}
        if ask:
            answer: dict[str, t.Any] = self._execute_module(
                module_name="seaworthy.swarm.image_digests", module_args={"images": ask}, task_vars=task_vars
            )
            if answer.get("failed"):
                return answer
            resolved = answer["images"]
        after = {key: resolved.get(key) or before.get(key) or image for key, image in images.items()}
        old, new = _pins.render(before) if before else "", _pins.render(after)
        if old != new and not self._task.check_mode:
            _pins.write(path, new)
        return result | {
            "changed": old != new,
            "images": after,
            "diff": {"before": old, "after": new, "before_header": str(path), "after_header": str(path)},
        }
