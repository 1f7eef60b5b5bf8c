"""The whole market, open, with short ways to say what traders do; the model hears every word and must agree."""

from __future__ import annotations

import copy
from functools import cache
from itertools import count
from typing import Any, TypeVar

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import ExecInst, OrdType, PositionReason, Side, SymbolStatus
from engine.api.wire import decode_records
from engine.host.core import Core
from tests.model import market as m
from tests.model.exchange import Exchange
from tests.model.snapshot import snapshot

Events = tuple[e.Event, ...]
T = TypeVar("T")

SECOND_NS = 10**9
USDT_UNIT = 10**8
OPENING = tuple(k for k in m.FULL_OPENING if not isinstance(k, c.SetAccountLimits | c.SetLeverage))
"""Everything is listed and funded; every account is in tier 1 and has set no leverage."""
LOT = 20_000
"""An everyday quantity in BTC/USDT: 20 USDT at 10,000 ticks, twice the smallest notional."""

POST_ONLY, REDUCE_ONLY = ExecInst.POST_ONLY, ExecInst.REDUCE_ONLY
SLIDE = ExecInst.POST_ONLY | ExecInst.SLIDE


@cache
def opened(opening: tuple[c.Command, ...]) -> tuple[bytes, Exchange]:
    """A core's snapshot and a model after an opening."""
    market, model = m.Market(opening), Exchange()
    for command in opening:
        model.apply(m.NOW_NS, m.frame(c.OPERATIONS, command))
    return market.core.snapshot(), model


class Floor(m.Market):
    """A market whose every record the model writes too, byte for byte."""

    def __init__(self, opening: tuple[c.Command, ...] = OPENING) -> None:
        super().__init__(())
        snapshot, model = opened(opening)
        self.core, self.model = Core.restore(snapshot), copy.deepcopy(model)
        self.names = (f"o{n}" for n in count(1))

    def send_frame(self, raw: bytes) -> Events:
        """Send one frame to core and model."""
        before = len(self.records)
        events = super().send_frame(raw)
        record = self.model.apply(self.now_ns, raw)
        assert events == decode_records(record)[0].events, "core and model tell different events"
        assert self.records[before:] == record
        assert self.core.next_due_ns == self.model.next_due_ns
        return events

    def take_small_steps(self, steps_max: int = 16) -> None:
        """Give each record few steps, so that work goes on in later ones."""
        self.model.steps_max = steps_max
        self.core = Core.restore(snapshot(self.model))

    def go_on(self) -> Events:
        """Let the engine go on with what is left to do. Returns: what it told."""
        told: list[e.Event] = []
        while self.core.next_due_ns == 1:
            told += self.operate(c.AdvanceTime())
        return tuple(event for event in told if event != e.TimeAdvanced())

    # --- orders -----------------------------------------------------------------------------------------

    def enter(
        self,
        account: int,
        side: Side,
        qty: int,
        price: int = 0,
        kind: OrdType = OrdType.LIMIT,
        symbol: int = m.BTC_USDT,
        **terms: Any,
    ) -> Events:
        """Enter an order; ``tif`` is short for time_in_force, ``source`` is who sends it."""
        tif = terms.pop("tif", m.IOC if kind is OrdType.MARKET else m.GTC)
        source = terms.pop("source", m.SESSION_OF.get(account, c.OPERATIONS))
        name = terms.pop("cl_ord_id", "") or next(self.names)
        return self.send(source, c.NewOrder(account, symbol, side, kind, tif, qty, price, name, **terms))

    def rest(self, account: int, side: Side, qty: int, price: int = 0, **terms: Any) -> int:
        """Enter an order that does nothing at first but wait. Returns: its id."""
        events = self.enter(account, side, qty, price, **terms)
        assert len(events) == 1, events
        return accepted(events)

    def cancel(self, order_id: int, source: int = c.OPERATIONS) -> Events:
        return self.send(source, c.CancelOrder(next(self.names), order_id=order_id))

    def replace(self, order_id: int, order_qty: int, source: int = c.OPERATIONS, **changes: Any) -> Events:
        """Replace an order, in the name of operations unless somebody else is named."""
        return self.send(source, c.ReplaceOrder(next(self.names), order_qty, order_id=order_id, **changes))

    def trade(self, buyer: int, seller: int, qty: int, price: int, symbol: int = m.BTC_USDT) -> Events:
        """Let two accounts trade; the seller makes. Returns: what the buyer's order caused."""
        self.rest(seller, m.SELL, qty, price, symbol=symbol)
        return self.enter(buyer, m.BUY, qty, price, symbol=symbol)

    def state(self, order_id: int) -> int:
        """Ask operations' desk for the state of an order."""
        (event,) = self.send(c.OPERATIONS, c.RequestOrderStatus("", order_id))
        assert isinstance(event, e.StatusReported)
        return event.state

    # --- the market -------------------------------------------------------------------------------------

    def operate(self, command: c.Command) -> Events:
        """Send a command of operations."""
        return self.send(c.OPERATIONS, command)

    def mark(self, price: int, symbol: int = m.BTC_USDT) -> Events:
        return self.operate(c.SetMark(symbol, price))

    def status(self, status: SymbolStatus, symbol: int = m.BTC_USDT) -> Events:
        return self.operate(c.SetSymbolStatus(symbol, status))

    def wait(self, ns: int) -> Events:
        """Let time pass, and see what was due."""
        self.now_ns += ns
        *due, done = self.operate(c.AdvanceTime())
        assert done == e.TimeAdvanced()
        return tuple(due)

    def state_bytes(self) -> tuple[object, ...]:
        """All that a refused command must not change."""
        return self.core.balances(), self.core.open_orders, self.core.snapshot()[40:-4]


def accepted(events: Events) -> int:
    """The id of the order that was accepted with these events."""
    (event,) = those(events, e.OrderAccepted)
    return event.order_id


def those(events: Events, kind: type[T]) -> list[T]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def trades(events: Events) -> list[tuple[int, int, int]]:
    """Maker, price and quantity of each trade."""
    return [(t.maker_order_id, t.last_px, t.last_qty) for t in those(events, e.Traded)]


def closed(events: Events) -> list[tuple[int, int, int]]:
    """Order, leaves and reason of each cancel and expiry."""
    return [(o.order_id, o.leaves, o.code) for o in events if isinstance(o, e.OrderCanceled | e.OrderExpired)]


def restated(events: Events) -> list[tuple[int, int, int, int, int]]:
    """Order, reason, leaves, price and display of each restatement."""
    return [(o.order_id, o.reason, o.leaves, o.price, o.display) for o in those(events, e.OrderRestated)]


def triggered(events: Events) -> list[tuple[int, int]]:
    """Order and limit of each election."""
    return [(o.order_id, o.price) for o in those(events, e.OrderTriggered)]


def position(events: Events, account: int, reason: PositionReason = PositionReason.TRADE) -> e.PositionChanged:
    """The last change of an account's position."""
    changes = [p for p in those(events, e.PositionChanged) if p.account_id == account and p.reason == reason]
    return changes[-1]


def refusal(events: Events) -> int:
    """The code of the one refusal these events are."""
    (event,) = events
    assert isinstance(
        event, e.OrderRejected | e.CommandRefused | e.CancelRejected | e.ReplaceRejected | e.MassCancelRejected
    ), event
    return event.code
