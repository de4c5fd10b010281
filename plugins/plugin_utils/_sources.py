# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the plugins of this collection are its interface.
"""The Compose files as they are written: which files belong to an app, and where in them a key stands."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import pathlib
import re
import typing as t

import yaml

from ..module_utils._errors import InputError

Path = tuple[str, ...]
DEEPEST = 6  # services.web.deploy.resources.limits.memory


@dataclasses.dataclass(frozen=True)
class Sources:
    """The files, those that they include or extend last, and the place of each key."""

    files: tuple[pathlib.Path, ...]
    places: c.Mapping[Path, str]
    env_files: tuple[pathlib.Path, ...] = ()  # Compose takes values for `${...}` of included files from these

    def place(self, service: str, key: str) -> str:
        """`compose.yaml:12` of a key, or of what holds it."""
        path = (*(("services", service) if service else ()), *re.sub(r"\[\d+\]", "", key).split("."))
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path] if path else str(self.files[0])

    def keys_of(self, service: str) -> list[str]:
        """The keys of a service as somebody wrote them."""
        return [path[2] for path in self.places if path[:2] == ("services", service) and len(path) == 3]

    def top_keys(self) -> list[str]:
        """The top-level keys as somebody wrote them."""
        return [path[0] for path in self.places if len(path) == 1]


def find(files: c.Sequence[pathlib.Path]) -> Sources:
    """Read the files, and those they include or extend."""
    found: list[pathlib.Path] = []
    places: dict[Path, str] = {}
    env_files: list[pathlib.Path] = []
    waiting = list(files)
    while waiting:
        file = waiting.pop(0)
        if file in found or not file.is_file():
            continue
        found.append(file)
        root = _read(file)
        for path, line in _keys(root, ()):
            if file in files or path not in places:  # a file in `compose` has the last word
                places[path] = f"{file}:{line}"
        included = [_included(file, entry) for entry in _items(_value(root, "include"))]
        env_files += [one for dummy, some in included for one in some if one.is_file()]
        waiting += [path for paths, dummy in included for path in paths] + _extended(file, root)
    return Sources(tuple(found), places, tuple(env_files))


def names_in(env_files: c.Iterable[pathlib.Path], files: c.Iterable[pathlib.Path]) -> dict[str, pathlib.Path]:
    """The variables of the env files that the Compose files speak of, each with its env file."""
    text = "\n".join(uncommented(file) for file in files)
    return {
        name: env_file
        for env_file in env_files
        for name in re.findall(r"(?m)^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", env_file.read_text(errors="replace"))
        if re.search(rf"\b{name}\b", text)
    }


def uncommented(file: pathlib.Path) -> str:
    """The text of a file without its comments."""
    return re.sub(r"(?m)(^|\s)#.*$", "", file.read_text(errors="replace"))


def _read(file: pathlib.Path) -> yaml.Node | None:
    try:
        return yaml.compose(file.read_text(), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{file}:{line}: this is no YAML: {error.problem}", file=str(file)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: this is no YAML: {error}", file=str(file)) from None


def _keys(node: yaml.Node | None, path: Path) -> c.Iterator[tuple[Path, int]]:
    if not isinstance(node, yaml.MappingNode) or len(path) >= DEEPEST:
        return
    for name, value in node.value:
        if name.value == "<<":
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for one in merged:
                yield from _keys(one, path)
        else:
            here = (*path, str(name.value))
            yield here, name.start_mark.line + 1
            yield from _keys(value, here)


def _included(file: pathlib.Path, entry: yaml.Node) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """What an entry of `include` names: Compose files, and env files (`.env` of their folder when it names none)."""
    paths = [file.parent / one.value for one in _items(_value(entry, "path") or entry)]
    folder = _value(entry, "project_directory")
    own = [file.parent / one.value for one in _items(_value(entry, "env_file"))]
    return paths, own or [(file.parent / folder.value if folder else paths[0].parent) / ".env"]


def _extended(file: pathlib.Path, root: yaml.Node | None) -> list[pathlib.Path]:
    services = _value(root, "services")
    if not isinstance(services, yaml.MappingNode):
        return []
    named = [_value(_value(service, "extends"), "file") for dummy, service in services.value]
    return [file.parent / one.value for one in named if isinstance(one, yaml.ScalarNode)]


def _items(node: yaml.Node | None) -> list[t.Any]:
    if node is None:
        return []
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


def _value(node: yaml.Node | None, key: str) -> t.Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)
