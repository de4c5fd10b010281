# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of every run on the lab: the machine is as it was found."""

from __future__ import annotations

import pytest

from tests.system.lab import Lab, ours

pytestmark = [pytest.mark.smoke, pytest.mark.drill]


def test_machine_is_as_it_was_found(machine: Lab) -> None:
    """A lab that was not there is gone, with everything labelled as ours; one that was there still runs."""
    if machine.found:
        assert ours("container") == machine.found
        return
    machine.make("down", log="system/down.log").require_success()
    assert ours("container") == []
    assert ours("network") == []
    assert ours("volume") == []
    assert not machine.state.exists()
