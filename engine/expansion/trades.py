"""The events of trades, in the order of EVT-05, and those of positions and their margin.

One trade: TradeExecuted; the maker's order event, the taker's; MarginReleased of both; in a perpetual their
position events; BalanceUpdated of maker, taker, fee account and clearing PnL account; TradeSettled. Where the
margin of a position falls it is released with the order's; where it rises it is reserved after the balances are
updated: so no balance is negative in between.
"""

from __future__ import annotations

from engine.api import events as e
from engine.api.enums import PositionReason, Side
from engine.api.ids import trade_id_text
from engine.api.instrument import Instrument
from engine.api.wire import Record
from engine.expansion.envelope import Payload
from engine.expansion.orders import OrderEvents
from engine.expansion.standing import Order, Position


class Fill:
    """One side of a trade."""

    def __init__(self, order: Order, fee: int, change: e.PositionChanged | None) -> None:
        self.order = order
        self.fee = fee
        self.change = change
        self.account_id = order.account_id


class TradeEvents(OrderEvents):
    """Expansion of the events about trades and positions."""

    def traded(self, record: Record, index: int, trade: e.Traded) -> int:
        """Expand a trade with all that belongs to it. Returns: how many compact events that took."""
        taker, maker = self.find(trade.taker_order_id), self.find(trade.maker_order_id)
        trade_id = trade_id_text(record.seq, index, self.event_ts_ns)
        executed = self._executed(trade_id, trade, maker, taker)
        instrument = taker.instrument
        changes = self._changes(record, index, trade) if instrument.is_perpetual else (None, None)
        fills = (Fill(maker, trade.maker_fee, changes[0]), Fill(taker, trade.taker_fee, changes[1]))
        for fill, leaves in zip(fills, (trade.maker_leaves, trade.taker_leaves), strict=True):
            self._filled(fill, trade, leaves, executed)
        if instrument.is_perpetual:
            self._settle_perpetual(fills, trade, instrument, trade_id, executed)
        else:
            self._settle_spot(fills, trade, instrument, trade_id, executed)
        self._settled(trade_id, trade, instrument, executed)
        for fill in fills:
            if not fill.order.leaves:
                self.close(fill.order)
        return 3 if instrument.is_perpetual else 1

    def _executed(self, trade_id: str, trade: e.Traded, maker: Order, taker: Order) -> str:
        i = taker.instrument
        payload: Payload = {
            "trade_id": trade_id,
            "symbol": i.symbol,
            "maker_order_id": maker.text,
            "taker_order_id": taker.text,
            "maker_account_id": str(trade.maker_account_id),
            "taker_account_id": str(trade.taker_account_id),
            "price": i.format_price(trade.last_px),
            "quantity": i.format_qty(trade.last_qty),
            "side": trade.taker_side.name,
            "executed_at": self.event_ts_ns,
        }
        if trade.is_auction:
            payload["is_auction"] = True
        self.mover = self.tell("TradeExecuted", payload, self.cause, symbol=i.symbol)
        return self.mover

    def _settled(self, trade_id: str, trade: e.Traded, instrument: Instrument, cause: str) -> None:
        payload: Payload = {
            "trade_id": trade_id,
            "maker_fee": self.standing.amount(trade.maker_fee, instrument.quote_asset_id),
            "taker_fee": self.standing.amount(trade.taker_fee, instrument.quote_asset_id),
            "settled_at": self.event_ts_ns,
        }
        self.tell("TradeSettled", payload, cause, symbol=instrument.symbol)

    def _filled(self, fill: Fill, trade: e.Traded, leaves: int, cause: str) -> None:
        """OrderPartiallyFilled or OrderFilled."""
        order, i = fill.order, fill.order.instrument
        order.cum_qty += trade.last_qty
        order.cum_notional += trade.last_px * trade.last_qty
        order.total_fee += fill.fee
        self.agree("leaves", leaves, order.leaves - trade.last_qty)
        order.leaves = leaves
        payload: Payload = {
            "order_id": order.text,
            "filled_quantity": i.format_qty(order.cum_qty),
            "average_price": self.standing.average_of(order),
        }
        if leaves:
            self.tell_order(
                "OrderPartiallyFilled", order, payload | {"remaining_quantity": i.format_qty(leaves)}, cause
            )
            return
        value = order.cum_notional * i.tick_lot_minor(self.standing.quote_decimals(i))
        payload |= {
            "total_value": self.standing.amount(value, i.quote_asset_id),
            "total_fee": self.standing.amount(order.total_fee, i.quote_asset_id),
        }
        self.tell_order("OrderFilled", order, payload, cause)

    # --- spot

    def _settle_spot(self, fills: tuple[Fill, Fill], trade: e.Traded, i: Instrument, trade_id: str, cause: str) -> None:
        base, quote = i.base_asset_id, i.quote_asset_id
        lots = trade.last_qty * i.lot_minor(self.standing.assets[base].decimals)
        worth = trade.last_px * trade.last_qty * i.tick_lot_minor(self.standing.quote_decimals(i))
        for fill in fills:
            released = trade.last_qty * fill.order.per_lot
            if fill.order.side is Side.BUY:
                self.agree("released to the buyer", trade.buyer_released, released)
            self.reserve(fill.account_id, fill.order.locked_asset, -released, "TRADE", fill.order, cause)
        for fill in fills:
            d = 1 if fill.order.side is Side.BUY else -1
            self.move(fill.account_id, base, d * lots, "TRADE", trade_id, cause)
            self.move(fill.account_id, quote, -d * worth - fill.fee, "TRADE", trade_id, cause)
        self.move(i.fee_account_id, quote, trade.maker_fee + trade.taker_fee, "TRADE_FEE", trade_id, cause)

    # --- perpetuals

    def _changes(self, record: Record, index: int, trade: e.Traded) -> tuple[e.PositionChanged, e.PositionChanged]:
        pair = record.events[index + 1 : index + 3]
        accounts = (trade.maker_account_id, trade.taker_account_id)
        if len(pair) == 2 and isinstance(pair[0], e.PositionChanged) and isinstance(pair[1], e.PositionChanged):
            self.agree("accounts of the positions", str((pair[0].account_id, pair[1].account_id)), str(accounts))
            return pair[0], pair[1]
        raise self.disagree(f"the trade at {index} has no two positions after it")

    def _settle_perpetual(
        self, fills: tuple[Fill, Fill], trade: e.Traded, i: Instrument, trade_id: str, cause: str
    ) -> None:
        quote = i.quote_asset_id
        moves = []
        for fill in fills:
            change = fill.change
            assert change is not None
            position = self.standing.position(fill.account_id, i.symbol_id, change.leverage)
            self.agree("released", change.released, trade.last_qty * fill.order.per_lot)
            moves.append((fill, change, position, change.margin - position.margin, change.debt - position.debt))
        for fill, change, _, rise, _ in moves:
            self.reserve(fill.account_id, quote, -change.released, "TRADE", fill.order, cause)
            self.reserve(fill.account_id, quote, min(rise, 0), f"POSITION {position_id(change)}", None, cause)
        for fill, change, position, *_ in moves:
            self._position_traded(fill, change, position, trade, i, cause)
        for fill, change, _, _, debt in moves:
            self.move(fill.account_id, quote, change.realized_pnl - fill.fee + debt, "TRADE", trade_id, cause)
        self.move(i.fee_account_id, quote, trade.maker_fee + trade.taker_fee, "TRADE_FEE", trade_id, cause)
        pnl = -sum(change.realized_pnl + debt for _, change, _, _, debt in moves)
        self.move(i.pnl_account_id, quote, pnl, "TRADE_PNL", trade_id, cause)
        for fill, change, _, rise, _ in moves:
            self.reserve(fill.account_id, quote, max(rise, 0), f"POSITION {position_id(change)}", None, cause)
            self._check_balance(change, quote)

    def _position_traded(
        self, fill: Fill, change: e.PositionChanged, position: Position, trade: e.Traded, i: Instrument, cause: str
    ) -> None:
        """PositionOpened, PositionUpdated or PositionClosed; a reversal closes and opens.

        The whole fee of a reversal counts for the position that is closed.
        """
        before = position.size
        was_open, is_open = before != 0, change.size != 0
        is_reversed = before * change.size < 0
        position.fees += fill.fee
        position.realized += change.realized_pnl
        if was_open and (is_reversed or not is_open):
            closed: Payload = {
                "close_price": i.format_price(trade.last_px),
                "realized_pnl": self.standing.amount(position.realized, i.quote_asset_id),
                "total_fees": self.standing.amount(position.fees, i.quote_asset_id),
            }
            self._tell_position(
                "PositionClosed", change, i, closed, {} if is_reversed else self._margins(change, i), cause
            )
            position.fees = position.realized = 0
        take_over(position, change)
        if is_open and (is_reversed or not was_open):
            self._tell_position("PositionOpened", change, i, self._opened(position, i), self._margins(change, i), cause)
        elif is_open:
            self._updated(change, position, change.size - before, i, cause)

    def _opened(self, position: Position, i: Instrument) -> Payload:
        return {
            "side": "LONG" if position.size > 0 else "SHORT",
            "size": i.format_qty(abs(position.size)),
            "entry_price": self.standing.entry_price(position, i),
            "leverage": str(position.leverage),
        }

    def _updated(self, change: e.PositionChanged, position: Position, delta: int, i: Instrument, cause: str) -> None:
        payload: Payload = {
            "size_delta": i.format_qty(delta),
            "new_size": i.format_qty(position.size),
            "new_avg_price": self.standing.entry_price(position, i),
            "unrealized_pnl": self.standing.unrealized(position, i),
        }
        self._tell_position("PositionUpdated", change, i, payload, self._margins(change, i), cause)

    def _margins(self, change: e.PositionChanged, i: Instrument) -> Payload:
        """What stands behind a position now, beside the fields of the taxonomy."""
        amounts = {"cost": change.cost, "margin": change.margin, "added_margin": change.extra, "debt": change.debt}
        return {name: self.standing.amount(minor, i.quote_asset_id) for name, minor in amounts.items()}

    def _tell_position(
        self, event_type: str, change: e.PositionChanged, i: Instrument, payload: Payload, more: Payload, cause: str
    ) -> str:
        named: Payload = {
            "position_id": position_id(change),
            "account_id": str(change.account_id),
            "symbol": i.symbol,
        }
        payload = named | payload | more
        return self.tell(event_type, payload, cause, change.account_id, None, position_id(change), i.symbol)

    def position_changed(self, change: e.PositionChanged) -> None:
        """Expand a change that no trade caused: LeverageChanged or PositionUpdated, and the margin that moves."""
        i = self.instrument(change.symbol_id)
        if change.reason is PositionReason.TRADE:
            raise self.disagree("a position was traded without a trade before it")
        position = self.standing.position(change.account_id, change.symbol_id, change.leverage)
        rise = change.margin - position.margin
        self.agree("size and cost", f"{change.size} {change.cost}", f"{position.size} {position.cost}")
        take_over(position, change)
        cause = self.cause
        if change.reason is PositionReason.LEVERAGE:
            mode = "ISOLATED" if change.is_isolated else "CROSS"
            payload: Payload = {"leverage": str(change.leverage), "margin_mode": mode}
            cause = self._tell_position("LeverageChanged", change, i, payload, self._margins(change, i), cause)
        else:
            self._updated(change, position, 0, i, cause)
        self.reserve(change.account_id, i.quote_asset_id, rise, f"POSITION {position_id(change)}", None, cause)
        self._check_balance(change, i.quote_asset_id)

    def _check_balance(self, change: e.PositionChanged, asset_id: int) -> None:
        balance = self.standing.balance(change.account_id, asset_id)
        told = f"{change.available} {change.locked}"
        self.agree(f"balance of account {change.account_id}", told, f"{balance.available} {balance.locked}")


def take_over(position: Position, change: e.PositionChanged) -> None:
    """Bring a position to what its event says."""
    position.leverage, position.is_isolated = change.leverage, bool(change.is_isolated)
    position.size, position.cost = change.size, change.cost
    position.margin, position.extra, position.debt = change.margin, change.extra, change.debt


def position_id(change: e.PositionChanged) -> str:
    """Name a position: there is one for each account and symbol."""
    return f"{change.account_id}:{change.symbol_id}"
