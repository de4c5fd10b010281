# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""The applications of an estate: their files found, read, parsed by Compose and checked."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import difflib
import json
import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleError

from ..module_utils import _compose
from ..module_utils._app import App
from ..module_utils._compose_findings import Refusal, error
from ..module_utils._compose_keys import SERVICE_BY_PATH, Verdict
from ..module_utils._errors import InputError
from . import _model, _sources
from ._parser import Parser

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Checked:
    """One application, examined on the controller; nothing is refused when `refusals` is empty."""

    app: App
    sources: _sources.Sources
    model: Json
    examination: _compose.Examination
    refusals: tuple[Refusal, ...]


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
    except yaml.MarkedYAMLError as failure:
        line = failure.problem_mark.line + 1 if failure.problem_mark else 1
        raise InputError(f"{path}:{line}: this is no YAML: {failure.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        raise InputError(f"{path}: this is no YAML: {failure}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path}: a mapping is needed", found=type(raw).__name__, expected="keys like compose, routes")


def read(path: pathlib.Path, raw: Json, parser: Parser | None, registry: str | None) -> Found:
    """Check one application as far as the controller can."""
    if parser is None:
        app = App.parse(path.stem, raw, source=str(path))
        files = _compose_files(path, app)
        sources = _sources.find(files, strict=True)
        _model.require_values(app, None, files, sources)
        _scan_keys(sources)
        return Found(raw, app, None, ())
    checked = examine(path, raw, parser, registry)
    if checked.refusals:
        raise error(checked.app.source, checked.refusals)
    version = checked.app.version or "0"
    _compose.image_names(checked.app, checked.model, version=version, registry=registry)  # refuses without registry
    return Found(raw, checked.app, checked.model, checked.examination.notes)


def examine(path: pathlib.Path, raw: Json, parser: Parser, registry: str | None) -> Checked:
    """Every key of the Compose files with its verdict, and all that is refused, each with its place."""
    app = App.parse(path.stem, raw, source=str(path))
    files = _compose_files(path, app)
    sources = _sources.find(files)
    try:
        _model.require_values(app, parser, files, sources)
        model, refusals = _model.read(app, parser, files)
    except InputError as failure:
        if str(path) in failure.message:
            raise
        raise InputError(f"{path}: Compose refuses {', '.join(map(str, files))}: {failure}", file=str(path)) from None
    examination = _compose.examine(app, model, registry=registry)
    located = [
        one if one.file else dataclasses.replace(one, file=sources.place(one.service, one.key))
        for one in [*refusals, *examination.refusals]
    ]
    return Checked(app, sources, model, examination, tuple(located))


def filled(path: pathlib.Path, load_file: c.Callable[[str], t.Any], template: c.Callable[[t.Any], t.Any]) -> Json:
    """The file with its templates filled in from the inventory, as plain data."""
    load(path)
    try:
        content = template(load_file(str(path.resolve())))
    except AnsibleError as failure:
        raise InputError(f"{path}: {failure}", file=str(path)) from failure
    return t.cast("Json", json.loads(json.dumps(content, default=str)))


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


def _compose_files(path: pathlib.Path, app: App) -> list[pathlib.Path]:
    files = [_relative((path.parent / name).resolve()) for name in app.compose]
    for file in files:
        if not file.is_file():
            raise InputError(f"{path}: compose: there is no file {file}", file=str(path), key="compose")
    return files


def _scan_keys(sources: _sources.Sources) -> None:
    """The keys of the services, without Compose: enough to refuse most of what the release would refuse."""
    for service in sorted({path[1] for path in sources.places if path[0] == "services" and len(path) > 1}):
        names = sources.keys_of(service)
        for name in names:
            key = SERVICE_BY_PATH.get(name)
            is_reset = ("services", service, name) in sources.resets
            if key and key.verdict is Verdict.REFUSED and not is_reset and "profiles" not in names:
                raise InputError(f"{sources.place(service, name)}: service {service}: {name}: {key.says}")


def _relative(path: pathlib.Path) -> pathlib.Path:
    here = pathlib.Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
