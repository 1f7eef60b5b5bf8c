"""The compiled core behind a typed face: command frames in, records out, and the state as bytes.

A core decides and remembers; it does no I/O and reads no clock. It belongs to one thread at a time.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING

import msgspec

from engine._core import ffi, lib
from engine.api.errors import SnapshotError
from engine.api.ids import AccountId, AssetId, Seq
from engine.api.link import LoanRow, PositionRow
from engine.api.units import Lots, TimestampNs

if TYPE_CHECKING:
    from engine._core import Bytes

_BALANCE = Struct("<II16s16s")
_POSITION = Struct("<IIBB6x16s16s16s16s16s")
_LOAN = Struct("<II16s")

Buffer = bytes | bytearray | memoryview


class Fault(IntEnum):
    """Why a buffer was not taken further; ``NONE`` is false."""

    NONE = 0
    BAD_LENGTH = 1
    """A length no frame can have, or one that does not match its command's."""
    BAD_CRC = 2
    BAD_SEQ = 3
    """A record that is not the next one."""
    BROKEN_CHAIN = 4
    """A record that follows another one than the last."""
    DIVERGED = 5
    """A command that produces other bytes now than it did, or a time that does not rise."""
    BAD_HEADER = 6
    """A command frame with a field set that the core stamps."""


class Applied(msgspec.Struct, frozen=True):
    """What :meth:`Core.apply` did: the finished records, and how much of the buffer they took."""

    records: bytes
    consumed: int
    count: int
    fault: Fault


class Replayed(msgspec.Struct, frozen=True):
    """What :meth:`Core.replay` did; with a fault, ``consumed`` is the offset of the bad record."""

    consumed: int
    count: int
    fault: Fault


