"""The codes members are told of are those they get."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.api.rejects import MEANINGS, ErrorCode

RULES = (Path(__file__).resolve().parents[2] / "docs" / "RULES_OF_ENGAGEMENT.md").read_text()
ROWS = {
    int(code): (order, cancel)
    for code, order, cancel in re.findall(r"^\| (1\d{3}) \|[^|]+\|([^|]*)\|([^|]*)\|", RULES, re.MULTILINE)
}
"""By code: the reasons told for an order, and for a cancel, where one is."""

NOT_OVER_FIX_YET = {
    ErrorCode.POST_ONLY_WOULD_TAKE,
    ErrorCode.LEVERAGE_EXCEEDED,
    ErrorCode.RATE_LIMIT,
    ErrorCode.MARGIN_RESTRICTED,
    ErrorCode.NOTHING_TO_REDUCE,
    ErrorCode.MIN_QTY_UNFILLABLE,
    ErrorCode.GTD_EXPIRED,
    ErrorCode.DAY_EXPIRED,
    ErrorCode.REPLACED_BELOW_FILLED,
    ErrorCode.USER_REQUESTED,
    ErrorCode.DISCONNECTED,
    ErrorCode.LIQUIDATION,
}
"""Codes of orders and requests that no member can send so far."""

FIRST_OF_OPERATIONS = 2000


@pytest.mark.req("ORD-01")
def test_every_code_a_member_can_get_is_in_the_table() -> None:
    assert set(ROWS) == {code.value for code in MEANINGS if code < FIRST_OF_OPERATIONS and code not in NOT_OVER_FIX_YET}


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize("code", ROWS)
def test_the_table_tells_the_reasons_that_are_sent(code: int) -> None:
    order, cancel = (reason.strip() for reason in ROWS[code])
    meaning = MEANINGS[ErrorCode(code)]
    assert order or cancel
    assert not order.isdigit() or int(order) == meaning.ord_rej_reason
    assert not cancel.isdigit() or int(cancel) == meaning.cxl_rej_reason
