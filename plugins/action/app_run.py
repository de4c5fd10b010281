# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a one-off command of an application. Documentation: plugins/modules/app_run.py."""

from __future__ import annotations

import collections
import shlex
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

ARGUMENTS: dict[str, t.Any] = {
    "app": {"type": "str", "required": True},
    "service": {"type": "str"},
    "command": {"type": "raw", "required": True},
    "timeout_seconds": {"type": "float"},
}
KEPT_LINES = 1000
KEPT_AFTER_FAILURE = 20  # Ansible prints the result of a failed task, and all lines were shown already
Json = dict[str, t.Any]


def words_of(command: object) -> list[str]:
    """A list as it is; a text split as a shell would."""
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise AnsibleActionFail(f"the command cannot be split into words: {error}. Found: {command!r}") from error
    if not isinstance(words, list) or not words or not all(isinstance(word, (str, int, float)) for word in words):
        raise AnsibleActionFail(
            f"the command must be a list of words, or a text. Found: {command!r}. "
            """For example -e '{"seaworthy_command": ["npm", "run", "seed"]}'"""
        )
    return [str(word) for word in words]


class ActionModule(ActionBase):
    """Starts the command on the manager, and shows what it writes until it has ended."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        result: Json = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(ARGUMENTS)[1]
        arguments["command"] = words_of(arguments["command"])
        started = self._unit(arguments, task_vars)
        if started.get("failed"):
            return started
        result |= {key: started[key] for key in ("changed", "service", "release", "version", "image")}
        command = shlex.join(arguments["command"])
        where = f"{arguments['app']} {result['release']} ({result['version']}), service {result['service']}"
        if self._task.check_mode:
            self._display.display(f"would run in {where}: {command}")
            return result
        self._display.display(f"running in {where}, job {started['job']}: {command}")
        return result | {"job": started["job"]} | self._watch(started["job"], task_vars)

    def _watch(self, job: str, task_vars: Json | None) -> Json:
        kept = {stream: collections.deque[str](maxlen=KEPT_LINES) for stream in ("stdout", "stderr")}
        cursor = 0
        while True:
            try:
                step = self._unit({"job": job, "cursor": cursor}, task_vars)
            except AnsibleConnectionFailure as error:
                raise AnsibleConnectionFailure(f"{error}. The command goes on: unit seaworthy-{job}") from error
            if step.get("failed"):
                return step
            for stream, text in step["lines"]:
                self._display.display(text)
                kept[stream].append(text)
            cursor = step["cursor"]
            if step["verdict"]:
                last = KEPT_AFTER_FAILURE if step["verdict"]["failed"] else KEPT_LINES
                lines = {f"{stream}_lines": list(said)[-last:] for stream, said in kept.items()}
                return t.cast(Json, step["verdict"]) | lines

    def _unit(self, arguments: Json, task_vars: Json | None) -> Json:
        done: Json = self._execute_module(
            module_name="seaworthy.swarm.app_run_unit", module_args=arguments, task_vars=task_vars
        )
        return done
