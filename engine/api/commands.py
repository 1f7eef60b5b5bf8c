"""Commands: all that can be asked of the engine. Imperative; one Struct each, drawn in :mod:`engine.api.wire`.

A command is sent by a *source*: the number of the FIX session it came from, or 0 for operations. Whatever
the core decides follows from the commands alone, in the order of their records. What each rule is stands in
``docs/MATCHING.md``; the events named here are what the command itself causes, besides expiries, elections of
stops and repricing of pegs that fall due with it.
"""

from __future__ import annotations

import msgspec

from engine.api.enums import (
    AccountKind,
    AccountStatus,
    BreakerReason,
    ExecInst,
    InstrumentKind,
    MarginMode,
    MarginState,
    OrdType,
    Peg,
    SelfTrade,
    SessionKind,
    Side,
    SymbolStatus,
    TimeInForce,
    Trigger,
    VenueStatus,
)
from engine.api.instrument import Instrument

OPERATIONS = 0
"""Source of commands that no FIX session sent."""

ABSENT = 0
"""An optional id that was not given."""

UNRESOLVED = 0xFFFF_FFFF
"""An account or symbol the member named and the gateway does not know: matches nothing."""


class RegisterAsset(msgspec.Struct, frozen=True):
    """Add an asset to the books; ``decimals`` is its scale there. Event: AssetRegistered."""

    asset_id: int
    name: str
    decimals: int


class RegisterFirm(msgspec.Struct, frozen=True):
    """Admit a member firm. Event: FirmRegistered."""

    firm_id: int
    name: str


class OpenAccount(msgspec.Struct, frozen=True):
    """Open an account of a firm (the exchange's own accounts have firm 0). Event: AccountOpened."""

    account_id: int
    firm_id: int
    kind: AccountKind
    name: str


class RegisterSession(msgspec.Struct, frozen=True):
    """Issue a CompID to a firm; its number becomes the ``source`` of what it sends. Event: SessionRegistered."""

    session_id: int
    firm_id: int
    kind: SessionKind
    comp_id: str


class ListInstrument(msgspec.Struct, frozen=True):
    """Open a book. Refused when tick times lot is no whole number of quote minor units. Event: InstrumentListed."""

    instrument: Instrument


class ChangeInstrument(msgspec.Struct, frozen=True):
    """Change a listing (TBL-04). Tick, lot and fees need an empty book. Event: InstrumentChanged."""

    instrument: Instrument


class DelistInstrument(msgspec.Struct, frozen=True):
    """Cancel a symbol's orders and close it for ever. Events: OrderCanceled*, InstrumentDelisted."""

    symbol_id: int


class Deposit(msgspec.Struct, frozen=True):
    """Credit ``amount`` minor units, once per ``deposit_ref`` (REC-33). Events: Deposited, Repaid?."""

    account_id: int
    asset_id: int
    amount: int
    deposit_ref: str


class NewOrder(msgspec.Struct, frozen=True):
    """Enter an order.

    Units: quantities lots; prices ticks, 0 where the order has none; ``peg_offset`` signed ticks.
    ``price`` is the limit, or the cap of a pegged order. ``max_floor`` is the displayed quantity of an iceberg.
    ``stp_group`` extends self-trade prevention to all orders of the firm with the same number.
    ``poss_resend`` marks a copy of an order that may have arrived before (PossResend <97> or PossDup <43>):
    a known ClOrdID is then answered by StatusReported instead of a rejection (RoE section 11).
    Events: OrderRejected; or Borrowed?, OrderAccepted, then what matching causes.
    """

    account_id: int
    symbol_id: int
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: int
    price: int
    cl_ord_id: str
    text: str = ""
    poss_resend: bool = False
    stop_px: int = 0
    max_floor: int = 0
    min_qty: int = 0
    expire_time_ns: int = 0
    peg_offset: int = 0
    stp_group: int = 0
    exec_inst: ExecInst = ExecInst.NONE
    trigger: Trigger = Trigger.NONE
    peg: Peg = Peg.NONE
    stp: SelfTrade = SelfTrade.DEFAULT


