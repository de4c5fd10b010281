# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""What the issuer of certificates asks the world: lego, OpenSSL, the resolver, and the edges' handshakes."""

from __future__ import annotations

import collections.abc as c
import datetime
import fcntl
import hashlib
import http.client
import json
import os
import pathlib
import re
import secrets
import socket
import ssl
import urllib.parse

from . import _process
from ._certs import Certificate, Edge, Issuer, Settings
from ._clock import SystemClock
from ._cluster import Cluster
from ._errors import EdgeError, InputError, SeaworthyError

ACCOUNT_KEY = pathlib.Path("/etc/seaworthy/acme_account.key")
SETTINGS = pathlib.Path("/etc/seaworthy/certs.json")
RESULT = pathlib.Path("/run/seaworthy/certs.json")
LOCK = pathlib.Path("/run/seaworthy/certs.lock")
STORE = pathlib.Path("/var/lib/seaworthy/certs")
ORDER_SECONDS = 300
HANDSHAKE_SECONDS = 3.0
PORT = 443


class Lego:
    """The ACME client of Debian. Challenges are answered by others, without state (service edge_acme)."""

    def __init__(
        self, settings: Settings, store: pathlib.Path = STORE, account_key: pathlib.Path = ACCOUNT_KEY
    ) -> None:
        server = urllib.parse.urlsplit(settings.directory).netloc.replace(":", "_")
        self._settings = settings
        self._account_key = account_key
        self._folder = store / server  # one for each authority: their certificates and accounts do not mix
        self._account = self._folder / "accounts" / server / settings.email / "keys" / f"{settings.email}.key"
        self._webroot = store / "webroot"  # lego writes the tokens there, where nobody reads them

    def resolve(self, name: str) -> set[str]:
        try:
            return {str(item[4][0]) for item in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)}
        except socket.gaierror:
            return set()

    def stored(self, name: str) -> Certificate | None:
        """What the last order brought; None when there is nothing to use."""
        try:
            return self._read(name)
        except (OSError, SeaworthyError):
            return None

    def order(self, name: str) -> Certificate:
        self._prepare()
        settings = self._settings
        command = ["lego", "--path", str(self._folder), "--server", settings.directory, "--email", settings.email]
        command += ["--accept-tos", "--domains", name, "--http", "--http.webroot", str(self._webroot), "run"]
        environment = dict(os.environ)
        if settings.ca_file:
            environment["LEGO_CA_CERTIFICATES"] = settings.ca_file
        done = _process.run(command, env=environment, seconds=ORDER_SECONDS)
        if done.returncode != 0:
            raise SeaworthyError(f"{settings.directory} gave no certificate for {name}: {_last_words(done.stderr)}")
        return self._read(name)

    def _prepare(self) -> None:
        for folder in (self._account.parent, self._webroot):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = self._account_key.read_bytes()
        if not self._account.exists() or self._account.read_bytes() != key:
            self._account.unlink(missing_ok=True)
            self._account.touch(mode=0o600)
            self._account.write_bytes(key)

    def _read(self, name: str) -> Certificate:
        chain, key = (self._folder / "certificates" / f"{name}.{suffix}" for suffix in ("crt", "key"))
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
        except ssl.SSLError as error:
            raise SeaworthyError(f"{chain} and {key} do not belong together: {error}") from error
        return describe(chain.read_text(), key.read_text())


class TlsHandshakes:
    """What the edges show, with no trust in it: the caller compares."""

    def fingerprint(self, edge: Edge, name: str) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with (
                socket.create_connection((edge.address, PORT), HANDSHAKE_SECONDS) as plain,
                context.wrap_socket(plain, server_hostname=name) as tls,
            ):
                shown = tls.getpeercert(binary_form=True)
        except OSError as error:
            raise EdgeError(f"edge {edge.name} ({edge.address}) shows no certificate for {name}: {error}") from error
        return hashlib.sha256(shown or b"").hexdigest()

    def answers(self, edge: Edge, name: str) -> bool:
        """Ask for a token of our own: whoever answers challenges answers this one too."""
        token = secrets.token_hex(16)
        connection = http.client.HTTPConnection(edge.address, timeout=HANDSHAKE_SECONDS)
        try:
            connection.request("GET", f"/.well-known/acme-challenge/{token}", headers={"Host": name})
            answer = connection.getresponse()
            return answer.status == 200 and answer.read().startswith(f"{token}.".encode())
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def run_issuer(force: c.Collection[str], emit: c.Callable[[str], None]) -> int:
    """The whole run that the timer starts, alone. Why it failed is left in a file for whoever started it."""
    if not SETTINGS.exists():
        raise InputError(
            "this host is not the issuer of certificates",
            found=f"no file {SETTINGS}",
            remedy="Run the command on the first manager.",
        )
    RESULT.parent.mkdir(mode=0o700, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        RESULT.unlink(missing_ok=True)
        reasons: list[str] = []
        try:
            issuer = new_issuer(Settings.parse(json.loads(SETTINGS.read_text())), Cluster(), emit)
            reasons += issuer.run(force).values()
        except SeaworthyError as error:
            emit(str(error))
            reasons.append(str(error))
        RESULT.write_text(json.dumps(reasons))
    return 1 if reasons else 0


def new_issuer(settings: Settings, cluster: Cluster, emit: c.Callable[[str], None]) -> Issuer:
    """With the real world around it."""
    return Issuer(
        settings,
        cluster=cluster,
        authority=Lego(settings),
        handshakes=TlsHandshakes(),
        clock=SystemClock(),
        emit=emit,
    )


def describe(chain: str, key: str) -> Certificate:
    """Ask OpenSSL what a certificate says."""
    command = ["openssl", "x509", "-noout", "-serial", "-startdate", "-enddate", "-dateopt", "iso_8601"]
    done = _process.run([*command, "-ext", "subjectAltName"], data=chain, seconds=30)
    if done.returncode != 0:
        raise SeaworthyError(f"OpenSSL cannot read the certificate: {_last_words(done.stderr)}")
    said = dict(re.findall(r"^(serial|notBefore|notAfter)=(.+)$", done.stdout, re.MULTILINE))
    return Certificate(
        chain=chain,
        key=key,
        names=tuple(re.findall(r"DNS:([^,\s]+)", done.stdout)),
        not_before=_moment(said["notBefore"]),
        not_after=_moment(said["notAfter"]),
        serial=said["serial"],
    )


def _moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _last_words(text: str) -> str:
    return " ".join(text.strip().splitlines()[-3:]) or "it said nothing"
