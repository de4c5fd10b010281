# SPDX-License-Identifier: GPL-3.0-or-later
"""How certificates are ordered: what lego gets, what its files and words become."""

from __future__ import annotations

import http.server
import pathlib
import ssl
import threading
import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _acme, _certs, _process
from ansible_collections.seaworthy.swarm.plugins.module_utils._certs_issuer import AuthorityFailure
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from tests.unit.plugins.certs_world import DAY, KEY, SETTINGS

LEGO = """#!/bin/sh
echo "$@" > {folder}/arguments
echo "$LEGO_CA_CERTIFICATES $EXEC_PATH $DNS_HOOK_SECRET_FILE" > {folder}/environment
{action}
"""


def make_pair(folder: pathlib.Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "9",
    ]
    command += ["-days", "9", "-subj", "/", "-addext", f"subjectAltName=DNS:{name}"]
    files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
    assert _process.run([*command, *files]).returncode == 0


@pytest.fixture
def lego(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> _acme.Lego:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "account.key").write_text(KEY)
    settings = _certs.Settings.parse(SETTINGS | {"directory": "https://acme.example.com:14000/dir", "ca_file": "/ca"})
    return _acme.Lego(settings, tmp_path / "store", tmp_path / "account.key")


def fake_lego(tmp_path: pathlib.Path, action: str) -> None:
    (tmp_path / "lego").write_text(LEGO.format(folder=tmp_path, action=action))
    (tmp_path / "lego").chmod(0o755)


