"""A record as programs read it: FIX characters for FIX codes, decimal text for prices, quantities and amounts."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState
from engine.api.instrument import Instrument
from engine.api.wire import Record
from ops.narration import Chronicle, iso_time

_FIX_CHARACTERS = ("side", "taker_side", "ord_type", "time_in_force")


def record_object(record: Record, chronicle: Chronicle) -> dict[str, Any]:
    """Build the object of ``record``, the one ``chronicle`` applied last."""
    return {
        "seq": record.seq,
        "time": iso_time(record.ts_ns),
        "ts_ns": record.ts_ns,
        "source": record.source,
        "source_seq": record.source_seq,
        "command": _tagged(record.command, _command_amounts(record.command, chronicle)),
        "events": [_tagged(event, _event_amounts(event, record, chronicle)) for event in record.events],
    }


def _tagged(item: msgspec.Struct, amounts: dict[str, Any]) -> dict[str, Any]:
    """Put the name of a record before its fields."""
    fields = {"type": type(item).__name__, **msgspec.structs.asdict(item), **amounts}
    for name in _FIX_CHARACTERS:
        if name in fields:
            fields[name] = chr(fields[name]) if fields[name] else ""
    if isinstance(fields.get("state"), OrderState):
        fields["state"] = fields["state"].name
    return fields


def _command_amounts(command: c.Command, chronicle: Chronicle) -> dict[str, Any]:
    match command:
        case c.NewOrder(symbol_id=symbol_id):
            qty, price = chronicle.qty(command.order_qty, symbol_id), chronicle.price(command.price, symbol_id)
            return {"order_qty": qty, "price": price}
        case c.Deposit():
            return {"amount": chronicle.decimal(command.amount, command.asset_id)}
        case c.ListInstrument():
            return {"instrument": _instrument(command.instrument, chronicle)}
        case _:
            return {}


def _instrument(instrument: Instrument, chronicle: Chronicle) -> dict[str, Any]:
    fields = msgspec.structs.asdict(instrument)
    for name in ("tick", "lot"):
        fields[name] = str(fields[name])
    for name in ("min_qty", "max_qty"):
        fields[name] = instrument.format_qty(fields[name])
    for name in ("min_notional", "max_notional"):
        fields[name] = chronicle.decimal(fields[name], instrument.quote_asset_id)
    return fields


def _event_amounts(event: e.Event, record: Record, chronicle: Chronicle) -> dict[str, Any]:
    match event:
        case e.Deposited() if isinstance(record.command, c.Deposit):
            return {"available_after": chronicle.decimal(event.available_after, record.command.asset_id)}
        case e.OrderAccepted():
            return {"reserved": chronicle.decimal(event.reserved, chronicle.locked_asset(event.order_id))}
        case e.OrderCanceled() | e.OrderExpired():
            return {
                "leaves": chronicle.qty(event.leaves, chronicle.symbol_of(event.order_id)),
                "released": chronicle.decimal(event.released, chronicle.locked_asset(event.order_id)),
            }
        case e.Traded():
            return _trade_amounts(event, chronicle)
        case _:
            return {}


def _trade_amounts(trade: e.Traded, chronicle: Chronicle) -> dict[str, Any]:
    quote = chronicle.quote_asset(trade.symbol_id)
    quantities = ("last_qty", "taker_leaves", "maker_leaves")
    amounts = ("taker_fee", "maker_fee", "buyer_released")
    return {
        "last_px": chronicle.price(trade.last_px, trade.symbol_id),
        **{name: chronicle.qty(getattr(trade, name), trade.symbol_id) for name in quantities},
        **{name: chronicle.decimal(getattr(trade, name), quote) for name in amounts},
    }
