# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""How certificates are ordered: lego (the ACME client of Debian), OpenSSL and the resolver."""

from __future__ import annotations

import collections.abc as c
import datetime
import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import urllib.parse

from . import _process
from ._certs import WILDCARD, Certificate, Settings
from ._certs_issuer import AuthorityFailure
from ._certs_writer import file_name
from ._errors import DeadlineExceeded, SeaworthyError

ACCOUNT_KEY = pathlib.Path("/etc/seaworthy/acme_account.key")
DNS_HOOK = pathlib.Path("/etc/seaworthy/dns_hook")
DNS_HOOK_SECRET = pathlib.Path("/etc/seaworthy/dns_hook_secret")
STORE = pathlib.Path("/var/lib/seaworthy/certs")
ORDER_SECONDS = 300
DIRECTORY_SECONDS = 15.0

ERROR_TYPE = re.compile(r"urn:ietf:params:acme:error:(\w+)")  # RFC 8555, 6.7
SERVER_ERROR = re.compile(r"acme: error: 5\d\d")
NOT_REACHED = re.compile(r"could not create client|dial tcp|Client\.Timeout")


class Lego:
    """Orders. HTTP challenges are answered by others, without state (service edge_acme); wildcards go by DNS hook."""

    def __init__(
        self, settings: Settings, store: pathlib.Path = STORE, account_key: pathlib.Path = ACCOUNT_KEY
    ) -> None:
        server = urllib.parse.urlsplit(settings.directory).netloc.replace(":", "_")
        self._settings = settings
        self._account_key = account_key
        self._folder = store / server  # one for each authority: their certificates and accounts do not mix
        self._account = self._folder / "accounts" / server / settings.email
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

    def check(self) -> None:
        """Its directory counts in no rate limit, so it is asked before each order."""
        url = urllib.parse.urlsplit(self._settings.directory)
        context = ssl.create_default_context(cafile=self._settings.ca_file)
        connection = http.client.HTTPSConnection(url.netloc, timeout=DIRECTORY_SECONDS, context=context)
        try:
            connection.request("GET", url.path or "/")
            answer = connection.getresponse()
            reason = f"it answered {answer.status}" if answer.status != 200 else _not_a_directory(answer.read())
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        finally:
            connection.close()
        if reason:
            raise AuthorityFailure(
                f"the certificate authority does not work, nothing was ordered: {self._settings.directory}: {reason}",
                remedy="The next run tries again. Can this host reach it?",
            )

    def order(self, name: str, progress: c.Callable[[], None]) -> Certificate:
        self._prepare()
        settings = self._settings
        command = ["lego", "--path", str(self._folder), "--server", settings.directory, "--email", settings.email]
        command += ["--accept-tos", "--domains", name, *self._challenge(name), "run"]
        try:
            done = _process.run(command, env=self._environment(), seconds=ORDER_SECONDS, progress=progress)
        except DeadlineExceeded as error:
            raise AuthorityFailure(f"the order for {name} did not end: {error.message}") from error
        if done.returncode != 0:
            kind = AuthorityFailure if _is_its_own_fault(done.stderr) else SeaworthyError
            raise kind(f"{settings.directory} gave no certificate for {name}: {_last_words(done.stderr)}")
        return self._read(name)

    def _challenge(self, name: str) -> list[str]:
        if not name.startswith(WILDCARD):
            return ["--http", "--http.webroot", str(self._webroot)]
        words = ["--dns", "exec"]
        for resolver in self._settings.dns_resolvers:
            words += ["--dns.resolvers", resolver]
        return words if self._settings.dns_propagation_check else [*words, "--dns.disable-cp"]

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        if self._settings.ca_file:
            environment["LEGO_CA_CERTIFICATES"] = self._settings.ca_file
        if self._settings.dns_hook:
            environment["EXEC_PATH"] = str(DNS_HOOK)
        if self._settings.dns_hook and DNS_HOOK_SECRET.exists():
            environment["DNS_HOOK_SECRET_FILE"] = str(DNS_HOOK_SECRET)
        return environment

    def _prepare(self) -> None:
        """The account's key where lego looks for it. It registers again each time: the same key, the same account."""
        account = self._account / "keys" / f"{self._settings.email}.key"
        for folder in (account.parent, self._webroot):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = self._account_key.read_bytes()
        if not account.exists() or account.read_bytes() != key:
            account.unlink(missing_ok=True)
            account.touch(mode=0o600)
            account.write_bytes(key)
        (self._account / "account.json").unlink(missing_ok=True)  # or an authority that lost it would refuse for ever

    def _read(self, name: str) -> Certificate:
        chain, key = (self._folder / "certificates" / f"{file_name(name)}.{suffix}" for suffix in ("crt", "key"))
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
        except ssl.SSLError as error:
            raise SeaworthyError(f"{chain} and {key} do not belong together: {error}") from error
        return describe(chain.read_text(), key.read_text())


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


def _is_its_own_fault(said: str) -> bool:
    """Did the authority fail, and not the name? An error of a validation may quote anything, so its type goes first."""
    types = ERROR_TYPE.findall(said)
    if SERVER_ERROR.search(said) or "serverInternal" in types:
        return True
    return not types and bool(NOT_REACHED.search(said))


def _not_a_directory(raw: bytes) -> str:
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    return "" if isinstance(found, dict) and "newOrder" in found else "its answer is no ACME directory"


def _moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _last_words(text: str) -> str:
    """Its verdict. What a DNS hook said comes before it, and may hold a secret of the team."""
    verdict = text[max(0, text.rfind("Could not obtain")) :]
    return " ".join(verdict.strip().splitlines()[-3:]) or "it said nothing"
