"""What a record says, in words: the command, and each event it caused with its codes explained."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.ids import order_id_text
from engine.api.instrument import Instrument
from engine.api.registry import Registry
from engine.api.rejects import FIX_TWINS, ErrorCode, describe
from engine.api.units import format_minor
from engine.api.wire import Record


class Chronicle(Registry):
    """A registry that also remembers the open orders, so that quantities and amounts are told in decimals."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[int, c.NewOrder] = {}
        self._closed: list[int] = []

    def apply(self, record: Record) -> None:
        """Take over what a record registered and which orders it opened; one it closed is known until the next."""
        super().apply(record)
        while self._closed:
            self._open.pop(self._closed.pop(), None)
        for event in record.events:
            match event:
                case e.OrderAccepted() if isinstance(record.command, c.NewOrder):
                    self._open[event.order_id] = record.command
                case e.OrderCanceled() | e.OrderExpired():
                    self._closed.append(event.order_id)
                case e.Traded():
                    leaves = ((event.taker_order_id, event.taker_leaves), (event.maker_order_id, event.maker_leaves))
                    self._closed.extend(order_id for order_id, left in leaves if not left)
                case _:
                    pass

    def symbol_of(self, order_id: int) -> int:
        """Find the symbol of an open order; 0 when it is not open."""
        return self._open[order_id].symbol_id if order_id in self._open else 0

    def locked_asset(self, order_id: int) -> int:
        """Find which asset an open order locks: a buy its quote asset, a sell its base asset; 0 when not open."""
        order = self._open.get(order_id)
        instrument = self.instruments.get(order.symbol_id) if order else None
        if order is None or instrument is None:
            return 0
        return instrument.quote_asset_id if order.side == Side.BUY else instrument.base_asset_id

    def quote_asset(self, symbol_id: int) -> int:
        """Find the asset an instrument is priced in; 0 when there is no such instrument."""
        return self.instruments[symbol_id].quote_asset_id if symbol_id in self.instruments else 0

    def qty(self, lots: int, symbol_id: int) -> str:
        """Write a quantity."""
        return _qty(lots, self.instruments.get(symbol_id))

    def price(self, ticks: int, symbol_id: int) -> str:
        """Write a price."""
        return _price(ticks, self.instruments.get(symbol_id))

    def decimal(self, minor: int, asset_id: int) -> str:
        """Write an amount without the name of its asset."""
        return format_minor(minor, self.assets[asset_id].decimals if asset_id in self.assets else 0)


