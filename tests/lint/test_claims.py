# SPDX-License-Identifier: GPL-3.0-or-later
"""README claims what was seen."""

from __future__ import annotations

from tests.run import ROOT
from tests.tools.claims import findings
from tests.tree import require_none, tracked


def test_every_claim_has_its_proof() -> None:
    """Each line of the table has a proof file, and the table is what the files say (stale ones: end of the run)."""
    wrong, _stale = findings(ROOT, tracked())
    require_none(wrong, "claims and proofs differ")
