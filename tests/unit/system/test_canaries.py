# SPDX-License-Identifier: GPL-3.0-or-later
"""A leak is found in whatever form it has and wherever it is; a search that is blind to a place does not find it."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.seaworthy.swarm.plugins.plugin_utils._secrets import certificate_authority, ec_p256
from tests.system import sampler, searcher
from tests.system.canaries import HOMES, Home, forms, parts, strays, told, wire
from tests.system.searcher import FILES, Plan, Search

VALUE = "s3cr&t/Value+of-32~characters?!x"
TEXTS = wire({"shop/KEY": VALUE})
ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "base64": lambda data: base64.b64encode(data).decode(),
    "base64url": lambda data: base64.urlsafe_b64encode(data).decode(),
    "hex": bytes.hex,
    "url": lambda data: urllib.parse.quote(data, safe=""),
}


@pytest.mark.parametrize("before", ["", "a", "ab", "push:", '{"username":"pull","password":"'])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encoded_leaks_are_found(before: str, encoding: str) -> None:
    """Wherever the secret begins in what was encoded."""
    text = ENCODINGS[encoding](f'{before}{VALUE}"}}'.encode())
    assert any(form.decode() in text for form in forms(VALUE))


def test_leak_in_json_is_found() -> None:
    value = 'quote " and back\\slash, sixteen'
    assert any(form.decode() in json.dumps({"a": value}) for form in forms(value))


def test_of_a_key_only_secret_lines_are_searched_for() -> None:
    """What is in the certificate, too, and lines that begin every key, would be found everywhere."""
    authority, account, other = certificate_authority(), ec_p256(), ec_p256()
    certificate = authority[authority.index("-----BEGIN CERTIFICATE") :]
    assert parts(authority)
    assert not [part for part in parts(authority) if part in certificate]
    assert parts(account)
    assert not set(parts(account)) & set(parts(other))
    assert all(line in account for line in parts(account))


def test_short_secrets_are_refused() -> None:
    with pytest.raises(ValueError, match="shop/PIN is too short"):
        wire({"shop/PIN": "123456"})


# -- homes ----------------------------------------------------------------------------------------

HOME = Home("m1|m2", r"/etc/seaworthy/[a-z]+\.key", "account", "it is needed")
HIT = {"machine": "m1", "place": FILES, "where": "/etc/seaworthy/account.key", "name": "account", "mode": 0o600}


@pytest.mark.parametrize(
    "change",
    [
        {"machine": "m3"},
        {"where": "/etc/seaworthy/account.key.bak"},
        {"where": "/tmp/etc/seaworthy/account.key"},
        {"name": "authority"},
        {"mode": 0o640},
        {"mode": 0o604},
    ],
)
def test_a_home_is_one_place_for_one_secret(change: dict[str, Any]) -> None:
    """Another machine, path or secret is a leak, and so is a file that others may read."""
    assert strays([HIT], [HOME]) == []
    assert strays([{**HIT, **change}], [HOME]) == [{**HIT, **change}]


def test_a_hit_is_told_without_its_value() -> None:
    assert told(HIT) == "m1, files: account in /etc/seaworthy/account.key (mode 0600)"
    assert all(home.reason for home in HOMES)


# -- files ----------------------------------------------------------------------------------------


def look(root: Path, **more: Any) -> Search:
    search = Search(Plan(texts=TEXTS, roots=[str(root)], places=[FILES], **more))
    search.run()
    return search


def test_files_are_searched(tmp_path: Path) -> None:
    """Binary files, names with spaces and folders in folders; counts are true."""
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/a b").write_bytes(b"\0\xff" + base64.b64encode(f"push:{VALUE}".encode()))
    (tmp_path / "clean").write_text("nothing\n")
    (tmp_path / "link").symlink_to(tmp_path / "deep/er/a b")
    os.mkfifo(tmp_path / "pipe")
    search = look(tmp_path)
    path = str(tmp_path / "deep/er/a b")
    assert [(hit["where"], hit["name"]) for hit in search.hits] == [(path, "shop/KEY")]
    size = (tmp_path / "deep/er/a b").stat().st_size + len("nothing\n")
    assert search.searched == {FILES: {"bytes": size, "things": 2}}
    assert VALUE not in json.dumps(search.hits)


def test_rights_end_at_a_closed_folder() -> None:
    """A file that everybody may read is not open when nobody may pass the folder above it."""
    modes = {}
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders are closed
        leak = Path(folder, "leak")
        leak.write_text(VALUE)
        leak.chmod(0o644)
        for rights in (0o755, 0o750, 0o700):
            Path(folder).chmod(rights)
            modes[rights] = searcher.mode(str(leak))
    assert modes == {0o755: 0o644, 0o750: 0o640, 0o700: 0o600}


def test_blind_search_misses_the_leak(tmp_path: Path) -> None:
    """The broken twin."""
    for folder in ("tmp", "var"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "leak").write_text(VALUE)
    assert len(look(tmp_path).hits) == 2
    assert [hit["where"] for hit in look(tmp_path, blind=str(tmp_path / "var")).hits] == [str(tmp_path / "tmp/leak")]


def test_files_older_than_the_secrets_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "leak").write_text(VALUE)
    assert look(tmp_path, since=time.time() + 60).searched == {FILES: {"bytes": 0, "things": 0}}
    os.utime(tmp_path / "leak", (1, 1))  # says that it is old; its change of state cannot lie
    assert len(look(tmp_path, since=time.time() - 60).hits) == 1


def test_a_file_that_goes_meanwhile_is_none(tmp_path: Path) -> None:
    grep = searcher.Grep(TEXTS["shop/KEY"])
    (tmp_path / "leak").write_text(VALUE)
    assert grep.files([str(tmp_path / "gone"), str(tmp_path / "leak")]) == {(str(tmp_path / "leak"), VALUE)}


def test_many_files_in_batches(tmp_path: Path) -> None:
    for number in range(searcher.BATCH + 7):
        (tmp_path / f"{number}").write_text(f"{number}\n")
    (tmp_path / "leak").write_text(VALUE)
    search = look(tmp_path)
    assert len(search.hits) == 1
    assert search.searched[FILES]["things"] == searcher.BATCH + 8


def test_mounted_leaves_out_containers() -> None:
    """Their own file systems are seen where they lie; their memory is where secrets belong."""
    docker = "/var/lib/docker"
    points = ["/", "/run", docker, f"{docker}/overlay2/ab/merged", f"{docker}/containers/ab/mounts/secrets"]
    lines = [f"none {point} tmpfs rw 0 0" for point in points] + ["proc /proc proc rw 0 0"]
    assert searcher.mounted("\n".join(lines)) == ["/", "/run", docker]


# -- programs and processes -----------------------------------------------------------------------


def test_output_of_programs_is_searched() -> None:
    """Also when there is much of it, and when it is full of leaks."""
    grep = searcher.Grep(TEXTS["shop/KEY"])
    code = f"print(({VALUE!r} + chr(10)) * 50000)"
    found, size = grep.output([sys.executable, "-c", code])
    assert found == {VALUE}
    assert size == 50000 * (len(VALUE) + 1) + 1
    with pytest.raises(RuntimeError, match="ended with 3"):
        grep.output([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_plan_survives_its_way(tmp_path: Path) -> None:
    """As the searcher is run on a host: everything by standard input and output."""
    (tmp_path / "leak").write_text(VALUE)
    plan = json.dumps({"texts": TEXTS, "roots": [str(tmp_path)], "places": [FILES]})
    words = [sys.executable, searcher.__file__]
    output = subprocess.run(words, input=plan, check=True, capture_output=True, text=True).stdout
    assert VALUE not in output
    assert [hit["name"] for hit in json.loads(output)["hits"]] == ["shop/KEY"]


def test_sampler_sees_arguments_and_environments() -> None:
    """It tells a process of an application from others, and each leak once."""
    words = [sys.executable, sampler.__file__]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(TEXTS) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "{}\n"
        of_application = {"KEY": VALUE, "SEAWORTHY_APP": "shop"}
        started = [
            subprocess.Popen(["sh", "-c", "sleep 2; :", VALUE]),
            subprocess.Popen(["sleep", "2"], env={**os.environ, "KEY": VALUE}),
            subprocess.Popen(["sleep", "2"], env={**os.environ, **of_application}),
        ]
        for one in started:
            one.wait()
        result = json.loads(process.communicate()[0])
    kinds = [hit["where"] for hit in result["hits"] if hit["container"] == sampler.container(str(os.getpid()))]
    wanted = {sampler.ARGUMENTS, sampler.ENVIRONMENT, sampler.OF_APPLICATION}
    assert set(kinds) == wanted
    assert all(len(list(group)) < 3 for dummy, group in itertools.groupby(sorted(kinds)))
    assert result["samples"] > 5
    assert VALUE not in json.dumps(result)


# -- the engine and the journal -------------------------------------------------------------------

DOCKER = """#!/bin/sh
case "$*" in
  info*) echo active ;;
  "service ps"*) echo task1 ;;
  "container ls"*) echo gone; [ -e "{folder}/again" ] && echo box; touch "{folder}/again" ;;
  "container inspect gone") exit 1 ;;
  *ls*json) echo '{{"Name": "{listed}"}}' ;;
  *ls*) echo one ;;
  "inspect --type task task1") echo '[{{"Spec": {{"Env": ["KEY={value}"]}}}}]' ;;
  "config inspect one") echo '[{{"Data": "{coded}"}}]' ;;
  *inspect*) echo '[]' ;;
