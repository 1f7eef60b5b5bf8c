"""The exchange as the log leaves it, for everyone who follows: orders, markets, accounts, and what is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from engine.api.commands import RegisterSession
from engine.api.cursor import Cursor, journal_name
from engine.api.durable import read_marker
from engine.api.errors import CorruptJournal, CursorRefused
from engine.api.events import Event
from engine.api.ids import OrderId, Seq, SessionId
from engine.api.registry import Registry
from engine.api.segment import SEGMENT_HEADER_BYTES, SegmentHeader, list_segments
from engine.api.wire import Record, decode_records
from engine.standing import files
from engine.standing.accounts import Accounts
from engine.standing.fold import SEQ_MAX, Fold
from engine.standing.markets import Markets
from engine.standing.orders import Order, Orders

READ_BYTES = 1 << 22
"""Bytes of the journal read at a time."""

Progress = Callable[[int], object]
"""Called with the seq reached, at least once for READ_BYTES of the journal."""


class Standing:
    """All that followers know of the exchange. One thread.

    Feed it the log: :meth:`take` the bytes, then :meth:`apply` each record, or walk its :meth:`changes`.
    Invariant: what it holds is what the engine held after the last event applied.
    """

    def __init__(self, fold: Fold | None = None) -> None:
        self._fold = fold or Fold()
        self.registry = Registry()
        self.orders = Orders(self._fold.open_orders())
        self.markets = Markets()
        self.accounts = Accounts()
        for record in self._fold.kept_records():
            self.registry.apply(record)
            for event in record.events:
                self.markets.apply(record, event)
                self.accounts.apply(record, event)
        self.markets.by_symbol = self._fold.markets()

    @property
    def cursor(self) -> Cursor:
        """How far the log was taken; to be kept with what is made of the records."""
        return self._fold.cursor

    def take(self, records: bytes) -> list[Record]:
        """Decode whole records that continue the log, to be applied one by one.

        Raises: WireError; CursorRefused when they do not continue it.
        """
        decoded = decode_records(records)
        if decoded and decoded[0].seq != self.cursor.next_seq:
            raise CursorRefused(f"record {decoded[0].seq} does not follow record {self.cursor.seq}")
        if not self._fold.take(records).is_sound:
            raise CursorRefused(f"what comes after record {self.cursor.seq} does not follow from it")
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
            yield index, event, orders

    def find(self, order_id: OrderId) -> Order | None:
        """Find an order: an open one as of the last event applied, a closed one as it ended.

        Returns: None when it was never accepted, or its ClOrdIDs are forgotten, so that the log names it no more.
        """
        return self.orders.get(order_id) or self._fold.find(order_id)


def load(data: Path, to: Cursor | None = None, progress: Progress = lambda seq: None) -> Standing:
    """Bring a standing as far as the journal in ``data`` is known to be durable, or to a cursor that was kept.

    Raises: CursorRefused when the cursor is of another journal or history, or lies beyond the end;
    ForeignPart; CorruptJournal.
    Cost: reads the newest standing before, and the journal from there: about 2 million records a second.
    """
    return Standing(fold_to(data, to or Cursor(SEQ_MAX), progress))


def load_registry(data: Path, to: Cursor | None = None) -> Registry:
    """Load what is registered, and nothing else. Raises, Cost: as :func:`load`."""
    return Registry(fold_to(data, to or Cursor(SEQ_MAX)).kept_records())


def load_registrations(data: Path) -> dict[SessionId, Seq]:
    """Load which record registered each session. Raises, Cost: as :func:`load`."""
    records = fold_to(data, Cursor(SEQ_MAX)).kept_records()
    return {record.command.session_id: record.seq for record in records if isinstance(record.command, RegisterSession)}


def fold_to(data: Path, to: Cursor, progress: Progress = lambda seq: None) -> Fold:
    """Bring a fold to a cursor, or, at SEQ_MAX, as far as is known to be durable. Raises: as :func:`load`."""
    directory = data / "journal"
    journal = _identity_of(directory)
    if to.journal not in (0, journal):
        theirs, ours = journal_name(to.journal), journal_name(journal)
        raise CursorRefused(f"what is kept here belongs to journal {theirs}, but the journal is {ours}")
    to_seq = to.seq if to.seq != SEQ_MAX else read_marker(directory).seq or SEQ_MAX
    standings = files.restore(files.directory_of(data), journal, to_seq)
    fold = next(fold for fold in standings if _is_of(fold, directory))
    for path in _segments_after(directory, fold.cursor.seq):
        _take_segment(fold, path, to_seq, progress)
    if to.seq != SEQ_MAX:
        _compare(fold.cursor, to)
    return fold


def _is_of(fold: Fold, directory: Path) -> bool:
    """Tell whether the journal holds the record that a fold ends with, or the fold is empty."""
    seq = fold.cursor.seq
    before = [path for path in list_segments(directory) if _first_seq(path) <= seq]
    is_of = not seq or (bool(before) and fold.is_of(before[-1].read_bytes()[SEGMENT_HEADER_BYTES:]))
    if not is_of:
        import structlog  # here: it takes longer than all else a short command imports

        structlog.get_logger().warning("standing_of_another_history", seq=seq)
    return is_of


def _take_segment(fold: Fold, path: Path, to_seq: int, progress: Progress) -> None:
    """Take a segment's records. Raises: CorruptJournal when one is not sound, or does not follow the one before."""
    with path.open("rb") as file:
        offset = file.seek(SEGMENT_HEADER_BYTES)
        rest = b""
        while data := file.read(READ_BYTES):
            data = rest + data
            taken = fold.take(data, to_seq)
            offset += taken.consumed
            if not taken.is_sound:
                raise CorruptJournal(path.name, offset, f"what comes after seq {fold.cursor.seq} does not follow")
            rest = data[taken.consumed :]
            progress(fold.cursor.seq)
            if fold.cursor.seq == to_seq:
                return


def _segments_after(directory: Path, seq: int) -> list[Path]:
    """List the segments that hold records after ``seq``."""
    paths = list_segments(directory)
    firsts = [*map(_first_seq, paths[1:]), SEQ_MAX]
    return [path for path, following in zip(paths, firsts, strict=True) if following > seq + 1]


def _first_seq(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _compare(reached: Cursor, to: Cursor) -> None:
    if reached.seq < to.seq:
        raise CursorRefused(
            f"what is kept here was made of {to.seq} records, but the journal ends at seq {reached.seq}"
        )
    if to.crc and to.crc != reached.crc:
        raise CursorRefused(f"what is kept here was made of another record {to.seq} than the journal holds")


def _identity_of(directory: Path) -> int:
    """Read which journal it is; 0 while there is none."""
    for path in list_segments(directory)[:1]:
        with path.open("rb") as file:
            return SegmentHeader.decode(file.read(SEGMENT_HEADER_BYTES)).journal
    return 0
