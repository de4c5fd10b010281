# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The services of an application's release, as the swarm has them."""

from __future__ import annotations

import dataclasses
import typing as t

from ._app import suggestion
from ._cluster import Cluster
from ._errors import InputError
from ._lease import Record, records
from ._plan import releases_of

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Serving:
    """One release: its services by their names in the Compose file."""

    record: Record
    number: int
    services: dict[str, Json]

    @property
    def name(self) -> str:
        return f"r{self.number}"

    @property
    def version(self) -> str:
        labels = [service["Spec"]["Labels"] for service in self.services.values()]
        return str(labels[0].get("seaworthy.version", ""))

    def service(self, name: str | None) -> Json:
        """The one of this name; without a name the only one there is."""
        known = sorted(self.services)
        if name is None and len(known) == 1:
            return self.services[known[0]]
        if name is None or name not in self.services:
            release = f"application {self.record.app} ({self.name})"
            raise InputError(
                f"{release} has no service {name}" if name else f"{release} has several services, so one must be named",
                expected=f"one of {', '.join(known)}",
                remedy=(suggestion(name, known) if name else "") or "Name it: -e seaworthy_service=NAME",
            )
        return self.services[name]


def find(cluster: Cluster, app: str, release: int | None = None) -> Serving:
    """The release that serves, or another that exists."""
    known = records(cluster)
    if app not in known:
        raise InputError(
            f"there is no application {app}",
            found=", ".join(known) or "no application at all",
            remedy=suggestion(app, known) or "Playbook deploy releases one.",
        )
    present = {number: services for number, services in releases_of(cluster, app).items() if services}
    number = known[app].serving if release is None else release
    if number not in present:
        raise InputError(
            f"application {app} has no release that serves" if release is None else f"{app} has no release r{release}",
            found=", ".join(f"r{other}" for other in sorted(present)) or "no release",
            remedy="See playbook status.",
        )
    services = {str(one["Spec"]["Labels"]["seaworthy.service"]): one for one in present[number]}
    return Serving(known[app], number, services)
