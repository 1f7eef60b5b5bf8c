"""Commands: all that can be asked of the engine. Imperative; one Struct each, drawn in :mod:`engine.api.wire`.

A command is sent by a *source*: the number of the FIX session it came from, or 0 for operations. Whatever
the core decides follows from the commands alone, in the order of their records.
"""

from __future__ import annotations

import msgspec

from engine.api.enums import AccountKind, InstrumentKind, OrdType, SessionKind, Side, TimeInForce
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
    """Open an account of a firm (a SYSTEM account has firm 0). Event: AccountOpened."""

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


class Deposit(msgspec.Struct, frozen=True):
    """Credit ``amount`` minor units, once per ``deposit_ref`` (REC-33). Event: Deposited."""

    account_id: int
    asset_id: int
    amount: int
    deposit_ref: str


class NewOrder(msgspec.Struct, frozen=True):
    """Enter an order. Units: ``order_qty`` lots, ``price`` ticks (0 for a market order).

    ``poss_resend`` marks a copy of an order that may have arrived before (PossResend <97> or PossDup <43>):
    a known ClOrdID is then answered by StatusReported instead of a rejection (RoE section 11).
    Events: OrderRejected; or OrderAccepted, Traded*, then at most one OrderCanceled or OrderExpired.
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


class Malformed(msgspec.Struct, frozen=True):
    """Bytes the core refused because they are no command it knows, kept as they came. Event: CommandRefused."""

    raw: bytes


Command = (
    RegisterAsset
    | RegisterFirm
    | OpenAccount
    | RegisterSession
    | ListInstrument
    | Deposit
    | NewOrder
    | CancelOrder
    | RequestOrderStatus
    | RefuseOrder
    | Malformed
)

__all__ = [
    "ABSENT",
    "OPERATIONS",
    "UNRESOLVED",
    "AccountKind",
    "CancelOrder",
    "Command",
    "Deposit",
    "Instrument",
    "InstrumentKind",
    "ListInstrument",
    "Malformed",
    "NewOrder",
    "OpenAccount",
    "RefuseOrder",
    "RegisterAsset",
    "RegisterFirm",
    "RegisterSession",
    "RequestOrderStatus",
]
