"""The exchange as the log leaves it, for everyone who follows: orders, markets, accounts, and what is registered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.api.cursor import Cursor, journal_name
from engine.api.errors import CursorRefused
from engine.api.events import Event
from engine.api.ids import OrderId
from engine.api.registry import Registry
from engine.api.segment import SEGMENT_HEADER_BYTES, SegmentHeader, list_segments
from engine.api.wire import HEADER, Record, decode_record, split_frames
from engine.client import read_journal
from engine.standing.accounts import Accounts
from engine.standing.markets import Markets
from engine.standing.orders import Order, Orders

CLOSED_ORDERS_MAX = 1_000_000
"""Closed orders kept for status requests and late cancels; beyond it the one closed first is forgotten."""


class Standing:
    """All that followers know of the exchange. One thread.

    Feed it the log: :meth:`take` the bytes, then :meth:`apply` each record, or walk its :meth:`changes`.
    Invariant: what it holds is what the engine held after the last event applied.
    """

    def __init__(self, journal: int = 0) -> None:
        self.cursor = Cursor(journal=journal)
        """How far the log was taken; kept with what is made of the records."""
        self.registry = Registry()
        self.orders = Orders()
        self.markets = Markets()
        self.accounts = Accounts()
        self._closed: dict[int, Order] = {}
        self._closings: deque[int] = deque()

    def take(self, records: bytes) -> list[Record]:
        """Decode whole records that continue the log, to be applied one by one.

        Raises: WireError; CursorRefused when they do not continue it.
        """
        decoded = []
        for start, end in split_frames(records)[0]:
            _, crc, seq, _, prev_crc, *_ = HEADER.unpack_from(records, start)
            at = self.cursor
            if seq != at.next_seq or prev_crc != at.crc:
                raise CursorRefused(f"record {seq} does not follow the record {at.seq} that is known here")
            decoded.append(decode_record(records, start, end))
            self.cursor = Cursor(seq, crc, at.journal)
        return decoded

    def apply(self, record: Record) -> None:
        """Apply a record."""
        for _ in self.changes(record):
            pass

    def changes(self, record: Record) -> Iterator[tuple[int, Event, tuple[Order, ...]]]:
        """Apply a record event by event; yield each with its index and the orders it is about, as they are after it.

        Walk it to the end: what was not walked has not happened.
        """
        self.registry.apply(record)
        for index, event in enumerate(record.events):
            orders = self.orders.apply(record, index, event)
            if not orders:
                self.accounts.apply(record, event)
            self.markets.apply(record, event)
            for order in orders:
                if not order.state.is_open:
                    self._remember(order)
            yield index, event, orders

    def find(self, order_id: OrderId) -> Order | None:
        """Find an order, open or closed; None when it was never accepted, or closed too long ago."""
        return self.orders.get(order_id) or self._closed.get(order_id)

    def _remember(self, order: Order) -> None:
        self._closed[order.order_id] = order
        self._closings.append(order.order_id)
        if len(self._closings) > CLOSED_ORDERS_MAX:
            del self._closed[self._closings.popleft()]


def load(data: Path, to: Cursor | None = None, progress: Callable[[int], object] = lambda seq: None) -> Standing:
    """Bring a standing to the end of the journal in ``data``, or to a cursor that was kept.

    ``progress`` is called with the seq reached, now and then.
    Raises: CursorRefused when the cursor is of another journal or history, or lies beyond the end; LinkError.
    """
    directory = data / "journal"
    standing = Standing(_identity_of(directory))
    if to is not None and to.journal not in (0, standing.cursor.journal):
        theirs, ours = journal_name(to.journal), journal_name(standing.cursor.journal)
        raise CursorRefused(f"what is kept here belongs to journal {theirs}, but the journal is {ours}")
    for chunk in read_journal(directory):
        for record in standing.take(_until(chunk, to.seq if to is not None else None)):
            standing.apply(record)
        progress(standing.cursor.seq)
        if to is not None and standing.cursor.seq >= to.seq:
            break
    if to is not None:
        _compare(standing.cursor, to)
    return standing


def _compare(reached: Cursor, to: Cursor) -> None:
    if reached.seq < to.seq:
        raise CursorRefused(
            f"what is kept here was made of {to.seq} records, but the journal ends at seq {reached.seq}"
        )
    if to.crc and to.crc != reached.crc:
        raise CursorRefused(f"what is kept here was made of another record {to.seq} than the journal holds")


def _until(records: bytes, seq: int | None) -> bytes:
    """Cut off what comes after record ``seq``."""
    if seq is None:
        return records
    spans, _ = split_frames(records)
    wanted = [end for start, end in spans if int.from_bytes(records[start + 8 : start + 16], "little") <= seq]
    return records[: wanted[-1]] if wanted else b""


def _identity_of(directory: Path) -> int:
    """Read which journal it is; 0 while there is none."""
    for path in list_segments(directory)[:1]:
        with path.open("rb") as file:
            return SegmentHeader.decode(file.read(SEGMENT_HEADER_BYTES)).journal
    return 0
