"""The tape: every open order as its reports tell, and whether each trade, election and peg was fair.

Fair is what any exchange promises: the better price first, at one price the earlier priority; a price that moves others
(an auction's, a peg's reference, a trigger's) comes from orders that can trade and from prices as they are now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, ExecInst, OrdType, Peg, RestateReason, Side, SymbolStatus, Trigger
from engine.api.instrument import Instrument

BUY, SELL = Side.BUY, Side.SELL
NOWHERE = (RestateReason.PEG, RestateReason.TURN)
"""With these a display of 0 tells that an order has left its place."""


@dataclass
class Ticket:
    """An open order, as its reports tell."""

    order_id: int
    order: c.NewOrder
    source: int
    leaves: int
    price: int
    reserved: int
    priority: int
    is_waiting: bool
    """A stop that is not elected, or an order without a place: it stands in no queue."""
    order_qty: int
    stop_px: int
    is_suspended: bool = False
    """Its account is suspended, or was and it is not back yet: it stands outside the market."""

    @property
    def is_in_the_queue(self) -> bool:
        """Tell whether it stands where a counterparty can meet it."""
        return not self.is_waiting and not self.is_suspended

    @property
    def is_reduce_only(self) -> bool:
        """Tell whether it can only make a position smaller."""
        return bool(self.order.exec_inst & ExecInst.REDUCE_ONLY)

    def comes_before(self, other: Ticket) -> bool:
        """Tell whether this order stands before another of its side: by price, then by priority."""
        if self.price != other.price:
            return (self.price > other.price) == (self.order.side is BUY)
        return self.priority < other.priority


class Tape:
    """Follows every order, and judges what is done with it."""

    def __init__(self, listings: Mapping[int, Instrument]) -> None:
        self.listings = listings
        self.open: dict[int, Ticket] = {}
        self.statuses: dict[int, SymbolStatus] = {}
        self.breakers: dict[int, bool] = {}
        self.called: dict[int, list[int]] = {}
        """An auction's price, the volume it promised and the volume it traded."""
        self.unfair: list[str] = []
        """What was wrong so far."""
        self._priority = 0

    def copy_of_open(self) -> list[Ticket]:
        """List the open orders, oldest first."""
        return list(self.open.values())

    # --- from the events --------------------------------------------------------------------------------

    def hear(
        self,
        source: int,
        command: c.Command,
        events: tuple[e.Event, ...],
        seq: int,
        ts_ns: int,
        marks: Mapping[int, int],
    ) -> None:
        """Follow one record."""
        self.called = {}
        for event in events:
            match event:
                case e.OrderAccepted():
                    assert isinstance(command, c.NewOrder)
                    self.accept(event, command, source)
                case e.Traded():
                    self.trade(event)
                case e.OrderRestated():
                    self.restate(event)
                case e.OrderTriggered():
                    self.trigger(event, marks)
                case e.OrderReplaced():
                    assert isinstance(command, c.ReplaceOrder)
                    self.replace(event, command)
                case e.AccountStatusSet():
                    assert isinstance(command, c.SetAccountStatus)
                    self.set_account_status(command)
                case e.OrderCanceled() | e.OrderExpired():
                    self.open.pop(event.order_id, None)
                case e.SymbolStatusSet():
                    self.statuses[event.symbol_id] = event.status
                case e.BreakerTriggered():
                    self.breakers[event.symbol_id] = True
                case e.BreakerReleased():
                    self.breakers[event.symbol_id] = False
                case e.Uncrossed():
                    self.close_auction(event.symbol_id)
                    self.called[event.symbol_id] = [event.price, event.volume, 0]
        for symbol in [*self.called]:
            if self.statuses.get(symbol, SymbolStatus.OPEN) in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY):
                self.close_auction(symbol)

    def next_priority(self) -> int:
        """Count who comes when."""
        self._priority += 1
        return self._priority

    def accept(self, event: e.OrderAccepted, order: c.NewOrder, source: int) -> None:
        """An order is in force; it waits if it is a stop or a peg, else it takes, and what is left stands."""
        waits = order.ord_type.is_stop or order.ord_type is OrdType.PEGGED
        self.open[event.order_id] = Ticket(
            event.order_id, order, source, order.order_qty, order.price, event.reserved, self.next_priority(), waits,
            order.order_qty, order.stop_px,
        )  # fmt: skip

    def set_account_status(self, command: c.SetAccountStatus) -> None:
        """All orders of a suspended account are out at once; its reports may come later."""
        if command.status is AccountStatus.SUSPENDED:
            for ticket in self.open.values():
                if ticket.order.account_id == command.account_id and not ticket.order.exec_inst & ExecInst.LIQUIDATION:
                    ticket.is_suspended = True

    def restate(self, event: e.OrderRestated) -> None:
        """The exchange changed an order by itself."""
        ticket = self.open.get(event.order_id)
        if ticket is None:
            return
        if event.reason is RestateReason.PEG:
            self.judge_peg(ticket, event.price)
        ticket.leaves, ticket.price, ticket.order_qty = event.leaves, event.price, event.order_qty
        ticket.reserved -= event.released
        if event.reason is RestateReason.RESUMED:
            ticket.is_suspended, ticket.priority = False, self.next_priority()
        if event.reason in (*NOWHERE, RestateReason.REFILL):
            ticket.priority = self.next_priority()
            ticket.is_waiting = event.display == 0
        if event.leaves == 0:
            self.open.pop(event.order_id)

    def replace(self, event: e.OrderReplaced, command: c.ReplaceOrder) -> None:
        """A member changed an order."""
        ticket = self.open[event.order_id]
        ticket.leaves, ticket.order_qty, ticket.reserved = event.leaves, event.order_qty, event.reserved
        ticket.stop_px = command.stop_px or ticket.stop_px
        if not event.keeps_priority:
            ticket.priority = self.next_priority()
        if ticket.order.ord_type is not OrdType.PEGGED:
            ticket.price = event.price
        elif not event.keeps_priority:
            ticket.is_waiting = True

    # --- trades -----------------------------------------------------------------------------------------

    def trade(self, event: e.Traded) -> None:
        """Two orders met. Unfair when another should have."""
        taker, maker = self.open[event.taker_order_id], self.open[event.maker_order_id]
        self.judge_turn(maker, but_for=taker)
        if event.is_auction:
            self.judge_turn(taker, but_for=maker)
            self.judge_auction_price(event)
        for ticket, leaves in ((taker, event.taker_leaves), (maker, event.maker_leaves)):
            if ticket.leaves:
                ticket.reserved = ticket.reserved * leaves // ticket.leaves
            ticket.leaves = leaves
            if leaves == 0:
                self.open.pop(ticket.order_id, None)

    def judge_turn(self, ticket: Ticket, but_for: Ticket) -> None:
        """See that nobody stood before an order that traded."""
        for other in self.open.values():
            if (
                other.order.symbol_id == ticket.order.symbol_id
                and other.order.side is ticket.order.side
                and other.is_in_the_queue
                and other.comes_before(ticket)
                and not self.would_trade_with_itself(other, but_for)
            ):
                self.unfair.append(f"order {ticket.order_id} was served before {other.order_id}")

    def would_trade_with_itself(self, ticket: Ticket, other: Ticket) -> bool:
        """Tell whether two orders are of one account, or of one group."""
        mine, theirs = ticket.order, other.order
        groups = mine.stp_group and mine.stp_group == theirs.stp_group
        return mine.account_id == theirs.account_id or bool(groups)

    def judge_auction_price(self, event: e.Traded) -> None:
        """See that an auction has one price."""
        call = self.called.get(event.symbol_id)
        if call is None:
            return
        if call[0] != event.last_px:
            self.unfair.append(f"an auction at {call[0]} traded at {event.last_px}")
        call[2] += event.last_qty

    def close_auction(self, symbol: int) -> None:
        """See that the volume that made an auction's price did trade."""
        call = self.called.pop(symbol, None)
        if call is not None and call[1] != call[2]:
            self.unfair.append(f"an auction's price came of {call[1]} lots, and {call[2]} traded")

    # --- what moves by itself ---------------------------------------------------------------------------

    def trigger(self, event: e.OrderTriggered, marks: Mapping[int, int]) -> None:
        """A stop was elected. Unfair when its price is not there, or another comes first."""
        ticket = self.open[event.order_id]
        self.judge_trigger(ticket, marks)
        for other in self.open.values():
            if self.waits_alike(other, ticket) and self.stops_before(other, ticket):
                self.unfair.append(f"stop {ticket.order_id} was elected before {other.order_id}")
        ticket.is_waiting, ticket.price, ticket.priority = False, event.price, self.next_priority()

    def judge_trigger(self, ticket: Ticket, marks: Mapping[int, int]) -> None:
        """See that the mark that elects a stop is the present one."""
        if ticket.order.trigger is not Trigger.MARK:
            return
        mark, stop_px = marks[ticket.order.symbol_id], ticket.stop_px
        if (mark < stop_px) if ticket.order.side is BUY else (mark > stop_px):
            self.unfair.append(f"stop {ticket.order_id} at {stop_px} was elected at a mark of {mark}")

    def waits_alike(self, other: Ticket, ticket: Ticket) -> bool:
        """Tell whether two stops wait for the same price to go the same way."""
        a, b = other.order, ticket.order
        alike = (a.symbol_id, a.side) == (b.symbol_id, b.side)
        triggers = (a.trigger is Trigger.MARK) == (b.trigger is Trigger.MARK)
        return (
            other is not ticket
            and other.is_waiting
            and not other.is_suspended
            and a.ord_type.is_stop
            and alike
            and triggers
        )

    def stops_before(self, other: Ticket, ticket: Ticket) -> bool:
        """Tell whether a stop is nearer than another, or as near and earlier."""
        if other.stop_px != ticket.stop_px:
            return (other.stop_px < ticket.stop_px) == (ticket.order.side is BUY)
        return other.priority < ticket.priority

    def judge_peg(self, ticket: Ticket, price: int) -> None:
        """See that orders that are paid for stand where a peg follows."""
        if not price or ticket.order.peg is not Peg.PRIMARY or ticket.order.peg_offset:
            return
        leaders = [other.price for other in self.leaders(ticket)]
        lead = (max if ticket.order.side is BUY else min)(leaders, default=0)
        beyond = (price > lead) if ticket.order.side is BUY else (price < lead)
        if not lead or beyond:
            self.unfair.append(f"peg {ticket.order_id} follows to {price}, and what is paid for stands at {lead}")

    def leaders(self, ticket: Ticket) -> Iterator[Ticket]:
        """List the orders of a peg's own side that can pay, and follow nobody."""
        for other in self.open.values():
            same = (other.order.symbol_id, other.order.side) == (ticket.order.symbol_id, ticket.order.side)
            if same and other.is_in_the_queue and other.order.ord_type is not OrdType.PEGGED and other.reserved > 0:
                yield other
