"""Events: all that the engine decides. Past tense; one Struct each, drawn in :mod:`engine.api.wire`.

An event is read together with the command of its record, so it does not repeat the command's fields.
Every amount that moves is on an event: a follower can keep balances, locked parts included, from these alone.
"""

from __future__ import annotations

import msgspec

from engine.api.enums import BreakerReason, OrderState, PositionReason, RestateReason, Side, SymbolStatus


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

    A spot buy reserves quote, worst-case fee included (RES-21); a spot sell reserves base; in a perpetual either
    side reserves quote: initial margin and worst-case fee, or nothing for a reduce-only order.
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
    """Two orders matched, at the maker's price (TRD-03), or at the price of the auction when ``is_auction``.

    Units: ``last_px`` ticks, ``last_qty`` and both leaves lots; fees in quote minor units, a negative one is a
    rebate; ``buyer_released`` quote minor units left the buyer's locked balance: what exceeds price and fee
    went back to available. The seller's locked base falls by the quantity. In a perpetual ``buyer_released`` is 0,
    and two PositionChanged follow, the maker's and the taker's, which say all that moved.
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
    is_auction: bool = False


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


class OrderReplaced(msgspec.Struct, frozen=True):
    """An order was changed as the command asked; what it did not ask stayed.

    ``order_qty``, ``leaves`` and ``price`` (the limit, or the cap of a pegged order) are those from now on;
    ``reserved`` minor units are locked for it from now on.
    """

    order_id: int
    order_qty: int
    leaves: int
    price: int
    reserved: int
    keeps_priority: bool


class ReplaceRejected(msgspec.Struct, frozen=True):
    """The command's replace was refused, the order unchanged; fields as in :class:`CancelRejected`."""

    order_id: int
    code: int
    state: OrderState


class OrderTriggered(msgspec.Struct, frozen=True):
    """A stop was elected; it now trades up to ``price`` ticks."""

    order_id: int
    price: int


class OrderRestated(msgspec.Struct, frozen=True):
    """The engine changed an order by itself.

    ``price`` is the price at which it works from now on, 0 while a pegged order has none; ``display`` what it shows;
    ``released`` minor units went from locked to available.
    """

    order_id: int
    reason: RestateReason
    order_qty: int
    leaves: int
    price: int
    display: int
    released: int


class MassCanceled(msgspec.Struct, frozen=True):
    """A mass cancel took out ``canceled`` orders; ``remaining`` more are in its scope and need another one."""

    canceled: int
    remaining: int


class MassCancelRejected(msgspec.Struct, frozen=True):
    """The command's mass cancel was refused."""

    code: int


class KillSwitchSet(msgspec.Struct, frozen=True):
    """A session may not enter orders, or may again."""

    session_id: int
    is_on: bool


class PositionChanged(msgspec.Struct, frozen=True):
    """A position and its margin, as they are from now on.

    Units: ``size`` signed lots; ``cost`` signed quote minor units paid for it; ``margin`` locked for it, of which
    ``extra`` was added to an isolated position; ``debt`` what its losses exceeded its collateral by, owed to the
    clearing PnL account; ``realized_pnl`` and ``released`` (order margin) of this change alone.
    ``available`` and ``locked`` are the account's balances in the quote asset after it.
    The symbol's clearing PnL account moved by minus ``realized_pnl``, less what was added to ``debt``.
    """

    account_id: int
    symbol_id: int
    reason: PositionReason
    leverage: int
    is_isolated: bool
    size: int
    cost: int
    margin: int
    extra: int
    debt: int
    realized_pnl: int
    released: int
    available: int
    locked: int


class Borrowed(msgspec.Struct, frozen=True):
    """A MARGIN account's available balance was raised by a loan of the asset's lending account."""

    account_id: int
    asset_id: int
    amount: int
    loan: int


class Repaid(msgspec.Struct, frozen=True):
    """A MARGIN account paid back from available what it could; ``loan`` is still owed."""

    account_id: int
    asset_id: int
    amount: int
    loan: int


class MarkSet(msgspec.Struct, frozen=True):
    """The symbol's mark is the command's price."""


class SymbolStatusSet(msgspec.Struct, frozen=True):
    """A symbol's status; another than asked for when the opening auction needs a further command to finish."""

    symbol_id: int
    status: SymbolStatus


class VenueStatusSet(msgspec.Struct, frozen=True):
    """The exchange has the command's status."""


class BreakerTriggered(msgspec.Struct, frozen=True):
    """New orders are kept out until ``until_ns``; ``change_ppm`` is the move of the mark that caused it, or 0."""

    symbol_id: int
    reason: BreakerReason
    change_ppm: int
    until_ns: int


class BreakerReleased(msgspec.Struct, frozen=True):
    """A circuit breaker's time is over."""

    symbol_id: int


class Uncrossed(msgspec.Struct, frozen=True):
    """An auction found its price; the trades that follow are at ``price``, and come to ``volume`` lots unless
    self-trade prevention or reduce-only orders take some away."""

    symbol_id: int
    price: int
    volume: int


class TimeAdvanced(msgspec.Struct, frozen=True):
    """All that was due has happened."""


class InstrumentChanged(msgspec.Struct, frozen=True):
    """The listing is the command's."""


class InstrumentDelisted(msgspec.Struct, frozen=True):
    """The symbol takes no more orders."""


class AccountStatusSet(msgspec.Struct, frozen=True):
    """The account has the command's status."""


class AccountLimitsSet(msgspec.Struct, frozen=True):
    """The account has the command's tier and caps."""


class MarginStateSet(msgspec.Struct, frozen=True):
    """The account has the command's margin state."""


class CollateralSet(msgspec.Struct, frozen=True):
    """The asset has the command's weight and lending account."""


class Transferred(msgspec.Struct, frozen=True):
    """The command's amount moved; the available balances after it."""

    from_available: int
    to_available: int


class DebtCovered(msgspec.Struct, frozen=True):
    """The command's amount left the payer's available balance for the symbol's clearing PnL account."""

    payer_available: int


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
    | OrderReplaced
    | ReplaceRejected
    | OrderTriggered
    | OrderRestated
    | MassCanceled
    | MassCancelRejected
    | KillSwitchSet
    | PositionChanged
    | Borrowed
    | Repaid
    | MarkSet
    | SymbolStatusSet
    | VenueStatusSet
    | BreakerTriggered
    | BreakerReleased
    | Uncrossed
    | TimeAdvanced
    | InstrumentChanged
    | InstrumentDelisted
    | AccountStatusSet
    | AccountLimitsSet
    | MarginStateSet
    | CollateralSet
    | Transferred
    | DebtCovered
)
