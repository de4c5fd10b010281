# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give each key of an application's Compose files its verdict. Documentation: plugins/modules/app_check.py."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._errors import SeaworthyError
from ..plugin_utils import _app_report, _apps
from ..plugin_utils._parser import Parser

ARGUMENTS: dict[str, t.Any] = {
    "folder": {"type": "path", "default": "apps"},
    "only": {"type": "str"},
    "registry": {"type": "str"},
    "compose_binary": {"type": "path"},
    "cache": {"type": "path", "default": "~/.cache/seaworthy"},
}
# A project may have no inventory yet; the names in its app files need something to stand on.
WITHOUT_INVENTORY = {"seaworthy_domain": "example.com", "seaworthy_environment": "example"}


class ActionModule(ActionBase):
    """Runs on the controller only."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(ARGUMENTS)[1]
        self._templar.available_variables = WITHOUT_INVENTORY | (task_vars or {})
        try:
            parser = Parser.require(arguments["compose_binary"], pathlib.Path(arguments["cache"]).expanduser())
            paths = _apps.files(pathlib.Path(arguments["folder"]), arguments["only"])
            checked = [_apps.examine(path, self._raw(path), parser, arguments["registry"]) for path in paths]
        except SeaworthyError as error:
            raise AnsibleActionFail(str(error), result=error.result) from error
        reports = [_app_report.of(one) for one in checked]
        for report in reports:
            for line in _app_report.lines(report):
                self._display.display(line)
        refused = [refusal for report in reports for refusal in report["refused"]]
        if refused:
            raise AnsibleActionFail(_app_report.summary(refused), result={"refused": refused})
        return result | {"changed": False, "apps": reports, "refused": []}

    def _raw(self, path: pathlib.Path) -> dict[str, t.Any]:
        return _apps.filled(path, self._load, self._templar.template)

    def _load(self, path: str) -> t.Any:
        return self._loader.load_from_file(path, cache="none", trusted_as_template=True)
