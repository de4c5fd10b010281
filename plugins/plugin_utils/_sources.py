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
    resets: frozenset[Path] = frozenset()  # keys that a file in `compose` takes away: `!reset`
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


def find(files: c.Sequence[pathlib.Path], *, strict: bool = False) -> Sources:
    """Read the files, and those they include or extend. Not strict: Compose judges what is YAML, by its own parser."""
    found: dict[pathlib.Path, dict[Path, str]] = {}
    resets: set[Path] = set()
    env_files: list[pathlib.Path] = []
    bases: list[tuple[pathlib.Path, str, pathlib.Path, str]] = []
    merged = list(files)  # what an extended file says beside its one service does not count
    waiting = list(files)
    while waiting:
        file = waiting.pop(0)
        if file in found or not file.is_file():
            continue
        root = _read(file, strict)
        found[file] = {}
        for path, name, value in _keys(root, ()):
            found[file][path] = f"{file}:{name.start_mark.line + 1}"
            if value.tag == "!reset":
                resets.add(path)
        for entry in _items(_value(root, "include")):
            paths, some = _included(file, entry)
            merged += paths
            waiting += paths
            env_files += [one for one in some if one.is_file()]
        extended = _extended(file, root)
        bases += [(file, service, *base) for service, base in extended.items()]
        waiting += [other for other, _service in extended.values()]
    for file, service, other, base in bases * len(bases):  # as often as a chain of them can be long
        for path, place in list(found.get(other, {}).items()):
            if path[:2] == ("services", base):
                found[file].setdefault(("services", service, *path[2:]), place)
    places: dict[Path, str] = {}
    for file in dict.fromkeys([*reversed(merged[len(files) :]), *files]):  # a file in `compose` has the last word
        places |= found.get(file, {})
    return Sources(tuple(found), places, frozenset(resets), tuple(env_files))


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


def _read(file: pathlib.Path, strict: bool) -> yaml.Node | None:
    try:
        return yaml.compose(file.read_text(), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        if not strict:
            return None
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        raise InputError(f"{place}: this is no YAML: {error}", file=str(file)) from None


def _keys(node: yaml.Node | None, path: Path) -> c.Iterator[tuple[Path, yaml.Node, yaml.Node]]:
    """Each key with its node and that of its value."""
    if not isinstance(node, yaml.MappingNode) or len(path) >= DEEPEST:
        return
    for name, value in sorted(node.value, key=lambda pair: pair[0].value != "<<"):  # its own keys win
        if name.value == "<<":
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for one in merged:
                yield from _keys(one, path)
        else:
            here = (*path, str(name.value))
            yield here, name, value
            yield from _keys(value, here)


def _included(file: pathlib.Path, entry: yaml.Node) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """What an entry of `include` names: Compose files, and env files (`.env` of their folder when it names none)."""
    paths = [file.parent / one.value for one in _items(_value(entry, "path") or entry)]
    folder = _value(entry, "project_directory")
    own = [file.parent / one.value for one in _items(_value(entry, "env_file"))]
    return paths, own or [(file.parent / folder.value if folder else paths[0].parent) / ".env"]


def _extended(file: pathlib.Path, root: yaml.Node | None) -> dict[str, tuple[pathlib.Path, str]]:
    """The services that extend another one: its file and its name."""
    services = _value(root, "services")
    found = {}
    for name, service in services.value if isinstance(services, yaml.MappingNode) else ():
        extends = _value(service, "extends")
        other, base = _value(extends, "file"), _value(extends, "service") or extends
        if isinstance(base, yaml.ScalarNode):
            found[str(name.value)] = (file.parent / other.value if other else file, str(base.value))
    return found


def _items(node: yaml.Node | None) -> list[t.Any]:
    if node is None:
        return []
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


def _value(node: yaml.Node | None, key: str) -> t.Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)
