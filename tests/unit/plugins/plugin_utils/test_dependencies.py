# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing on the controller is named, with the command that brings it."""

from __future__ import annotations

from ansible_collections.seaworthy.swarm.plugins.plugin_utils import _dependencies


def test_nothing_is_missing_when_all_is_found() -> None:
    assert _dependencies.missing(lab=True, found=bool) == ""


def test_a_lab_needs_collections_and_packages() -> None:
    said = _dependencies.missing(lab=True, found=lambda module: not module)
    assert "the collection community.docker" in said
    assert said.endswith("pip install ansible cryptography libpass requests")


def test_own_hosts_need_one_package_only() -> None:
    said = _dependencies.missing(lab=False, found=lambda module: not module)
    assert said == "the controller lacks the Python package cryptography. To get it: pip install cryptography"


def test_a_module_in_a_missing_package_is_not_found() -> None:
    assert not _dependencies.importable("no_such_package.module")
    assert _dependencies.importable("ansible.plugins")
