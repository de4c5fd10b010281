#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the lab's vault password; make it at first use. Named in ansible.cfg as vault_password_file."""

from __future__ import annotations

import os
import pathlib
import secrets


def folder() -> pathlib.Path:
    """The state of the lab, shared by all checkouts; the lab's name is in the name of this file."""
    base = os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local" / "state"
    return pathlib.Path(base) / "seaworthy" / pathlib.Path(__file__).stem.removesuffix("_vault_password")


def password(path: pathlib.Path) -> str:
    """The kept one, else a new one: of two runs at once both get the one that was first."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return path.read_text().strip()


if __name__ == "__main__":
    print(password(folder() / "vault_password"))
