"""What the exchange does with each command. To be read as its specification; the core does the same, faster.

A command becomes a record: the command and its events. State is what earlier records left behind. A command
that is refused changes nothing; it still takes a number. The twin is written from ``docs/MATCHING.md`` and from nothing
else, so that core and twin are two readings of one text. Each layer of the exchange is a module of its own, in this
order; each implements these sections and paragraphs of it::

    commands        1 "the command's own events": which bytes are no command
    state           its head: what is remembered: prices, quantities and amounts, and how a division rounds
    parameters      12 rules that governance sets
    names           9 "ClOrdIDs"
    margin          4 reservations, "Loans"
    positions       8 perpetuals: "On a fill", "Limits on entry", SetLeverage, AdjustMargin, CoverDebt
    book            1 "Steps", "Out"; 5 "Would take"; 8 "Reduce-only"; 9 the work of a mass cancel
    matching        5 "At the front order", "Pro-rata", "Can be filled", fees
    auction         2 "Opening auction"
    stops_and_pegs  1 "what follows in the markets"; 5 "Orders in hand"; 6 stops; 7 pegged orders
    entry           3 a new order, from entry to acceptance; 2 what a market takes
    requests        9 "Cancel", "Mass cancel", SetKillSwitch; status requests
    replace         9 "Replace"
    registration    10 what there is: listings, Deposit, Transfer
    operations      10 how things stand: SetMark, breakers, statuses, limits, collateral
    exchange        1 a command, from stamp to record
    invariants      11 positions of the books kept here
    snapshot        none: the bytes of the state
    market          none: a small market to test in
"""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api.rejects import ErrorCode
from engine.api.wire import HEADER, HEADER_BYTES, crc32c, encode_event, number_of
from tests.model.commands import Refused, read_command, refuse_if
from tests.model.operations import Operations
from tests.model.state import Market, Order

__all__ = ["Exchange", "Market", "Order"]


class Exchange(Operations):
    """The state, and :meth:`apply`, the only way it changes."""

    def apply(self, now_ns: int, frame: bytes, batch_index: int = 0) -> bytes:
        """Apply one sound command frame and return its record."""
        source, source_seq = HEADER.unpack_from(frame)[5:7]
        raw = frame[HEADER_BYTES:]
        self.seq += 1
        # Event i happens at ts_ns + i, so that event times rise.
        self.ts_ns = max(now_ns, self.event_ts_ns + 1)
        self.events, self.steps, self.looks, self.must_wait = [], self.steps_max, 0, False
        is_for_what_is_left = source == c.OPERATIONS and raw[:1] == bytes([number_of(c.AdvanceTime)])
        self.forget_names()
        self.settle_changes()
        self.release_breakers()
        self.within(2 * self.share if is_for_what_is_left else self.share, self.settle_due)
        if not is_for_what_is_left:
            self.within(self.share, self.what_follows)
        self.decide(source, raw)
        if is_for_what_is_left:
            self.what_follows()
            self.settle_due()
        else:
            self.within(self.share, self.what_follows)
        self.event_ts_ns = self.ts_ns + len(self.events) - 1
        body = raw + b"".join(map(encode_event, self.events))
        length = HEADER_BYTES + len(body)
        stamp = (self.seq, self.ts_ns, self.prev_crc, source, source_seq, len(raw), batch_index, len(self.events))
        record = HEADER.pack(length, 0, *stamp) + body
        self.prev_crc = crc32c(record[8:])
        return record[:4] + self.prev_crc.to_bytes(4, "little") + record[8:]

    @property
    def next_due_ns(self) -> int:
        """When something is due that no command asks for, 0 for never."""
        if self.withdrawals or self.moves or any(map(self.has_work, self.markets.values())):
            return 1
        breakers = [market.breaker_until_ns for market in self.markets.values() if market.breaker_until_ns]
        changes = [effective_ns for effective_ns, _ in self.scheduled.keys()[:1]]
        return min([*changes, *breakers, *(expiry for expiry, _ in self.expiring[:1])], default=0)

    def decide(self, source: int, raw: bytes) -> None:
        """Do what a command asks for, or say why not."""
        try:
            match read_command(raw):
                case c.NewOrder() as new:
                    self.new_order(source, new)
                case c.CancelOrder() as request:
                    self.cancel_order(source, request)
                case c.ReplaceOrder() as request:
                    self.replace_order(source, request)
                case c.MassCancel() as request:
                    self.mass_cancel(source, request)
                case c.RequestOrderStatus() as request:
                    self.request_status(source, request)
                case c.RefuseOrder() as refusal:
                    self.tell(e.OrderRejected(0, refusal.code))
                case c.SetKillSwitch() as command:
                    self.set_kill_switch(source, command)
                case c.SetLeverage() as command:
                    self.set_leverage(source, command)
                case c.AdjustMargin() as command:
                    self.adjust_margin(source, command)
                case command:
                    refuse_if(source != c.OPERATIONS, ErrorCode.NOT_AUTHORISED)
                    self.operate(command)
        except Refused as refused:
            self.tell(e.CommandRefused(refused.code))
