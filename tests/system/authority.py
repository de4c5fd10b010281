# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's certificate authority (pebble on harbour) as the drills want it, and what the edges then show."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from tests.system.drills.test_served import ADDRESSES
from tests.system.lab import Lab
from tests.system.releases import HOSTS

UNIT = "harbour-acme.service"
TIMER, SERVICE = "seaworthy-certs.timer", "seaworthy-certs.service"
DROP_IN = f"/etc/systemd/system/{TIMER}.d"
OFTEN = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/20\nRandomizedDelaySec=0\nFixedRandomDelay=false\nAccuracySec=1s\n"
START_SECONDS = 30
SHOWN = """
import hashlib, json, socket, ssl, sys
name, shown = sys.argv[1], {}
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for address in sys.argv[2:]:
    try:
        with socket.create_connection((address, 443), 5) as plain:
            with context.wrap_socket(plain, server_hostname=name) as tls:
                shown[address] = hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()
    except OSError as error:
        shown[address] = str(error)
print(json.dumps(shown))
"""


class Authority:
    """pebble makes a new root at each start: what it has issued before stays good only for who knows the old one."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._path = lab.state / "harbour/pebble.json"
        self._text = self._path.read_text()
        self._roots = lab.state / "pebble-root.pem"
        self.restarted = False

    def restart(self, **settings: Any) -> None:
        """With other settings; clients of the lab trust all of its roots so far."""
        raw = json.loads(self._text)
        raw["pebble"].update(settings)
        self._path.write_text(json.dumps(raw))
        self.restarted = True
        self._lab.harbour("systemctl", "restart", UNIT).require_success()
        self._roots.write_text(self._roots.read_text() + self._root())

    def stop(self) -> None:
        self._lab.harbour("systemctl", "stop", UNIT).require_success()

    def restore(self) -> None:
        """As it was, with one root; every name gets its certificate from there."""
        if not self.restarted:
            return
        self.restart()
        self._path.write_text(self._text)
        for name in names(self._lab):
            self._lab.on("m1", "seaworthy", "certs", "--force", name, timeout=300).require_success()
        self._roots.write_text(self._root())

    def _root(self) -> str:
        words = ("curl", "--silent", "--show-error", "--fail", "--cacert", "/etc/harbour/outside-ca.pem")
        end = time.monotonic() + START_SECONDS
        while True:
            asked = self._lab.harbour(*words, "https://acme.lab.test:15000/roots/0")
            if asked.returncode == 0:
                return asked.output
            assert time.monotonic() < end, f"pebble does not answer: {asked.output}"
            time.sleep(0.5)


def names(lab: Lab) -> list[str]:
    """The names that have certificates."""
    settings = lab.on("m1", "cat", "/etc/seaworthy/certs.json").require_success().output
    found: list[str] = json.loads(settings)["names"]
    return found


def shown(lab: Lab, name: str, addresses: list[str] = ADDRESSES) -> dict[str, str]:
    """The certificate that each address shows for a name (SHA-256), or why none."""
    found: dict[str, str] = json.loads(lab.harbour("python3", "-c", SHOWN, name, *addresses).require_success().output)
    return found


@dataclass(frozen=True)
class Replaced:
    """A certificate was replaced, as an operator does it, and what came of it."""

    code: int
    output: str
    before: dict[str, str]
    after: dict[str, str]

    @property
    def fingerprint(self) -> str:
        return next(iter(self.after.values()))

    def faults(self) -> list[str]:
        """Everything that is not as it must be."""
        found = []
        if self.code:
            found.append(f"the issuer ended with {self.code}: {self.output[-1000:]}")
        if len(set(self.after.values())) != 1:
            found.append(f"the edges show different certificates: {self.after}")
        if old := [address for address, fingerprint in self.after.items() if fingerprint == self.before[address]]:
            found.append(f"{', '.join(old)} still show the old certificate")
        return found


def replace(lab: Lab, host: str, name: str) -> Replaced:
    """A new certificate for a name, ordered on a host."""
    before = shown(lab, name)
    done = lab.on(host, "seaworthy", "certs", "--force", name, timeout=300)
    return Replaced(done.returncode, done.output, before, shown(lab, name))


def forget(lab: Lab, name: str) -> None:
    """No manager has a certificate from an earlier order, which it would use first while that is good."""
    for host in HOSTS:
        script = f"rm -f /var/lib/seaworthy/certs/*/certificates/{name}.*"
        lab.on(host, "sh", "-c", script).require_success()


# -- timers ---------------------------------------------------------------------------------------


def renew_never(lab: Lab) -> None:
    """Nobody renews by itself."""
    for host in HOSTS:
        lab.on(host, "systemctl", "stop", TIMER).require_success()


def renew_often(lab: Lab, *hosts: str) -> None:
    """Each of these managers looks three times a minute, as it does each hour else."""
    for host in hosts:
        script = f'mkdir -p {DROP_IN} && printf "%s" "$0" > {DROP_IN}/drill.conf'
        lab.on(host, "sh", "-c", script, OFTEN).require_success()
        lab.on(host, "systemctl", "daemon-reload").require_success()
        lab.on(host, "systemctl", "restart", TIMER).require_success()


def renew_as_ever(lab: Lab) -> None:
    """The timers as the role has made them."""
    for host in HOSTS:
        lab.on(host, "rm", "-rf", DROP_IN).require_success()
        lab.on(host, "systemctl", "daemon-reload").require_success()
        lab.on(host, "systemctl", "restart", TIMER).require_success()
