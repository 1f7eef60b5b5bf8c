"""What is demanded is rounded up: maintenance margin, and what an account owes."""

from __future__ import annotations

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountKind, MarginMode
from engine.api.rejects import ErrorCode
from engine.api.units import Step
from tests.model import market as m
from tests.unit.floor import Floor, accepted, refusal

FINE, PNL, MEMBER = 8, 5, 131
FINE_LISTING = msgspec.structs.replace(
    m.BTC_PERP_LISTING,
    symbol_id=FINE,
    symbol="FINE-PERP",
    tick=Step(1, 4),
    lot=Step(1, 4),
    maker_ppm=0,
    taker_ppm=0,
    pnl_account_id=PNL,
)
"""One lot at one tick is worth one minor unit, so that maintenance margins are no whole numbers."""


@pytest.mark.req("MAR-02", "MAR-23")
@pytest.mark.parametrize(("deposit", "is_raised"), [(180, False), (181, True)])
def test_maintenance_margin_is_rounded_up(deposit: int, is_raised: bool) -> None:
    floor = Floor()
    floor.operate(c.OpenAccount(PNL, 0, AccountKind.CLEARING_PNL, "FINE-PNL"))
    floor.operate(c.ListInstrument(FINE_LISTING))
    floor.operate(c.OpenAccount(MEMBER, 1, AccountKind.FUTURES, "MEMBER"))
    floor.operate(c.SetAccountLimits(MEMBER, 4, 0, 0))
    floor.operate(c.Deposit(MEMBER, m.USDT, deposit, "member"))
    floor.mark(10_001, FINE)
    floor.operate(c.SetLeverage(MEMBER, FINE, 100, MarginMode.CROSS))
    floor.trade(MEMBER, m.BRAVO_F, 1, 10_001, FINE)
    floor.mark(9_900, FINE)
    # 0.40 % of 9,900 is 39.6, which counts as 40; equity is the deposit less 101.
    events = floor.operate(c.SetLeverage(MEMBER, FINE, 125, MarginMode.CROSS))
    if is_raised:
        assert isinstance(events[0], e.PositionChanged)
    else:
        assert refusal(events) == ErrorCode.MARGIN_RESTRICTED


@pytest.mark.req("MAR-24")
@pytest.mark.parametrize(("deposit", "is_lent"), [(1_008_999_999, False), (1_009_000_000, True)])
def test_a_part_of_a_lot_owed_counts_as_a_lot(deposit: int, is_lent: bool) -> None:
    floor = Floor()
    floor.operate(c.OpenAccount(MEMBER, 1, AccountKind.MARGIN, "MEMBER"))
    floor.operate(c.Deposit(MEMBER, m.USDT, deposit, "quote"))
    floor.operate(c.Deposit(MEMBER, m.BTC, 1, "base"))
    # 90,000 lots less one minor unit are lent: worth nine times the deposit less the fee, if they count as 90,000.
    events = floor.enter(MEMBER, m.SELL, 90_000, 10_000)
    if is_lent:
        assert accepted(events)
        assert isinstance(events[0], e.Borrowed) and events[0].amount == 90_000 * 1_000 - 1
    else:
        assert refusal(events) == ErrorCode.INSUFFICIENT_BALANCE
