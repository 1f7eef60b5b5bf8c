"""Bounds of the engine that take many orders, accounts or instruments to reach; each from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, MarginMode, OrderState, SymbolStatus
from engine.api.ids import NO_ORDER, OrderId, Seq, SymbolId
from engine.api.parameters import RULES, Parameter
from engine.api.rejects import ErrorCode as Code
from engine.api.units import Step
from engine.api.wire import decode_records, encode_command, encode_frame
from engine.host.core import Core
from tests.model import market as m
from tests.model.market import ALPHA_F, BRAVO_F, BUY, DAY, GTC, IOC, LIMIT, NOW_NS, SELL, USDT
from tests.unit.floor import OPENING, Floor, accepted, closed, refusal, those, trades

FIRST_ACCOUNT = 1_001
STEPS = limits.STEPS_PER_COMMAND_MAX
SLACK = 8
"""Events a command tells besides those of its steps."""
DAY_NS = 86_400 * 10**9
PER_ACCOUNT = RULES[Parameter.OPEN_ORDERS_PER_SYMBOL_MAX].default
SYMBOLS = 10


class Crowd:
    """Accounts without number in ten markets with minimal bounds; operations enter everybody's orders."""

    def __init__(self, accounts: int) -> None:
        self.core = Core()
        self.now_ns = NOW_NS
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
        applied = self.core.apply(self.now_ns, frames)
        rest = applied.consumed
        while rest < len(frames):
            applied = self.core.apply(self.now_ns, frames[rest:])
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


def what_is_left(crowd: Crowd) -> list[e.Event]:
    """Let what is left to do go on until nothing is. Returns: the events."""
    told: list[e.Event] = []
    while crowd.core.next_due_ns:
        events = crowd.send(c.AdvanceTime())
        assert len(events) <= STEPS + SLACK
        told += [event for event in events if event != e.TimeAdvanced()]
        crowd.core.check()
    return told


@pytest.mark.req("ORD-09", "DRV-13")
def test_what_a_mass_cancel_means_is_out_at_once_and_told_in_slices() -> None:
    crowd = Crowd(2)
    entered(crowd, 3 * STEPS, side=SELL, price=200)
    *canceled, done = crowd.send(c.MassCancel("one"))
    request = Seq(crowd.core.seq)
    assert STEPS // 2 < len(canceled) < STEPS and done == e.MassCanceled(request, len(canceled), False)
    met = crowd.send(crowd.order(crowd.accounts[1], symbol_id=3, price=200, time_in_force=IOC))
    assert sum(isinstance(event, e.OrderCanceled) for event in met) > STEPS // 2
    last = request - 1
    gone = crowd.send(c.CancelOrder("late", order_id=OrderId(Seq(last))))
    assert any(isinstance(event, e.OrderCanceled) and event.order_id == last for event in gone)
    assert e.CancelRejected(OrderId(Seq(last)), Code.TOO_LATE, OrderState.CANCELED) in gone
    told = what_is_left(crowd)
    assert e.MassCanceled(request, 3 * STEPS, True) in told
    assert not any(isinstance(event, e.Traded) for event in (*met, *gone, *told)), "none of them trades"
    assert [event.code for event in (*met, *gone, *told) if isinstance(event, e.OrderExpired)] == [Code.IOC_REMAINDER]
    assert crowd.core.open_orders == 0


@pytest.mark.req("ORD-09")
def test_a_firm_has_so_many_mass_cancels_under_way() -> None:
    crowd = Crowd(2)
    entered(crowd, 10 * STEPS)
    for n in range(limits.WITHDRAWALS_PER_FIRM_MAX):
        crowd.send(c.MassCancel(f"m{n}"))
    assert crowd.send(c.MassCancel("one more"))[-1] == e.MassCancelRejected(Code.RATE_LIMIT)
    what_is_left(crowd)
    assert crowd.send(c.MassCancel("later"))[-1] == e.MassCanceled(Seq(crowd.core.seq), 0, True)


@pytest.mark.req("ORD-13", "ORD-14")
def test_orders_that_are_due_expire_in_slices_and_never_trade() -> None:
    crowd = Crowd(2)
    entered(crowd, 3 * STEPS, time_in_force=DAY, side=SELL, price=200)
    midnight = NOW_NS // DAY_NS * DAY_NS + DAY_NS
    taker = crowd.order(crowd.accounts[1], symbol_id=1, price=200, time_in_force=IOC)
    crowd.now_ns = midnight - 1
    assert any(isinstance(event, e.Traded) for event in crowd.send(taker))
    crowd.now_ns = midnight
    events = crowd.send(msgspec.structs.replace(taker, cl_ord_id="after"))
    assert sum(isinstance(event, e.OrderExpired) for event in events) > STEPS // 2
    assert not any(isinstance(event, e.Traded) for event in events)
    what_is_left(crowd)
    assert crowd.core.open_orders == 0


