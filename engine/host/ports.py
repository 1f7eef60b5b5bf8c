"""What the loop asks of a journal: this machine's disk now, a replicated log later."""

from __future__ import annotations

from typing import Protocol

from engine.host.journal import Place


class JournalPort(Protocol):
    """Makes batches of records durable, in order. :class:`engine.host.journal.Journal`, or what writes like it.

    ``append`` may return before the batch is durable: the loop then applies the next one meanwhile, and publishes
    nothing before :meth:`complete` has moved ``durable_seq``. A journal that fails once has failed for good.
    """

    @property
    def identity(self) -> int:
        """Which journal this is, for ever."""

    @property
    def epoch(self) -> int:
        """Generation of the numbering."""

    @property
    def fencing(self) -> int:
        """Which writer of this journal this is; it rises with each."""

    @property
    def durable_seq(self) -> int:
        """The last record that is durable, as of the last :meth:`complete` or :meth:`append`."""

    @property
    def place(self) -> Place:
        """Where the record after ``durable_seq`` goes: what a snapshot of that seq stands before."""

    def append(self, records: bytes, last_seq: int, last_crc: int) -> None:
        """Begin to make a batch durable; ``last_crc`` is the CRC of its last record. Raises: JournalError."""

    def complete(self) -> None:
        """Look what has become durable; never waits. Raises: JournalError."""

    def fileno(self) -> int | None:
        """Return a descriptor that can be read from when ``complete`` has something to see.

        None when ``append`` returns only once all is durable.
        """

    def close(self) -> None:
        """Let go of everything; nothing more becomes durable."""