def test_an_order(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    fake_lego(tmp_path, "exit 0")
    folder = tmp_path / "store" / "acme.example.com_14000"
    make_pair(folder / "certificates", "a.example.com")
    found = lego.order("a.example.com", lambda: None)
    assert found.names == ("a.example.com",)
    assert found.not_after - found.not_before == 9 * DAY
    assert lego.stored("a.example.com") == found
    account = folder / "accounts/acme.example.com_14000/ops@example.com/keys/ops@example.com.key"
    assert (account.read_text(), account.stat().st_mode & 0o777) == (KEY, 0o600)
    arguments = (tmp_path / "arguments").read_text()
    assert "--domains a.example.com --http --http.webroot" in arguments
    assert arguments.strip().endswith(" run")
    assert (tmp_path / "environment").read_text() == "/ca  \n"
    assert (tmp_path / "store" / "webroot").is_dir()


def test_a_refused_order(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    fake_lego(tmp_path, "echo 'urn:ietf:params:acme:error:rateLimited' >&2; exit 1")
    with pytest.raises(SeaworthyError, match="rateLimited"):
        lego.order("a.example.com", lambda: None)
    assert lego.stored("a.example.com") is None


def test_key_and_certificate_that_do_not_belong_together(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    fake_lego(tmp_path, "exit 0")
    folder = tmp_path / "store" / "acme.example.com_14000" / "certificates"
    make_pair(folder, "a.example.com")
    make_pair(folder, "b.example.com")
    (folder / "b.example.com.key").replace(folder / "a.example.com.key")
    with pytest.raises(SeaworthyError, match="do not belong together"):
        lego.order("a.example.com", lambda: None)
    assert lego.stored("a.example.com") is None


WILD = {"names": ["*.example.com"], "dns_hook": True, "dns_resolvers": ["192.0.2.53:53", "192.0.2.54:53"]}


@pytest.mark.parametrize("wait", [True, False])
def test_a_wildcard(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, wait: bool) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(_acme, "DNS_HOOK_SECRET", tmp_path / "secret")
    (tmp_path / "secret").write_text("token")
    (tmp_path / "account.key").write_text(KEY)
    settings = _certs.Settings.parse(SETTINGS | WILD | {"dns_propagation_check": wait})
    wild = _acme.Lego(settings, tmp_path / "store", tmp_path / "account.key")
    fake_lego(tmp_path, "exit 0")
    folder = tmp_path / "store" / "acme.example.com" / "certificates"
    make_pair(folder, "*.example.com")
    for suffix in ("key", "crt"):
        (folder / f"*.example.com.{suffix}").replace(folder / f"_.example.com.{suffix}")  # as lego calls it
    assert wild.order("*.example.com", lambda: None).names == ("*.example.com",)
    resolvers = "--dns.resolvers 192.0.2.53:53 --dns.resolvers 192.0.2.54:53"
    expected = f"--domains *.example.com --dns exec {resolvers} {'' if wait else '--dns.disable-cp '}run"
    assert expected in (tmp_path / "arguments").read_text()
    assert (tmp_path / "environment").read_text() == f" /etc/seaworthy/dns_hook {tmp_path}/secret\n"
    assert "token" not in (tmp_path / "arguments").read_text()


def test_what_a_hook_says_is_not_repeated(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    """The reason of a failure goes into labels and logs."""
    fake_lego(tmp_path, "printf 'token 1234\\nCould not obtain certificates:\\n\\t[a] exit status 1' >&2; exit 1")
    with pytest.raises(SeaworthyError, match="exit status 1") as error:
        lego.order("a.example.com", lambda: None)
    assert "1234" not in str(error.value)


def test_an_order_registers_again(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    """An authority that lost the account (pebble, restarted) would refuse it for ever otherwise."""
    fake_lego(tmp_path, "exit 1")
    account = tmp_path / "store/acme.example.com_14000/accounts/acme.example.com_14000/ops@example.com/account.json"
    account.parent.mkdir(parents=True)
    account.write_text("{}")
    with pytest.raises(SeaworthyError):
        lego.order("a.example.com", lambda: None)
    assert not account.exists()


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("acme: error: 500 :: POST :: urn:ietf:params:acme:error:serverInternal :: sorry", True),
        ("dial tcp 192.0.2.1:14000: connect: connection refused", True),
        ("acme: error: 403 :: urn:ietf:params:acme:error:unauthorized :: invalid response", False),
        ("acme: error: 429 :: urn:ietf:params:acme:error:rateLimited :: too many", False),
        (
            "acme: error: 400 :: urn:ietf:params:acme:error:connection :: 192.0.2.11: Fetching: Connection refused",
            False,
        ),
        (
            "acme: error: 400 :: urn:ietf:params:acme:error:connection :: Get: dial tcp 192.0.2.11: refused",
            False,
        ),
    ],
)
def test_whose_fault_it_is(tmp_path: pathlib.Path, lego: _acme.Lego, words: str, fault: bool) -> None:
    fake_lego(tmp_path, f"echo '{words}' >&2; exit 1")
    with pytest.raises(SeaworthyError) as error:
        lego.order("a.example.com", lambda: None)
    assert isinstance(error.value, AuthorityFailure) is fault


def test_who_waits_for_an_order_may_end_it(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    class Lost(SeaworthyError):
        """The lease is lost."""

    def lose() -> None:
        raise Lost("gone")

    fake_lego(tmp_path, "exec sleep 60")
    with pytest.raises(Lost):
        lego.order("a.example.com", lose)


# -- the directory


class Directory(http.server.BaseHTTPRequestHandler):
    """An ACME directory that can be ill."""

    code = 200
    body = b'{"newOrder": "https://localhost/order"}'

    def do_GET(self) -> None:
        self.send_response(self.code)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: t.Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[_acme.Lego]:
    folder = tmp_path_factory.mktemp("directory")
    make_pair(folder, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "localhost.crt", folder / "localhost.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Directory)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"https://localhost:{server.server_port}/dir"
    changes = {"directory": url, "ca_file": str(folder / "localhost.crt")}
    yield _acme.Lego(_certs.Settings.parse(SETTINGS | changes), folder, folder / "account.key")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_directory_that_answers(directory: _acme.Lego) -> None:
    directory.check()


@pytest.mark.parametrize(
    ("code", "body", "reason"), [(503, b"", "503"), (200, b"<html>", "no ACME"), (200, b"[]", "no ACME")]
)
def test_an_ill_directory(
    directory: _acme.Lego, monkeypatch: pytest.MonkeyPatch, code: int, body: bytes, reason: str
) -> None:
    monkeypatch.setattr(Directory, "code", code)
    monkeypatch.setattr(Directory, "body", body)
    with pytest.raises(AuthorityFailure, match=reason):
        directory.check()


def test_no_directory() -> None:
    changes = {"directory": "https://127.0.0.1:9/dir"}
    with pytest.raises(AuthorityFailure, match="nothing was ordered"):
        _acme.Lego(_certs.Settings.parse(SETTINGS | changes)).check()
