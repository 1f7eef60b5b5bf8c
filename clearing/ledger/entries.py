"""What one record of the log means to the books: the rows it adds and the balances it moves.

Units: amounts are whole minor units of their asset; quantities are lots and prices ticks until they are written.
"""

from __future__ import annotations

import msgspec

from clearing.ledger.scales import Scales
from engine.api.commands import (
    ChangeInstrument,
    ListInstrument,
    NewOrder,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    SetCollateral,
)
from engine.api.enums import OrderState, PositionReason, Side
from engine.api.ids import ABSENT, AccountId, AssetId, OrderId, Seq, SessionId, SymbolId
from engine.api.units import Lots, Ticks, TimestampNs

CUSTODY = AccountId(0)
"""Account against which deposits are booked, known to clearing alone; with the clearing PnL accounts of perpetuals
the only one that may be negative."""

DEPOSIT = "DEPOSIT"
TRADE = "TRADE"
TRANSFER = "TRANSFER"
LOAN = "LOAN"
REPAYMENT = "REPAYMENT"
PNL = "PNL"
DEBT = "DEBT"
"""Kinds of ledger transactions. PNL is what a position gained or lost, against its clearing PnL account (DRV-11)."""


class LedgerTransaction(msgspec.Struct, frozen=True):
    """The head of a set of postings that sum to zero in every asset; named by (seq, event index)."""

    seq: Seq
    event_index: int
    ts_ns: TimestampNs
    kind: str
    reference: str = ""


class Posting(msgspec.Struct, frozen=True):
    """One line of a ledger transaction: what it adds to one account in one asset."""

    seq: Seq
    event_index: int
    account_id: AccountId
    asset_id: AssetId
    amount: int


class Movement(msgspec.Struct, frozen=True):
    """How an event moves the two parts of a balance; their sum is what its postings add."""

    account_id: AccountId
    asset_id: AssetId
    available: int
    locked: int


class Trade(msgspec.Struct, frozen=True):
    """One match, settled gross and at once (SET-01, RES-17). Source of the rows in trades and settlements."""

    seq: Seq
    event_index: int
    executed_at_ns: TimestampNs
    symbol_id: SymbolId
    maker_order_id: OrderId
    taker_order_id: OrderId
    maker_account_id: AccountId
    taker_account_id: AccountId
    taker_side: Side
    last_px: Ticks
    last_qty: Lots
    maker_fee: int
    taker_fee: int
    fee_account_id: AccountId = AccountId(ABSENT)


class Order(msgspec.Struct, frozen=True):
    """An order as it stood after one event.

    ``terms`` are those in force: a replace changes them. ``locked`` is what it still holds, in ``locked_asset_id``;
    ``leaves`` keeps the voided quantity once it is canceled or expired (RES-08). ``work_price`` is the price at
    which it works, 0 while it waits for one, and for a market order until the engine names it. The rates are those it
    was accepted under.
    Invariant: ``cum_qty + leaves == terms.order_qty`` (INV-20).
    """

    order_id: OrderId
    terms: NewOrder
    source: SessionId
    accepted_at_ns: TimestampNs
    locked_asset_id: AssetId
    leaves: Lots
    cum_qty: Lots
    locked: int
    state: OrderState
    previous_state: OrderState | None
    reason: int
    changed_at_ns: TimestampNs
    changed_seq: Seq
    work_price: Ticks = Ticks(0)
    maker_ppm: int = 0
    taker_ppm: int = 0

    @property
    def rates(self) -> tuple[int, int]:
        """What it pays as maker and as taker, in ppm."""
        return self.maker_ppm, self.taker_ppm

    @property
    def per_lot(self) -> int:
        """What it holds for one lot of an open order."""
        return self.locked // self.leaves

    def filled(self, seq: Seq, ts_ns: TimestampNs, last_qty: Lots, leaves: Lots, released: int) -> Order:
        """Return the order after a fill."""
        state = OrderState.PARTIAL if leaves else OrderState.FILLED
        quantities = {"leaves": leaves, "cum_qty": self.cum_qty + last_qty, "locked": self.locked - released}
        return self._moved(seq, ts_ns, state, **quantities)

    def closed(self, seq: Seq, ts_ns: TimestampNs, state: OrderState, released: int, reason: int) -> Order:
        """Return the order after it was canceled or expired."""
        return self._moved(seq, ts_ns, state, locked=self.locked - released, reason=reason)

    def changed(
        self, seq: Seq, ts_ns: TimestampNs, terms: NewOrder, leaves: Lots, locked: int, work_price: Ticks
    ) -> Order:
        """Return the order after it was replaced, restated or triggered."""
        return self._moved(seq, ts_ns, self.state, terms=terms, leaves=leaves, locked=locked, work_price=work_price)

    def _moved(self, seq: Seq, ts_ns: TimestampNs, state: OrderState, **changes: object) -> Order:
        stamp = {"state": state, "previous_state": self.state, "changed_at_ns": ts_ns, "changed_seq": seq}
        return msgspec.structs.replace(self, **{"reason": 0, **stamp, **changes})


class Position(msgspec.Struct, frozen=True):
    """A position in a perpetual, and its margin, as they stood after one event.

    Units: ``size`` signed lots; the amounts minor units of the quote asset.
    """

    account_id: AccountId
    symbol_id: SymbolId
    leverage: int
    is_isolated: bool = False
    size: Lots = Lots(0)
    cost: int = 0
    margin: int = 0
    extra: int = 0
    debt: int = 0
    changed_seq: Seq = Seq(0)


class PositionChange(msgspec.Struct, frozen=True):
    """One change of a position: what it was after it, what was realized, and what was added to the debt."""

    seq: Seq
    event_index: int
    ts_ns: TimestampNs
    reason: PositionReason
    position: Position
    realized_pnl: int
    debt_added: int


class Loan(msgspec.Struct, frozen=True):
    """What an account owes of an asset, after one event."""

    account_id: AccountId
    asset_id: AssetId
    amount: int


class FeeRule(msgspec.Struct, frozen=True):
    """What an account pays from a time on.

    ``account_id`` 0 is what a symbol is listed with, ``symbol_id`` 0 all symbols an account has no other rates for.
    """

    seq: Seq
    account_id: AccountId
    symbol_id: SymbolId
    maker_ppm: int
    taker_ppm: int
    is_unset: bool
    effective_ns: TimestampNs


Registration = RegisterAsset | RegisterFirm | OpenAccount | ListInstrument | ChangeInstrument | SetCollateral | FeeRule


class Entry(msgspec.Struct):
    """All that one record means to the books; lists are in the order of its events.

    ``crc`` and ``size`` are those of the record's bytes. ``scales`` is what its rows are written with: the same
    object until an instrument changes its steps.
    """

    seq: Seq
    ts_ns: TimestampNs
    crc: int = 0
    size: int = 0
    registrations: list[Registration] = []
    transactions: list[LedgerTransaction] = []
    postings: list[Posting] = []
    movements: list[Movement] = []
    trades: list[Trade] = []
    orders: list[Order] = []
    position_changes: list[PositionChange] = []
    loans: list[Loan] = []
    scales: Scales | None = None
