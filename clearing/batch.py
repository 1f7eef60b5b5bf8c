"""A batch: what one database transaction writes. Entries are merged so that each row is written once."""

from __future__ import annotations

import msgspec

from clearing.ledger.entries import (
    Entry,
    LedgerTransaction,
    Loan,
    Order,
    Position,
    PositionChange,
    Posting,
    Registration,
    Trade,
)
from clearing.ledger.scales import Scales
from clearing.limits import BATCH_BYTES_MAX, BATCH_RECORDS_MAX
from clearing.rows import (
    columns_of,
    loan_arrays,
    order_change_arrays,
    order_rows,
    position_arrays,
    position_change_rows,
    posting_rows,
    trade_rows,
    transaction_rows,
)
from engine.api.cursor import Cursor
from engine.api.ids import AccountId, AssetId, OrderId, SymbolId


class Rows(msgspec.Struct, frozen=True):
    """A batch as PostgreSQL takes it: COPY text, and arrays for the rows that change."""

    orders: bytes
    ledger_transactions: bytes
    postings: bytes
    trades: bytes
    settling: list[str]
    position_changes: bytes
    order_changes: list[list[object]]
    balance_deltas: list[list[object]]
    positions: list[list[object]]
    loans: list[list[object]]


class Delta:
    """What a batch adds to one balance. ``total`` comes from postings, the parts from movements: two calculations."""

    __slots__ = ("available", "locked", "total")

    def __init__(self) -> None:
        self.total = 0
        self.available = 0
        self.locked = 0


class Batch:
    """The merged entries of consecutive records of one journal.

    Invariant: covers every seq from ``first_seq`` to ``last_seq``; an order is either in ``opened`` or in
    ``changed``, as it stands after the last of them, and so are positions and loans; all are written with the
    same scales.
    """

    def __init__(self, after: Cursor) -> None:
        self.after = after
        self.journal = after.journal
        self.first_seq = after.next_seq
        self.last_seq = after.seq
        self.last_ts_ns = 0
        self.last_crc = after.crc
        self.bytes = 0
        self.registrations: list[Registration] = []
        self.transactions: list[LedgerTransaction] = []
        self.postings: list[Posting] = []
        self.trades: list[Trade] = []
        self.opened: dict[OrderId, Order] = {}
        self.changed: dict[OrderId, Order] = {}
        self.deltas: dict[tuple[AccountId, AssetId], Delta] = {}
        self.position_changes: list[PositionChange] = []
        self.positions: dict[tuple[AccountId, SymbolId], Position] = {}
        self.loans: dict[tuple[AccountId, AssetId], Loan] = {}
        self.scales: Scales | None = None
        self.rows: Rows | None = None

    @property
    def end(self) -> Cursor:
        """The place in the log behind the batch."""
        return Cursor(self.last_seq, self.last_crc, self.journal)

    @property
    def records(self) -> int:
        """Count of records in the batch."""
        return self.last_seq - self.first_seq + 1

    @property
    def is_full(self) -> bool:
        """Tell whether another record would exceed a bound."""
        return self.records >= BATCH_RECORDS_MAX or self.bytes >= BATCH_BYTES_MAX

    def takes(self, entry: Entry) -> bool:
        """Tell whether the next entry belongs here: there is room, and its rows are written with the same scales."""
        return not self.records or (not self.is_full and entry.scales is self.scales)

    def add(self, entry: Entry) -> None:
        """Merge the entry of the next record."""
        assert self.rows is None, "a sealed batch takes no more"
        self.scales = entry.scales
        assert entry.seq == self.last_seq + 1
        self.last_seq, self.last_ts_ns, self.last_crc = entry.seq, entry.ts_ns, entry.crc
        self.bytes += entry.size
        self.registrations += entry.registrations
        self.transactions += entry.transactions
        self.postings += entry.postings
        self.trades += entry.trades
        for order in entry.orders:
            known = (
                self.opened if order.changed_seq == order.order_id or order.order_id in self.opened else self.changed
            )
            known[order.order_id] = order
        for posting in entry.postings:
            self._delta(posting.account_id, posting.asset_id).total += posting.amount
        for change in entry.position_changes:
            self.position_changes.append(change)
            self.positions[change.position.account_id, change.position.symbol_id] = change.position
        for loan in entry.loans:
            self.loans[loan.account_id, loan.asset_id] = loan
        for movement in entry.movements:
            delta = self._delta(movement.account_id, movement.asset_id)
            delta.available += movement.available
            delta.locked += movement.locked

    def seal(self) -> None:
        """Write the rows, once; nothing can be added from then on."""
        if self.rows is not None:
            return
        scales = self.scales or Scales({}, {})
        trades, settling = trade_rows(self.trades, scales)
        self.rows = Rows(
            order_rows(self.opened.values(), scales),
            transaction_rows(self.transactions),
            posting_rows(self.postings, scales),
            trades,
            settling,
            position_change_rows(self.position_changes, scales),
            order_change_arrays(self.changed.values(), scales),
            self._balance_deltas(scales),
            position_arrays((p for _, p in sorted(self.positions.items())), scales),
            loan_arrays((loan for _, loan in sorted(self.loans.items())), scales),
        )

    def _balance_deltas(self, scales: Scales) -> list[list[object]]:
        """Write the deltas, one array a column: account_id, asset_id, total, available, locked.

        In the order of their keys, so that transactions of others that touch balances cannot deadlock with this one.
        """
        rows = [
            (account, asset, *(scales.amount(value, asset) for value in (delta.total, delta.available, delta.locked)))
            for (account, asset), delta in sorted(self.deltas.items())
        ]
        return columns_of(rows)

    def _delta(self, account_id: AccountId, asset_id: AssetId) -> Delta:
        key = (account_id, asset_id)
        delta = self.deltas.get(key)
        if delta is None:
            delta = self.deltas[key] = Delta()
        return delta