class Core:
    """An exchange from its first command on.

    ``hash_seed`` spreads the core's hash tables, so that nobody can prepare ClOrdIDs that collide. It never
    changes a record or a snapshot.
    """

    def __init__(self, hash_seed: int = 0) -> None:
        self._core = ffi.gc(lib.exchange_core_new(hash_seed), lib.exchange_core_free)

    @classmethod
    def restore(cls, snapshot: bytes, hash_seed: int = 0) -> Core:
        """Restore a core from what :meth:`snapshot` returned. Raises: SnapshotError when it is not sound."""
        refusal = ffi.new("struct Bytes *")
        restored = lib.exchange_core_restore(ffi.from_buffer(snapshot), len(snapshot), hash_seed, refusal)
        if restored == ffi.NULL:
            raise SnapshotError(_text(refusal[0]))
        core = cls.__new__(cls)
        core._core = ffi.gc(restored, lib.exchange_core_free)
        return core

    def apply(self, now_ns: int, frames: Buffer, batch_index: int = 0) -> Applied:
        """Apply the whole command frames at the head of ``frames``; the first gets ``batch_index``.

        An incomplete frame at the end is left. A frame that is not sound stops with a fault, after those before
        it; so does, without one, the end of the batch (BATCH_COMMANDS_MAX).

        Units: ``now_ns`` nanoseconds since 1970, the earliest time the first record may carry.
        """
        assert 0 <= now_ns < 1 << 62, f"not a time: {now_ns}"
        done = lib.exchange_core_apply(self._core, now_ns, ffi.from_buffer(frames), len(frames), batch_index)
        return Applied(_bytes(done.records), done.consumed, done.count, Fault(done.fault))

    def replay(self, records: Buffer) -> Replayed:
        """Execute the commands of whole ``records`` again and compare every byte they produce.

        An incomplete record at the end is left. After a fault the state is that before the bad record, except
        that DIVERGED may have been found by executing it: such a core is only good for looking at.
        """
        done = lib.exchange_core_replay(self._core, ffi.from_buffer(records), len(records))
        return Replayed(done.consumed, done.count, Fault(done.fault))

    def snapshot(self) -> bytes:
        """Write the whole state; equal states give equal bytes. Cost: O(orders ever accepted)."""
        return _bytes(lib.exchange_core_snapshot(self._core))

    def digest(self) -> bytes:
        """Compute the SHA-256 of the snapshot. Cost: as :meth:`snapshot`."""
        return hashlib.sha256(self.snapshot()).digest()

    @property
    def seq(self) -> Seq:
        """Number of the last record, 0 before the first."""
        return Seq(lib.exchange_core_summary(self._core).seq)

    @property
    def ts_ns(self) -> TimestampNs:
        """Time of the last event, 0 before the first."""
        return TimestampNs(lib.exchange_core_summary(self._core).event_ts_ns)

    @property
    def prev_crc(self) -> int:
        """CRC of the last record, which the next one chains to."""
        return lib.exchange_core_summary(self._core).crc

    @property
    def open_orders(self) -> int:
        """Count the orders in all books. Cost: O(instruments)."""
        return lib.exchange_core_summary(self._core).open_orders

    @property
    def next_due_ns(self) -> int:
        """When something is due that no command asks for, 0 for never; a time that has passed means at once."""
        return lib.exchange_core_summary(self._core).next_due_ns

    def balances(self) -> list[tuple[AccountId, AssetId, int, int]]:
        """List ``(account_id, asset_id, available, locked)`` of all balances that are not zero, sorted."""
        raw = _bytes(lib.exchange_core_balances(self._core))
        return [
            (account, asset, _amount(available), _amount(locked))
            for account, asset, available, locked in _BALANCE.iter_unpack(raw)
        ]

    def positions(self) -> list[PositionRow]:
        """List all positions that came into being, by account and symbol."""
        raw = _bytes(lib.exchange_core_positions(self._core))
        return [
            PositionRow(
                account, symbol, leverage, bool(isolated), Lots(_amount(size)), *map(str, map(_amount, amounts))
            )
            for account, symbol, leverage, isolated, size, *amounts in _POSITION.iter_unpack(raw)
        ]

    def loans(self) -> list[LoanRow]:
        """List what MARGIN accounts owe, by account and asset."""
        raw = _bytes(lib.exchange_core_loans(self._core))
        return [LoanRow(account, asset, str(_amount(amount))) for account, asset, amount in _LOAN.iter_unpack(raw)]

    def rules(self) -> bytes:
        """Write the rules that hold and those to come, as a snapshot has them."""
        return _bytes(lib.exchange_core_rules(self._core))

    def check(self) -> None:
        """Check every invariant of the state. Raises: AssertionError naming the first that is broken."""
        broken = _text(lib.exchange_core_check(self._core))
        if broken:
            raise AssertionError(broken)

    def layouts(self) -> list[str]:
        """List the core's closed sets, commands and events, a line each as :func:`engine.api.wire.layouts`."""
        return _text(lib.exchange_core_layouts(self._core)).splitlines()

    def limits(self) -> dict[str, int]:
        """List the bounds compiled into the core by the names :mod:`engine.api.limits` gives them."""
        lines = _text(lib.exchange_core_limits(self._core)).splitlines()
        return {name: int(value) for name, _, value in (line.partition("=") for line in lines)}


def walk(records: Buffer, seq: int, crc: int) -> tuple[int, int, int]:
    """Follow the chain of whole, sound records that go on after ``(seq, crc)``, without executing them.

    Returns: how many bytes they are, and seq and CRC of the last.
    """
    done = lib.exchange_core_walk(ffi.from_buffer(records), len(records), seq, crc)
    return done.consumed, done.seq, done.crc


def crc32c(data: Buffer) -> int:
    """Compute CRC-32C the way the core does."""
    return lib.exchange_core_crc32c(ffi.from_buffer(data), len(data))


def _amount(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


def _bytes(handed_out: Bytes) -> bytes:
    return bytes(ffi.buffer(handed_out.data, handed_out.length))


def _text(handed_out: Bytes) -> str:
    return _bytes(handed_out).decode("ascii")