def iso_time(ts_ns: int) -> str:
    """Write exchange time as ISO 8601 with microseconds and Z (TIM-08)."""
    seconds, rest = divmod(ts_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def explain(code: int) -> str:
    """Explain a code: number, name, and what members are told."""
    try:
        twin = FIX_TWINS.get(ErrorCode(code))
    except ValueError:
        twin = None
    return f"{describe(code)} ({twin.text})" if twin else describe(code)


def describe_command(command: c.Command, registry: Registry) -> str:
    """Describe a command."""
    match command:
        case c.NewOrder():
            return _new_order(command, registry)
        case c.CancelOrder():
            target = f"order {command.order_id}" if command.order_id else f"OrigClOrdID {command.orig_cl_ord_id}"
            return f"cancel {command.cl_ord_id}: {target}{_resent(command.poss_resend)}"
        case c.RequestOrderStatus():
            target = f"order {command.order_id}" if command.order_id else f"ClOrdID {command.cl_ord_id}"
            return f"status request: {target}"
        case c.RefuseOrder():
            qty, price = command.order_qty or "-", command.price or "-"
            return f"order {command.cl_ord_id} refused at the gateway: {command.symbol} qty {qty} price {price}"
        case c.Deposit():
            amount = registry.amount(command.amount, command.asset_id)
            return f"deposit {amount} to {registry.account(command.account_id)} ({command.deposit_ref})"
        case c.Malformed():
            return f"malformed command of {len(command.raw)} bytes: {command.raw[:16].hex()}"
        case _:
            return _registration(command)


def _registration(command: c.Command) -> str:
    match command:
        case c.RegisterAsset():
            return f"register asset {command.asset_id} {command.name}, {command.decimals} decimals"
        case c.RegisterFirm():
            return f"register firm {command.firm_id} {command.name}"
        case c.OpenAccount():
            return f"open {command.kind.name} account {command.account_id} {command.name} of firm {command.firm_id}"
        case c.RegisterSession():
            kind = command.kind.name.lower().replace("_", " ")
            return f"register {kind} session {command.session_id} {command.comp_id} of firm {command.firm_id}"
        case c.ListInstrument(instrument=i):
            return f"list {i.symbol_id} {i.symbol}, tick {i.tick}, lot {i.lot}"
        case _:
            raise AssertionError(type(command).__name__)


def _new_order(order: c.NewOrder, registry: Registry) -> str:
    instrument = registry.instruments.get(order.symbol_id)
    side, kind = _enum(Side, order.side), _enum(OrdType, order.ord_type)
    terms = f"{side} {_qty(order.order_qty, instrument)} {_symbol(order.symbol_id, instrument)} {kind}"
    if order.ord_type == OrdType.LIMIT:
        terms += f" at {_price(order.price, instrument)}"
    force = _enum(TimeInForce, order.time_in_force)
    return (
        f"order {order.cl_ord_id}: {terms}, {force}, {registry.account(order.account_id)}{_resent(order.poss_resend)}"
    )


def describe_event(event: e.Event, record: Record, chronicle: Chronicle) -> str:
    """Describe an event of ``record``, the one applied last."""
    match event:
        case e.OrderAccepted():
            reserved = chronicle.amount(event.reserved, chronicle.locked_asset(event.order_id))
            return f"accepted as {order_id_text(event.order_id, record.ts_ns)}, {reserved} reserved"
        case e.OrderRejected():
            held = f", held by order {event.order_id}" if event.order_id else ""
            return f"rejected: {explain(event.code)}{held}"
        case e.Traded():
            return _traded(event, chronicle)
        case e.OrderCanceled() | e.OrderExpired():
            word = "canceled" if isinstance(event, e.OrderCanceled) else "expired"
            qty = chronicle.qty(event.leaves, chronicle.symbol_of(event.order_id))
            released = chronicle.amount(event.released, chronicle.locked_asset(event.order_id))
            return f"order {event.order_id} {word}: {explain(event.code)}; {qty} void, {released} released"
        case e.CancelRejected():
            return f"cancel rejected: {explain(event.code)}; order {event.order_id} is {event.state.name}"
        case e.StatusReported():
            return f"status: order {event.order_id} is {event.state.name}"
        case e.CommandRefused():
            return f"refused: {explain(event.code)}"
        case e.Deposited() if isinstance(record.command, c.Deposit):
            return f"credited; {chronicle.amount(event.available_after, record.command.asset_id)} available"
        case _:
            return "done"


def _traded(trade: e.Traded, chronicle: Chronicle) -> str:
    symbol_id = trade.symbol_id
    instrument = chronicle.instruments.get(symbol_id)
    taker_fee, maker_fee = (
        chronicle.amount(fee, chronicle.quote_asset(symbol_id)) for fee in (trade.taker_fee, trade.maker_fee)
    )
    return (
        f"traded {_qty(trade.last_qty, instrument)} {_symbol(symbol_id, instrument)}"
        f" at {_price(trade.last_px, instrument)}:"
        f" taker {trade.taker_order_id} ({chronicle.account(trade.taker_account_id)}, {_enum(Side, trade.taker_side)},"
        f" leaves {_qty(trade.taker_leaves, instrument)}),"
        f" maker {trade.maker_order_id} ({chronicle.account(trade.maker_account_id)},"
        f" leaves {_qty(trade.maker_leaves, instrument)}); fees taker {taker_fee}, maker {maker_fee}"
    )


def _enum(kind: type[Side] | type[OrdType] | type[TimeInForce], value: int) -> str:
    return kind(value).name.lower().replace("_", " ")


def _symbol(symbol_id: int, instrument: Instrument | None) -> str:
    return instrument.symbol if instrument else f"symbol {symbol_id}"


def _qty(lots: int, instrument: Instrument | None) -> str:
    return instrument.format_qty(lots) if instrument else f"{lots} lots"


def _price(ticks: int, instrument: Instrument | None) -> str:
    return instrument.format_price(ticks) if instrument else f"{ticks} ticks"


def _resent(poss_resend: bool) -> str:
    return ", marked as a possible copy" if poss_resend else ""
