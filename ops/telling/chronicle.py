"""What the log has registered and which orders are open, so that records can be told in names and decimals."""

from __future__ import annotations

from engine.api import commands as c
from engine.api.enums import Side
from engine.api.ids import ABSENT, AssetId, OrderId, SymbolId
from engine.api.registry import Registry
from engine.api.units import Lots, Ticks, format_minor
from engine.api.wire import Record
from engine.standing import Order, Orders, Standing


class Chronicle(Registry):
    """A registry that also knows the open orders, so that quantities and amounts are told in decimals.

    It begins with nothing, or with a standing, which is then its own.
    """

    def __init__(self, standing: Standing | None = None) -> None:
        super().__init__()
        self._orders = Orders()
        self._ended: dict[OrderId, Order] = {}
        if standing is not None:
            vars(self).update(vars(standing.registry))
            self._orders = standing.orders

    def apply(self, record: Record) -> None:
        """Take over what a record registered and did to orders; one that ended is known until the next."""
        super().apply(record)
        self._ended.clear()
        for index, event in enumerate(record.events):
            orders = self._orders.apply(record, index, event)
            self._ended |= {order.order_id: order for order in orders if not order.state.is_open}

    def order(self, order_id: OrderId) -> c.NewOrder | None:
        """Find the terms of an open order; None when it is not open."""
        order = self._orders.get(order_id) or self._ended.get(order_id)
        return order.terms if order else None

    def symbol_of(self, order_id: OrderId) -> SymbolId:
        """Find the symbol of an open order; 0 when it is not open."""
        order = self.order(order_id)
        return order.symbol_id if order else SymbolId(ABSENT)

    def locked_asset(self, order_id: OrderId) -> AssetId:
        """Find which asset an open order locks; 0 when it is not open.

        In a spot market a sell locks its base asset; everything else locks quote.
        """
        order = self.order(order_id)
        instrument = self.instruments.get(order.symbol_id) if order else None
        if order is None or instrument is None:
            return AssetId(ABSENT)
        in_base = order.side == Side.SELL and not instrument.is_perpetual
        return instrument.base_asset_id if in_base else instrument.quote_asset_id

    def quote_asset(self, symbol_id: SymbolId) -> AssetId:
        """Find the asset an instrument is priced in; 0 when there is no such instrument."""
        return self.instruments[symbol_id].quote_asset_id if symbol_id in self.instruments else AssetId(ABSENT)

    def symbol(self, symbol_id: SymbolId) -> str:
        """Name an instrument."""
        return self.instruments[symbol_id].symbol if symbol_id in self.instruments else f"symbol {symbol_id}"

    def qty(self, lots: Lots, symbol_id: SymbolId) -> str:
        """Write a quantity."""
        instrument = self.instruments.get(symbol_id)
        return instrument.format_qty(lots) if instrument else f"{lots} lots"

    def price(self, ticks: Ticks, symbol_id: SymbolId) -> str:
        """Write a price."""
        instrument = self.instruments.get(symbol_id)
        return instrument.format_price(ticks) if instrument else f"{ticks} ticks"

    def decimal(self, minor: int, asset_id: AssetId) -> str:
        """Write an amount without the name of its asset."""
        return format_minor(minor, self.assets[asset_id].decimals if asset_id in self.assets else 0)
