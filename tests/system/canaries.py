# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of the lab as something to search for, and the few places where they may be.

Each secret of the lab is a random value of its own, so it is its own canary: whoever finds it has found a leak.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SHORTEST = 16  # characters: less is found by accident
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", re.DOTALL)
HOSTS, CONTROLLER = "m1|m2|m3", "controller"

Hit = dict[str, Any]  # machine, place, name, and what the searcher knows: path, mode, process


def parts(value: str) -> list[str]:
    """What of a secret is searched for: of a key each of its lines but the last, which has its public half."""
    keys = [key.splitlines() for key in PRIVATE_KEY.findall(value)]
    lines = [line for key in keys for line in key[:-1] or key] if keys else value.splitlines()
    return [line for line in lines if len(line) >= SHORTEST]


def forms(part: str) -> set[bytes]:
    """How a text may look where somebody has put it: as it is, or inside of something that was encoded."""
    raw = part.encode()
    found = {raw, urllib.parse.quote(part, safe="").encode(), json.dumps(part)[1:-1].encode(), raw.hex().encode()}
    for offset in range(3):  # where it begins in what was encoded decides how it looks in Base64
        first, last = (8 * offset + 5) // 6, 8 * (offset + len(raw)) // 6
        inside = base64.b64encode(b"\0" * offset + raw)[first:last]
        found |= {inside, inside.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def wire(secrets: Mapping[str, str]) -> dict[str, list[str]]:
    """All forms of all secrets by name, as the searchers take them."""
    found = {}
    for name, value in secrets.items():
        if not parts(value):
            message = f"the secret {name} is too short to be searched for"
            raise ValueError(message)
        found[name] = sorted(form.decode() for part in parts(value) for form in forms(part))
    return found


@dataclass(frozen=True)
class Home:
    """A place where secrets must be. All patterns must match as a whole; a file there must be its owner's alone."""

    machines: str
    where: str
    names: str
    reason: str

    def holds(self, hit: Hit) -> bool:
        """Whether what was found is at home here."""
        matches = ((self.machines, hit["machine"]), (self.where, hit["where"]), (self.names, hit["name"]))
        return all(re.fullmatch(pattern, text) for pattern, text in matches) and not hit.get("mode", 0) & 0o077


HOMES = (
    Home(CONTROLLER, r".*/seaworthy/lab/vault_password", "vault_password", "opens the vault"),
    Home(HOSTS, r"/root/\.docker/config\.json", "registry_pull_password", "the engine pulls with it"),
    Home(HOSTS, r"/etc/seaworthy/acme_account\.key", "acme_account_key", "any manager may order certificates"),
    Home(
        HOSTS,
        r"/var/lib/seaworthy/certs/.*\.key",
        r"acme_account_key|certificate .*",
        "where lego wants the account's key and puts the keys of certificates",
    ),
    Home(HOSTS, r"/etc/seaworthy/pki/.*\.key", r"internal .*", "the host's key, and that of the internal entrypoint"),
    Home(
        HOSTS,
        r"/var/lib/docker/swarm/worker/tasks\.db",
        "registry_pull_password",
        "the engine keeps the login of an image with each task that may have to pull it again",
    ),
    Home(
        HOSTS,
        r"environment of an application's process",
        r"node-api/JWT_SECRET",
        "its application's file says `as: env`",
    ),
)


def strays(hits: Iterable[Hit], homes: Iterable[Home] = HOMES) -> list[Hit]:
    """What was found where it must not be."""
    return [hit for hit in hits if not any(home.holds(hit) for home in homes)]


def told(hit: Hit) -> str:
    """One line about a hit; it never has the value."""
    mode = f" (mode {hit['mode']:04o})" if "mode" in hit else ""
    return f"{hit['machine']}, {hit['place']}: {hit['name']} in {hit['where']}{mode}"
