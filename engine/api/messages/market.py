"""The market as a whole: marks, statuses of symbols and of the venue, breakers, auctions, the time."""

from __future__ import annotations

import msgspec

from engine.api.enums import BreakerReason, SymbolStatus, VenueStatus
from engine.api.ids import SymbolId
from engine.api.messages.declare import command, event
from engine.api.units import Lots, Ticks, TimestampNs


@command(32, "zero:2 symbol_id:u32 price:i64")
class SetMark(msgspec.Struct, frozen=True):
    """Set a symbol's mark price in ticks (MAR-10). Events: MarkSet, BreakerTriggered?."""

    symbol_id: SymbolId
    price: Ticks


@event(33)
class MarkSet(msgspec.Struct, frozen=True):
    """The symbol's mark is the command's price."""


@command(33, "status:u8 zero:1 symbol_id:u32")
class SetSymbolStatus(msgspec.Struct, frozen=True):
    """Open, halt or close a symbol; opening uncrosses the book first. Events: Uncrossed*, SymbolStatusSet."""

    symbol_id: SymbolId
    status: SymbolStatus


@event(34, "symbol_id:u32 status:u8 zero:3")
class SymbolStatusSet(msgspec.Struct, frozen=True):
    """A symbol's status; another than asked for when the opening auction needs a further command to finish."""

    symbol_id: SymbolId
    status: SymbolStatus


@event(38, "symbol_id:u32 price:i64 volume:i64")
class Uncrossed(msgspec.Struct, frozen=True):
    """An auction found its price; the trades that follow are at ``price``, and come to ``volume`` lots unless
    self-trade prevention or reduce-only orders take some away."""

    symbol_id: SymbolId
    price: Ticks
    volume: Lots


@command(34, "status:u8 zero:1")
class SetVenueStatus(msgspec.Struct, frozen=True):
    """Open, halt or close the whole exchange. Event: VenueStatusSet."""

    status: VenueStatus


@event(35)
class VenueStatusSet(msgspec.Struct, frozen=True):
    """The exchange has the command's status."""


@command(35, "reason:u8 zero:1 symbol_id:u32")
class TriggerBreaker(msgspec.Struct, frozen=True):
    """Keep new orders out of a symbol for BREAKER_NS, or for longer if it is so already. Event: BreakerTriggered."""

    symbol_id: SymbolId
    reason: BreakerReason


@event(36, "symbol_id:u32 until_ns:u64 change_ppm:i64 reason:u8 zero:7")
class BreakerTriggered(msgspec.Struct, frozen=True):
    """New orders are kept out until ``until_ns``; ``change_ppm`` is the move of the mark that caused it, or 0."""

    symbol_id: SymbolId
    reason: BreakerReason
    change_ppm: int
    until_ns: TimestampNs


@event(37, "symbol_id:u32")
class BreakerReleased(msgspec.Struct, frozen=True):
    """A circuit breaker's time is over."""

    symbol_id: SymbolId


@command(36, "zero:2")
class AdvanceTime(msgspec.Struct, frozen=True):
    """Let what is due by the record's time happen (ORD-14). Event: TimeAdvanced, after all that was due.

    The engine sequences one itself when something is due and no command carries the time (``source_seq`` 0).
    """


@event(39)
class TimeAdvanced(msgspec.Struct, frozen=True):
    """All that was due has happened."""
