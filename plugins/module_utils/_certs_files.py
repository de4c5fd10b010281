# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The team's own certificates: to the edges on the same way as those of an authority. The controller checked them."""

from __future__ import annotations

import collections.abc as c

from . import _certs_writer
from ._certs import FILES, Certificate
from ._certs_writer import Writer, secret_name
from ._clock import Clock
from ._cluster import Cluster


def due(cluster: Cluster, files: c.Mapping[str, Certificate]) -> dict[str, str]:
    """The names whose certificate on the edges is not the one of the files, each with the reason."""
    present = _certs_writer.served(cluster)
    found = {}
    for name, certificate in files.items():
        if name not in present:
            found[name] = "there is none"
        elif present[name].secret != secret_name(name, certificate.serial):
            found[name] = f"the present one (from {present[name].directory}) is another"
    return found


def distribute(cluster: Cluster, clock: Clock, files: c.Mapping[str, Certificate], names: c.Collection[str]) -> None:
    """Bring the certificates of these names to every edge, without a restart."""
    writer = Writer(cluster, clock)
    writer.attach({name: writer.create(name, files[name], FILES) for name in names}, wanted=files)
    writer.remove_unused()
