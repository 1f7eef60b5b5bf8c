"""Commands: all that can be asked of the engine. Imperative; each is declared in :mod:`engine.api.messages`.

A command is sent by a *source*: the number of the FIX session it came from, or 0 for operations. Whatever
the core decides follows from the commands alone, in the order of their records. What each rule is stands in
``docs/MATCHING.md``; the events named with a command are what it itself causes, besides expiries, elections of
stops and repricing of pegs that fall due with it.
"""

from __future__ import annotations

from engine.api.ids import ABSENT, OPERATIONS, UNRESOLVED
from engine.api.messages.accounts import (
    Deposit,
    SetAccountLimits,
    SetAccountStatus,
    SetCollateral,
    SetMarginState,
    Transfer,
)
from engine.api.messages.market import (
    AdvanceTime,
    SetMark,
    SetSymbolStatus,
    SetVenueStatus,
    TriggerBreaker,
)
from engine.api.messages.orders import (
    CancelOrder,
    MassCancel,
    NewOrder,
    RefuseOrder,
    ReplaceOrder,
    RequestOrderStatus,
    SetKillSwitch,
)
from engine.api.messages.parameters import (
    SetFeeRates,
    SetMarginBrackets,
    SetParameter,
)
from engine.api.messages.positions import (
    AdjustMargin,
    CoverDebt,
    SetLeverage,
)
from engine.api.messages.refusals import (
    Malformed,
)
from engine.api.messages.registration import (
    ChangeInstrument,
    DelistInstrument,
    ListInstrument,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    RegisterSession,
)

Command = (
    RegisterAsset
    | RegisterFirm
    | OpenAccount
    | RegisterSession
    | ListInstrument
    | ChangeInstrument
    | DelistInstrument
    | Deposit
    | Transfer
    | SetAccountStatus
    | SetAccountLimits
    | SetMarginState
    | SetCollateral
    | NewOrder
    | RefuseOrder
    | CancelOrder
    | ReplaceOrder
    | MassCancel
    | SetKillSwitch
    | RequestOrderStatus
    | SetLeverage
    | AdjustMargin
    | CoverDebt
    | SetMark
    | SetSymbolStatus
    | SetVenueStatus
    | TriggerBreaker
    | AdvanceTime
    | SetParameter
    | SetMarginBrackets
    | SetFeeRates
    | Malformed
)
"""Any command."""

__all__ = [
    "ABSENT",
    "OPERATIONS",
    "UNRESOLVED",
    "AdjustMargin",
    "AdvanceTime",
    "CancelOrder",
    "ChangeInstrument",
    "Command",
    "CoverDebt",
    "DelistInstrument",
    "Deposit",
    "ListInstrument",
    "Malformed",
    "MassCancel",
    "NewOrder",
    "OpenAccount",
    "RefuseOrder",
    "RegisterAsset",
    "RegisterFirm",
    "RegisterSession",
    "ReplaceOrder",
    "RequestOrderStatus",
    "SetAccountLimits",
    "SetAccountStatus",
    "SetCollateral",
    "SetFeeRates",
    "SetKillSwitch",
    "SetLeverage",
    "SetMarginBrackets",
    "SetMarginState",
    "SetMark",
    "SetParameter",
    "SetSymbolStatus",
    "SetVenueStatus",
    "Transfer",
    "TriggerBreaker",
]
