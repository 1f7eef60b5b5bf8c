"""What one record of the log means to the books: the rows it adds and the balances it moves.

Units: amounts are whole minor units of their asset; quantities are lots and prices ticks until they are written.
"""

from __future__ import annotations

import msgspec

from engine.api.commands import ListInstrument, NewOrder, OpenAccount, RegisterAsset, RegisterFirm
from engine.api.enums import OrderState, Side

CUSTODY = 0
"""Account against which deposits are booked, known to clearing alone: the only one that may be negative."""

DEPOSIT = "DEPOSIT"
TRADE = "TRADE"


class LedgerTransaction(msgspec.Struct, frozen=True):
    """The head of a set of postings that sum to zero in every asset; named by (seq, event index)."""

    seq: int
    event_index: int
    ts_ns: int
    kind: str
    reference: str = ""


class Posting(msgspec.Struct, frozen=True):
    """One line of a ledger transaction: what it adds to one account in one asset."""

    seq: int
    event_index: int
    account_id: int
    asset_id: int
    amount: int


class Movement(msgspec.Struct, frozen=True):
    """How an event moves the two parts of a balance; their sum is what its postings add."""

    account_id: int
    asset_id: int
    available: int
    locked: int


class Trade(msgspec.Struct, frozen=True):
    """One match, settled gross and at once (SET-01, RES-17). Source of the rows in trades and settlements."""

    seq: int
    event_index: int
    executed_at_ns: int
    symbol_id: int
    maker_order_id: int
    taker_order_id: int
    maker_account_id: int
    taker_account_id: int
    taker_side: Side
    last_px: int
    last_qty: int
    maker_fee: int
    taker_fee: int


class Order(msgspec.Struct, frozen=True):
    """An order as it stood after one event.

    ``locked`` is what it still holds, in ``locked_asset_id``; ``leaves`` keeps the voided quantity once it is
    canceled or expired (RES-08). Invariant: ``cum_qty + leaves == terms.order_qty`` (INV-20).
    """

    order_id: int
    terms: NewOrder
    source: int
    accepted_at_ns: int
    locked_asset_id: int
    leaves: int
    cum_qty: int
    locked: int
    state: OrderState
    previous_state: OrderState | None
    reason: int
    changed_at_ns: int
    changed_seq: int

    def filled(self, seq: int, ts_ns: int, last_qty: int, leaves: int, released: int) -> Order:
        """Return the order after a fill."""
        state = OrderState.PARTIAL if leaves else OrderState.FILLED
        return self._moved(seq, ts_ns, state, leaves, self.cum_qty + last_qty, self.locked - released, 0)

    def closed(self, seq: int, ts_ns: int, state: OrderState, released: int, reason: int) -> Order:
        """Return the order after it was canceled or expired."""
        return self._moved(seq, ts_ns, state, self.leaves, self.cum_qty, self.locked - released, reason)

    def _moved(
        self, seq: int, ts_ns: int, state: OrderState, leaves: int, cum_qty: int, locked: int, reason: int
    ) -> Order:
        return Order(
            self.order_id,
            self.terms,
            self.source,
            self.accepted_at_ns,
            self.locked_asset_id,
            leaves,
            cum_qty,
            locked,
            state,
            self.state,
            reason,
            ts_ns,
            seq,
        )


Registration = RegisterAsset | RegisterFirm | OpenAccount | ListInstrument


class Entry(msgspec.Struct):
    """All that one record means to the books; lists are in the order of its events.

    ``crc`` and ``size`` are those of the record's bytes.
    """

    seq: int
    ts_ns: int
    crc: int = 0
    size: int = 0
    registrations: list[Registration] = []
    transactions: list[LedgerTransaction] = []
    postings: list[Posting] = []
    movements: list[Movement] = []
    trades: list[Trade] = []
    orders: list[Order] = []
