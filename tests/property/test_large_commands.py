"""Commands that reach the bounds of what one command may do: core and model stop at the same place."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, ExecInst, Peg, RestateReason, SelfTrade, SymbolStatus
from engine.api.rejects import ErrorCode
from engine.api.wire import Record
from tests.model import market as m
from tests.model.market import BUY, FOK, GTC, IOC, LIMIT, SELL
from tests.property.twins import Twins

LOTS = 20_000
FLOOR = 20
PRICE = 10_000


@pytest.fixture
def twins() -> Twins:
    return Twins()


def kinds(record: Record) -> Counter[str]:
    return Counter(type(event).__name__ for event in record.events)


def rest_icebergs(twins: Twins, symbol: int, accounts: tuple[int, ...] = (m.ALPHA, m.CHARLIE)) -> None:
    """Put 40,000 lots into a book that are shown twenty at a time."""
    for account in accounts:
        order = c.NewOrder(account, symbol, SELL, LIMIT, GTC, LOTS, PRICE, f"i{account}", max_floor=FLOOR)
        twins.send(m.SESSION_OF[account], order)


def what_is_left(twins: Twins) -> Counter[str]:
    """Let what is left to do go on until nothing is."""
    told = Counter[str]()
    while twins.core.next_due_ns:
        told += kinds(twins.send(0, c.AdvanceTime()))
        twins.check()
    return told


@pytest.mark.req("TRD-30", "TRD-31")
@pytest.mark.parametrize("symbol", [m.BTC_USDT, m.ETH_PRO])
def test_what_is_left_after_the_last_step_goes_on(twins: Twins, symbol: int) -> None:
    rest_icebergs(twins, symbol)
    fok = twins.send(m.BRAVO_OE, c.NewOrder(m.BRAVO, symbol, BUY, LIMIT, FOK, 2 * LOTS, PRICE, "fok"))
    assert isinstance(fok.events[-1], e.OrderExpired) and fok.events[-1].code == ErrorCode.FOK_UNFILLABLE
    sweep = twins.send(m.BRAVO_OE, c.NewOrder(m.BRAVO, symbol, BUY, LIMIT, GTC, 2 * LOTS, PRICE, "sweep"))
    assert kinds(sweep)["Traded"] == limits.STEPS_PER_COMMAND_MAX
    assert what_is_left(twins)["Traded"] == 2 * LOTS // FLOOR - limits.STEPS_PER_COMMAND_MAX
    assert not twins.model.open


@pytest.mark.req("ORD-08", "TRD-31")
@pytest.mark.parametrize("stp", [SelfTrade.RESTING, SelfTrade.DECREMENT])
def test_steps_of_self_trade_prevention_count(twins: Twins, stp: SelfTrade) -> None:
    rest_icebergs(twins, m.ETH_PRO)
    order = c.NewOrder(m.CHARLIE, m.ETH_PRO, BUY, LIMIT, IOC, LOTS + 5, PRICE, "own", stp=stp)
    twins.send(m.CHARLIE_OE, order)
    twins.check()


@pytest.mark.req("ORD-12")
def test_stops_beyond_the_bound_are_elected_with_the_next_record(twins: Twins) -> None:
    share = limits.STEPS_PER_COMMAND_MAX // 8
    count = 3 * share
    for n in range(count):
        account = (m.ALPHA, m.CHARLIE)[n % 2]
        stop = c.NewOrder(account, m.BTC_USDT, BUY, m.STOP, GTC, 10_000, 0, f"s{n}", stop_px=PRICE + n % 7)
        assert isinstance(twins.send(m.SESSION_OF[account], stop).events[-1], e.OrderAccepted)
    twins.send(m.BRAVO_OE, c.NewOrder(m.BRAVO, m.BTC_USDT, SELL, LIMIT, GTC, 10_000, PRICE + 10, "a"))
    trade = twins.send(m.ALPHA_OE, c.NewOrder(m.ALPHA, m.BTC_USDT, BUY, LIMIT, GTC, 10_000, PRICE + 10, "b"))
    assert kinds(trade)["OrderTriggered"] == share
    twins.check()
    late = twins.send(m.ALPHA_OE, c.NewOrder(m.ALPHA, m.BTC_USDT, BUY, m.STOP, GTC, 10_000, 0, "x", stop_px=PRICE))
    between = kinds(late)["OrderTriggered"]
    assert between > 1, "its own on entry, and others"
    assert share + between + what_is_left(twins)["OrderTriggered"] == count + 1


@pytest.mark.req("ORD-22")
def test_pegs_of_many_accounts_are_priced_in_slices(twins: Twins) -> None:
    twins.send(0, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.PRE_OPEN))
    for n in range(4 * limits.PEGS_PER_ACCOUNT_MAX):
        account = 900 + n // limits.PEGS_PER_ACCOUNT_MAX
        if n % limits.PEGS_PER_ACCOUNT_MAX == 0:
            twins.send(0, c.OpenAccount(account, 1 + account % 2, AccountKind.SPOT, f"P{account}"))
            twins.send(0, c.Deposit(account, m.USDT, 10**16, f"u{account}"))
            twins.send(0, c.Deposit(account, m.BTC, 10**12, f"b{account}"))
        side = (BUY, SELL)[n // 2 % 2]
        twins.send(0, c.NewOrder(account, m.BTC_USDT, side, m.PEGGED, GTC, 10_000, PRICE, f"p{n}", peg=Peg.PRIMARY))
    twins.send(m.BRAVO_OE, c.NewOrder(m.BRAVO, m.BTC_USDT, BUY, LIMIT, GTC, 10_000, PRICE, "bid"))
    twins.send(m.BRAVO_OE, c.NewOrder(m.BRAVO, m.BTC_USDT, SELL, LIMIT, GTC, 10_000, PRICE + 9, "ask"))
    opened = twins.send(0, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.OPEN))
    restated = [event for event in opened.events if isinstance(event, e.OrderRestated)]
    assert {event.reason for event in restated} == {RestateReason.PEG}
    assert 0 < len(restated) < limits.STEPS_PER_COMMAND_MAX // 8
    assert what_is_left(twins)["OrderRestated"] == 4 * limits.PEGS_PER_ACCOUNT_MAX - len(restated)


@pytest.mark.req("TRD-40")
def test_an_auction_that_needs_more_steps_goes_on(twins: Twins) -> None:
    listing = msgspec.structs.replace(m.ETH_LISTING, symbol_id=9, symbol="CROWD", min_qty=1)
    twins.send(0, c.ListInstrument(listing))
    twins.send(0, c.SetSymbolStatus(9, SymbolStatus.PRE_OPEN))
    total = limits.STEPS_PER_COMMAND_MAX + 5
    for n in range(total):
        account = (m.ALPHA, m.CHARLIE)[n % 2]
        twins.send(m.SESSION_OF[account], c.NewOrder(account, 9, SELL, LIMIT, GTC, 1, PRICE - n, f"a{n}"))
    twins.send(m.BRAVO_OE, c.NewOrder(m.BRAVO, 9, BUY, LIMIT, GTC, total, PRICE, "bid"))
    first = twins.send(0, c.SetSymbolStatus(9, SymbolStatus.OPEN))
    assert first.events[-1] == e.SymbolStatusSet(9, SymbolStatus.PRE_OPEN)
    rest = what_is_left(twins)
    assert (rest["Uncrossed"], rest["SymbolStatusSet"]) == (1, 1), "first its orders are looked at, a step each"
    assert kinds(first)["Traded"] + rest["Traded"] == total


@pytest.mark.req("ORD-17")
def test_reduce_only_orders_of_one_account_never_open_a_position(twins: Twins) -> None:
    """Many reduce-only makers of one account share less than they would."""
    for n, symbol in enumerate((m.BTC_PERP, m.ETH_PERP)):
        twins.send(m.ALPHA_OE, c.NewOrder(m.ALPHA_F, symbol, SELL, LIMIT, GTC, 100, PRICE, f"s{n}"))
        twins.send(m.BRAVO_OE, c.NewOrder(m.BRAVO_F, symbol, BUY, LIMIT, GTC, 100, PRICE, f"b{n}"))
        for k, lots in enumerate((60, 70, 80)):
            reduce = c.NewOrder(m.BRAVO_F, symbol, SELL, LIMIT, GTC, lots, PRICE, f"r{n}-{k}")
            twins.send(m.BRAVO_OE, msgspec.structs.replace(reduce, exec_inst=ExecInst.REDUCE_ONLY))
        twins.send(m.ALPHA_OE, c.NewOrder(m.ALPHA_F2, symbol, SELL, LIMIT, GTC, 50, PRICE, f"t{n}"))
        twins.send(m.ALPHA_OE, c.NewOrder(m.ALPHA_F, symbol, BUY, LIMIT, GTC, 250, PRICE, f"u{n}"))
        assert twins.model.positions[m.BRAVO_F][symbol].size == 0
    twins.check()