esac
"""
JOURNALCTL = """#!/bin/sh
[ "$5" = --since=@7 ] && printf '_CMDLINE=prog --password=%s\\n' '{value}'
"""


def test_the_engine_and_the_journal_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of thing and its tasks; one that has gone meanwhile is no fault."""
    plain = "Plain-value_of-32~characters.-_x"  # nothing that a shell reads
    coded = base64.b64encode(f"password: {plain}".encode()).decode()
    fill = {"value": plain, "coded": coded, "folder": tmp_path, "listed": f"config-{plain}"}
    for name, text in (("docker", DOCKER), ("journalctl", JOURNALCTL)):
        (tmp_path / name).write_text(text.format(**fill))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    places = [searcher.JOURNAL, searcher.INSPECT, searcher.LISTED]
    search = Search(Plan(texts=wire({"shop/KEY": plain}), roots=[], since=7, places=places))
    search.run()
    found = {(hit["place"], hit["where"]) for hit in search.hits}
    listed = {(searcher.LISTED, kind) for kind in (*searcher.SWARM, "stack")}
    assert found == {(searcher.JOURNAL, "journal"), (searcher.INSPECT, "task"), (searcher.INSPECT, "config")} | listed
    assert search.searched[searcher.INSPECT]["things"] == len(searcher.LOCAL) + len(searcher.SWARM) + 1


def test_sampler_tells_machines_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words on two machines are two leaks, and one that stays is told once."""
    commands = {"7": VALUE.encode(), "8": VALUE.encode(), "9": b"clean"}
    files = {f"/proc/{process}/cmdline": words for process, words in commands.items()}
    files |= {f"/proc/{process}/cgroup": f"0::/docker/{process * 64}/init".encode() for process in commands}
    monkeypatch.setattr(sampler, "read", lambda path: files.get(path, b""))
    found = sampler.Sampler(TEXTS, own=1)
    for process in [*commands, *commands]:
        found.see(process, "cmdline")
    assert [hit["container"] for hit in found.hits] == ["7" * 64, "8" * 64]
    assert found.result()["commands"] == 1
