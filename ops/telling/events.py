"""What a record says, in words: the command, and each event it caused with its codes explained."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import BreakerReason, PositionReason, RestateReason, Side
from engine.api.ids import order_id_text
from engine.api.rejects import describe
from engine.api.units import Lots, format_minor
from engine.api.wire import Record
from ops.telling.chronicle import Chronicle
from ops.telling.times import iso_time
from ops.telling.words import words

_RESTATED = {
    RestateReason.PEG: "the price it is pegged to moved",
    RestateReason.DECREMENT: "self-trade prevention took the same from both orders",
    RestateReason.REFILL: "an iceberg shows its next part, at the end of the queue",
    RestateReason.REDUCE_ONLY: "a reduce-only order may not exceed the position",
    RestateReason.SUSPENDED: "its account is suspended; it stands outside the market",
    RestateReason.RESUMED: "its account is active again; it comes back behind the others",
    RestateReason.SLIDE: "it would have taken, and slid one tick off the other side",
}

_MOVED = {
    PositionReason.TRADE: "traded",
    PositionReason.LEVERAGE: "leverage set",
    PositionReason.MARGIN: "margin adjusted",
    PositionReason.DEBT: "debt covered",
    PositionReason.REPAYMENT: "debt paid from what became available",
}


def describe_event(event: e.Event, record: Record, chronicle: Chronicle) -> str:
    """Describe an event of ``record``, the one applied last."""
    match event:
        case e.OrderAccepted():
            reserved = chronicle.amount(event.reserved, chronicle.locked_asset(event.order_id))
            index = next(index for index, other in enumerate(record.events) if other is event)
            return f"accepted as {order_id_text(event.order_id, record.time_of(index))}, {reserved} reserved"
        case e.OrderRejected():
            held = f", held by order {event.order_id}" if event.order_id else ""
            return f"rejected: {describe(event.code)}{held}"
        case e.Traded():
            return _traded(event, chronicle)
        case e.OrderCanceled() | e.OrderExpired():
            return _closed(event, record, chronicle)
        case e.OrderReplaced():
            return _replaced(event, chronicle)
        case e.OrderRestated():
            return _restated(event, chronicle)
        case e.OrderTriggered():
            price = chronicle.price(event.price, chronicle.symbol_of(event.order_id))
            return f"order {event.order_id} triggered: it now trades up to {price}"
        case e.CancelRejected() | e.ReplaceRejected():
            what = "cancel" if isinstance(event, e.CancelRejected) else "replace"
            return f"{what} rejected: {describe(event.code)}; order {event.order_id} is {event.state.name}"
        case e.StatusReported():
            return f"status: order {event.order_id} is {event.state.name}"
        case e.CommandRefused():
            return f"refused: {describe(event.code)}"
        case _:
            return _money_or_market(event, record, chronicle)


def _closed(event: e.OrderCanceled | e.OrderExpired, record: Record, chronicle: Chronicle) -> str:
    word = "canceled" if isinstance(event, e.OrderCanceled) else "expired"
    qty = chronicle.qty(event.leaves, chronicle.symbol_of(event.order_id))
    released = chronicle.amount(event.released, chronicle.locked_asset(event.order_id))
    by = _canceled_by(record, chronicle) if word == "canceled" else ""
    return f"order {event.order_id} {word}{by}: {describe(event.code)}; {qty} void, {released} released"


def _canceled_by(record: Record, chronicle: Chronicle) -> str:
    """Say whose command took an order out, where it was not a cancel of that order."""
    if isinstance(record.command, c.MassCancel):
        return f" by a mass cancel of {chronicle.source(record.source)}"
    return ""


def _replaced(event: e.OrderReplaced, chronicle: Chronicle) -> str:
    symbol_id = chronicle.symbol_of(event.order_id)
    qty, leaves = (chronicle.qty(lots, symbol_id) for lots in (event.order_qty, event.leaves))
    price = f" at {chronicle.price(event.price, symbol_id)}" if event.price else ""
    reserved = chronicle.amount(event.reserved, chronicle.locked_asset(event.order_id))
    place = "keeps its place" if event.keeps_priority else "goes to the end of the queue"
    return f"order {event.order_id} replaced: {qty}{price}, {leaves} open, {reserved} reserved; it {place}"


def _restated(event: e.OrderRestated, chronicle: Chronicle) -> str:
    symbol_id = chronicle.symbol_of(event.order_id)
    leaves, display = (chronicle.qty(lots, symbol_id) for lots in (event.leaves, event.display))
    price = f"works at {chronicle.price(event.price, symbol_id)}" if event.price else "waits without a price"
    released = ""
    if event.released:
        released = f"; {chronicle.amount(event.released, chronicle.locked_asset(event.order_id))} released"
    reason = f"{event.reason.name}, {_RESTATED[event.reason]}"
    return f"order {event.order_id} restated ({reason}): {price}, {leaves} open, {display} shown{released}"


def _money_or_market(event: e.Event, record: Record, chronicle: Chronicle) -> str:
    match event:
        case e.Deposited() if isinstance(record.command, c.Deposit):
            return f"credited; {chronicle.amount(event.available_after, record.command.asset_id)} available"
        case e.Transferred() if isinstance(record.command, c.Transfer):
            left, there = (
                chronicle.amount(minor, record.command.asset_id) for minor in (event.from_available, event.to_available)
            )
            return f"transferred; {left} and {there} available"
        case e.Borrowed() | e.Repaid():
            amount, loan = (chronicle.amount(minor, event.asset_id) for minor in (event.amount, event.loan))
            verb = "borrowed" if isinstance(event, e.Borrowed) else "paid back"
            return f"{chronicle.account(event.account_id)} {verb} {amount}; {loan} owed"
        case e.PositionChanged():
            return _position(event, chronicle)
        case e.DebtCovered() if isinstance(record.command, c.CoverDebt):
            asset = chronicle.quote_asset(record.command.symbol_id)
            return f"debt paid; the payer has {chronicle.amount(event.payer_available, asset)} available"
        case e.MassCanceled():
            rest = "" if event.is_complete else "; the others are out of the market and are told next"
            return f"{event.canceled} orders canceled{rest}"
        case e.MassCancelRejected():
            return f"mass cancel rejected: {describe(event.code)}"
        case e.KillSwitchSet():
            by = " by operations" if event.is_by_operations else ""
            return f"kill switch of {chronicle.source(event.session_id)} is {'on' if event.is_on else 'off'}{by}"
        case _:
            return _market(event, chronicle)


def _market(event: e.Event, chronicle: Chronicle) -> str:
    match event:
        case e.SymbolStatusSet():
            return f"{chronicle.symbol(event.symbol_id)} is {words(event.status.name)}"
        case e.BreakerTriggered():
            move = f", the mark moved by {format_minor(event.change_ppm, 4)} %" if event.change_ppm else ""
            why = "" if event.reason is BreakerReason.MARK_MOVE else f" ({words(event.reason.name)})"
            until = iso_time(event.until_ns)
            return f"circuit breaker of {chronicle.symbol(event.symbol_id)} until {until}{why}{move}"
        case e.BreakerReleased():
            return f"circuit breaker of {chronicle.symbol(event.symbol_id)} released"
        case e.Uncrossed():
            price, volume = chronicle.price(event.price, event.symbol_id), chronicle.qty(event.volume, event.symbol_id)
            return f"auction in {chronicle.symbol(event.symbol_id)}: {volume} at {price}"
        case e.ParameterSet():
            return f"version {event.version}, from {iso_time(event.effective_ns)} on"
        case e.ParameterTookEffect():
            return f"version {event.version} took effect"
        case _:
            return "done"


def _position(event: e.PositionChanged, chronicle: Chronicle) -> str:
    asset = chronicle.quote_asset(event.symbol_id)
    side = "long" if event.size > 0 else "short"
    size = f"{side} {chronicle.qty(Lots(abs(event.size)), event.symbol_id)}" if event.size else "flat"
    parts = [f"margin {chronicle.amount(event.margin, asset)}", f"{event.leverage}x"]
    if event.is_isolated:
        parts.append("isolated")
    if event.realized_pnl:
        parts.append(f"realized {chronicle.amount(event.realized_pnl, asset)}")
    if event.debt:
        parts.append(f"owes {chronicle.amount(event.debt, asset)}")
    name = f"{chronicle.account(event.account_id)} in {chronicle.symbol(event.symbol_id)}"
    return f"position of {name} ({_MOVED[event.reason]}): {size}, {', '.join(parts)}"


def _traded(trade: e.Traded, chronicle: Chronicle) -> str:
    symbol_id = trade.symbol_id
    taker_fee, maker_fee = (
        chronicle.amount(fee, chronicle.quote_asset(symbol_id)) for fee in (trade.taker_fee, trade.maker_fee)
    )
    auction = " in the auction" if trade.is_auction else ""
    return (
        f"traded {chronicle.qty(trade.last_qty, symbol_id)} {chronicle.symbol(symbol_id)}"
        f" at {chronicle.price(trade.last_px, symbol_id)}{auction}:"
        f" taker {trade.taker_order_id} ({chronicle.account(trade.taker_account_id)},"
        f" {words(Side(trade.taker_side).name)}, leaves {chronicle.qty(trade.taker_leaves, symbol_id)}),"
        f" maker {trade.maker_order_id} ({chronicle.account(trade.maker_account_id)},"
        f" leaves {chronicle.qty(trade.maker_leaves, symbol_id)}); fees taker {taker_fee}, maker {maker_fee}"
    )
