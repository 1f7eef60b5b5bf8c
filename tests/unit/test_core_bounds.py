"""Bounds of the engine that take many orders, accounts or instruments to reach; each from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, MarginMode, SymbolStatus
from engine.api.rejects import ErrorCode as Code
from engine.api.units import Step
from engine.api.wire import decode_records, encode_command, encode_frame
from engine.host.core import Core
from tests.model import market as m
from tests.model.market import ALPHA_F, BRAVO_F, BUY, DAY, GTC, LIMIT, NOW_NS, SELL, USDT
from tests.unit.floor import OPENING, Floor, accepted, refusal

FIRST_ACCOUNT = 1_001
PER_ACCOUNT = limits.OPEN_ORDERS_PER_SYMBOL_MAX
SYMBOLS = 10


class Crowd:
    """Accounts without number in ten markets with minimal bounds; operations enter everybody's orders."""

    def __init__(self, accounts: int) -> None:
        self.core = Core()
        self.names = iter(range(10**9))
        listings = ({"symbol_id": n, "symbol": f"S{n}", "min_notional": 0} for n in range(1, SYMBOLS + 1))
        self.send(*m.OPENING[:10])
        self.send(*(c.ListInstrument(msgspec.structs.replace(m.BTC_LISTING, **listing)) for listing in listings))
        self.accounts = range(FIRST_ACCOUNT, FIRST_ACCOUNT + accounts)
        for account in self.accounts:
            self.send(
                c.OpenAccount(account, 1, AccountKind.SPOT, f"A{account}"),
                c.Deposit(account, USDT, 10**13, f"u{account}"),
                c.Deposit(account, m.BTC, 10**12, f"b{account}"),
            )

    def send(self, *commands: c.Command) -> tuple[e.Event, ...]:
        """Send commands of operations. Returns: the events of the last."""
        frames = b"".join(encode_frame(0, 1, encode_command(command)) for command in commands)
        applied = self.core.apply(NOW_NS, frames)
        rest = applied.consumed
        while rest < len(frames):
            applied = self.core.apply(NOW_NS, frames[rest:])
            rest += applied.consumed
        return decode_records(applied.records)[-1].events

    def order(self, account: int, **terms: Any) -> c.NewOrder:
        order = c.NewOrder(account, 1, BUY, LIMIT, GTC, 1, 100, f"n{next(self.names)}")
        return msgspec.structs.replace(order, **terms)

    def orders(self, total: int, **terms: Any) -> Iterator[c.NewOrder]:
        """As many orders as wanted, as few accounts and markets as may be."""
        for n in range(total):
            account, place = divmod(n, SYMBOLS * PER_ACCOUNT)
            yield self.order(self.accounts[account], symbol_id=1 + place // PER_ACCOUNT, **terms)


def entered(crowd: Crowd, total: int, **terms: Any) -> None:
    """Enter many orders."""
    crowd.send(*crowd.orders(total, **terms))
    assert crowd.core.open_orders == total


@pytest.mark.req("ORD-09")
def test_a_mass_cancel_takes_out_as_many_as_it_may_and_tells_how_many_are_left() -> None:
    most = limits.CANCELS_PER_COMMAND_MAX
    crowd = Crowd(11)
    entered(crowd, most + 1)
    *canceled, done = crowd.send(c.MassCancel("one"))
    assert len(canceled) == most and done == e.MassCanceled(most, 1)
    assert crowd.core.open_orders == 1
    _, done = crowd.send(c.MassCancel("two"))
    assert done == e.MassCanceled(1, 0)
    crowd.core.check()


@pytest.mark.req("ORD-13", "ORD-14")
def test_orders_that_expire_are_limited_and_all_may_expire_at_once() -> None:
    most = limits.EXPIRING_ORDERS_MAX
    crowd = Crowd(21)
    entered(crowd, most, time_in_force=DAY)
    last = crowd.accounts[-1]
    assert crowd.send(crowd.order(last, time_in_force=DAY)) == (e.OrderRejected(0, Code.EXCEEDS_LIMIT),)
    gtd = {"time_in_force": m.GTD, "expire_time_ns": limits.TIMESTAMP_NS_MAX}
    assert crowd.send(crowd.order(last, **gtd)) == (e.OrderRejected(0, Code.EXCEEDS_LIMIT),)
    (plain,) = crowd.send(crowd.order(last))
    assert isinstance(plain, e.OrderAccepted)
    to_day = c.ReplaceOrder("r", 1, order_id=plain.order_id, time_in_force=DAY)
    (refused,) = crowd.send(to_day)
    assert isinstance(refused, e.ReplaceRejected) and refused.code == Code.EXCEEDS_LIMIT
    records = crowd.core.apply(NOW_NS + 86_400 * 10**9, encode_frame(0, 1, encode_command(c.AdvanceTime()))).records
    assert len(records) < limits.RECORD_BYTES_MAX
    assert crowd.core.open_orders == 1
    (replaced,) = crowd.send(to_day)
    assert isinstance(replaced, e.OrderReplaced)
    crowd.core.check()


@pytest.mark.req("ORD-05", "TRD-02")
def test_an_auction_that_uses_up_its_steps_is_repeated() -> None:
    most = limits.STEPS_PER_COMMAND_MAX
    crowd = Crowd(60)
    crowd.send(c.SetSymbolStatus(1, SymbolStatus.PRE_OPEN))
    one_symbol = [
        crowd.order(account, side=SELL, price=200)
        for account in crowd.accounts[: most // PER_ACCOUNT + 1]
        for _ in range(PER_ACCOUNT)
    ][: most + 1]
    crowd.send(*one_symbol)
    crowd.send(crowd.order(crowd.accounts[-1], price=200, order_qty=most + 1))
    opening = c.SetSymbolStatus(1, SymbolStatus.OPEN)
    first = crowd.send(opening)
    assert sum(isinstance(event, e.Traded) for event in first) == most
    assert first[-1] == e.SymbolStatusSet(1, SymbolStatus.PRE_OPEN)
    second = crowd.send(opening)
    assert [type(event) for event in second] == [e.Uncrossed, e.Traded, e.SymbolStatusSet]
    assert second[-1] == e.SymbolStatusSet(1, SymbolStatus.OPEN)
    assert crowd.core.open_orders == 0
    crowd.core.check()


@pytest.mark.req("MAR-44")
def test_an_account_trades_so_many_perpetuals() -> None:
    floor = Floor()
    most = limits.POSITIONS_PER_ACCOUNT_MAX
    symbols = range(100, 100 + most + 1)
    for symbol in symbols:
        pnl_account = 1_000 + symbol
        floor.operate(c.OpenAccount(pnl_account, 0, AccountKind.CLEARING_PNL, f"PNL-{symbol}"))
        fields = {"symbol_id": symbol, "symbol": f"P{symbol}", "pnl_account_id": pnl_account}
        floor.operate(c.ListInstrument(msgspec.structs.replace(m.BTC_PERP_LISTING, **fields)))
        floor.mark(100, symbol)
    for symbol in symbols[:-1]:
        floor.rest(ALPHA_F, BUY, 1, 100, symbol=symbol)
    assert refusal(floor.enter(ALPHA_F, BUY, 1, 100, symbol=symbols[-1])) == Code.EXCEEDS_LIMIT
    leverage = c.SetLeverage(ALPHA_F, symbols[-1], 5, MarginMode.CROSS)
    assert refusal(floor.operate(leverage)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(ALPHA_F, BUY, 1, 100, symbol=symbols[0]))
    assert accepted(floor.enter(BRAVO_F, BUY, 1, 100, symbol=symbols[-1]))


@pytest.mark.req("MAR-44")
def test_a_position_has_so_many_lots() -> None:
    """In a market where a lot at one tick is worth one minor unit."""
    tiny = {"tick": Step(1, 4), "lot": Step(1, 4), "max_qty": limits.ORDER_QTY_LOTS_MAX}
    perpetual = msgspec.structs.replace(m.BTC_PERP_LISTING, **tiny)
    floor = Floor(
        (*OPENING, c.ChangeInstrument(perpetual), c.SetMark(m.BTC_PERP, 1), c.Deposit(ALPHA_F, USDT, 10**13, "rich"))
    )
    most = limits.POSITION_LOTS_MAX
    buy: dict[str, Any] = {"account": ALPHA_F, "side": BUY, "price": 1, "symbol": m.BTC_PERP}
    assert refusal(floor.enter(**buy, qty=most + 1)) == Code.EXCEEDS_LIMIT
    floor.trade(ALPHA_F, BRAVO_F, 10, 1, m.BTC_PERP)
    assert refusal(floor.enter(**buy, qty=most - 9)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(**buy, qty=most - 10))
    assert refusal(floor.enter(**buy, qty=1)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(BRAVO_F, SELL, 10, 1, symbol=m.BTC_PERP)), "the bound is of one account"


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize("price", [-(2**63), -1, 0, limits.PRICE_TICKS_MAX + 1, 2**63 - 1])
def test_no_price_is_too_wild_for_a_core_that_reads_ahead_in_a_large_book(price: int) -> None:
    crowd = Crowd(2)
    first = crowd.core.seq + 1
    entered(crowd, 10_001)  # more than are near: levels are looked up before anything is checked
    assert crowd.send(crowd.order(crowd.accounts[1], price=price)) == (e.OrderRejected(0, Code.PRICE_OFF_TICK),)
    wild = c.ReplaceOrder("wild", 1, order_id=first, price=price)
    if price:  # 0 keeps the price
        (refused,) = crowd.send(wild)
        assert isinstance(refused, e.ReplaceRejected) and refused.code == Code.PRICE_OFF_TICK
    crowd.core.check()
