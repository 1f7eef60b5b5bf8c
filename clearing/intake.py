"""The way of a record into a batch: read, check that it continues the log, work out its entry, merge it.

One thread does this while the batch before is in PostgreSQL. Whatever has gathered by then is the next batch:
alone at low load, thousands of records when catching up.
"""

from __future__ import annotations

import asyncio
import threading

from clearing.batch import Batch
from clearing.errors import BrokenChain, SequenceGap, UnknownEvent
from clearing.ledger import Ledger
from clearing.ledger.entries import Entry
from clearing.limits import GATHER_S, READ_TIMEOUT_S
from engine.api.cursor import Cursor
from engine.api.ports import FollowPort
from engine.api.wire import HEADER, decode_record, split_frames


class LogReader:
    """Check records and work out their entries, one after the other.

    Invariant: what it returns continues the log from the cursor it was made with, without a gap or a repetition.
    """

    def __init__(self, ledger: Ledger, cursor: Cursor) -> None:
        self._ledger = ledger
        self.cursor = cursor

    def post(self, records: bytes, start: int, end: int) -> Entry | None:
        """Return the entry of the record at ``records[start:end]``; None for one that was applied before.

        Raises: SequenceGap, BrokenChain, UnknownEvent, Disagreement, WireError.
        """
        at = self.cursor
        _, crc, seq, _, prev_crc, *_, event_count = HEADER.unpack_from(records, start)
        if seq <= at.seq:
            return None
        if seq != at.next_seq:
            raise SequenceGap(at.next_seq, seq)
        if prev_crc != at.crc:
            raise BrokenChain(seq)
        record = decode_record(records, start, end)
        if len(record.events) != event_count:
            raise UnknownEvent(seq, f"{event_count - len(record.events)} events of a type unknown here")
        entry = self._ledger.post(record)
        entry.crc, entry.size = crc, end - start
        self.cursor = Cursor(seq, crc, at.journal)
        return entry


class Intake:
    """Fill batches from the log in a thread of its own; hand them over one at a time.

    Memory is bounded: while the batch at hand is full the log is not read, and the journal keeps it.
    """

    def __init__(self, port: FollowPort, reader: LogReader) -> None:
        self._port = port
        self._reader = reader
        self._batch = Batch(reader.cursor)
        self._changed = threading.Condition()
        self._is_stopping = False
        self._fault: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._begun = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="clearing-intake", daemon=True)

    def start(self) -> None:
        """Begin to read the log."""
        self._thread.start()

    async def begin(self) -> None:
        """Wait until the log goes on where the books end, or the intake has stopped.

        Raises: the fault that ended the reading, CursorRefused when the books are not of this journal.
        """
        await self._begun.wait()
        if self._fault is not None and not self._batch.records:
            raise self._fault

    async def take(self) -> Batch | None:
        """Wait for records and take the batch they are in, or None once the intake has stopped.

        Raises: the fault that ended the reading, once all records before it have been taken.
        """
        while True:
            with self._changed:
                self._filled.clear()
                if self._batch.records:
                    batch, self._batch = self._batch, Batch(self._batch.end)
                    self._changed.notify()
                    batch.seal()
                    return batch
                if self._fault is not None:
                    raise self._fault
                if self._is_stopping:
                    return None
            await self._filled.wait()
            await asyncio.sleep(GATHER_S)

    def stop(self) -> None:
        """Stop reading and wake whoever waits; call from the event loop's thread, once or more."""
        with self._changed:
            if self._is_stopping:
                return
            self._is_stopping = True
            self._changed.notify()
        self._filled.set()
        self._begun.set()
        self._port.close()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                records = self._port.read(READ_TIMEOUT_S)
                if not self._begun.is_set() and self._port.cursor.journal:
                    self._batch.journal = self._port.cursor.journal
                    self._announce(self._begun)
                self._book_all(records)
        except Exception as error:
            with self._changed:
                self._fault = error
            self._announce(self._filled)
            self._announce(self._begun)

    def _book_all(self, records: bytes) -> None:
        spans, rest = split_frames(records)
        assert rest == len(records), "a port returns whole records"
        for start, end in spans:
            entry = self._reader.post(records, start, end)
            if entry is not None and not self._add(entry):
                return

    def _add(self, entry: Entry) -> bool:
        """Add an entry to the batch, waiting while that is full. Returns: False when stopped meanwhile."""
        with self._changed:
            while not self._batch.takes(entry) and not self._is_stopping:
                self._changed.wait()
            if self._is_stopping:
                return False
            was_empty = not self._batch.records
            self._batch.add(entry)
            if self._batch.is_full:
                self._batch.seal()
        if was_empty:
            self._announce(self._filled)
        return True

    def _announce(self, event: asyncio.Event) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(event.set)
