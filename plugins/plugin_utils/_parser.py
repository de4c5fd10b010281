# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""Compose's own parser on the controller. It needs no engine."""

from __future__ import annotations

import collections.abc as c
import json
import os
import pathlib
import re
import subprocess
import typing as t

from ..module_utils import _process
from ..module_utils._errors import InputError, SeaworthyError
from ._sources import uncommented

OLDEST = (2, 24)
SECONDS = 60
KEPT = ("PATH", "HOME", "DOCKER_CONFIG")  # of this shell's environment: what Docker's plugins need to be found
GIVEN = ("COMPOSE_PROJECT_NAME",)  # Compose itself gives these a value


class Parser:
    """A Compose that answers, with the words to call it."""

    def __init__(self, command: c.Sequence[str]) -> None:
        self._command = list(command)

    @classmethod
    def find(cls, binary: str | None, cache: pathlib.Path) -> Parser | None:
        """The named one, else the plugin of the docker program, else the lab's own build."""
        command = [binary] if binary else ["docker", "compose"]
        parser = cls(command)
        version = parser.version()
        if version >= OLDEST:
            return parser
        if binary:
            raise InputError(
                f"seaworthy_compose_binary: {binary} cannot be used",
                found=".".join(map(str, version)) or "no Compose",
                expected=f"Compose {'.'.join(map(str, OLDEST))} or newer",
            )
        # A build from source does not know its version; the lab's builds lie in a folder of that name.
        built = {_version(path.parent.name): path for path in cache.glob("compose/v*/docker-compose")}
        return cls([str(built[max(built)])]) if built else None

    @classmethod
    def require(cls, binary: str | None, cache: pathlib.Path) -> Parser:
        """As `find`, but none is an error."""
        if parser := cls.find(binary, cache):
            return parser
        raise InputError(
            "there is no Compose on the controller to read the applications' files with",
            expected=f"`docker compose` {'.'.join(map(str, OLDEST))} or newer (it needs no engine)",
            remedy="Install the package docker-compose-plugin or docker-compose, or set seaworthy_compose_binary",
        )

    def version(self) -> tuple[int, ...]:
        """Empty when there is none."""
        try:
            done = self._run([*self._command, "version", "--short"], dict(os.environ))
        except (OSError, SeaworthyError):
            return ()
        return _version(done.stdout) if done.returncode == 0 else ()

    def variables(self, app: str, files: c.Sequence[pathlib.Path]) -> list[dict[str, t.Any]]:
        """The `${...}` of the files: Name, DefaultValue, PresenceValue, Required."""
        found = json.loads(self._config(app, files, {}, "--variables", "--format", "json") or "{}")
        return list(found.values())

    def model(self, app: str, files: c.Sequence[pathlib.Path], environment: c.Mapping[str, str]) -> dict[str, t.Any]:
        """The merged files with every short form written out."""
        return t.cast("dict[str, t.Any]", json.loads(self._config(app, files, environment, "--format", "json")))

    def without_env_files(
        self, app: str, files: c.Sequence[pathlib.Path], environment: c.Mapping[str, str], services: c.Iterable[str]
    ) -> dict[str, t.Any]:
        """The model as if these services had no `env_file`; the model itself does not say what came from one."""
        override = "".join(f"  {json.dumps(service)}: {{env_file: !reset []}}\n" for service in services)
        text = self._config(app, files, environment, "--format", "json", override=f"services:\n{override}")
        return t.cast("dict[str, t.Any]", json.loads(text))

    def _config(
        self,
        app: str,
        files: c.Sequence[pathlib.Path],
        environment: c.Mapping[str, str],
        *options: str,
        override: str = "",
    ) -> str:
        """Nothing of this shell's environment or of an `.env` beside the file gets in."""
        named = [word for file in files for word in ("-f", str(file))] + (["-f", "-"] if override else [])
        argv = [*self._command, "-p", app, "--env-file", "/dev/null", "--profile", "*", *named, "config", *options]
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        done = self._run(argv, {**environment, **kept}, override)
        if done.returncode:
            raise InputError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "Compose failed")
        return done.stdout

    def _run(self, argv: list[str], environment: dict[str, str], data: str = "") -> subprocess.CompletedProcess[str]:
        return _process.run(argv, env=environment, data=data, seconds=SECONDS)


def unset_variables(
    variables: c.Iterable[c.Mapping[str, t.Any]], environment: c.Container[str], files: c.Sequence[pathlib.Path]
) -> list[str]:
    """Variables that have no value and no default, each with its place: Compose would make them blank.

    Compose does not tell `${X}` from `${X:-}`, so the text decides.
    """
    lost = []
    for variable in variables:
        name = variable["Name"]
        if name in environment or name in GIVEN or variable["DefaultValue"] or variable["PresenceValue"]:
            continue
        bare = _places(rf"\$(?:\{{{name}\}}|{name}\b)", files)
        optional = _places(rf"\$\{{{name}:?[-+]", files)
        if bare or variable["Required"] or not optional:
            place = (bare or _places(rf"\$\{{?{name}\b", files) or [str(files[0])])[0]
            lost.append(f"{place}: ${{{name}}}")
    return sorted(lost)


def scan_variables(files: c.Sequence[pathlib.Path]) -> list[dict[str, t.Any]]:
    """What `variables` gives, by text alone: for a controller without Compose."""
    pattern = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{(\w+)(:?[-+?]?)([^}]*)\}|([A-Za-z_]\w*))")
    found: dict[str, dict[str, t.Any]] = {}
    for file in files:
        for match in pattern.finditer(uncommented(file)):
            name = match[1] or match[4]
            operator, word = (match[2] or "")[-1:], match[3] or ""
            found[name] = {
                "Name": name,
                "DefaultValue": word if operator == "-" else "",
                "PresenceValue": word if operator == "+" else "",
                "Required": operator == "?",
            }
    return list(found.values())


def _places(pattern: str, files: c.Iterable[pathlib.Path]) -> list[str]:
    expression = re.compile(rf"(?<!\$)(?:\$\$)*{pattern}")
    return [
        f"{file}:{number}"
        for file in files
        for number, line in enumerate(uncommented(file).splitlines(), 1)
        if expression.search(line)
    ]


def _version(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()
