"""Funds of accounts and what their holders may do: deposits, transfers, loans, statuses, caps."""

from __future__ import annotations

import msgspec

from engine.api.enums import AccountStatus, MarginState
from engine.api.ids import AccountId, AssetId
from engine.api.messages.declare import command, event
from engine.api.units import Minor


@command(6, "deposit_ref:text zero:1 account_id:u32 asset_id:u16 zero:6 amount:i128")
class Deposit(msgspec.Struct, frozen=True):
    """Credit ``amount`` minor units, once per ``deposit_ref`` (REC-33). Events: Deposited, Repaid?."""

    account_id: AccountId
    asset_id: AssetId
    amount: Minor
    deposit_ref: str


@event(6, "zero:4 available_after:i128")
class Deposited(msgspec.Struct, frozen=True):
    """The command's amount was credited; ``available_after`` is the account's available balance then."""

    available_after: Minor


@command(43, "asset_id:u16 from_account_id:u32 to_account_id:u32 zero:4 amount:i128")
class Transfer(msgspec.Struct, frozen=True):
    """Move available funds between two accounts (ACC-02). Events: Transferred, Repaid?."""

    from_account_id: AccountId
    to_account_id: AccountId
    asset_id: AssetId
    amount: Minor


@event(47, "zero:4 from_available:i128 to_available:i128")
class Transferred(msgspec.Struct, frozen=True):
    """The command's amount moved; the available balances after it."""

    from_available: Minor
    to_available: Minor


@event(31, "account_id:u32 asset_id:u16 zero:6 amount:i128 loan:i128")
class Borrowed(msgspec.Struct, frozen=True):
    """A MARGIN account's available balance was raised by a loan of the asset's lending account."""

    account_id: AccountId
    asset_id: AssetId
    amount: Minor
    loan: Minor


@event(32, "account_id:u32 asset_id:u16 zero:6 amount:i128 loan:i128")
class Repaid(msgspec.Struct, frozen=True):
    """A MARGIN account paid back from available what it could; ``loan`` is still owed."""

    account_id: AccountId
    asset_id: AssetId
    amount: Minor
    loan: Minor


@command(39, "status:u8 zero:1 account_id:u32")
class SetAccountStatus(msgspec.Struct, frozen=True):
    """Suspend, reactivate or close an account (ACC table). Event: AccountStatusSet."""

    account_id: AccountId
    status: AccountStatus


@event(42)
class AccountStatusSet(msgspec.Struct, frozen=True):
    """The account has the command's status."""


@command(40, "tier:u8 leverage_max:u8 account_id:u32 position_notional_max:i128")
class SetAccountLimits(msgspec.Struct, frozen=True):
    """Set an account's tier (1 to 4), and its own caps on leverage and position notional; 0 is none.

    Event: AccountLimitsSet.
    Units: ``position_notional_max`` in minor units of the quote asset of whatever symbol it is applied to.
    """

    account_id: AccountId
    tier: int
    leverage_max: int
    position_notional_max: Minor


@event(43)
class AccountLimitsSet(msgspec.Struct, frozen=True):
    """The account has the command's tier and caps."""


@command(41, "state:u8 zero:1 account_id:u32")
class SetMarginState(msgspec.Struct, frozen=True):
    """Set an account's margin state (LIQ-60), which restricts its orders. Event: MarginStateSet."""

    account_id: AccountId
    state: MarginState


@event(44)
class MarginStateSet(msgspec.Struct, frozen=True):
    """The account has the command's margin state."""


@command(42, "asset_id:u16 weight_ppm:u32 lending_account_id:u32")
class SetCollateral(msgspec.Struct, frozen=True):
    """Set an asset's collateral weight (ACC-31), and the SYSTEM account that lends it, 0 for none.

    Event: CollateralSet.
    """

    asset_id: AssetId
    weight_ppm: int
    lending_account_id: AccountId


@event(45)
class CollateralSet(msgspec.Struct, frozen=True):
    """The asset has the command's weight and lending account."""
