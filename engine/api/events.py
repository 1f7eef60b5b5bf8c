"""Events: all that the engine decides. Past tense; each is declared in :mod:`engine.api.messages`.

An event is read together with the command of its record, so it does not repeat the command's fields.
Every amount that moves is on an event: a follower can keep balances, locked parts included, from these alone.
"""

from __future__ import annotations

from engine.api.messages.accounts import (
    AccountLimitsSet,
    AccountStatusSet,
    Borrowed,
    CollateralSet,
    Deposited,
    MarginStateSet,
    Repaid,
    Transferred,
)
from engine.api.messages.market import (
    BreakerReleased,
    BreakerTriggered,
    MarkSet,
    SymbolStatusSet,
    TimeAdvanced,
    Uncrossed,
    VenueStatusSet,
)
from engine.api.messages.orders import (
    CancelRejected,
    KillSwitchSet,
    MassCanceled,
    MassCancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    OrderRestated,
    OrderTriggered,
    ReplaceRejected,
    StatusReported,
    Traded,
)
from engine.api.messages.parameters import (
    ParameterSet,
    ParameterTookEffect,
)
from engine.api.messages.positions import (
    DebtCovered,
    PositionChanged,
)
from engine.api.messages.refusals import (
    CommandRefused,
)
from engine.api.messages.registration import (
    AccountOpened,
    AssetRegistered,
    FirmRegistered,
    InstrumentChanged,
    InstrumentDelisted,
    InstrumentListed,
    SessionRegistered,
)

Event = (
    AssetRegistered
    | FirmRegistered
    | AccountOpened
    | SessionRegistered
    | InstrumentListed
    | InstrumentChanged
    | InstrumentDelisted
    | Deposited
    | Transferred
    | Borrowed
    | Repaid
    | AccountStatusSet
    | AccountLimitsSet
    | MarginStateSet
    | CollateralSet
    | OrderAccepted
    | OrderRejected
    | Traded
    | OrderTriggered
    | OrderRestated
    | OrderExpired
    | OrderCanceled
    | CancelRejected
    | OrderReplaced
    | ReplaceRejected
    | MassCanceled
    | MassCancelRejected
    | KillSwitchSet
    | StatusReported
    | PositionChanged
    | DebtCovered
    | MarkSet
    | SymbolStatusSet
    | Uncrossed
    | VenueStatusSet
    | BreakerTriggered
    | BreakerReleased
    | TimeAdvanced
    | ParameterSet
    | ParameterTookEffect
    | CommandRefused
)
"""Any event."""

__all__ = [
    "AccountLimitsSet",
    "AccountOpened",
    "AccountStatusSet",
    "AssetRegistered",
    "Borrowed",
    "BreakerReleased",
    "BreakerTriggered",
    "CancelRejected",
    "CollateralSet",
    "CommandRefused",
    "DebtCovered",
    "Deposited",
    "Event",
    "FirmRegistered",
    "InstrumentChanged",
    "InstrumentDelisted",
    "InstrumentListed",
    "KillSwitchSet",
    "MarginStateSet",
    "MarkSet",
    "MassCancelRejected",
    "MassCanceled",
    "OrderAccepted",
    "OrderCanceled",
    "OrderExpired",
    "OrderRejected",
    "OrderReplaced",
    "OrderRestated",
    "OrderTriggered",
    "PositionChanged",
    "Repaid",
    "ReplaceRejected",
    "SessionRegistered",
    "StatusReported",
    "SymbolStatusSet",
    "TimeAdvanced",
    "ParameterSet",
    "ParameterTookEffect",
    "Traded",
    "Transferred",
    "Uncrossed",
    "VenueStatusSet",
]
