"""Events: all that the engine decides. Past tense; one Struct each, drawn in :mod:`engine.api.wire`.

An event is read together with the command of its record, so it does not repeat the command's fields.
Every amount that moves is on an event: a follower can keep balances, locked parts included, from these alone.
"""

from __future__ import annotations

import msgspec

from engine.api.enums import OrderState, Side


class AssetRegistered(msgspec.Struct, frozen=True):
    """The asset of the command is in the books."""


class FirmRegistered(msgspec.Struct, frozen=True):
    """The firm of the command is a member."""


class AccountOpened(msgspec.Struct, frozen=True):
    """The account of the command is open."""


class SessionRegistered(msgspec.Struct, frozen=True):
    """The CompID of the command is issued."""


class InstrumentListed(msgspec.Struct, frozen=True):
    """The instrument of the command has a book."""


class Deposited(msgspec.Struct, frozen=True):
    """The command's amount was credited; ``available_after`` is the account's available balance then."""

    available_after: int


class OrderAccepted(msgspec.Struct, frozen=True):
    """The command's order is in force; ``reserved`` minor units went from available to locked.

    A buy reserves quote, worst-case fee included (RES-21); a sell reserves base.
    """

    order_id: int
    reserved: int


class OrderRejected(msgspec.Struct, frozen=True):
    """The command's order was refused and changed nothing (ORD-02).

    ``order_id`` is the order that holds the ClOrdID already, when ``code`` is DUPLICATE_CL_ORD_ID, else 0.
    """

    order_id: int
    code: int


class Traded(msgspec.Struct, frozen=True):
    """Two orders matched, at the maker's price (TRD-03).

    Units: ``last_px`` ticks, ``last_qty`` and both leaves lots; fees in quote minor units, a negative one is a
    rebate; ``buyer_released`` quote minor units left the buyer's locked balance: what exceeds price and fee
    went back to available. The seller's locked base falls by the quantity.
    """

    taker_order_id: int
    maker_order_id: int
    last_px: int
    last_qty: int
    taker_leaves: int
    maker_leaves: int
    taker_account_id: int
    maker_account_id: int
    symbol_id: int
    taker_side: Side
    taker_fee: int
    maker_fee: int
    buyer_released: int


class OrderCanceled(msgspec.Struct, frozen=True):
    """An order left the book; ``leaves`` lots are void and ``released`` minor units are available again."""

    order_id: int
    leaves: int
    released: int
    code: int


class OrderExpired(msgspec.Struct, frozen=True):
    """An order left because of its time in force (RES-05); fields as in :class:`OrderCanceled`."""

    order_id: int
    leaves: int
    released: int
    code: int


class CancelRejected(msgspec.Struct, frozen=True):
    """The command's cancel was refused; ``order_id`` is 0 and ``state`` UNKNOWN when no order was found."""

    order_id: int
    code: int
    state: OrderState


class StatusReported(msgspec.Struct, frozen=True):
    """The state of the order asked about; ``order_id`` is 0 and ``state`` UNKNOWN when no order was found."""

    order_id: int
    state: OrderState


class CommandRefused(msgspec.Struct, frozen=True):
    """A command of operations, or a malformed one, was refused and changed nothing."""

    code: int


Event = (
    AssetRegistered
    | FirmRegistered
    | AccountOpened
    | SessionRegistered
    | InstrumentListed
    | Deposited
    | OrderAccepted
    | OrderRejected
    | Traded
    | OrderCanceled
    | OrderExpired
    | CancelRejected
    | StatusReported
    | CommandRefused
)
