# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""Compose's model of an app, with what only the controller can see: variables, env files and the files of configs."""

from __future__ import annotations

import collections.abc as c
import os
import pathlib
import typing as t

from ..module_utils import _compose
from ..module_utils._app import App
from ..module_utils._compose_findings import Refusal
from ..module_utils._errors import InputError
from ._parser import KEPT, Parser, scan_variables, unset_variables
from ._sources import Sources, names_in

Json = dict[str, t.Any]

PLACEHOLDER = "seaworthy-secret-{}-here"  # stands for the value while Compose fills in `${...}`


def require_values(app: App, parser: Parser | None, files: c.Sequence[pathlib.Path], sources: Sources) -> None:
    """Every `${...}` has a value of the app file, or a default. The app's secrets may stand in `environment`."""
    variables = parser.variables(app.name, files) if parser else scan_variables(sources.files)
    lost = unset_variables(variables, {*app.environment, *app.secrets}, sources.files)
    if lost:
        raise InputError(
            f"{app.source}: variables of the Compose file have neither a value nor a default: {', '.join(lost)}",
            remedy=f"Set them under `environment` in {app.source}; a secret goes under `secrets`, as {{as: env}}",
            file=app.source,
            key="environment",
        )
    for name, env_file in names_in(sources.env_files, sources.files).items():
        if name not in app.environment:
            raise InputError(
                f"{app.source}: {name} of an included Compose file would get its value from {env_file}",
                expected="values from the app file only",
                remedy=f"Set it under `environment` in {app.source}",
                file=app.source,
                key="environment",
            )


def read(app: App, parser: Parser, files: c.Sequence[pathlib.Path]) -> tuple[Json, list[Refusal]]:
    """The model, and what is refused because of where a value comes from."""
    values = {**{name: PLACEHOLDER.format(name) for name in app.secrets}, **app.environment}
    model = parser.model(app.name, files, values)
    on = _compose.services(app, model)
    refusals = [
        *_machine_values(app, on),
        *_secret_values(app, on),
        *_inlined_configs(app, model),
        *_env_file_secrets(app, parser, files, values, on),
    ]
    return model, refusals


def _machine_values(app: App, on: Json) -> list[Refusal]:
    """Compose itself needs a few variables of this shell, and would hand them on: `environment: [HOME]`."""
    reason = "its value would come from this machine; give it one, or take it out"
    return [
        Refusal(service, f"environment.{name}", reason)
        for service, spec in on.items()
        for name in KEPT
        if name not in app.environment and os.environ.get(name, "") == (spec.get("environment") or {}).get(name)
    ]


def _secret_values(app: App, on: Json) -> list[Refusal]:
    """`NAME: ${NAME}` becomes empty, since the secret takes its place; a secret may stand nowhere else."""
    refusals = []
    for service, spec in on.items():
        environment = spec.get("environment") or {}
        for name in app.secrets:
            if environment.get(name) == PLACEHOLDER.format(name):
                environment[name] = ""
            for key in _keys_with(spec, PLACEHOLDER.format(name)):
                reason = f"the value of secret {name} would stand here, where whoever may ask the engine can read it"
                remedy = "Make the whole variable a secret (`as: env`), or let the program read the secret's file."
                refusals.append(Refusal(service, key, reason, remedy=remedy))
    return refusals


def _keys_with(value: t.Any, text: str, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [key for name in value for key in _keys_with(value[name], text, f"{path}.{name}".lstrip("."))]
    if isinstance(value, list):
        return [key for item in value for key in _keys_with(item, text, path)]
    return [path] if isinstance(value, str) and text in value else []


def _inlined_configs(app: App, model: Json) -> list[Refusal]:
    """The text of each config into the model, with `$` doubled as everything there."""
    refusals = []
    for name, config in (model.get("configs") or {}).items():
        try:
            if "file" in config:
                text = pathlib.Path(config["file"]).read_text()
            elif "environment" in config:
                text = app.environment[config["environment"]]
            else:
                continue
        except UnicodeDecodeError:
            refusals.append(Refusal("", f"configs.{name}.file", "a config is text", config["file"]))
        except OSError as error:
            refusals.append(Refusal("", f"configs.{name}.file", str(error.strerror), config["file"]))
        except KeyError:
            remedy = "Set it under `environment` of the app file."
            refusals.append(Refusal("", f"configs.{name}.environment", "this variable has no value", remedy=remedy))
        else:
            config["content"] = text.replace("$", "$$")
    return refusals


def _env_file_secrets(
    app: App, parser: Parser, files: c.Sequence[pathlib.Path], values: c.Mapping[str, str], on: Json
) -> list[Refusal]:
    """Names that look like secrets and that only an env file says: such a file holds what nobody commits."""
    suspects = {
        (service, name)
        for service, spec in on.items()
        for name, value in (spec.get("environment") or {}).items()
        if value and name not in app.secrets and _compose.SECRET_NAME.search(name)
    }
    if not suspects:
        return []
    bare = parser.without_env_files(app.name, files, values, sorted({service for service, _name in suspects}))
    return [
        Refusal(
            service,
            f"environment.{name}",
            "it comes from an env_file and looks like a secret, but whoever may ask the engine could read its value",
            remedy=f"Write `secrets: {{{name}: {{as: env}}}}` into {app.source}; if it is none, write it into "
            "`environment` of the Compose file.",
        )
        for service, name in sorted(suspects)
        if name not in (bare["services"][service].get("environment") or {})
    ]
