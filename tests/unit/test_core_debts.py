"""Debts of FUTURES accounts: paid first from whatever becomes available, whatever the order of closing."""

from __future__ import annotations

from itertools import permutations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import MarginMode, PositionReason
from engine.api.ids import AccountId, SymbolId
from engine.api.rejects import ErrorCode as Code
from engine.api.units import Minor
from tests.model.market import ALPHA, ALPHA_F2, ALPHA_OE, BRAVO_F, BTC_PERP, BUY, ETH_PERP, IOC, SELL, USDT
from tests.unit.floor import REDUCE_ONLY, SECOND_NS, USDT_UNIT, Events, Floor, accepted, refusal, those

LOTS, DEAR = 25_000, 12_000
"""25,000 USDT of notional at 10,000 ticks; both marks rise by a fifth."""


def hedged() -> Floor:
    """ALPHA-F2 is long in one perpetual and short in the other, and both marks have risen."""
    floor = Floor()
    for symbol in (BTC_PERP, ETH_PERP):
        floor.operate(c.SetLeverage(ALPHA_F2, SymbolId(symbol), 20, MarginMode.CROSS))
    floor.trade(ALPHA_F2, BRAVO_F, LOTS, 10_000, BTC_PERP)
    floor.trade(BRAVO_F, ALPHA_F2, LOTS, 10_000, ETH_PERP)
    for price in (10_400, 10_800, 11_200, 11_600, DEAR):
        floor.wait(62 * SECOND_NS)
        for symbol in (BTC_PERP, ETH_PERP):
            floor.mark(price, symbol)
    return floor


def close(floor: Floor, symbol: int, lots: int) -> Events:
    side = SELL if symbol == BTC_PERP else BUY
    floor.rest(BRAVO_F, BUY if side is SELL else SELL, lots, DEAR, symbol=symbol)
    return floor.enter(ALPHA_F2, side, lots, DEAR, symbol=symbol, tif=IOC, exec_inst=REDUCE_ONLY)


def debts(floor: Floor) -> dict[int, int]:
    return {p.symbol_id: int(p.debt) for p in floor.core.positions() if p.account_id == ALPHA_F2 and int(p.debt)}


def repayments(events: Events) -> list[tuple[int, int, int]]:
    told = those(events, e.PositionChanged)
    return [(p.account_id, p.symbol_id, p.debt) for p in told if p.reason is PositionReason.REPAYMENT]


@pytest.mark.req("RES-93", "MAR-11", "MAR-40")
def test_the_order_of_closing_does_not_matter_by_a_cent() -> None:
    parts = [(BTC_PERP, 10_000), (BTC_PERP, 15_000), (ETH_PERP, 8_000), (ETH_PERP, 17_000)]
    ends = set()
    for order in permutations(parts):
        floor = hedged()
        for symbol, lots in order:
            close(floor, symbol, lots)
        assert debts(floor) == {}
        floor.core.check()
        ends.add(floor.balance(ALPHA_F2, USDT))
    assert len(ends) == 1


@pytest.mark.req("RES-93", "MAR-40")
def test_what_the_winner_frees_pays_the_losers_debt_right_after_the_trade() -> None:
    floor = hedged()
    close(floor, ETH_PERP, LOTS)
    (owed,) = debts(floor).values()
    events = close(floor, BTC_PERP, LOTS)
    assert repayments(events) == [(ALPHA_F2, ETH_PERP, 0)]
    traded = next(p for p in those(events, e.PositionChanged) if p.account_id == ALPHA_F2)
    assert floor.balance(ALPHA_F2, USDT)[0] == traded.available - owed


@pytest.mark.req("RES-93")
def test_a_debt_blocks_transfers_leverage_and_orders_but_not_those_that_reduce() -> None:
    floor = hedged()
    close(floor, ETH_PERP, LOTS)
    out = c.Transfer(ALPHA_F2, ALPHA, USDT, Minor(1))
    assert refusal(floor.operate(out)) == Code.INSUFFICIENT_BALANCE
    for leverage in (10, 20):
        lever = c.SetLeverage(AccountId(ALPHA_F2), SymbolId(BTC_PERP), leverage, MarginMode.CROSS)
        assert refusal(floor.send(ALPHA_OE, lever)) == Code.MARGIN_RESTRICTED
    assert refusal(floor.enter(ALPHA_F2, BUY, 10, DEAR, symbol=BTC_PERP)) == Code.INSUFFICIENT_BALANCE
    assert accepted(floor.enter(ALPHA_F2, SELL, 10, DEAR, symbol=BTC_PERP, exec_inst=REDUCE_ONLY))


@pytest.mark.req("RES-93", "EVT-05")
@pytest.mark.parametrize("how", ["deposit", "transfer", "cancel", "reduce"])
def test_whatever_becomes_available_pays_a_debt_first(how: str) -> None:
    floor = hedged()
    order = floor.rest(ALPHA_F2, BUY, 1_000, 11_000, symbol=BTC_PERP)
    close(floor, ETH_PERP, LOTS)
    (owed,) = debts(floor).values()
    per_lot = floor.balance(ALPHA_F2, USDT)[1] - LOTS // 20 * USDT_UNIT
    paid = {"deposit": owed + 7, "transfer": 5, "cancel": per_lot, "reduce": per_lot // 2}[how]
    events = {
        "deposit": lambda: floor.operate(c.Deposit(ALPHA_F2, USDT, Minor(owed + 7), "d")),
        "transfer": lambda: floor.operate(c.Transfer(BRAVO_F, ALPHA_F2, USDT, Minor(5))),
        "cancel": lambda: floor.cancel(order),
        "reduce": lambda: floor.replace(order, 500),
    }[how]()
    assert repayments(events) == [(ALPHA_F2, ETH_PERP, max(0, owed - paid))]
    assert floor.balance(ALPHA_F2, USDT)[0] == max(0, paid - owed)
    floor.core.check()


@pytest.mark.req("RES-93", "LIQ-34")
def test_who_covers_a_debt_keeps_what_its_own_cross_positions_have_lost() -> None:
    floor = hedged()
    close(floor, ETH_PERP, LOTS)
    free = floor.balance(BRAVO_F, USDT)[0]
    lost = sum(
        max(0, int(p.cost) - 12_000 * 10_000 * p.size) for p in floor.core.positions() if p.account_id == BRAVO_F
    )
    assert lost > 0
    cover = c.CoverDebt(BRAVO_F, ALPHA_F2, ETH_PERP, Minor(1))
    floor.operate(c.Transfer(BRAVO_F, ALPHA, USDT, Minor(free - lost)))
    assert refusal(floor.operate(cover)) == Code.INSUFFICIENT_BALANCE
    floor.operate(c.Deposit(BRAVO_F, USDT, Minor(1), "one"))
    assert len(floor.operate(cover)) == 2
