"""Faults of clearing.

::

    ClearingError
    |-- LogFault                 the log cannot be continued from the cursor
    |   |-- SequenceGap          a record is missing
    |   |-- BrokenChain          the record does not follow the one applied last
    |   `-- UnknownEvent         the record has an event this release cannot book
    |-- Disagreement             the engine's event differs from clearing's own calculation
    |-- BooksRefused             the books do not belong to the journal: parts were mixed up
    |-- BooksBehind              the books have not reached the seq they are compared at
    `-- StoreError               PostgreSQL and the books
        |-- StoreUnavailable     cannot be reached, or the outcome is unknown: try again
        |-- StoreRefused         the database refused the batch: the books would be wrong
        |-- CursorMoved          somebody else moved the cursor
        |-- AlreadyClearing      another clearing process holds these books
        `-- SchemaChanged        an applied migration is not the one in this release

Only :class:`StoreUnavailable` is tried again. Every other fault ends the process: the books stay as they were
after the last good batch, and the journal keeps the rest.
"""

from __future__ import annotations

from engine.api.ids import Seq


class ClearingError(Exception):
    """Base of every fault raised by the clearing package."""


class LogFault(ClearingError):
    """The log cannot be continued from the cursor."""


class SequenceGap(LogFault):
    """A record is missing (SEQ-05)."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"gap in the log: expected seq {expected}, found {found}")
        self.expected = expected
        self.found = found


class BrokenChain(LogFault):
    """The record at ``seq`` does not follow the record applied before it: another log, or a changed one."""

    def __init__(self, seq: Seq) -> None:
        super().__init__(f"the record at seq {seq} does not follow the record applied before it")
        self.seq = seq


class UnknownEvent(LogFault):
    """The record at ``seq`` has an event this release does not know: it may move money, so it is not skipped."""

    def __init__(self, seq: Seq, what: str) -> None:
        super().__init__(f"the record at seq {seq} has {what}: a newer release is needed to book it")
        self.seq = seq


class Disagreement(ClearingError):
    """The engine's event at ``seq`` differs from clearing's own calculation."""

    def __init__(self, seq: Seq, what: str, engine: object, clearing: object) -> None:
        super().__init__(f"seq {seq}: {what} is {engine} to the engine and {clearing} to clearing")
        self.seq = seq
        self.what = what
        self.engine = engine
        self.clearing = clearing


class BooksRefused(ClearingError):
    """The books do not belong to the journal. Trying again does not help: parts were mixed up."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the books in PostgreSQL do not belong to this journal: {reason}. Restore both from one backup, or give "
            "this exchange an empty database"
        )


class BooksBehind(ClearingError):
    """The books have not reached the seq they are compared at."""

    def __init__(self, cursor: int, seq: int, waited_s: float) -> None:
        super().__init__(
            f"the books are {seq - cursor} records behind: they stand at seq {cursor}, the engine at {seq}, and they "
            f"did not catch up within {waited_s:g} s. Does clearing run? What it says is in log/clearing.log"
        )
        self.cursor = cursor
        self.seq = seq


class StoreError(ClearingError):
    """PostgreSQL and the books."""


class StoreUnavailable(StoreError):
    """PostgreSQL cannot be reached, or whether it committed is unknown."""


class StoreRefused(StoreError):
    """PostgreSQL refused the batch."""


class CursorMoved(StoreError):
    """The cursor is neither before nor behind the batch: somebody else moved it."""

    def __init__(self, first_seq: int, last_seq: int, cursor: int) -> None:
        super().__init__(f"the cursor is at {cursor}, and not where batch {first_seq}..{last_seq} begins")
        self.cursor = cursor


class AlreadyClearing(StoreError):
    """Another clearing process holds these books."""


class SchemaChanged(StoreError):
    """An applied migration is not the one in this release."""
