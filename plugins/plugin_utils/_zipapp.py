# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The host program as one file: a zip archive that Python runs."""

from __future__ import annotations

import io
import pathlib
import zipfile

INTERPRETER = "/usr/bin/python3"
PACKAGE = "seaworthy"
CONTROLLER_ONLY = "_lab"  # sources that hosts never need begin with this
MAIN = f"import sys\n\nfrom {PACKAGE}._cli import main\n\nsys.exit(main())\n"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date of a zip archive


def sources(folder: pathlib.Path) -> dict[str, bytes]:
    """What goes into the program, by its name in the archive."""
    names = sorted(path for path in folder.glob("_*.py") if not path.name.startswith((CONTROLLER_ONLY, "__")))
    return {
        "__main__.py": MAIN.encode(),
        f"{PACKAGE}/__init__.py": b"",
        **{f"{PACKAGE}/{path.name}": path.read_bytes() for path in names},
    }


def build(files: dict[str, bytes]) -> bytes:
    """Same files, same bytes: no dates, no compression (whose bytes depend on the library's version)."""
    archive = io.BytesIO()
    archive.write(f"#!{INTERPRETER}\n".encode())
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_STORED) as program:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            program.writestr(entry, files[name])
    return archive.getvalue()
