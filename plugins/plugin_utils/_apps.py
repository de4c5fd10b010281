# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""The applications of an estate: their files found, read, parsed by Compose and checked."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import difflib
import pathlib
import typing as t

import yaml

from ..module_utils import _compose
from ..module_utils._app import App
from ..module_utils._errors import InputError
from ._parser import Parser, scan_variables, unset_variables

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Found:
    """One app file: as the user wrote it, and as the platform understands it. No model: Compose was not there."""

    raw: Json
    app: App
    model: Json | None
    notes: tuple[str, ...]


def files(folder: pathlib.Path, only: str | None) -> list[pathlib.Path]:
    """The app files of the folder, or the one of the named application."""
    if not folder.is_dir():
        raise InputError(
            f"there is no folder {folder} for the applications' files",
            remedy="Make it (it may be empty), or name another one: seaworthy_apps_dir",
        )
    found = {path.stem: path for path in sorted(folder.glob("*.yml"))}
    wrong = sorted(path.name for path in folder.glob("*.yaml") if "compose" not in path.name)
    if wrong:
        raise InputError(f"{folder}/{wrong[0]}: the name of an application's file ends in .yml")
    if only is None:
        return list(found.values())
    if only not in found:
        near = difflib.get_close_matches(only, list(found), 1)
        raise InputError(
            f"there is no application {only} in {folder}",
            expected=f"one of {', '.join(found)}" if found else f"a file {folder}/{only}.yml",
            remedy=f"Did you mean {near[0]}?" if near else None,
        )
    return [found[only]]


def load(path: pathlib.Path) -> None:
    """Refuse a file that is no YAML, with its line; Ansible reads it afterwards."""
    try:
        raw = yaml.safe_load(path.read_text())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{path}:{line}: this is no YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: this is no YAML: {error}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path}: a mapping is needed", found=type(raw).__name__, expected="keys like compose, routes")


def read(path: pathlib.Path, raw: Json, parser: Parser | None, registry: str | None) -> Found:
    """Check one application as far as the controller can."""
    app = App.parse(path.stem, raw, source=str(path))
    composed = [_relative((path.parent / name).resolve()) for name in app.compose]
    for file in composed:
        if not file.is_file():
            raise InputError(f"{path}: compose: there is no file {file}", file=str(path), key="compose")
    try:
        variables = parser.variables(app.name, composed) if parser else scan_variables(composed)
        lost = unset_variables(variables, app.environment, composed)
        if lost:
            raise InputError(
                f"{path}: variables of the Compose file have neither a value nor a default: {', '.join(lost)}",
                remedy=f"Set them under `environment` in {path}",
                file=str(path),
                key="environment",
            )
        model = parser.model(app.name, composed, app.environment) if parser else None
    except InputError as error:
        if str(path) in error.message:
            raise
        raise InputError(f"{path}: Compose refuses {', '.join(map(str, composed))}: {error}") from None
    if model is None:
        for file in composed:
            _scan_keys(file)
        return Found(raw, app, None, ())
    return Found(raw, app, model, tuple(_compose.check(app, model, registry=registry)))


def distinct_hosts(apps: c.Iterable[App]) -> list[str]:
    """All hostnames; one name cannot belong to two applications."""
    owners: dict[str, App] = {}
    for app in apps:
        for route in app.routes:
            for host in route.hosts:
                owner = owners.setdefault(host, app)
                if owner.name != app.name:
                    raise InputError(
                        f"{app.source}: routes: the hostname {host} belongs to the application {owner.name} already",
                        found=f"it is in {owner.source} and in {app.source}",
                        remedy="Give each application its own hostname",
                        file=app.source,
                        key="routes",
                    )
    return sorted(owners)


def secrets(found: Found) -> list[dict[str, str]]:
    """The application's secrets, by the names they have in the place where secrets are kept."""
    options = found.raw.get("secrets") or {}
    generators = {name: (options[name] or {}).get("generate") for name in found.app.secrets}
    return [
        {"name": f"{found.app.name}/{name}"} | ({"generate": generator} if generator else {})
        for name, generator in generators.items()
    ]


def _scan_keys(file: pathlib.Path) -> None:
    """The keys of the services, without Compose: enough to refuse most of what the release would refuse."""
    load(file)
    services = yaml.safe_load(file.read_text()).get("services") or {}
    for service, spec in services.items():
        for key in spec or {}:
            if key in _compose.REASONS:
                raise InputError(f"{file}: services.{service}.{key}: {_compose.REASONS[key]}")


def _relative(path: pathlib.Path) -> pathlib.Path:
    here = pathlib.Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
