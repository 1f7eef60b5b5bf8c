"""Rules that governance sets: parameters, margin brackets, fee rates; at once, or at a time to come."""

from __future__ import annotations

import msgspec

from engine.api.ids import AccountId, SymbolId
from engine.api.messages.codec import Decode, Encode
from engine.api.messages.declare import command, event
from engine.api.messages.layout import VERSION, Layout, struct_of
from engine.api.parameters import MarginBracket, Parameter
from engine.api.units import TimestampNs

BRACKETS_MAX = 8
"""Rows of a table of margin brackets: what the layout has room for."""


@command(48, "parameter:u8 zero:1 subject_id:u32 value:i64 effective_ns:u64")
class SetParameter(msgspec.Struct, frozen=True):
    """Set a parameter of the venue (``subject_id`` 0), or of one of its subjects, from ``effective_ns`` on.

    A time that has come means at once. Event: ParameterSet, and when its time comes ParameterTookEffect.
    """

    parameter: Parameter
    subject_id: int
    value: int
    effective_ns: TimestampNs


@event(64, "zero:4 version:u64 effective_ns:u64")
class ParameterSet(msgspec.Struct, frozen=True):
    """The command's rule holds from ``effective_ns`` on: that is the record's time, if it holds at once.

    ``version`` counts every rule that was ever set.
    """

    version: int
    effective_ns: TimestampNs


@event(65, "zero:4 version:u64")
class ParameterTookEffect(msgspec.Struct, frozen=True):
    """The time of a rule has come that was set before with this version."""

    version: int


_BRACKETS = "zero:2 symbol_id:u32 effective_ns:u64 " + " ".join(f"row{n}:i128" for n in range(1, BRACKETS_MAX + 1))
"""A row is a bracket: its notional above 64 bits, its leverage above 32, its rate. Rows that are not used are 0."""

_LOW = (1 << 32) - 1


def _brackets(layout: Layout) -> tuple[Encode, Decode]:
    """Write and read a table row by row."""
    fixed = struct_of(layout.fixed, layout.head)

    def encode(message: msgspec.Struct) -> bytes:
        assert isinstance(message, SetMarginBrackets)
        rows = [(row.leverage_max << 32 | row.maintenance_ppm, row.notional_max) for row in message.brackets]
        halves = [half for row in rows + [(0, 0)] * (BRACKETS_MAX - len(rows)) for half in row]
        return fixed.pack(layout.number, VERSION, message.symbol_id, message.effective_ns, *halves)

    def decode(b: bytes, start: int, end: int) -> msgspec.Struct:
        if end - start != fixed.size:
            raise ValueError("a table of another size")
        _, _, symbol_id, effective_ns, *halves = fixed.unpack_from(b, start)
        rows = [(low, high) for low, high in zip(halves[::2], halves[1::2], strict=True) if low or high]
        return SetMarginBrackets(
            symbol_id, tuple(MarginBracket(high, low >> 32, low & _LOW) for low, high in rows), effective_ns
        )

    return encode, decode


@command(49, _BRACKETS, _brackets)
class SetMarginBrackets(msgspec.Struct, frozen=True):
    """Set the margin brackets of the venue (``symbol_id`` 0) or of a perpetual, whose own end with an empty table.

    Notionals rise, leverages do not rise, rates do not fall; the last bracket holds for all that is larger, and only
    it has ``notional_max`` 0. Events: as SetParameter.
    """

    symbol_id: SymbolId
    brackets: tuple[MarginBracket, ...]
    effective_ns: TimestampNs


@command(50, "is_unset:u8 zero:1 account_id:u32 symbol_id:u32 maker_ppm:i32 taker_ppm:i32 effective_ns:u64")
class SetFeeRates(msgspec.Struct, frozen=True):
    """Set what an account pays in a symbol, or in all that it has no rates of its own for (``symbol_id`` 0).

    ``account_id`` 0 changes the symbol's listing. ``is_unset`` takes an account's own rates away. An order keeps the
    rates it was accepted under. Events: as SetParameter.
    """

    account_id: AccountId
    symbol_id: SymbolId
    maker_ppm: int
    taker_ppm: int
    effective_ns: TimestampNs
    is_unset: bool = False
