"""A report's place in the log, as one number that orders reports as the log does: ``seq << 21 | ordinal``.

``ordinal`` is that of :class:`fixgw.reports.Report`.
"""

from __future__ import annotations

ORDINAL_BITS = 21
"""A record has fewer than 2**20 events, each of two reports at most."""

ALL_OF_RECORD = (1 << ORDINAL_BITS) - 1
"""Ordinal of an answer that was read back from a store: its text does not tell it."""


def place_of(seq: int, ordinal: int) -> int:
    """Return the place of a report."""
    return seq << ORDINAL_BITS | ordinal


def seq_of(place: int) -> int:
    """Return the record of a report."""
    return place >> ORDINAL_BITS
