"""A record as programs read it: FIX characters for FIX codes, decimal text for prices, quantities and amounts."""

from __future__ import annotations

from enum import IntEnum, IntFlag

import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.ids import AssetId, SymbolId
from engine.api.instrument import Instrument
from engine.api.wire import Record
from ops.telling.chronicle import Chronicle
from ops.telling.times import iso_time

Fields = dict[str, object]
"""Of a JSON object."""

_FIX_CHARACTERS = ("side", "taker_side", "ord_type", "time_in_force")

_QUANTITIES = ("order_qty", "leaves", "last_qty", "taker_leaves", "maker_leaves", "display", "max_floor", "min_qty")
_PRICES = ("price", "last_px", "stop_px", "peg_offset")
_RESERVED = ("reserved", "released")
_QUOTE = ("taker_fee", "maker_fee", "buyer_released", "payer_available")
_OF_POSITION = ("cost", "margin", "extra", "debt", "realized_pnl", "released", "available", "locked")
_OF_ASSET = ("amount", "loan", "available_after", "from_available", "to_available")


def record_object(record: Record, chronicle: Chronicle) -> Fields:
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


def _tagged(item: msgspec.Struct, amounts: Fields) -> Fields:
    """Put the name of a record before its fields; members of enumerations by name, FIX codes as characters."""
    fields: Fields = {"type": type(item).__name__, **msgspec.structs.asdict(item), **amounts}
    for name, value in fields.items():
        if name in _FIX_CHARACTERS and isinstance(value, int):
            fields[name] = chr(value) if value else ""
        elif isinstance(value, IntFlag):
            fields[name] = [str(flag.name) for flag in value]
        elif isinstance(value, IntEnum):
            fields[name] = value.name
        elif isinstance(value, bytes):
            fields[name] = value.hex()
    return fields


def _command_amounts(command: c.Command, chronicle: Chronicle) -> Fields:
    match command:
        case c.RefuseOrder():
            return {}
        case c.ListInstrument() | c.ChangeInstrument():
            return {"instrument": _instrument(command.instrument, chronicle)}
        case c.Deposit() | c.Transfer():
            return {"amount": chronicle.decimal(command.amount, command.asset_id)}
        case c.AdjustMargin() | c.CoverDebt():
            return {"amount": chronicle.decimal(command.amount, chronicle.quote_asset(command.symbol_id))}
        case c.SetAccountLimits():
            return {"position_notional_max": str(command.position_notional_max)}
        case c.ReplaceOrder():
            return _scaled(command, command.symbol_id or chronicle.symbol_of(command.order_id), chronicle)
        case c.NewOrder() | c.SetMark():
            return _scaled(command, command.symbol_id, chronicle)
        case _:
            return {}


def _instrument(instrument: Instrument, chronicle: Chronicle) -> Fields:
    fields = msgspec.structs.asdict(instrument)
    for name in ("tick", "lot"):
        fields[name] = str(fields[name])
    for name in ("min_qty", "max_qty"):
        fields[name] = instrument.format_qty(fields[name])
    for name in ("min_notional", "max_notional"):
        fields[name] = chronicle.decimal(fields[name], instrument.quote_asset_id)
    return fields | {"kind": instrument.kind.name, "matching": instrument.matching.name}


def _event_amounts(event: e.Event, record: Record, chronicle: Chronicle) -> Fields:
    match event:
        case e.Deposited() | e.Transferred() if isinstance(record.command, c.Deposit | c.Transfer):
            return _amounts(event, _OF_ASSET, record.command.asset_id, chronicle)
        case e.Borrowed() | e.Repaid():
            return _amounts(event, _OF_ASSET, event.asset_id, chronicle)
        case e.DebtCovered() if isinstance(record.command, c.CoverDebt):
            return _amounts(event, _QUOTE, chronicle.quote_asset(record.command.symbol_id), chronicle)
        case e.PositionChanged():
            amounts = _amounts(event, _OF_POSITION, chronicle.quote_asset(event.symbol_id), chronicle)
            return amounts | {"size": chronicle.qty(event.size, event.symbol_id)}
        case e.Uncrossed():
            volume = chronicle.qty(event.volume, event.symbol_id)
            return _scaled(event, event.symbol_id, chronicle) | {"volume": volume}
        case e.Traded():
            amounts = _amounts(event, _QUOTE, chronicle.quote_asset(event.symbol_id), chronicle)
            return _scaled(event, event.symbol_id, chronicle) | amounts
        case _ if hasattr(event, "order_id"):
            amounts = _amounts(event, _RESERVED, chronicle.locked_asset(event.order_id), chronicle)
            return _scaled(event, chronicle.symbol_of(event.order_id), chronicle) | amounts
        case _:
            return {}


def _scaled(item: msgspec.Struct, symbol_id: SymbolId, chronicle: Chronicle) -> Fields:
    """Write the quantities and prices among the fields of ``item``; one that was not given stays as it is."""
    own = set(item.__struct_fields__)
    quantities = {name: chronicle.qty(getattr(item, name), symbol_id) for name in _QUANTITIES if name in own}
    prices = {name: getattr(item, name) for name in _PRICES if name in own}
    return quantities | {
        name: ticks if ticks is None else chronicle.price(ticks, symbol_id) for name, ticks in prices.items()
    }


def _amounts(item: msgspec.Struct, names: tuple[str, ...], asset_id: AssetId, chronicle: Chronicle) -> Fields:
    return {name: chronicle.decimal(getattr(item, name), asset_id) for name in names if name in item.__struct_fields__}
