"""What a record says, in words: the command, and each event it caused with its codes explained."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.ids import order_id_text
from engine.api.instrument import Instrument
from engine.api.registry import Registry
from engine.api.rejects import FIX_TWINS, ErrorCode, describe
from engine.api.units import format_minor


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


def describe_event(event: e.Event, seq: int, ts_ns: int, registry: Registry) -> str:
    """Describe an event of record ``seq``; ``ts_ns`` is that of the record."""
    match event:
        case e.OrderAccepted():
            return f"accepted as {order_id_text(event.order_id, ts_ns)}, {event.reserved} minor units reserved"
        case e.OrderRejected():
            held = f", held by order {event.order_id}" if event.order_id else ""
            return f"rejected: {explain(event.code)}{held}"
        case e.Traded():
            return _traded(event, registry)
        case e.OrderCanceled() | e.OrderExpired():
            word = "canceled" if isinstance(event, e.OrderCanceled) else "expired"
            released = f"{event.leaves} lots void, {event.released} minor units released"
            return f"order {event.order_id} {word}: {explain(event.code)}; {released}"
        case e.CancelRejected():
            return f"cancel rejected: {explain(event.code)}; order {event.order_id} is {event.state.name}"
        case e.StatusReported():
            return f"status: order {event.order_id} is {event.state.name}"
        case e.CommandRefused():
            return f"refused: {explain(event.code)}"
        case e.Deposited():
            return f"credited; {event.available_after} minor units available"
        case _:
            return "done"


def _traded(trade: e.Traded, registry: Registry) -> str:
    instrument = registry.instruments.get(trade.symbol_id)
    quote = instrument.quote_asset_id if instrument else 0
    decimals = registry.assets[quote].decimals if quote in registry.assets else 0
    fees = f"fees taker {format_minor(trade.taker_fee, decimals)}, maker {format_minor(trade.maker_fee, decimals)}"
    return (
        f"traded {_qty(trade.last_qty, instrument)} {_symbol(trade.symbol_id, instrument)}"
        f" at {_price(trade.last_px, instrument)}:"
        f" taker {trade.taker_order_id} ({registry.account(trade.taker_account_id)}, {_enum(Side, trade.taker_side)},"
        f" leaves {_qty(trade.taker_leaves, instrument)}),"
        f" maker {trade.maker_order_id} ({registry.account(trade.maker_account_id)},"
        f" leaves {_qty(trade.maker_leaves, instrument)}); {fees}"
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