@pytest.mark.req("ORD-05", "TRD-02")
def test_an_auction_goes_on_in_slices_while_other_symbols_trade() -> None:
    crowd = Crowd(3)
    crowd.send(c.SetSymbolStatus(1, SymbolStatus.PRE_OPEN))
    crowd.send(*(crowd.order(crowd.accounts[n % 2], side=SELL, price=200) for n in range(3 * STEPS // 2)))
    crowd.send(crowd.order(crowd.accounts[2], price=200, order_qty=3 * STEPS // 2))
    first, second = crowd.send(c.SetSymbolStatus(1, SymbolStatus.OPEN)), crowd.send(c.AdvanceTime())
    own = 3 * STEPS // 2  # each is gathered and forgotten before the price is sought
    steps = own + own // limits.LOOKS_PER_STEP + sum(isinstance(event, e.Traded) for event in second)
    assert 2 * STEPS - 5 <= steps <= 2 * STEPS + 5
    assert first == (e.SymbolStatusSet(SymbolId(1), SymbolStatus.PRE_OPEN),)
    refused = e.OrderRejected(NO_ORDER, Code.NOT_ALLOWED_NOW)
    assert refused in crowd.send(crowd.order(crowd.accounts[0])), "the auction goes on before it, and after it"
    elsewhere = crowd.send(crowd.order(crowd.accounts[0], symbol_id=2))
    assert [event for event in elsewhere if isinstance(event, e.OrderAccepted)]
    rest = what_is_left(crowd)
    assert rest[-1] == e.SymbolStatusSet(SymbolId(1), SymbolStatus.OPEN)
    assert not any(isinstance(event, e.Uncrossed) for event in rest), "at the same price"
    assert crowd.core.open_orders == 1


@pytest.mark.req("ORD-05", "RES-97")
def test_owners_with_nothing_to_take_out_cost_looks_all_the_same() -> None:
    """A step for each order that is gathered, a look for each that is forgotten; one of a group has two owners."""
    for total, group, fits in [(860, 0, True), (900, 0, False), (860, 1, False)]:
        crowd = Crowd(6)
        crowd.send(c.SetSymbolStatus(1, SymbolStatus.PRE_OPEN))
        makers = (crowd.accounts[n // PER_ACCOUNT] for n in range(total))
        crowd.send(*(crowd.order(maker, side=SELL, price=200, stp_group=group) for maker in makers))
        crowd.send(crowd.order(crowd.accounts[5], price=200, order_qty=1))
        first = crowd.send(c.SetSymbolStatus(1, SymbolStatus.OPEN))
        assert any(isinstance(event, e.Traded) for event in first) is fits
        assert what_is_left(crowd)[-1:] == ([] if fits else [e.SymbolStatusSet(SymbolId(1), SymbolStatus.OPEN)])


@pytest.mark.req("TBL-04")
def test_a_delisting_goes_on_in_slices() -> None:
    crowd = Crowd(2)
    crowd.send(*(crowd.order(crowd.accounts[n % 2]) for n in range(3 * STEPS // 2)))
    events = crowd.send(c.DelistInstrument(1))
    assert events[STEPS] == e.InstrumentDelisted()
    assert e.OrderRejected(NO_ORDER, Code.UNKNOWN_SYMBOL) in crowd.send(crowd.order(crowd.accounts[0]))
    assert {event.code for event in what_is_left(crowd) if isinstance(event, e.OrderCanceled)} == {Code.DELISTED}
    assert crowd.core.open_orders == 0


@pytest.mark.req("MAR-44")
def test_an_account_holds_so_many_perpetuals_at_a_time() -> None:
    floor = Floor()
    most = limits.POSITIONS_PER_ACCOUNT_MAX
    symbols = range(100, 100 + most + 1)
    for symbol in symbols:
        pnl_account = 1_000 + symbol
        floor.operate(c.OpenAccount(pnl_account, 0, AccountKind.CLEARING_PNL, f"PNL-{symbol}"))
        fields = {"symbol_id": symbol, "symbol": f"P{symbol}", "pnl_account_id": pnl_account}
        floor.operate(c.ListInstrument(msgspec.structs.replace(m.BTC_PERP_LISTING, **fields)))
        floor.mark(100, symbol)
    orders = [floor.rest(ALPHA_F, BUY, 1, 100, symbol=symbol) for symbol in symbols[:-1]]
    assert refusal(floor.enter(ALPHA_F, BUY, 1, 100, symbol=symbols[-1])) == Code.EXCEEDS_LIMIT
    assert those(floor.operate(c.SetLeverage(ALPHA_F, symbols[-1], 5, MarginMode.CROSS)), e.PositionChanged)
    assert accepted(floor.enter(ALPHA_F, BUY, 1, 100, symbol=symbols[0]))
    assert accepted(floor.enter(BRAVO_F, BUY, 1, 100, symbol=symbols[-1]))
    floor.cancel(orders[1])
    assert trades(floor.enter(ALPHA_F, BUY, 1, 100, symbol=symbols[1])) == []
    floor.cancel(orders[2])
    assert closed(floor.cancel(orders[3]))
    assert accepted(floor.enter(ALPHA_F, BUY, 1, 100, symbol=symbols[-1])), "what it touched before does not count"
    assert accepted(floor.enter(ALPHA_F, BUY, 1, 100, symbol=symbols[2]))
    assert refusal(floor.enter(ALPHA_F, BUY, 1, 100, symbol=symbols[3])) == Code.EXCEEDS_LIMIT


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
