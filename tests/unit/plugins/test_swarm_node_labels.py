# SPDX-License-Identifier: GPL-3.0-or-later
"""Module swarm_node_labels: ours are set or removed, those of others stay."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._cluster import Cluster
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import Conflict
from ansible_collections.seaworthy.swarm.plugins.modules.swarm_node_labels import apply, merge

Json = dict[str, t.Any]


class Node(Cluster):
    """One node; somebody else changes it before our first update arrives."""

    def __init__(self, labels: dict[str, str] | None, *, busy: bool = False) -> None:
        super().__init__()
        self.spec: Json = {"Role": "manager", "Availability": "drain", "Labels": labels}
        self.index = 7
        self.busy = busy

    def node(self, id: str) -> Json:
        return {"ID": id, "Version": {"Index": self.index}, "Spec": dict(self.spec)}

    def update_node(self, id: str, version: int, spec: Json) -> None:
        if self.busy:
            self.busy = False
            self.index += 1
            self.spec["Labels"] = {"theirs": "2"}
        if version != self.index:
            raise Conflict("update out of sequence", status=500)
        self.spec = spec


@pytest.mark.parametrize(
    ("present", "wanted", "after"),
    [
        ({}, {"edge": "true"}, {"edge": "true"}),
        ({"edge": "true", "theirs": "1"}, {"edge": ""}, {"theirs": "1"}),
        ({"edge": "true", "theirs": "1"}, {"edge": None, "disk": 2}, {"theirs": "1", "disk": "2"}),
        ({}, {"edge": ""}, {}),
    ],
)
def test_merge(present: dict[str, str], wanted: dict[str, object], after: dict[str, str]) -> None:
    """An empty value removes; values become text."""
    assert merge(present, wanted) == after


def test_only_labels_change_and_nothing_of_others_is_lost() -> None:
    """The node was changed between our look and our update."""
    node = Node({"theirs": "1"}, busy=True)
    assert apply(node, "n1", {"edge": "true"}, check=False) == ({"theirs": "2"}, {"theirs": "2", "edge": "true"})
    assert node.spec == {"Role": "manager", "Availability": "drain", "Labels": {"theirs": "2", "edge": "true"}}


def test_check_mode_looks_only() -> None:
    """A node without labels has None there."""
    node = Node(None)
    assert apply(node, "n1", {"edge": "true"}, check=True) == ({}, {"edge": "true"})
    assert node.spec["Labels"] is None
