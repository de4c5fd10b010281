# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Secrets as environment variables, for programs that read nothing else: a shell script reads the files and becomes
the program. So a value is in the program's environment only, in no specification and in no `docker inspect`.
"""

from __future__ import annotations

import collections.abc as c

from ._app import VARIABLE

CONFIG = "seaworthy-env"  # the Swarm config in a stack document
PATH = "/seaworthy-env"  # in the container
SHELL = "/bin/sh"

# Only builtins, since an image may hold nothing but a shell. `read` drops one newline of each line, so exactly the
# last one is lost. The variables' names are the platform's (`_app.py` refuses secrets that are called so).
SCRIPT = """\
# /bin/sh /seaworthy-env NAME... -- PROGRAM ARGUMENT...
# Exports each file /run/secrets/NAME as variable NAME, without one newline at its end, and becomes PROGRAM.
seaworthy_newline='
'
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    seaworthy_file=/run/secrets/$1
    if ! [ -f "$seaworthy_file" ] || ! [ -r "$seaworthy_file" ]; then
        echo "seaworthy-env: $seaworthy_file, the file of secret $1, is missing or cannot be read" >&2
        exit 66
    fi
    seaworthy_value=
    seaworthy_gap=
    while IFS= read -r seaworthy_line || [ -n "$seaworthy_line" ]; do
        seaworthy_value=$seaworthy_value$seaworthy_gap$seaworthy_line
        seaworthy_gap=$seaworthy_newline
    done <"$seaworthy_file"
    export "$1=$seaworthy_value"
    shift
done
if [ $# -lt 2 ]; then
    echo "seaworthy-env: no program to start; usage: NAME... -- PROGRAM ARGUMENT..." >&2
    exit 64
fi
shift
exec "$@"
"""


def wrap(words: c.Sequence[str], names: c.Sequence[str]) -> list[str]:
    """The program and its arguments, with these secrets in its environment."""
    return [SHELL, PATH, *names, "--", *words]


def healthcheck(test: c.Sequence[str] | str, names: c.Sequence[str]) -> list[str]:
    """A healthcheck's `test` in any of its forms, with these secrets in its environment."""
    kind, *words = ["CMD-SHELL", test] if isinstance(test, str) else test
    if kind == "NONE":
        return [kind]
    return ["CMD", *wrap([SHELL, "-c", *words] if kind == "CMD-SHELL" else words, names)]


def lost(variables: c.Iterable[str]) -> list[str]:
    """Environment variables that many shells do not hand on, because of their names: `discovery.type`."""
    return sorted(name for name in variables if not VARIABLE.fullmatch(name))
