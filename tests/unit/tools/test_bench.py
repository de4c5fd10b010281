# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench prints what was counted, and no ratio that is none."""

from __future__ import annotations

from tests.tools.bench import report


def test_ratio_of_the_shares() -> None:
    text = report({"sent": 1000, "failed": 100}, {"sent": 2000, "failed": 20})
    assert "docker service update" in text
    assert text.endswith("ratio of failed requests, ours to the baseline's: 0.100")


def test_no_ratio_without_a_failure_of_the_baseline() -> None:
    assert report({"sent": 1000, "failed": 0}, {"sent": 1000, "failed": 0}).endswith("failed nothing in this run")
