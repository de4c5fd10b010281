# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and names of the lab's hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_state
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_state import Host, Layout

M1 = Host("m1", ("192.0.2.11", "2001:db8::11"))
M2 = Host("m2", ("192.0.2.12", "2001:db8::12"))


def layout(folder: Path, nameserver: str = "192.0.2.2") -> Layout:
    return Layout(folder, [M1, M2], {"mirror.example.org": ["198.51.100.7"]}, nameserver, "lab.test")


def made(folder: Path) -> Layout:
    """A layout whose keys are there; their content does not matter here."""
    found = layout(folder)
    for path, comment in found.keys().items():
        _lab_state.write(path, "secret\n")
        _lab_state.write(path.with_name(path.name + ".pub"), f"ssh-ed25519 KEY-OF-{path.parent.name} {comment}\n")
    return found


def test_each_host_and_the_user_have_a_key(tmp_path: Path) -> None:
    assert list(layout(tmp_path).missing_keys().values()) == ["seaworthy lab", "m1.lab.test", "m2.lab.test"]
    assert made(tmp_path).missing_keys() == {}


def test_known_hosts_pins_every_name_and_address(tmp_path: Path) -> None:
    known = made(tmp_path).derived()[tmp_path / "ssh" / "known_hosts"]
    assert known.splitlines() == [
        "m1,m1.lab.test,192.0.2.11,2001:db8::11 ssh-ed25519 KEY-OF-m1",
        "m2,m2.lab.test,192.0.2.12,2001:db8::12 ssh-ed25519 KEY-OF-m2",
    ]


def test_a_host_lets_the_user_in(tmp_path: Path) -> None:
    assert made(tmp_path).derived()[tmp_path / "hosts/m2/authorized_keys"] == "ssh-ed25519 KEY-OF-ssh seaworthy lab\n"


def test_a_host_knows_itself_first_then_the_others_and_the_mirrors(tmp_path: Path) -> None:
    assert made(tmp_path).derived()[tmp_path / "hosts/m2/hosts"].splitlines()[2:] == [
        "192.0.2.12 m2.lab.test m2",
        "2001:db8::12 m2.lab.test m2",
        "192.0.2.11 m1.lab.test m1",
        "2001:db8::11 m1.lab.test m1",
        "198.51.100.7 mirror.example.org",
    ]


def test_a_lab_without_harbour_asks_nobody_for_names(tmp_path: Path) -> None:
    made(tmp_path)
    assert "nameserver 192.0.2.2" in layout(tmp_path).derived()[tmp_path / "hosts/m1/resolv.conf"]
    assert "nameserver" not in layout(tmp_path, "").derived()[tmp_path / "hosts/m1/resolv.conf"]


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "file"
    _lab_state.write(path, "one")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert not _lab_state.differs(path, "one")
    assert _lab_state.differs(path, "two")
    assert _lab_state.differs(tmp_path / "none", "one")


def test_a_key_is_made_by_openssh(tmp_path: Path) -> None:
    key = tmp_path / "ssh" / "key"
    _lab_state.make_key(key, "a comment")
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.with_name("key.pub").read_text().startswith("ssh-ed25519 ")
    with pytest.raises(SeaworthyError, match="no SSH key could be made"):
        _lab_state.make_key(key, "a key that is there is never replaced")
