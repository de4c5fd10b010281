# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that shows what a one-off command writes."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.seaworthy.swarm.plugins.action import app_run

Json = dict[str, t.Any]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["npm", "run", "seed"], ["npm", "run", "seed"]),
        (["sleep", 3], ["sleep", "3"]),
        ("npm run 'the seed' --a=\"b c\"", ["npm", "run", "the seed", "--a=b c"]),
        ("echo $HOME; ls", ["echo", "$HOME;", "ls"]),
    ],
)
def test_commands(command: object, words: list[str]) -> None:
    assert app_run.words_of(command) == words


@pytest.mark.parametrize("command", ["", [], "an 'open quote", {"npm": "run"}, [["npm"]], None])
def test_no_commands(command: object) -> None:
    with pytest.raises(AnsibleActionFail, match="the command"):
        app_run.words_of(command)


class Screen:
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display(self, text: str) -> None:
        self.shown.append(text)


class Watch(app_run.ActionModule):
    """With the manager's answers prepared."""

    def __init__(self, *steps: Json | Exception) -> None:
        self._display = self.screen = Screen()
        self.steps = list(steps)
        self.asked: list[Json] = []

    def _unit(self, arguments: Json, task_vars: Json | None) -> Json:
        del task_vars
        self.asked.append(arguments)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def test_lines_are_shown_as_they_come_and_returned() -> None:
    action = Watch(
        {"lines": [["stdout", "one"], ["stderr", "oops"]], "cursor": 30, "verdict": None},
        {"lines": [["stdout", "two"]], "cursor": 45, "verdict": None},
        {"lines": [], "cursor": 45, "verdict": {"failed": True, "rc": 3}},
    )
    result = action._watch("shop-run-1", None)
    assert action.screen.shown == ["one", "oops", "two"]
    assert [asked["cursor"] for asked in action.asked] == [0, 30, 45]
    assert result == {"failed": True, "rc": 3, "stdout_lines": ["one", "two"], "stderr_lines": ["oops"]}


def test_a_lost_connection_names_the_unit_that_goes_on() -> None:
    with pytest.raises(AnsibleConnectionFailure, match="The command goes on: unit seaworthy-shop-run-1"):
        Watch(AnsibleConnectionFailure("timed out"))._watch("shop-run-1", None)


def test_a_failure_of_the_unit_is_the_result() -> None:
    assert Watch({"failed": True, "msg": "ended without a result"})._watch("shop-run-1", None)["failed"]