class CancelOrder(msgspec.Struct, frozen=True):
    """Cancel an open order, named by ``order_id`` or else by ``orig_cl_ord_id`` of the same session.

    Account, symbol and side are checked when given. Events: OrderCanceled, CancelRejected or StatusReported.
    """

    cl_ord_id: str
    orig_cl_ord_id: str = ""
    order_id: int = ABSENT
    account_id: int = ABSENT
    symbol_id: int = ABSENT
    side: int = ABSENT
    poss_resend: bool = False


class ReplaceOrder(msgspec.Struct, frozen=True):
    """Change an open order, named as in :class:`CancelOrder`; what is 0 or None stays as it is.

    ``order_qty`` is the new total, filled part included: leaves become ``order_qty`` less what is filled by then.
    Events: Borrowed?, OrderReplaced, Repaid?, then what matching causes; or OrderCanceled when nothing would be
    left; or ReplaceRejected or StatusReported.
    """

    cl_ord_id: str
    order_qty: int
    price: int = 0
    orig_cl_ord_id: str = ""
    order_id: int = ABSENT
    account_id: int = ABSENT
    symbol_id: int = ABSENT
    side: int = ABSENT
    time_in_force: int = ABSENT
    stop_px: int = 0
    max_floor: int = 0
    expire_time_ns: int = 0
    peg_offset: int | None = None
    poss_resend: bool = False


class MassCancel(msgspec.Struct, frozen=True):
    """Cancel all open orders in scope; every field that is not 0 narrows it.

    A session reaches the accounts of its firm only; ``of_session`` narrows to orders a session entered.
    With ``kill`` the sending session can enter no order until the switch is lifted.
    ``code`` is the reason the cancels give; sessions send 0, which means USER_REQUESTED.
    Events: OrderCanceled*, KillSwitchSet?, MassCanceled; or MassCancelRejected.
    """

    cl_ord_id: str
    symbol_id: int = ABSENT
    account_id: int = ABSENT
    firm_id: int = ABSENT
    of_session: int = ABSENT
    side: int = ABSENT
    code: int = 0
    kill: bool = False
    poss_resend: bool = False


class SetKillSwitch(msgspec.Struct, frozen=True):
    """Block a session from entering orders, or lift that; a session only sets its own. Event: KillSwitchSet."""

    session_id: int
    is_on: bool


class RequestOrderStatus(msgspec.Struct, frozen=True):
    """Ask for the state of an order, in sequence with all else. Event: StatusReported."""

    cl_ord_id: str
    order_id: int = ABSENT
    ord_status_req_id: str = ""


class RefuseOrder(msgspec.Struct, frozen=True):
    """Put on record an order that could not be expressed in ticks and lots, as the member wrote it.

    The gateway has decided ``code`` already; sequencing it gives the rejection its ExecID and its drop copies.
    Event: OrderRejected with that code.
    """

    account_id: int
    side: int
    ord_type: int
    time_in_force: int
    code: int
    ref_tag: int
    cl_ord_id: str
    symbol: str
    order_qty: str
    price: str
    text: str


class SetLeverage(msgspec.Struct, frozen=True):
    """Set leverage and margin mode of a position, open or to come (MAR-11, MAR-23).

    A session does so for its firm's accounts. Event: PositionChanged.
    """

    account_id: int
    symbol_id: int
    leverage: int
    mode: MarginMode


class AdjustMargin(msgspec.Struct, frozen=True):
    """Add ``amount`` minor units to the margin of an isolated position, or take added margin out (negative).

    Event: PositionChanged.
    """

    account_id: int
    symbol_id: int
    amount: int


class SetMark(msgspec.Struct, frozen=True):
    """Set a symbol's mark price in ticks (MAR-10). Events: MarkSet, BreakerTriggered?."""

    symbol_id: int
    price: int


