"""Identifiers are functions of the log (DRV-08): never random, never from a clock.

Inside, an order is the ``seq`` of the record that accepted it, and a trade is ``(seq, index)``.
Members see a UUIDv7-shaped text (ORD-04, DET-30) that carries both, so that it sorts by time and can be
read back without a table::

    48 bits  event time in ms
     4 bits  0111 (version 7)
    12 bits  seq, bits 49..38
     2 bits  10 (variant)
    38 bits  seq, bits 37..0
    20 bits  index of the event in its record
     4 bits  kind: 1 order, 2 trade
"""

from __future__ import annotations

from typing import NewType

from engine.api.errors import WireError
from engine.api.units import TimestampNs

AccountId = NewType("AccountId", int)
AssetId = NewType("AssetId", int)
SymbolId = NewType("SymbolId", int)
FirmId = NewType("FirmId", int)

SessionId = NewType("SessionId", int)
"""A CompID's number: the ``source`` of the commands its session sends."""

Seq = NewType("Seq", int)
"""The number of a record: 1, 2, 3, without gaps."""

OrderId = NewType("OrderId", Seq)
"""The ``seq`` of the record that accepted the order."""

OPERATIONS = SessionId(0)
"""Source of commands that no FIX session sent."""

THE_EXCHANGE = FirmId(0)
"""The firm of the exchange's own accounts."""

ABSENT = 0
"""An optional id that was not given."""

NO_ORDER = OrderId(Seq(ABSENT))
"""No order in particular."""

UNRESOLVED = 0xFFFF_FFFF
"""An account or symbol the member named and the gateway does not know: matches nothing."""

_ORDER = 1
_TRADE = 2
_SEQ_BITS = 50
_INDEX_BITS = 20


def _uuid7(ts_ns: int, seq: int, index: int, kind: int) -> str:
    if seq >> _SEQ_BITS or index >> _INDEX_BITS:
        raise WireError(f"seq {seq} or index {index} is too large for an identifier")
    high = 0x7000 | seq >> 38
    low = 0b10 << 62 | (seq & 0x3F_FFFF_FFFF) << 24 | index << 4 | kind
    ms = ts_ns // 1_000_000
    return f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-{high:04x}-{low >> 48:04x}-{low & 0xFFFF_FFFF_FFFF:012x}"


def order_id_text(order_id: OrderId, ts_ns: TimestampNs) -> str:
    """Write OrderID <37> of the order accepted by record ``order_id`` at ``ts_ns``."""
    return _uuid7(ts_ns, order_id, 0, _ORDER)


def trade_id_text(seq: Seq, index: int, ts_ns: TimestampNs) -> str:
    """Write TrdMatchID <880> of the trade that is event ``index`` of record ``seq``; ``ts_ns`` is the event's."""
    return _uuid7(ts_ns, seq, index, _TRADE)


def parse_order_id(text: str) -> OrderId:
    """Read the order's number out of OrderID <37>. Raises: WireError when the text is no order's id."""
    digits = text.replace("-", "")
    if len(digits) != 32 or len(text) != 36:
        raise WireError(f"not an OrderID: {text[:40]!r}")
    try:
        value = int(digits, 16)
    except ValueError:
        raise WireError(f"not an OrderID: {text[:40]!r}") from None
    low = value & 0xFFFF_FFFF_FFFF_FFFF
    high = value >> 64 & 0xFFFF
    order_id = OrderId(Seq((high & 0xFFF) << 38 | low >> 24 & 0x3F_FFFF_FFFF))
    if order_id_text(order_id, TimestampNs((value >> 80) * 1_000_000)) != text:
        raise WireError(f"not an OrderID: {text[:40]!r}")
    return order_id


def exec_id(epoch: int, seq: Seq, index: int, is_maker: bool = False) -> str:
    """Write ExecID <17>: ``epoch-seq-n``.

    ``n`` is ``2 * index`` for the order the command names (the taker of a trade) and ``2 * index + 1`` for a
    trade's maker, so that both reports of one trade differ and all of a record's reports are ordered.
    """
    return f"{epoch}-{seq}-{2 * index + is_maker}"
