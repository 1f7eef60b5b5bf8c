"""Orders: entering, changing, canceling them, asking for them, and all that happens to them."""

from __future__ import annotations

import msgspec

from engine.api.enums import (
    ExecInst,
    OrderState,
    OrdType,
    Peg,
    RestateReason,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
)
from engine.api.ids import ABSENT, NO_ORDER, AccountId, FirmId, OrderId, Seq, SessionId, SymbolId
from engine.api.messages.declare import command, event
from engine.api.units import Lots, Minor, Ticks, TimestampNs


@command(
    16,
    "side:u8 ord_type:u8 time_in_force:u8 flags:poss_resend|terms cl_ord_id:text text:text account_id:u32 "
    "symbol_id:u32 order_qty:i64 price:i64 terms.stop_px:i64 terms.max_floor:i64 terms.min_qty:i64 "
    "terms.expire_time_ns:u64 terms.peg_offset:i64 terms.stp_group:u32 terms.exec_inst:u8 terms.trigger:u8 "
    "terms.peg:u8 terms.stp:u8",
)
class NewOrder(msgspec.Struct, frozen=True):
    """Enter an order.

    Units: quantities lots; prices ticks, 0 where the order has none; ``peg_offset`` signed ticks.
    ``price`` is the limit, or the cap of a pegged order. ``max_floor`` is the displayed quantity of an iceberg.
    ``stp_group`` extends self-trade prevention to all orders of the firm with the same number.
    ``poss_resend`` marks a copy of an order that may have arrived before (PossResend <97> or PossDup <43>):
    a known ClOrdID is then answered by StatusReported instead of a rejection (RoE section 11).
    Events: OrderRejected; or Borrowed?, OrderAccepted, then what matching causes.
    """

    account_id: AccountId
    symbol_id: SymbolId
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: Lots
    price: Ticks
    cl_ord_id: str
    text: str = ""
    poss_resend: bool = False
    stop_px: Ticks = Ticks(0)
    max_floor: Lots = Lots(0)
    min_qty: Lots = Lots(0)
    expire_time_ns: TimestampNs = TimestampNs(0)
    peg_offset: Ticks = Ticks(0)
    stp_group: int = 0
    exec_inst: ExecInst = ExecInst.NONE
    trigger: Trigger = Trigger.NONE
    peg: Peg = Peg.NONE
    stp: SelfTrade = SelfTrade.DEFAULT


@event(16, "zero:4 order_id:u64 reserved:i128")
class OrderAccepted(msgspec.Struct, frozen=True):
    """The command's order is in force; ``reserved`` minor units went from available to locked.

    A spot buy reserves quote, worst-case fee included (RES-21); a spot sell reserves base; in a perpetual either
    side reserves quote: initial margin and worst-case fee, or nothing for a reduce-only order.
    """

    order_id: OrderId
    reserved: Minor


@event(17, "code:u16 zero:2 order_id:u64")
class OrderRejected(msgspec.Struct, frozen=True):
    """The command's order was refused and changed nothing (ORD-02).

    ``order_id`` is the order that holds the ClOrdID already, when ``code`` is DUPLICATE_CL_ORD_ID, else 0.
    """

    order_id: OrderId
    code: int


@command(
    19,
    "side:u8 ord_type:u8 time_in_force:u8 cl_ord_id:text symbol:text order_qty:text price:text text:text code:u16 "
    "ref_tag:u32 account_id:u32",
)
class RefuseOrder(msgspec.Struct, frozen=True):
    """Put on record an order that could not be expressed in ticks and lots, as the member wrote it.

    The gateway has decided ``code`` already; sequencing it gives the rejection its ExecID and its drop copies.
    Event: OrderRejected with that code.
    """

    account_id: AccountId
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


# --- what happens to an order in force --------------------------------------------------------------------


