# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that turns secret files into environment variables, run by every shell of this machine."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _wrapper

SHELLS = {
    "sh": ["sh"],
    "dash": ["dash"],
    "bash": ["bash", "--posix"],
    "busybox": ["busybox", "sh"],
    "ksh": ["ksh"],
    "mksh": ["mksh"],
    "zsh": ["zsh", "--emulate", "sh"],
}
HERE = [pytest.param(words, id=name) for name, words in SHELLS.items() if shutil.which(words[0])]
SHOW = [sys.executable, "-c", "import os, sys; sys.stdout.buffer.write(os.environb[sys.argv[1].encode()])"]
EVERY_BYTE = bytes(number for number in range(1, 256) if number != ord("\n"))


class Container:
    """A folder for the secret files, and a shell without any program on its PATH."""

    def __init__(self, shell: list[str], folder: pathlib.Path) -> None:
        script = folder / "seaworthy-env"
        script.write_text(_wrapper.SCRIPT.replace("/run/secrets", str(folder)))
        self.wrapper = [str(shutil.which(shell[0])), *shell[1:], str(script)]
        self.folder = folder

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.wrapper, *words],
            env={"PATH": "/nonexistent"} | environment,
            capture_output=True,
            check=False,
        )

    def value(self, content: bytes, locale: str) -> bytes:
        """What a program finds in the variable of a secret with this content."""
        (self.folder / "KEY").write_bytes(content)
        done = self.run("KEY", "--", *SHOW, "KEY", LC_ALL=locale)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(params=HERE)
def container(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Container:
    return Container(request.param, tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"plain",
        b" spaces  at both ends ",
        b"\ttab\t",
        b"-n",
        b"--",
        b"-e \\n\\t\\0101\\c",
        b"quotes ' \" ` and $HOME $(id) ${X} $$",
        b"back\\slash at the end\\",
        b"stars * ? [a-z] ~ ; & | > < ! # % {a,b}",
        "žluťoučký kůň, 漢字, 🐳, ā ł".encode(),
        b"two\nlines",
        b"\nfirst and last\n\n",
        b"first\\\nsecond",
        b"carriage\r\nreturn\r",
        EVERY_BYTE,
        b"x" * 100_000,
        b"line\n" * 2000,
    ],
)
@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_value_arrives_as_it_is(container: Container, value: bytes, end: bytes, locale: str) -> None:
    """Except for one newline at its end, which an editor leaves there."""
    assert container.value(value + end, locale) == (value + end).removesuffix(b"\n")


@pytest.mark.parametrize("name", ["value", "line", "name", "X", "_x", "newline", "file", "gap", "IFS", "HOME"])
def test_no_name_is_in_the_way(container: Container, name: str) -> None:
    (container.folder / "LAST").write_text("last\n")
    (container.folder / name).write_text("the value of it\n")
    done = container.run(name, "LAST", "--", *SHOW, name, **{name: "from the environment", "seaworthy_value": "old"})
    assert (done.returncode, done.stdout) == (0, b"the value of it"), done.stderr


def test_the_program_takes_the_shells_place_with_its_arguments(container: Container) -> None:
    (container.folder / "KEY").write_text("value")
    show = "import os, sys; print(os.getpid(), sys.argv[1:]); sys.exit(7)"
    words = ["KEY", "--", sys.executable, "-c", show, "a b", "--", "-x", ""]
    with subprocess.Popen(
        [*container.wrapper, *words], stdout=subprocess.PIPE, text=True, env={"PATH": "/nonexistent"}
    ) as program:
        output, _none = program.communicate()
    assert output == f"{program.pid} ['a b', '--', '-x', '']\n"
    assert program.returncode == 7


def test_the_environment_that_was_there_stays(container: Container) -> None:
    (container.folder / "KEY").write_text("value")
    done = container.run("KEY", "--", *SHOW, "OTHER", OTHER="two\nlines ")
    assert done.stdout == b"two\nlines "


def test_nothing_of_ours_is_left_in_the_environment(container: Container) -> None:
    (container.folder / "KEY").write_text("value")
    done = container.run("KEY", "--", sys.executable, "-c", "import os; print('\\n'.join(os.environ))")
    assert "KEY" in done.stdout.decode().split()
    assert "seaworthy" not in done.stdout.decode()


def test_a_missing_secret_is_named_and_no_value_told(container: Container) -> None:
    (container.folder / "FIRST").write_text("canary")
    done = container.run("FIRST", "SECOND", "--", *SHOW, "FIRST")
    assert (done.returncode, done.stdout) == (66, b"")
    assert f"{container.folder}/SECOND, the file of secret SECOND, is missing or cannot be read" in done.stderr.decode()
    assert b"canary" not in done.stderr


def test_a_folder_is_no_secret(container: Container) -> None:
    (container.folder / "KEY").mkdir()
    assert container.run("KEY", "--", *SHOW, "KEY").returncode == 66


@pytest.mark.parametrize("words", [[], ["KEY"], ["KEY", "--"], ["--"]])
def test_no_program(container: Container, words: list[str]) -> None:
    (container.folder / "KEY").write_text("value")
    done = container.run(*words)
    assert done.returncode == 64
    assert b"no program to start" in done.stderr


def test_a_program_that_does_not_exist(container: Container) -> None:
    assert container.run("--", "/nonexistent/program").returncode == 127


def test_words() -> None:
    words = _wrapper.wrap(["node", "server.js"], ["A", "B"])
    assert words == ["/bin/sh", "/seaworthy-env", "A", "B", "--", "node", "server.js"]


@pytest.mark.parametrize(
    ("test", "wrapped"),
    [
        ("curl -f $URL", ["CMD", "/bin/sh", "/seaworthy-env", "A", "--", "/bin/sh", "-c", "curl -f $URL"]),
        (["CMD-SHELL", "curl"], ["CMD", "/bin/sh", "/seaworthy-env", "A", "--", "/bin/sh", "-c", "curl"]),
        (["CMD", "curl", "-f"], ["CMD", "/bin/sh", "/seaworthy-env", "A", "--", "curl", "-f"]),
        (["NONE"], ["NONE"]),
    ],
)
def test_healthchecks(test: list[str] | str, wrapped: list[str]) -> None:
    assert _wrapper.healthcheck(test, ["A"]) == wrapped


def test_names_that_a_shell_loses() -> None:
    assert _wrapper.lost(["PATH", "discovery.type", "_a1", "1a", "npm-x"]) == ["1a", "discovery.type", "npm-x"]