class SetSymbolStatus(msgspec.Struct, frozen=True):
    """Open, halt or close a symbol; opening uncrosses the book first. Events: Uncrossed*, SymbolStatusSet."""

    symbol_id: int
    status: SymbolStatus


class SetVenueStatus(msgspec.Struct, frozen=True):
    """Open, halt or close the whole exchange. Event: VenueStatusSet."""

    status: VenueStatus


class TriggerBreaker(msgspec.Struct, frozen=True):
    """Keep new orders out of a symbol for BREAKER_NS, or for longer if it is so already. Event: BreakerTriggered."""

    symbol_id: int
    reason: BreakerReason


class AdvanceTime(msgspec.Struct, frozen=True):
    """Let what is due by the record's time happen (ORD-14). Event: TimeAdvanced, after all that was due.

    The engine sequences one itself when something is due and no command carries the time (``source_seq`` 0).
    """


class SetAccountStatus(msgspec.Struct, frozen=True):
    """Suspend, reactivate or close an account (ACC table). Event: AccountStatusSet."""

    account_id: int
    status: AccountStatus


class SetAccountLimits(msgspec.Struct, frozen=True):
    """Set an account's tier (1 to 4), and its own caps on leverage and position notional; 0 is none.

    Event: AccountLimitsSet.
    Units: ``position_notional_max`` in minor units of the quote asset of whatever symbol it is applied to.
    """

    account_id: int
    tier: int
    leverage_max: int
    position_notional_max: int


class SetMarginState(msgspec.Struct, frozen=True):
    """Set an account's margin state (LIQ-60), which restricts its orders. Event: MarginStateSet."""

    account_id: int
    state: MarginState


class SetCollateral(msgspec.Struct, frozen=True):
    """Set an asset's collateral weight (ACC-31), and the SYSTEM account that lends it, 0 for none.

    Event: CollateralSet.
    """

    asset_id: int
    weight_ppm: int
    lending_account_id: int


class Transfer(msgspec.Struct, frozen=True):
    """Move available funds between two accounts (ACC-02). Events: Transferred, Repaid?."""

    from_account_id: int
    to_account_id: int
    asset_id: int
    amount: int


class CoverDebt(msgspec.Struct, frozen=True):
    """Pay a position's debt from an account's available funds (LIQ-34). Events: DebtCovered, PositionChanged."""

    payer_account_id: int
    account_id: int
    symbol_id: int
    amount: int


class Malformed(msgspec.Struct, frozen=True):
    """Bytes the core refused because they are no command it knows, kept as they came. Event: CommandRefused."""

    raw: bytes


Command = (
    RegisterAsset
    | RegisterFirm
    | OpenAccount
    | RegisterSession
    | ListInstrument
    | ChangeInstrument
    | DelistInstrument
    | Deposit
    | NewOrder
    | CancelOrder
    | ReplaceOrder
    | MassCancel
    | SetKillSwitch
    | RequestOrderStatus
    | RefuseOrder
    | SetLeverage
    | AdjustMargin
    | SetMark
    | SetSymbolStatus
    | SetVenueStatus
    | TriggerBreaker
    | AdvanceTime
    | SetAccountStatus
    | SetAccountLimits
    | SetMarginState
    | SetCollateral
    | Transfer
    | CoverDebt
    | Malformed
)

__all__ = [
    "ABSENT",
    "OPERATIONS",
    "UNRESOLVED",
    "AccountKind",
    "AdjustMargin",
    "AdvanceTime",
    "CancelOrder",
    "ChangeInstrument",
    "Command",
    "CoverDebt",
    "DelistInstrument",
    "Deposit",
    "Instrument",
    "InstrumentKind",
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
    "SetKillSwitch",
    "SetLeverage",
    "SetMarginState",
    "SetMark",
    "SetSymbolStatus",
    "SetVenueStatus",
    "Transfer",
    "TriggerBreaker",
]