@event(
    18,
    "zero:2 is_auction:u8 taker_side:u8 taker_order_id:u64 maker_order_id:u64 last_px:i64 last_qty:i64 "
    "taker_leaves:i64 maker_leaves:i64 taker_account_id:u32 maker_account_id:u32 symbol_id:u32 zero:4 taker_fee:i128 "
    "maker_fee:i128 buyer_released:i128",
)
class Traded(msgspec.Struct, frozen=True):
    """Two orders matched, at the maker's price (TRD-03), or at the price of the auction when ``is_auction``.

    Units: ``last_px`` ticks, ``last_qty`` and both leaves lots; fees in quote minor units, a negative one is a
    rebate; ``buyer_released`` quote minor units left the buyer's locked balance: what exceeds price and fee
    went back to available. The seller's locked base falls by the quantity. In a perpetual ``buyer_released`` is 0,
    and two PositionChanged follow, the maker's and the taker's, which say all that moved.
    """

    taker_order_id: OrderId
    maker_order_id: OrderId
    last_px: Ticks
    last_qty: Lots
    taker_leaves: Lots
    maker_leaves: Lots
    taker_account_id: AccountId
    maker_account_id: AccountId
    symbol_id: SymbolId
    taker_side: Side
    taker_fee: Minor
    maker_fee: Minor
    buyer_released: Minor
    is_auction: bool = False


@event(26, "zero:4 order_id:u64 price:i64")
class OrderTriggered(msgspec.Struct, frozen=True):
    """A stop was elected; it now trades up to ``price`` ticks."""

    order_id: OrderId
    price: Ticks


@event(27, "reason:u8 zero:3 order_id:u64 order_qty:i64 leaves:i64 price:i64 display:i64 released:i128")
class OrderRestated(msgspec.Struct, frozen=True):
    """The engine changed an order by itself.

    ``price`` is the price at which it works from now on, 0 while a pegged order has none; ``display`` what it shows,
    0 while it has no place in the book; ``released`` minor units went from locked to available.
    """

    order_id: OrderId
    reason: RestateReason
    order_qty: Lots
    leaves: Lots
    price: Ticks
    display: Lots
    released: Minor


@event(20, "code:u16 zero:2 order_id:u64 leaves:i64 released:i128")
class OrderExpired(msgspec.Struct, frozen=True):
    """An order left because of its time in force (RES-05); fields as in :class:`OrderCanceled`."""

    order_id: OrderId
    leaves: Lots
    released: Minor
    code: int


# --- cancel and replace -----------------------------------------------------------------------------------


@command(
    17,
    "cl_ord_id:text orig_cl_ord_id:text side:u8 flags:poss_resend zero:2 order_id:u64 symbol_id:u32 account_id:u32",
)
class CancelOrder(msgspec.Struct, frozen=True):
    """Cancel an open order, named by ``order_id`` or else by ``orig_cl_ord_id`` of the same session.

    Account, symbol and side are checked when given. Events: OrderCanceled, CancelRejected or StatusReported.
    """

    cl_ord_id: str
    orig_cl_ord_id: str = ""
    order_id: OrderId = NO_ORDER
    account_id: AccountId = AccountId(ABSENT)
    symbol_id: SymbolId = SymbolId(ABSENT)
    side: int = ABSENT
    poss_resend: bool = False


@event(19, "code:u16 zero:2 order_id:u64 leaves:i64 released:i128")
class OrderCanceled(msgspec.Struct, frozen=True):
    """An order left the book; ``leaves`` lots are void and ``released`` minor units are available again."""

    order_id: OrderId
    leaves: Lots
    released: Minor
    code: int


@event(21, "code:u16 zero:1 state:u8 order_id:u64")
class CancelRejected(msgspec.Struct, frozen=True):
    """The command's cancel was refused; ``order_id`` is 0 and ``state`` UNKNOWN when no order was found."""

    order_id: OrderId
    code: int
    state: OrderState


@command(
    20,
    "cl_ord_id:text orig_cl_ord_id:text side:u8 flags:poss_resend|terms|peg_offset time_in_force:u8 zero:1 "
    "order_id:u64 symbol_id:u32 account_id:u32 order_qty:i64 price:i64 terms.stop_px:i64 terms.max_floor:i64 "
    "terms.expire_time_ns:u64 terms.peg_offset:i64",
)
class ReplaceOrder(msgspec.Struct, frozen=True):
    """Change an open order, named as in :class:`CancelOrder`; what is 0 or None stays as it is.

    ``order_qty`` is the new total, filled part included: leaves become ``order_qty`` less what is filled by then.
    Events: Borrowed?, OrderReplaced, Repaid?, then what matching causes; or OrderCanceled when nothing would be
    left; or ReplaceRejected or StatusReported.
    """

    cl_ord_id: str
    order_qty: Lots
    price: Ticks = Ticks(0)
    orig_cl_ord_id: str = ""
    order_id: OrderId = NO_ORDER
    account_id: AccountId = AccountId(ABSENT)
    symbol_id: SymbolId = SymbolId(ABSENT)
    side: int = ABSENT
    time_in_force: int = ABSENT
    stop_px: Ticks = Ticks(0)
    max_floor: Lots = Lots(0)
    expire_time_ns: TimestampNs = TimestampNs(0)
    peg_offset: Ticks | None = None
    poss_resend: bool = False


