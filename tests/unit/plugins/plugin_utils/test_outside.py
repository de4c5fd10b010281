# SPDX-License-Identifier: GPL-3.0-or-later
"""The check from outside, against a server of the test and against made-up edges."""

from __future__ import annotations

import dataclasses
import errno
import pathlib
import socket
import ssl
import threading
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _process
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from ansible_collections.seaworthy.swarm.plugins.plugin_utils import _outside
from tests.unit.plugins.fakes import FakeClock

A, WILD = "a.example.com", "*.example.com"
NOW = 1_000_000_000.0
DAY = 86400.0
GOOD = _outside.Shown("f" * 64, NOW - 30 * DAY, NOW + 60 * DAY)


class Edges:
    """What each address shows."""

    def __init__(self, **changes: t.Any) -> None:
        self.shown: dict[str, t.Any] = {"192.0.2.1": GOOD, "2001:db8::1": GOOD}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, address: str, name: str) -> _outside.Shown:
        self.asked.append((address, name))
        found = self.shown[address]
        if isinstance(found, Exception):
            raise found
        return t.cast(_outside.Shown, found)

    def look(self, *names: str, alarm_days: float | None = None) -> _outside.Seen:
        return _outside.look(self, names or (A,), list(self.shown), alarm_days, NOW)


def test_all_is_well() -> None:
    edges = Edges()
    seen = edges.look(A, WILD)
    assert (seen.problems, seen.notes) == ((), ())
    assert set(edges.asked) == {
        (address, name) for address in edges.shown for name in (A, "seaworthy-check.example.com")
    }


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        (dataclasses.replace(GOOD, fingerprint="e" * 64), "do not show the same certificate"),
        (ConnectionRefusedError("refused"), "192.0.2.1 does not serve a.example.com: refused"),
        (TimeoutError("timed out"), "timed out"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "No route to host"),
    ],
)
def test_one_address_differs(shown: object, problem: str) -> None:
    edges = Edges()
    edges.shown["192.0.2.1"] = shown
    (found,) = edges.look().problems
    assert problem in found


@pytest.mark.parametrize(("left", "alarm", "wrong"), [(16, None, False), (14, None, True), (8, 7, False), (6, 7, True)])
def test_near_its_end(left: float, alarm: float | None, wrong: bool) -> None:
    edges = Edges()
    ending = dataclasses.replace(GOOD, not_before=NOW - (90 - left) * DAY, not_after=NOW + left * DAY)
    edges.shown = dict.fromkeys(edges.shown, ending)
    problems = edges.look(alarm_days=alarm).problems
    assert len(problems) == int(wrong)
    assert not wrong or "more days only" in problems[0]


def test_a_machine_without_ipv6_says_so() -> None:
    edges = Edges()
    edges.shown["2001:db8::1"] = _outside.NoRoute()
    seen = edges.look()
    assert (seen.problems, len(seen.notes)) == ((), 1)
    edges.shown["192.0.2.1"] = _outside.NoRoute()
    assert "reaches no address" in edges.look().problems[0]


def test_a_rotation_has_a_moment() -> None:
    edges, clock = Edges(), FakeClock()
    edges.shown["192.0.2.1"] = dataclasses.replace(GOOD, fingerprint="e" * 64)
    clock.after(5, lambda: edges.shown.update({"192.0.2.1": GOOD}))
    assert _outside.watch(edges.look, clock, 20).problems == ()
    edges.shown["192.0.2.1"] = dataclasses.replace(GOOD, fingerprint="e" * 64)
    assert _outside.watch(edges.look, clock, 20).problems


# -- a real handshake


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[tuple[int, str]]:
    """A server with a certificate for a.example.com; its port and its CA."""
    folder = tmp_path_factory.mktemp("outside")
    key, crt = str(folder / "key.pem"), str(folder / "crt.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "9", "-subj", "/", "-addext", f"subjectAltName=DNS:{A}", "-keyout", key, "-out", crt]
    assert _process.run(command).returncode == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _address = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], crt
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_chain_and_name_that_a_client_accepts(server: tuple[int, str]) -> None:
    port, ca_file = server
    shown = _outside.tls_client(ca_file, port, 5)("127.0.0.1", A)
    assert len(shown.fingerprint) == 64
    assert shown.not_after - shown.not_before == 9 * DAY


@pytest.mark.parametrize(("trusted", "name"), [(True, "b.example.com"), (False, A)])
def test_what_a_client_refuses(server: tuple[int, str], trusted: bool, name: str) -> None:
    port, ca_file = server
    client = _outside.tls_client(ca_file if trusted else None, port, 5)
    (problem,) = _outside.look(client, [name], ["127.0.0.1"], None, NOW).problems
    assert problem.startswith(f"127.0.0.1 does not serve {name}: ")


def test_an_address_without_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_arguments: object) -> t.NoReturn:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    with pytest.raises(_outside.NoRoute):
        _outside.tls_client(None, 443, 5)("2001:db8::1", A)


def test_a_missing_ca_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="certificates_client_ca_file"):
        _outside.tls_client(str(tmp_path / "none.pem"), 443, 5)
