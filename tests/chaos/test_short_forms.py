"""Each reliability check in a short form: what ``make chaos`` runs in full."""

from __future__ import annotations

import pytest

from tests.chaos.__main__ import CHECKS, run

SCALES = {
    "1": 0.05,
    "3": 0.03,
    "4a": 0.05,
    "4b": 0.02,
    "4c": 0.05,
    "5a": 0.06,
    "5b": 0.02,
    "6a": 0.02,
    "6b": 0.1,
    "7a": 0.04,
    "7b": 0.02,
    "8a": 0.05,
    "8b": 0.02,
    "10": 0.02,
    "1-11": 0.01,
    "20a": 0.01,
    "20b": 0.01,
}
"""Leaves out 2, which ``test_kill.py`` is, and 11, which ``tests/host/test_clock.py`` is."""


@pytest.mark.req("REC-02", "REC-43", "RPL-32", "DET-21", "DET-05", "TBL-28")
@pytest.mark.parametrize("name", SCALES)
def test_short_form_passes_whole(name: str) -> None:
    tally = run(name, SCALES[name])
    assert tally.is_whole or (not tally.tried and tally.note), tally.failures


def test_every_check_has_a_short_form() -> None:
    assert CHECKS.keys() - SCALES.keys() == {"2", "11"}
