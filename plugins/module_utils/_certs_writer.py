# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The certificates that every edge gets: secrets of the service that writes Traefik's fragments (role traefik).

Their labels say what they are, so the swarm is the only record. Only who has the lease of certificates changes the
list of secrets (`_orders`).
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import hashlib

from . import _objects
from ._certs import Certificate, blocks
from ._clock import Clock
from ._cluster import Cluster, Json
from ._errors import Conflict, SeaworthyError

SERVICE = "edge_certs"
NAME_LABEL = "seaworthy.certificate"  # the others are this one plus .directory, .not_before, ...
ROLE_LABELS = {"seaworthy.platform": "certificates"}
MAX_NAME = 42  # so that cert-<name>-<16 digits> fits into a secret's name of 64 characters
ATTEMPTS = 10
POLL = 0.5
SETTLE_SECONDS = 120


@dataclasses.dataclass(frozen=True)
class Served:
    """A certificate that the writer has, read from its secret's labels."""

    name: str
    secret: str
    fingerprint: str
    directory: str
    not_before: float
    not_after: float


def served(cluster: Cluster) -> dict[str, Served]:
    """By name, what the writer has."""
    service = _objects.find_service(cluster, SERVICE)
    if service is None:
        return {}
    attached = {item["SecretName"] for item in _references(service["Spec"])}
    secrets = cluster.secrets({"label": [NAME_LABEL]})
    found = [_served(item) for item in secrets if item["Spec"]["Name"] in attached]
    return {item.name: item for item in found}


class Writer:
    """Puts certificates into the service, and takes out what nobody wants any more."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock

    def create(self, name: str, certificate: Certificate, directory: str) -> str:
        """The secret of a certificate, and its name. A fragment that Traefik could not read never becomes one."""
        data = fragment(certificate)
        full = secret_name(name, certificate.serial)
        labels = {
            **ROLE_LABELS,
            NAME_LABEL: name,
            f"{NAME_LABEL}.directory": directory,
            f"{NAME_LABEL}.fingerprint": certificate.fingerprint,
            f"{NAME_LABEL}.not_before": f"{certificate.not_before:.0f}",
            f"{NAME_LABEL}.not_after": f"{certificate.not_after:.0f}",
        }
        with contextlib.suppress(Conflict):  # an earlier run came as far as this
            self._cluster.create_secret(full, data.encode(), labels)
        return full

    def attach(self, new: c.Mapping[str, str], wanted: c.Collection[str]) -> bool:
        """Bring new secrets (by name) to every edge; names that are not wanted go when their certificate has ended."""
        now = self._clock.time()
        present = served(self._cluster).values()
        expired = [item.name for item in present if item.name not in wanted and item.not_after < now]
        if not (new or expired):
            return False
        self._swap(new, {target_name(name) for name in (*new, *expired)})
        _objects.wait_until_settled(self._cluster, self._clock, SERVICE, SETTLE_SECONDS)
        return True

    def remove_unused(self) -> None:
        """Secrets that neither the service nor its way back needs."""
        service = self._cluster.service(SERVICE)
        used = {
            item["SecretName"] for spec in (service["Spec"], service.get("PreviousSpec")) for item in _references(spec)
        }
        for item in self._cluster.secrets({"label": [NAME_LABEL]}):
            if item["Spec"]["Name"] not in used:
                self._cluster.remove_secret(item["ID"])

    def _swap(self, new: c.Mapping[str, str], replaced: c.Collection[str]) -> None:
        """Nobody else changes this list, but others change the service: compare and swap."""
        ids = {item["Spec"]["Name"]: item["ID"] for item in self._cluster.secrets({"label": [NAME_LABEL]})}
        for _attempt in range(ATTEMPTS):
            service = self._cluster.service(SERVICE)
            spec = service["Spec"]
            kept = [item for item in _references(spec) if item["File"]["Name"] not in replaced]
            added = [reference(name, secret, ids[secret]) for name, secret in new.items()]
            spec["TaskTemplate"]["ContainerSpec"]["Secrets"] = kept + added
            try:
                self._cluster.update_service(service["ID"], service["Version"]["Index"], spec)
            except Conflict:
                self._clock.sleep(POLL)
            else:
                return
        raise Conflict(f"service {SERVICE} was changed by others {ATTEMPTS} times while certificates were put in")


# -- secrets and fragments ------------------------------------------------------------------------


def file_name(name: str) -> str:
    """A host name as a part of names of files and secrets; no host name has an underscore."""
    return name.replace("*", "_")


def target_name(name: str) -> str:
    """The file Traefik reads; without the serial, because of two files for one name the first would win for ever."""
    return f"cert-{file_name(name)}.yml"


def secret_name(name: str, serial: str) -> str:
    """Different for each certificate, at most 64 characters."""
    short = file_name(name)
    if len(short) > MAX_NAME:
        short = f"{short[: MAX_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"cert-{short}-{serial.lower()[-16:]}"


def reference(name: str, secret: str, id: str) -> Json:
    """As a service names its secret."""
    return {
        "SecretID": id,
        "SecretName": secret,
        "File": {"Name": target_name(name), "UID": "0", "GID": "0", "Mode": 0o400},
    }


def fragment(certificate: Certificate) -> str:
    """The certificate as a whole file of Traefik's dynamic configuration. One bad file would freeze all others."""
    chain, key = blocks(certificate.chain), blocks(certificate.key)
    if not chain or len(key) != 1:
        raise SeaworthyError(
            "a certificate's files are not as expected",
            found=f"{len(chain)} certificates and {len(key)} keys",
            expected="a certificate with its chain, and one key",
        )
    lines = ["tls:", "  certificates:", "    - certFile: |"]
    lines += [f"        {line}" for block in chain for line in block.splitlines()]
    lines += ["      keyFile: |", *(f"        {line}" for line in key[0].splitlines())]
    return "\n".join(lines) + "\n"


def _references(spec: Json | None) -> list[Json]:
    container = ((spec or {}).get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return list(container.get("Secrets") or [])


def _served(secret: Json) -> Served:
    labels = secret["Spec"]["Labels"]
    return Served(
        name=labels[NAME_LABEL],
        secret=secret["Spec"]["Name"],
        fingerprint=labels.get(f"{NAME_LABEL}.fingerprint", ""),
        directory=labels.get(f"{NAME_LABEL}.directory", ""),
        not_before=float(labels.get(f"{NAME_LABEL}.not_before", 0)),
        not_after=float(labels.get(f"{NAME_LABEL}.not_after", 0)),
    )
