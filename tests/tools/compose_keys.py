# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the keys of a Compose schema, for tests/unit/plugins/module_utils/data/compose_spec_keys.txt.

usage: python -m tests.tools.compose_keys .../compose-go/v2@vX.Y.Z/schema/compose-spec.json
(`go mod download` of the Compose that the lab builds leaves it in the module cache)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def keys(schema: Json) -> list[str]:
    """Each key as a path: `services.*.` before those of a service, `*` for any name or the items of a list."""
    return sorted(_inside(schema, schema["definitions"], "", frozenset()) - {"services.*"})


def _inside(part: Json, definitions: Json, path: str, above: frozenset[str]) -> set[str]:
    found: set[str] = set()
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return set() if name in above else _inside(definitions[name], definitions, path, above | {name})
    for choice in (*part.get("oneOf", ()), *part.get("anyOf", ())):
        found |= _inside(choice, definitions, path, above)
    for name, value in part.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        found |= {here} | _inside(value, definitions, here, above)
    patterns = [value for pattern, value in part.get("patternProperties", {}).items() if pattern != "^x-"]
    for value in (*patterns, part.get("additionalProperties"), part.get("items")):
        if isinstance(value, dict):
            found |= _inside(value, definitions, f"{path}.*".lstrip("."), above)
    return found


if __name__ == "__main__":
    sys.stdout.write("\n".join(keys(json.loads(Path(sys.argv[1]).read_text()))) + "\n")
