"""The events of trades, in the order of EVT-05.

One trade: TradeExecuted; the maker's order event, the taker's; MarginReleased of both; in a perpetual their
position events; BalanceUpdated of maker, taker, fee account and clearing PnL account; TradeSettled. Where the
margin of a position falls it is released with the order's; where it rises it is reserved after the balances are
updated: so no balance is negative in between.
"""

from __future__ import annotations

from engine.api import events as e
from engine.api.enums import Side
from engine.api.ids import trade_id_text
from engine.api.instrument import Instrument
from engine.api.units import Lots, Minor
from engine.api.wire import Record
from taxonomy.envelope import Payload
from taxonomy.money import Money
from taxonomy.orders import Orders
from taxonomy.positions import Positions, position_id
from taxonomy.rebuilt import Order
from taxonomy.teller import Teller


class Fill:
    """One side of a trade."""

    def __init__(self, order: Order, fee: Minor, change: e.PositionChanged | None) -> None:
        self.order = order
        self.fee = fee
        self.change = change
        self.account_id = order.account_id


class Trades:
    """Expansion of the events about trades."""

    def __init__(self, teller: Teller, money: Money, orders: Orders, positions: Positions) -> None:
        self._teller = teller
        self._rebuilt = teller.rebuilt
        self._money = money
        self._orders = orders
        self._positions = positions

    def traded(self, record: Record, index: int, trade: e.Traded) -> int:
        """Expand a trade with all that belongs to it. Returns: how many compact events that took."""
        taker, maker = self._teller.find(trade.taker_order_id), self._teller.find(trade.maker_order_id)
        trade_id = trade_id_text(record.seq, index, self._teller.event_ts_ns)
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
                self._teller.close(fill.order)
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
            "executed_at": self._teller.event_ts_ns,
        }
        if trade.is_auction:
            payload["is_auction"] = True
        self._teller.mover = self._teller.tell("TradeExecuted", payload, self._teller.cause, symbol=i.symbol)
        return self._teller.mover

    def _settled(self, trade_id: str, trade: e.Traded, instrument: Instrument, cause: str) -> None:
        payload: Payload = {
            "trade_id": trade_id,
            "maker_fee": self._rebuilt.amount(trade.maker_fee, instrument.quote_asset_id),
            "taker_fee": self._rebuilt.amount(trade.taker_fee, instrument.quote_asset_id),
            "settled_at": self._teller.event_ts_ns,
        }
        self._teller.tell("TradeSettled", payload, cause, symbol=instrument.symbol)

    def _filled(self, fill: Fill, trade: e.Traded, leaves: Lots, cause: str) -> None:
        """OrderPartiallyFilled or OrderFilled."""
        order, i = fill.order, fill.order.instrument
        order.cum_qty = Lots(order.cum_qty + trade.last_qty)
        order.cum_notional += trade.last_px * trade.last_qty
        order.total_fee += fill.fee
        self._teller.agree("leaves", leaves, order.leaves - trade.last_qty)
        order.leaves = leaves
        payload: Payload = {
            "order_id": order.text,
            "filled_quantity": i.format_qty(order.cum_qty),
            "average_price": self._rebuilt.average_of(order),
        }
        if leaves:
            self._orders.tell_order(
                "OrderPartiallyFilled", order, payload | {"remaining_quantity": i.format_qty(leaves)}, cause
            )
            return
        value = order.cum_notional * i.tick_lot_minor(self._rebuilt.quote_decimals(i))
        payload |= {
            "total_value": self._rebuilt.amount(value, i.quote_asset_id),
            "total_fee": self._rebuilt.amount(order.total_fee, i.quote_asset_id),
        }
        self._orders.tell_order("OrderFilled", order, payload, cause)

    # --- spot

    def _settle_spot(self, fills: tuple[Fill, Fill], trade: e.Traded, i: Instrument, trade_id: str, cause: str) -> None:
        base, quote = i.base_asset_id, i.quote_asset_id
        lots = trade.last_qty * i.lot_minor(self._rebuilt.assets[base].decimals)
        worth = trade.last_px * trade.last_qty * i.tick_lot_minor(self._rebuilt.quote_decimals(i))
        for fill in fills:
            released = trade.last_qty * fill.order.per_lot
            if fill.order.side is Side.BUY:
                self._teller.agree("released to the buyer", trade.buyer_released, released)
            self._money.reserve(fill.account_id, fill.order.locked_asset, -released, "TRADE", fill.order, cause)
        for fill in fills:
            d = 1 if fill.order.side is Side.BUY else -1
            self._money.move(fill.account_id, base, d * lots, "TRADE", trade_id, cause)
            self._money.move(fill.account_id, quote, -d * worth - fill.fee, "TRADE", trade_id, cause)
        self._money.move(i.fee_account_id, quote, trade.maker_fee + trade.taker_fee, "TRADE_FEE", trade_id, cause)

    # --- perpetuals

    def _changes(self, record: Record, index: int, trade: e.Traded) -> tuple[e.PositionChanged, e.PositionChanged]:
        pair = record.events[index + 1 : index + 3]
        accounts = (trade.maker_account_id, trade.taker_account_id)
        if len(pair) == 2 and isinstance(pair[0], e.PositionChanged) and isinstance(pair[1], e.PositionChanged):
            self._teller.agree(
                "accounts of the positions", str((pair[0].account_id, pair[1].account_id)), str(accounts)
            )
            return pair[0], pair[1]
        raise self._teller.disagree(f"the trade at {index} has no two positions after it")

    def _settle_perpetual(
        self, fills: tuple[Fill, Fill], trade: e.Traded, i: Instrument, trade_id: str, cause: str
    ) -> None:
        quote = i.quote_asset_id
        moves = []
        for fill in fills:
            change = fill.change
            assert change is not None
            position = self._rebuilt.position(fill.account_id, i.symbol_id, change.leverage)
            self._teller.agree("released", change.released, trade.last_qty * fill.order.per_lot)
            moves.append((fill, change, position, change.margin - position.margin, change.debt - position.debt))
        for fill, change, _, rise, _ in moves:
            self._money.reserve(fill.account_id, quote, -change.released, "TRADE", fill.order, cause)
            self._money.reserve(fill.account_id, quote, min(rise, 0), f"POSITION {position_id(change)}", None, cause)
        for fill, change, position, *_ in moves:
            self._positions.traded(fill.fee, change, position, trade.last_px, i, cause)
        for fill, change, _, _, debt in moves:
            self._money.move(fill.account_id, quote, change.realized_pnl - fill.fee + debt, "TRADE", trade_id, cause)
        self._money.move(i.fee_account_id, quote, trade.maker_fee + trade.taker_fee, "TRADE_FEE", trade_id, cause)
        pnl = -sum(change.realized_pnl + debt for _, change, _, _, debt in moves)
        self._money.move(i.pnl_account_id, quote, pnl, "TRADE_PNL", trade_id, cause)
        for fill, change, _, rise, _ in moves:
            self._money.reserve(fill.account_id, quote, max(rise, 0), f"POSITION {position_id(change)}", None, cause)
            self._positions.check_balance(change, quote)
