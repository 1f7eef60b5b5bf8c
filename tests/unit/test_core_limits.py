"""Bounds: the same on both sides of the language seam, and kept."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, RestateReason, SessionKind, Side
from engine.api.parameters import RULES, Parameter
from engine.api.rejects import ErrorCode
from engine.api.wire import decode_records, encode_command, encode_frame
from engine.host.core import Core
from tests.model import market as m
from tests.model.exchange import Exchange
from tests.model.market import BUY, GTC, LIMIT, NOW_NS, SELL, USDT

FIRST_ACCOUNT, FIRST_SESSION = 1001, 101


def test_the_core_has_the_bounds_that_are_published() -> None:
    compiled = Core().limits()
    assert compiled == {name: getattr(limits, name) for name in compiled}


def test_every_bound_marked_core_is_compiled_in() -> None:
    assert limits.__file__ is not None
    lines = Path(limits.__file__).read_text(encoding="ascii").splitlines()
    marked = {bound.split(" = ")[0] for bound, reason in pairwise(lines) if reason.startswith('"""core.')}
    assert marked == Core().limits().keys()


class Crowd:
    """Many accounts, each with a session of its own, in one instrument with minimal bounds."""

    def __init__(self, accounts: int, symbols: int = 1) -> None:
        self.core = Core()
        self.send(0, *m.OPENING[:10])
        for symbol_id in range(1, symbols + 1):
            changes = {"symbol_id": symbol_id, "symbol": f"S{symbol_id}", "min_notional": 0}
            self.send(0, c.ListInstrument(msgspec.structs.replace(m.BTC_LISTING, **changes)))
        for n in range(accounts):
            account = FIRST_ACCOUNT + n
            self.send(
                0,
                c.OpenAccount(account, 1, AccountKind.SPOT, f"A{n}"),
                c.RegisterSession(FIRST_SESSION + n, 1, SessionKind.ORDER_ENTRY, f"S{n}"),
                c.Deposit(account, USDT, 10**18, f"u{n}"),
                c.Deposit(account, m.BTC, 10**18, f"b{n}"),
            )

    def send(self, source: int, *commands: c.Command) -> bytes:
        frames = b"".join(encode_frame(source, 1, encode_command(command)) for command in commands)
        applied = self.core.apply(NOW_NS, frames)
        assert applied.consumed == len(frames)
        return applied.records

    def rest(self, account: int, name: str, symbol_id: int = 1, side: Side = BUY) -> tuple[e.Event, ...]:
        price = 100 if side is BUY else 200
        order = c.NewOrder(account, symbol_id, side, LIMIT, GTC, 1, price, name)
        (record,) = decode_records(self.send(FIRST_SESSION + account - FIRST_ACCOUNT, order))
        return record.events


@pytest.mark.req("ORD-22")
def test_open_orders_of_an_account_in_a_symbol_and_in_all() -> None:
    crowd = Crowd(1, symbols=11)
    refused = (e.OrderRejected(0, ErrorCode.EXCEEDS_LIMIT),)
    for symbol_id in range(1, 11):
        for n in range(RULES[Parameter.OPEN_ORDERS_PER_SYMBOL_MAX].default):
            (event,) = crowd.rest(FIRST_ACCOUNT, f"{symbol_id}-{n}", symbol_id)
            assert isinstance(event, e.OrderAccepted)
        if symbol_id == 1:
            assert crowd.rest(FIRST_ACCOUNT, "one more", symbol_id) == refused
    assert crowd.core.open_orders == RULES[Parameter.OPEN_ORDERS_PER_ACCOUNT_MAX].default
    assert crowd.rest(FIRST_ACCOUNT, "one more", 11) == refused
    ioc = c.NewOrder(FIRST_ACCOUNT, 11, BUY, LIMIT, m.IOC, 1, 100, "does not rest")
    assert isinstance(decode_records(crowd.send(FIRST_SESSION, ioc))[0].events[0], e.OrderAccepted)
    crowd.send(FIRST_SESSION, c.CancelOrder("x", "1-0"))
    assert crowd.rest(FIRST_ACCOUNT, "in its place", 11) != refused
    crowd.core.check()


