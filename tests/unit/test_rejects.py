"""Every code means something, to people and in FIX."""

from __future__ import annotations

import pytest

from engine.api.rejects import MEANINGS, UNASSIGNED, ErrorCode, describe, meaning_of


@pytest.mark.req("ORD-01")
def test_every_code_has_words_of_its_own() -> None:
    assert list(MEANINGS) == [code for code in ErrorCode if code is not ErrorCode.NONE]
    assert len({meaning.words for meaning in MEANINGS.values()}) == len(MEANINGS)


def test_a_code_reads_as_number_name_and_words() -> None:
    assert describe(1007) == "1007 PRICE_OFF_TICK (price off tick)"
    assert describe(2008) == "2008 NOT_EMPTY (orders, positions or balances are still there)"
    assert describe(7) == "7 UNASSIGNED (unassigned)"
    assert meaning_of(7) is UNASSIGNED
