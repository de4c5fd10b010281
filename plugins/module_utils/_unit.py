# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""A command of the host program in a transient systemd unit: whoever started it may die, it goes on."""

from __future__ import annotations

import json
import pathlib
import typing as t

from . import _process
from ._errors import InputError, SeaworthyError

Json = dict[str, t.Any]

PROGRAM = "/usr/local/bin/seaworthy"
FOLDER = pathlib.Path("/run/seaworthy")


class Unit:
    """`seaworthy COMMAND --request=FILE`. The program writes its verdict beside the request, as `.result`."""

    def __init__(self, name: str, folder: pathlib.Path | None = None) -> None:
        self.name = name
        self.request = (folder or FOLDER) / f"{name}.json"
        self._result = self.request.with_suffix(".result")

    def start(self, command: str, request: Json) -> None:
        self.request.parent.mkdir(mode=0o700, exist_ok=True)
        if self.is_active():
            raise InputError(
                f"the unit {self.name} is running already",
                remedy=f"Watch it with `journalctl -fu {self.name}`, and try again when it has ended.",
            )
        self._result.unlink(missing_ok=True)
        self.request.unlink(missing_ok=True)
        self.request.touch(mode=0o600)
        self.request.write_text(json.dumps(request))
        words = ["systemd-run", f"--unit={self.name}", "--collect", "--quiet", "--service-type=exec"]
        done = _process.run([*words, PROGRAM, command, f"--request={self.request}"])
        if done.returncode:
            raise SeaworthyError(f"systemd could not start the unit {self.name}", found=done.stderr.strip())

    def has_ended(self) -> bool:
        """Whether there is a verdict."""
        if self._result.exists():
            return True
        if not self.is_active() and not self._result.exists():
            raise SeaworthyError(
                f"the unit {self.name} ended without a result", remedy=f"Read `journalctl -u {self.name}`"
            )
        return False

    def take(self) -> Json:
        """The verdict; what was written for it is removed."""
        found = t.cast(Json, json.loads(self._result.read_text()))
        self._result.unlink()
        self.request.unlink(missing_ok=True)
        return found

    def is_active(self) -> bool:
        state = _process.run(["systemctl", "is-active", f"{self.name}.service"]).stdout.strip()
        return state in ("active", "activating", "reloading", "deactivating")