@event(
    24,
    "zero:2 keeps_priority:u8 zero:1 order_id:u64 order_qty:i64 leaves:i64 price:i64 reserved:i128",
)
class OrderReplaced(msgspec.Struct, frozen=True):
    """An order was changed as the command asked; what it did not ask stayed.

    ``order_qty``, ``leaves`` and ``price`` (the limit, or the cap of a pegged order) are those from now on;
    ``reserved`` minor units are locked for it from now on.
    """

    order_id: OrderId
    order_qty: Lots
    leaves: Lots
    price: Ticks
    reserved: Minor
    keeps_priority: bool


@event(25, "code:u16 zero:1 state:u8 order_id:u64")
class ReplaceRejected(msgspec.Struct, frozen=True):
    """The command's replace was refused, the order unchanged; fields as in :class:`CancelRejected`."""

    order_id: OrderId
    code: int
    state: OrderState


# --- many at once -----------------------------------------------------------------------------------------


@command(
    21,
    "cl_ord_id:text side:u8 flags:poss_resend|kill zero:1 code:u16 symbol_id:u32 account_id:u32 firm_id:u32 "
    "of_session:u32",
)
class MassCancel(msgspec.Struct, frozen=True):
    """Cancel all open orders in scope; every field that is not 0 narrows it.

    A session reaches the accounts of its firm only; ``of_session`` narrows to orders a session entered.
    With ``kill`` the sending session can enter no order until the switch is lifted.
    ``code`` is the reason the cancels give; sessions send 0, which means MASS_CANCELED.
    Events: KillSwitchSet?, OrderCanceled*, MassCanceled; or MassCancelRejected.
    """

    cl_ord_id: str
    symbol_id: SymbolId = SymbolId(ABSENT)
    account_id: AccountId = AccountId(ABSENT)
    firm_id: FirmId = FirmId(ABSENT)
    of_session: SessionId = SessionId(ABSENT)
    side: int = ABSENT
    code: int = 0
    kill: bool = False
    poss_resend: bool = False


@event(28, "canceled:u32 request_seq:u64 is_complete:u8 zero:7")
class MassCanceled(msgspec.Struct, frozen=True):
    """What a mass cancel means is out of the market; so far ``canceled`` of these orders have been told.

    Told in the record of the command, whose number ``request_seq`` is. If not all cancels are told then, they follow
    in later records, and this once more with ``is_complete``.
    """

    request_seq: Seq
    canceled: int
    is_complete: bool


@event(29, "code:u16 zero:2")
class MassCancelRejected(msgspec.Struct, frozen=True):
    """The command's mass cancel was refused."""

    code: int


@command(22, "is_on:u8 zero:1 session_id:u32")
class SetKillSwitch(msgspec.Struct, frozen=True):
    """Block a session from entering orders and cancel what it entered, or lift that; a session only sets its own.

    What operations set they alone lift. Events: KillSwitchSet, and when it is on OrderCanceled*, MassCanceled.
    """

    session_id: SessionId
    is_on: bool


@event(46, "session_id:u32 is_on:u8 is_by_operations:u8 zero:2")
class KillSwitchSet(msgspec.Struct, frozen=True):
    """A session may not enter orders, or may again; whether operations set that, and alone may lift it."""

    session_id: SessionId
    is_on: bool
    is_by_operations: bool


# --- status -----------------------------------------------------------------------------------------------


@command(18, "cl_ord_id:text ord_status_req_id:text zero:4 order_id:u64")
class RequestOrderStatus(msgspec.Struct, frozen=True):
    """Ask for the state of an order, in sequence with all else. Event: StatusReported."""

    cl_ord_id: str
    order_id: OrderId = NO_ORDER
    ord_status_req_id: str = ""


@event(22, "zero:3 state:u8 order_id:u64")
class StatusReported(msgspec.Struct, frozen=True):
    """The state of the order asked about; ``order_id`` is 0 and ``state`` UNKNOWN when no order was found."""

    order_id: OrderId
    state: OrderState
