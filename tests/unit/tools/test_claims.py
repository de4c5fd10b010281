# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims table tells what is proved, and notices what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools import claims

README = "# Seaworthy\n<!-- claims -->\nold\n<!-- /claims -->\nrest\n"
CLAIMS = "claims:\n  - {name: fast, claim: It is fast, covers: [plugins/*]}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "README.md": README,
        "tests/claims.yml": CLAIMS,
        "plugins/a/b.py": "x = 1\n",
        "docs/x": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "docs/proof").mkdir()
    return tmp_path


FILES = [Path("README.md"), Path("plugins/a/b.py")]


def prove(root: Path, name: str = "fast") -> None:
    digest = claims.read_claims(root)[0].digest(root, FILES)
    proof = {"seen": "1 ms", "when": "2026-11-25T04:00:00Z", "commit": "0123456789abcdef", "hash": digest}
    (root / f"docs/proof/{name}.json").write_text(json.dumps(proof))


def write(root: Path) -> None:
    new = claims.table(claims.read_claims(root), claims.read_proofs(root))
    (root / "README.md").write_text(claims.with_table((root / "README.md").read_text(), new))


def test_a_proved_claim_is_in_the_table(root: Path) -> None:
    prove(root)
    write(root)
    assert (
        "| It is fast | 1 ms (2026-11-25, 0123456) | [fast](docs/proof/fast.json) |" in (root / "README.md").read_text()
    )
    assert claims.findings(root, FILES) == ([], [])


def test_a_claim_without_proof_is_wrong(root: Path) -> None:
    write(root)
    wrong, _ = claims.findings(root, FILES)
    assert wrong == ["fast: no proof; run `make drills ONLY=fast`"]


def test_a_proof_without_claim_is_wrong(root: Path) -> None:
    prove(root)
    prove(root, "other")
    write(root)
    assert claims.findings(root, FILES)[0] == ["docs/proof/other.json: no claim of this name in tests/claims.yml"]


def test_an_old_table_is_wrong(root: Path) -> None:
    prove(root)
    assert claims.findings(root, FILES)[0] == ["README.md: the claims table is out of date; run `make docs`"]


def test_a_changed_covered_file_makes_the_proof_stale(root: Path) -> None:
    prove(root)
    write(root)
    (root / "plugins/a/b.py").write_text("x = 2\n")
    assert claims.findings(root, FILES) == ([], ["fast"])


def test_missing_markers_are_told(root: Path) -> None:
    with pytest.raises(SystemExit, match="expected one line '<!-- claims -->'"):
        claims.with_table("# Seaworthy\n", "")
    assert root.is_dir()


def test_a_claim_that_is_not_made_needs_no_proof_until_there_is_one(root: Path) -> None:
    (root / "tests/claims.yml").write_text(CLAIMS.replace("claim: It", "claimed: false, claim: It"))
    write(root)
    assert "It is fast" not in (root / "README.md").read_text()
    assert claims.findings(root, FILES) == ([], [])
    prove(root)
    wrong, _ = claims.findings(root, FILES)
    assert wrong == ["fast: there is a proof now; take `claimed: false` out of tests/claims.yml"]
