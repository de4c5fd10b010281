# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the claims table of README.md from tests/claims.yml (what we claim) and docs/proof/*.json (what was seen).

usage: python -m tests.tools.claims [--write | --check]

--write puts the table between the markers. --check fails when the table is out of date, a claim has no proof or a proof
no claim, and lists the proofs whose covered files have changed since: they are stale, which is no failure.

A drill that was never green has its claim there with `claimed: false`: it is not in the table and needs no proof, until
there is one.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.run import ROOT
from tests.tree import tracked

BEGIN, END = "<!-- claims -->", "<!-- /claims -->"


@dataclass(frozen=True)
class Claim:
    """One line of the table: what we say, and the files that a proof of it is about."""

    name: str
    text: str
    covers: tuple[str, ...]  # patterns of paths; * also matches /
    claimed: bool = True

    def digest(self, root: Path, files: Iterable[Path]) -> str:
        """A hash of the covered files: a proof with another one is stale."""
        total = hashlib.sha256()
        for path in files:
            if any(fnmatch.fnmatch(str(path), pattern) for pattern in self.covers):
                total.update(f"{path}\0".encode() + hashlib.sha256((root / path).read_bytes()).digest())
        return f"sha256:{total.hexdigest()}"


def read_claims(root: Path = ROOT) -> list[Claim]:
    """All claims, in the order of the table."""
    raw = yaml.safe_load((root / "tests/claims.yml").read_text())
    return [Claim(one["name"], one["claim"], tuple(one["covers"]), one.get("claimed", True)) for one in raw["claims"]]


def read_proofs(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Proofs by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((root / "docs/proof").glob("*.json"))}


def table(claims: Iterable[Claim], proofs: dict[str, dict[str, Any]]) -> str:
    """The table as Markdown."""
    rows = ["| Claim | Seen | Proof |", "|---|---|---|"]
    for claim in claims:
        if not claim.claimed:
            continue
        proof = proofs.get(claim.name)
        seen = f"{proof['seen']} ({proof['when'][:10]}, {proof['commit'][:7]})" if proof else "**no proof yet**"
        link = f"[{claim.name}](docs/proof/{claim.name}.json)" if proof else ""
        rows.append(f"| {claim.text} | {seen} | {link} |")
    return "\n".join(rows) + "\n"


def with_table(readme: str, new: str) -> str:
    """The README with the new table between the markers."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        message = f"README.md: expected one line '{BEGIN}' and one line '{END}' around the generated table"
        raise SystemExit(message)
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}\n{new}{END}{rest.split(END)[1]}"


def findings(root: Path, files: list[Path]) -> tuple[list[str], list[str]]:
    """What is wrong, and which proofs are stale."""
    claims, proofs = read_claims(root), read_proofs(root)
    names = {claim.name for claim in claims}
    wrong = [
        f"{claim.name}: no proof; run `make drills ONLY={claim.name}`"
        for claim in claims
        if claim.claimed and claim.name not in proofs
    ]
    wrong += [
        f"{claim.name}: there is a proof now; take `claimed: false` out of tests/claims.yml"
        for claim in claims
        if not claim.claimed and claim.name in proofs
    ]
    wrong += [
        f"docs/proof/{name}.json: no claim of this name in tests/claims.yml" for name in proofs if name not in names
    ]
    readme = (root / "README.md").read_text()
    if with_table(readme, table(claims, proofs)) != readme:
        wrong.append("README.md: the claims table is out of date; run `make docs`")
    stale = [c.name for c in claims if c.name in proofs and proofs[c.name]["hash"] != c.digest(root, files)]
    return wrong, stale


def main(words: list[str]) -> int:
    """Write, check or print the table."""
    if words == ["--check"]:
        wrong, stale = findings(ROOT, tracked())
        for line in [*wrong, *(f"{name}: stale, its covered files changed after the proof" for name in stale)]:
            print(line)
        return 1 if wrong else 0
    new = table(read_claims(), read_proofs())
    if words == ["--write"]:
        readme = ROOT / "README.md"
        readme.write_text(with_table(readme.read_text(), new))
    else:
        print(new, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
