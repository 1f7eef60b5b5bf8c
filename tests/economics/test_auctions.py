"""(e) An auction trades as much as any price would let trade; the tape sees that what made its price trades."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import ExecInst, MarginMode, SelfTrade, Side, SymbolStatus
from tests.economics.world import CASH, FUTURES, HOUSE_FUTURES, MARGIN, PERP, SPOT, World, new_world
from tests.model import market as m

LOT = {SPOT: 100_000, PERP: 100}
HELD_LOTS = 300
"""The first account is long so much, so that orders of reduce-only have something to reduce, but not all they say."""


class Bid(NamedTuple):
    """An order of a call: of the n-th trader; buys and sells cross."""

    trader: int
    side: Side
    lots: int
    offset: int
    is_reduce_only: bool
    stp: SelfTrade
    floor: int


bids = st.builds(
    Bid,
    trader=st.integers(0, 3),
    side=st.sampled_from((m.BUY, m.SELL)),
    lots=st.integers(1, 9),
    offset=st.integers(-5, 5),
    is_reduce_only=st.booleans(),
    stp=st.sampled_from([*SelfTrade]),
    floor=st.sampled_from((0, 0, 0, 1)),
)


@pytest.mark.req("RES-01")
@settings(max_examples=120, deadline=None)
@given(st.lists(bids, min_size=2, max_size=14))
def test_an_auction_trades_as_much_as_any_price_would_let_trade(call: list[Bid]) -> None:
    """The first two traders buy, the others sell, so that nobody meets himself."""
    apart = [bid._replace(side=m.BUY if bid.trader < 2 else m.SELL, is_reduce_only=False) for bid in call]
    world, _ = called(SPOT, apart)
    _, trades = uncrossed(world, SPOT)
    most = max(min(volume(apart, m.BUY, p), volume(apart, m.SELL, p)) for p in range(-5, 6)) * LOT[SPOT]
    assert sum(qty for _, _, qty in trades) == most


def volume(call: Iterable[Bid], side: Side, offset: int) -> int:
    """Add up what would trade of a side at a price."""
    sign = 1 if side is m.BUY else -1
    return sum(bid.lots for bid in call if bid.side is side and sign * bid.offset >= sign * offset)


def called(symbol: int, call: list[Bid], without: Iterable[str] = ()) -> tuple[World, list[str]]:
    """Call a market and enter orders, but not those named. Returns: the names of all."""
    world = new_world()
    traders = (*CASH, *MARGIN) if symbol == SPOT else FUTURES
    for account in traders if symbol == PERP else ():
        world.operate(c.SetLeverage(account, symbol, 20, MarginMode.CROSS))
    if symbol == PERP:
        world.enter(HOUSE_FUTURES, symbol, m.SELL, HELD_LOTS, 10_000)
        world.enter(traders[0], symbol, m.BUY, HELD_LOTS, 10_000)
    world.operate(c.SetSymbolStatus(symbol, SymbolStatus.PRE_OPEN))
    names = [f"call{n}" for n in range(len(call))]
    for name, bid in zip(names, call, strict=True):
        if name not in without:
            enter(world, symbol, traders[bid.trader], bid, name)
    return world, names


def enter(world: World, symbol: int, account: int, bid: Bid, name: str) -> None:
    lots, price = bid.lots * LOT[symbol], 10_000 + bid.offset
    instruction = ExecInst.REDUCE_ONLY if bid.is_reduce_only and symbol == PERP else ExecInst.NONE
    floor = bid.floor * LOT[symbol] if bid.floor < bid.lots else 0
    order = c.NewOrder(
        account, symbol, bid.side, m.LIMIT, m.GTC, lots, price, name,
        exec_inst=instruction, stp=bid.stp, max_floor=floor,
    )  # fmt: skip
    world.operate(order)


def uncrossed(world: World, symbol: int) -> tuple[list[int], list[tuple[str, str, int]]]:
    """Open the market. Returns: the prices the auction had, and who traded with whom how much."""
    names = {order_id: ticket.order.cl_ord_id for order_id, ticket in world.tape.open.items()}
    events = [*world.operate(c.SetSymbolStatus(symbol, SymbolStatus.OPEN)), *world.operate(c.AdvanceTime())]
    prices = [int(event.price) for event in events if isinstance(event, e.Uncrossed)]
    trades = [event for event in events if isinstance(event, e.Traded) and event.is_auction]
    sides = [
        (names[t.taker_order_id], names[t.maker_order_id])
        if t.taker_side is m.BUY
        else (names[t.maker_order_id], names[t.taker_order_id])
        for t in trades
    ]
    return prices, [(buy, sell, t.last_qty) for (buy, sell), t in zip(sides, trades, strict=True)]
