"""Positions in perpetuals: their leverage, their margin, their debts."""

from __future__ import annotations

import msgspec

from engine.api.enums import MarginMode, PositionReason
from engine.api.ids import AccountId, SymbolId
from engine.api.messages.declare import command, event
from engine.api.units import Lots, Minor


@command(23, "leverage:u8 mode:u8 account_id:u32 symbol_id:u32")
class SetLeverage(msgspec.Struct, frozen=True):
    """Set leverage and margin mode of a position, open or to come (MAR-11, MAR-23).

    A session does so for its firm's accounts. Event: PositionChanged.
    """

    account_id: AccountId
    symbol_id: SymbolId
    leverage: int
    mode: MarginMode


@command(24, "zero:2 account_id:u32 symbol_id:u32 zero:4 amount:i128")
class AdjustMargin(msgspec.Struct, frozen=True):
    """Add ``amount`` minor units to the margin of an isolated position, or take added margin out (negative).

    Event: PositionChanged.
    """

    account_id: AccountId
    symbol_id: SymbolId
    amount: Minor


@event(
    30,
    "reason:u8 leverage:u8 is_isolated:u8 zero:1 account_id:u32 symbol_id:u32 size:i64 cost:i128 margin:i128 "
    "extra:i128 debt:i128 realized_pnl:i128 released:i128 available:i128 locked:i128",
)
class PositionChanged(msgspec.Struct, frozen=True):
    """A position and its margin, as they are from now on.

    Units: ``size`` signed lots; ``cost`` signed quote minor units paid for it; ``margin`` locked for it, of which
    ``extra`` was added to an isolated position; ``debt`` what its losses exceeded its collateral by, owed to the
    clearing PnL account; ``realized_pnl`` and ``released`` (order margin) of this change alone.
    ``available`` and ``locked`` are the account's balances in the quote asset after it.
    The symbol's clearing PnL account moved by minus ``realized_pnl``, less what was added to ``debt``; with reason
    REPAYMENT by what was paid of it.
    """

    account_id: AccountId
    symbol_id: SymbolId
    reason: PositionReason
    leverage: int
    is_isolated: bool
    size: Lots
    cost: Minor
    margin: Minor
    extra: Minor
    debt: Minor
    realized_pnl: Minor
    released: Minor
    available: Minor
    locked: Minor


@command(44, "zero:2 payer_account_id:u32 account_id:u32 symbol_id:u32 amount:i128")
class CoverDebt(msgspec.Struct, frozen=True):
    """Pay a position's debt from an account's available funds (LIQ-34). Events: DebtCovered, PositionChanged."""

    payer_account_id: AccountId
    account_id: AccountId
    symbol_id: SymbolId
    amount: Minor


@event(48, "zero:4 payer_available:i128")
class DebtCovered(msgspec.Struct, frozen=True):
    """The command's amount left the payer's available balance for the symbol's clearing PnL account."""

    payer_available: Minor
