"""The compiled fold behind a typed face: records in, what stands out, and all of it as bytes.

It is as fast as records can be read, so that a start may go on from any snapshot. What the events of a record do to
orders one by one is told by :class:`engine.standing.orders.Orders`, which agrees with it after every record.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING

import msgspec

from engine._core import ffi, lib
from engine.api.commands import NewOrder
from engine.api.cursor import Cursor
from engine.api.enums import OrderState, SymbolStatus
from engine.api.errors import SnapshotError
from engine.api.ids import OrderId, Seq, SessionId, SymbolId
from engine.api.units import Lots, Ticks, TimestampNs
from engine.api.wire import Record, decode_command, decode_records
from engine.standing.markets import Market
from engine.standing.orders import Order

if TYPE_CHECKING:
    from engine._core import Bytes

_ROW = Struct("<HBBIQQqq16sQIHBB4x")
_IS_SUSPENDED = 2
_ROW_HEAD = Struct("<H6xQ")
_MARKET = Struct("<IBB2xqqQ")

SEQ_MAX = Seq((1 << 64) - 1)
"""No record is beyond it."""

Buffer = bytes | bytearray | memoryview


class Taken(msgspec.Struct, frozen=True):
    """How many bytes a fold took, and whether what comes next is not there rather than wrong."""

    consumed: int
    is_sound: bool


class Fold:
    """What stands after the records taken so far, of the journal of this identity."""

    def __init__(self, journal: int = 0) -> None:
        self._fold = ffi.gc(lib.exchange_standing_new(journal), lib.exchange_standing_free)

    @classmethod
    def restore(cls, snapshot: bytes) -> Fold:
        """Restore what :meth:`snapshot` returned. Raises: SnapshotError when it is not sound."""
        refusal = ffi.new("struct Bytes *")
        restored = lib.exchange_standing_restore(ffi.from_buffer(snapshot), len(snapshot), refusal)
        if restored == ffi.NULL:
            raise SnapshotError(_bytes(refusal[0]).decode("ascii"))
        fold = cls.__new__(cls)
        fold._fold = ffi.gc(restored, lib.exchange_standing_free)
        return fold

    def snapshot(self) -> bytes:
        """Write all of it; equal folds give equal bytes. Cost: O(orders kept)."""
        return _bytes(lib.exchange_standing_snapshot(self._fold))

    @property
    def cursor(self) -> Cursor:
        """How far it has come."""
        end = lib.exchange_standing_end(self._fold)
        return Cursor(Seq(end.seq), end.crc, lib.exchange_standing_journal(self._fold))

    def take(self, records: Buffer, to_seq: int = SEQ_MAX) -> Taken:
        """Take the whole records at the head of ``records``, up to ``to_seq``.

        Records taken before are passed over; an incomplete one at the end is left, and so is one that does not follow
        the last or is not sound.
        """
        done = lib.exchange_standing_take(self._fold, ffi.from_buffer(records), len(records), to_seq)
        return Taken(done.consumed, not done.fault)

    def is_of(self, records: Buffer) -> bool:
        """Tell whether the last record taken is one of these whole records."""
        return bool(lib.exchange_standing_is_of(self._fold, ffi.from_buffer(records), len(records)))

    def find(self, order_id: int) -> Order | None:
        """Find an order, open or closed; None when it was never accepted, or its ClOrdIDs are forgotten."""
        row = _bytes(lib.exchange_standing_find(self._fold, order_id))
        return _order(row, 0) if row else None

    def open_orders(self) -> OpenRows:
        """Hand out the open orders as they stand."""
        return OpenRows(_bytes(lib.exchange_standing_open(self._fold)))

    def markets(self) -> dict[SymbolId, Market]:
        """List the markets by symbol."""
        raw = _bytes(lib.exchange_standing_markets(self._fold))
        return {
            SymbolId(symbol_id): Market(SymbolStatus(status), bool(is_delisted), Ticks(mark), Ticks(last_px), until_ns)
            for symbol_id, status, is_delisted, mark, last_px, until_ns in _MARKET.iter_unpack(raw)
        }

    def kept_records(self) -> list[Record]:
        """List the records of operations that still say what is so: registrations, and the last of each setting."""
        return decode_records(_bytes(lib.exchange_standing_kept(self._fold)))


class OpenRows:
    """Open orders as rows: each is read when it is asked for, so that a start does not wait for all of them."""

    def __init__(self, rows: bytes) -> None:
        self._rows = rows
        self._starts = dict[OrderId, int]()
        start = 0
        while start < len(rows):
            length, order_id = _ROW_HEAD.unpack_from(rows, start)
            self._starts[order_id] = start
            start += length

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[OrderId]:
        """Walk their ids, in the order in which they were accepted."""
        return iter(self._starts)

    def pop(self, order_id: OrderId) -> Order | None:
        """Read an order and let go of its row; None when there is none."""
        start = self._starts.pop(order_id, None)
        return None if start is None else _order(self._rows, start)


def _order(rows: bytes, start: int) -> Order:
    """Read the order at ``start``, as engine/core/src/standing/order.rs draws it."""
    (
        length,
        state,
        is_triggered,
        session_id,
        order_id,
        ts_ns,
        leaves,
        cum_qty,
        cum_notional,
        report_seq,
        report_n,
        command_length,
        _,
        flags,
    ) = _ROW.unpack_from(rows, start)
    command = start + _ROW.size
    terms = decode_command(rows, command, command + command_length)
    assert isinstance(terms, NewOrder)
    order = Order(OrderId(order_id), TimestampNs(ts_ns), SessionId(session_id), terms)
    order.state, order.is_triggered = OrderState(state), bool(is_triggered)
    order.is_suspended = bool(flags & _IS_SUSPENDED)
    order.leaves_qty, order.cum_qty = Lots(leaves), Lots(cum_qty)
    order.cum_notional = int.from_bytes(cum_notional, "little", signed=True)
    order.report = (Seq(report_seq), report_n)
    order.previous_cl_ord_id = rows[command + command_length : start + length].decode("ascii")
    return order


def _bytes(handed_out: Bytes) -> bytes:
    return bytes(ffi.buffer(handed_out.data, handed_out.length))