@pytest.mark.req("ORD-22")
def test_the_model_keeps_the_same_limit_of_open_orders() -> None:
    core, model = Core(), Exchange()
    orders = [
        c.NewOrder(m.ALPHA, m.ETH_USDT, BUY, LIMIT, GTC, 5, 1, f"o{n}")
        for n in range(RULES[Parameter.OPEN_ORDERS_PER_SYMBOL_MAX].default + 2)
    ]
    for command in (*m.OPENING, *orders):
        raw = m.frame(m.ALPHA_OE if isinstance(command, c.NewOrder) else 0, command)
        records = core.apply(NOW_NS, raw).records
        assert records == model.apply(NOW_NS, raw)
    assert decode_records(records)[0].events == (e.OrderRejected(0, ErrorCode.EXCEEDS_LIMIT),)


@pytest.mark.req("TRD-30", "RES-02")
def test_an_order_that_is_filled_at_once_or_not_at_all_is_filled_within_half_the_steps() -> None:
    most = limits.STEPS_PER_COMMAND_MAX // 2
    crowd = Crowd(2)
    for n in range(2 * most):
        crowd.rest(FIRST_ACCOUNT, f"o{n}", side=SELL)
    for lots, trades in ((most + 1, 0), (most, most)):
        order = c.NewOrder(FIRST_ACCOUNT + 1, 1, BUY, LIMIT, m.FOK, lots, 200, f"fok {lots}")
        events = decode_records(crowd.send(FIRST_SESSION + 1, order))[0].events
        assert sum(isinstance(event, e.Traded) for event in events) == trades
    crowd.core.check()


@pytest.mark.req("TRD-30", "RES-02")
@pytest.mark.parametrize("surplus", [0, 1])
def test_what_is_left_of_a_display_counts_as_a_match_of_its_own(surplus: int) -> None:
    most, floor = limits.STEPS_PER_COMMAND_MAX // 2, 20
    crowd = Crowd(2)
    lots = floor * (most + surplus)
    iceberg = c.NewOrder(FIRST_ACCOUNT, 1, SELL, LIMIT, GTC, lots, 200, "iceberg", max_floor=floor)
    crowd.send(FIRST_SESSION, iceberg)
    crowd.send(FIRST_SESSION + 1, c.NewOrder(FIRST_ACCOUNT + 1, 1, BUY, LIMIT, m.IOC, 1, 200, "one lot"))
    fok = c.NewOrder(FIRST_ACCOUNT + 1, 1, BUY, LIMIT, m.FOK, lots - 1, 200, "all the others")
    events = decode_records(crowd.send(FIRST_SESSION + 1, fok))[0].events
    assert sum(event.last_qty for event in events if isinstance(event, e.Traded)) == (0 if surplus else lots - 1)
    crowd.core.check()


@pytest.mark.req("TRD-30")
def test_a_sweep_of_more_makers_than_a_record_has_steps_goes_on_before_all_others() -> None:
    makers = 2 * limits.STEPS_PER_COMMAND_MAX
    per_account = RULES[Parameter.OPEN_ORDERS_PER_SYMBOL_MAX].default
    taker = FIRST_ACCOUNT + makers // per_account
    crowd = Crowd(taker + 2 - FIRST_ACCOUNT)
    for n in range(makers):
        crowd.rest(FIRST_ACCOUNT + n // per_account, f"o{n}", side=SELL)
    sweep = c.NewOrder(taker, 1, BUY, LIMIT, GTC, makers, 200, "sweep")
    records = crowd.send(FIRST_SESSION + taker - FIRST_ACCOUNT, sweep)
    assert len(records) < limits.RECORD_BYTES_MAX
    (record,) = decode_records(records)
    *_, last = record.events
    assert sum(isinstance(event, e.Traded) for event in record.events) == limits.STEPS_PER_COMMAND_MAX
    assert isinstance(last, e.OrderRestated) and (last.reason, last.display) == (RestateReason.TURN, 0)
    assert len(crowd.rest(taker + 1, "later")) >= 2, "accepted, and in hand behind it"
    traded = []
    while crowd.core.next_due_ns:
        (record,) = decode_records(crowd.send(0, c.AdvanceTime()))
        traded += [event for event in record.events if isinstance(event, e.Traded)]
    assert {event.taker_order_id for event in traded} == {last.order_id}
    assert crowd.core.open_orders == 1, "the later one rests"
    crowd.core.check()
