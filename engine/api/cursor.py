"""A cursor: how far someone has come in the log, and in which log."""

from __future__ import annotations

import msgspec

from engine.api.ids import Seq


class Cursor(msgspec.Struct, frozen=True):
    """All records up to ``seq``; ``crc`` is that of the last of them, ``journal`` the identity of their journal.

    A cursor that is kept belongs to one history: it is refused by a journal that is another one, that ends before
    it, or in which another record stands at ``seq``. A ``crc`` or ``journal`` of 0 is not known and not compared.
    """

    seq: Seq = Seq(0)
    crc: int = 0
    journal: int = 0

    @property
    def next_seq(self) -> Seq:
        """The first record after it."""
        return Seq(self.seq + 1)


BEGINNING = Cursor()
"""Before the first record of whatever journal there is."""


def journal_name(journal: int) -> str:
    """Write the identity of a journal as operators see it: 16 hexadecimal digits."""
    return f"{journal:016x}"
