"""The list of planted bugs fits the core it is meant for, and the page about it tells of all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.mutants import LIST, REPORT, ROOT, read_mutants

SOURCES = ROOT / "engine" / "core" / "src"


def test_every_bug_can_be_planted() -> None:
    mutants = read_mutants()
    assert len(mutants) == len({mutant.name for mutant in mutants}) >= 100
    counts = {m.name: (SOURCES / m.file).read_text().count(m.old) for m in mutants}
    assert {name: count for name, count in counts.items() if count != 1} == {}
    assert all(mutant.old != mutant.new for mutant in mutants)


def test_the_tests_to_ask_first_exist() -> None:
    asked = {path.partition("::")[0] for mutant in read_mutants() for stage in mutant.stages for path in stage}
    assert all(list(ROOT.glob(path)) for path in asked)


@pytest.mark.req("ORD-06", "INV-01")
def test_every_bug_is_reported_found() -> None:
    report = REPORT.read_text()
    assert all(f"| {mutant.name} |" in report for mutant in read_mutants()), f"run make mutants: {LIST} has changed"
    assert "**nothing**" not in report
    assert Path(LIST).name in report
