"""What an order of a perpetual costs: initial margin, its open loss against the mark, the worst fee (RES-94)."""

from __future__ import annotations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrdType, Peg, Side, Trigger
from engine.api.rejects import ErrorCode as Code
from tests.model.market import ALPHA_F, BRAVO_F, BTC_PERP, BUY, CHARLIE_F, SELL, USDT
from tests.unit.floor import SECOND_NS, Floor, accepted, refusal, those

TICK_LOT = 10_000
MARK = 10_000


def cost(margined: int, loss: int) -> int:
    """At a leverage of 10, with the taker's 500 ppm. Units: ticks in, minor units of one lot out."""
    return -(-margined * TICK_LOT // 10) + loss * TICK_LOT + -(-margined * TICK_LOT // 2_000)


@pytest.mark.req("RES-94", "MAR-05")
@pytest.mark.parametrize(
    ("side", "price", "terms", "margined", "loss"),
    [
        (BUY, 10_300, {}, 10_300, 300),
        (BUY, 9_700, {}, 9_700, 0),
        (SELL, 9_700, {}, 9_700, 300),
        (SELL, 10_300, {}, 10_300, 0),
        (BUY, 10_800, {"kind": OrdType.PEGGED, "peg": Peg.PRIMARY}, 10_800, 800),
        (SELL, 9_200, {"kind": OrdType.PEGGED, "peg": Peg.PRIMARY}, 11_000, 800),
        (BUY, 0, {"kind": OrdType.STOP, "stop_px": 10_200, "trigger": Trigger.MARK}, 11_220, 1_020),
        (SELL, 0, {"kind": OrdType.STOP, "stop_px": 9_500, "trigger": Trigger.MARK}, 11_000, 950),
        (BUY, 10_400, {"kind": OrdType.STOP_LIMIT, "stop_px": 10_300, "trigger": Trigger.MARK}, 10_400, 100),
    ],
)
def test_an_order_costs_margin_open_loss_and_fee(
    side: Side, price: int, terms: dict[str, object], margined: int, loss: int
) -> None:
    floor = Floor()
    (taken,) = those(floor.enter(ALPHA_F, side, 30, price, symbol=BTC_PERP, **terms), e.OrderAccepted)
    assert taken.reserved == 30 * cost(margined, loss)


@pytest.mark.req("RES-94", "MAR-05")
@pytest.mark.parametrize(("side", "price"), [(BUY, 11_000), (SELL, 9_000)])
def test_nobody_pays_a_friend_with_what_is_not_there(side: Side, price: int) -> None:
    """An order at the edge of the band costs the tenth that it gives away, so that it is refused without that."""
    floor = Floor()
    needed = 100 * cost(price, 1_000)
    floor.operate(c.Transfer(CHARLIE_F, BRAVO_F, USDT, floor.balance(CHARLIE_F, USDT)[0] - needed + 1))
    assert refusal(floor.enter(CHARLIE_F, side, 100, price, symbol=BTC_PERP)) == Code.INSUFFICIENT_BALANCE
    floor.operate(c.Deposit(CHARLIE_F, USDT, 1, "one"))
    assert accepted(floor.enter(CHARLIE_F, side, 100, price, symbol=BTC_PERP))


@pytest.mark.req("DRV-13", "MAR-05")
@pytest.mark.parametrize(("side", "tamer", "wilder"), [(BUY, 9_900, 10_100), (SELL, 10_100, 9_900)])
def test_what_lowers_the_risk_is_never_refused_for_funds(side: Side, tamer: int, wilder: int) -> None:
    """A cross loss has used up what is free: the order may step back, and lose lots, but not step forward or grow."""
    floor = Floor()
    floor.trade(CHARLIE_F, BRAVO_F, 5_000, MARK, BTC_PERP)
    order = floor.rest(CHARLIE_F, side, 1_000, MARK, symbol=BTC_PERP)
    had = floor.balance(CHARLIE_F, USDT)
    floor.operate(c.Transfer(CHARLIE_F, BRAVO_F, USDT, had[0] - 1))
    floor.wait(62 * SECOND_NS)
    floor.mark(9_500, BTC_PERP)
    for change in ({"price": wilder}, {"order_qty": 1_001}):
        assert refusal(floor.replace(order, **{"order_qty": 1_000, **change})) == Code.INSUFFICIENT_BALANCE
    (changed,) = those(floor.replace(order, 1_000, price=tamer), e.OrderReplaced)
    assert changed.reserved <= had[1]
    assert those(floor.replace(order, 900, price=tamer + (1 if side is SELL else -1)), e.OrderReplaced)
    floor.core.check()
