"""A report's place in the log, as one number that orders reports as the log does: ``seq << 21 | ordinal``.

``ordinal`` is that of :class:`fixgw.reports.Report`.
"""

from __future__ import annotations

from typing import NewType

from engine.api.ids import Seq

Place = NewType("Place", int)

NOWHERE = Place(0)
"""Before every report."""

ORDINAL_BITS = 21
"""A record has fewer than 2**20 events, each of two reports at most."""

ALL_OF_RECORD = (1 << ORDINAL_BITS) - 1
"""Ordinal of an answer that was read back from a store: its text does not tell it."""


def place_of(seq: Seq, ordinal: int) -> Place:
    """Return the place of a report."""
    return Place(seq << ORDINAL_BITS | ordinal)


def seq_of(place: Place) -> Seq:
    """Return the record of a report."""
    return Seq(place >> ORDINAL_BITS)
