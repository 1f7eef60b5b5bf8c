"""Names and decimals for what a record says: the fold of the log, asked the way people speak."""

from __future__ import annotations

from engine.api import commands as c
from engine.api.enums import Side
from engine.api.ids import ABSENT, AccountId, AssetId, OrderId, SessionId, SymbolId
from engine.api.registry import Registry
from engine.api.units import Lots, Minor, Ticks, format_minor
from engine.api.wire import Record
from engine.standing import Order, Standing


class Chronicle:
    """The exchange as of the record applied last, with a name for every number. Feed it records in order."""

    def __init__(self, standing: Standing | None = None) -> None:
        self._standing = standing or Standing()
        self._ended: dict[int, Order] = {}

    def apply(self, record: Record) -> None:
        """Take over what a record says; an order it ends is known until the next."""
        changed = [order for _, _, orders in self._standing.changes(record) for order in orders]
        self._ended = {order.order_id: order for order in changed}

    @property
    def registry(self) -> Registry:
        """What has been registered."""
        return self._standing.registry

    def order(self, order_id: OrderId) -> c.NewOrder | None:
        """Find the terms of an order that is open, or that the last record ended; None for another."""
        order = self._standing.orders.get(order_id) or self._ended.get(order_id)
        return order.terms if order else None

    def symbol_of(self, order_id: OrderId) -> SymbolId:
        """Find the symbol of an order; 0 when it is not known."""
        order = self.order(order_id)
        return order.symbol_id if order else SymbolId(ABSENT)

    def locked_asset(self, order_id: OrderId) -> AssetId:
        """Find which asset an order locks; 0 when it is not known.

        In a spot market a sell locks its base asset; everything else locks quote.
        """
        order = self.order(order_id)
        instrument = self.registry.instruments.get(order.symbol_id) if order else None
        if order is None or instrument is None:
            return AssetId(ABSENT)
        in_base = order.side == Side.SELL and not instrument.is_perpetual
        return instrument.base_asset_id if in_base else instrument.quote_asset_id

    def account(self, account_id: AccountId) -> str:
        """Name an account."""
        return self.registry.account(account_id)

    def asset(self, asset_id: AssetId) -> str:
        """Name an asset."""
        return self.registry.asset(asset_id)

    def source(self, source: SessionId) -> str:
        """Name who sent a command."""
        return self.registry.source(source)

    def amount(self, minor: Minor, asset_id: AssetId) -> str:
        """Write an amount with the name of its asset."""
        return self.registry.amount(minor, asset_id)

    def quote_asset(self, symbol_id: SymbolId) -> AssetId:
        """Find the asset an instrument is priced in; 0 when there is no such instrument."""
        return (
            self.registry.instruments[symbol_id].quote_asset_id
            if symbol_id in self.registry.instruments
            else AssetId(ABSENT)
        )

    def symbol(self, symbol_id: SymbolId) -> str:
        """Name an instrument."""
        return (
            self.registry.instruments[symbol_id].symbol
            if symbol_id in self.registry.instruments
            else f"symbol {symbol_id}"
        )

    def qty(self, lots: Lots, symbol_id: SymbolId) -> str:
        """Write a quantity."""
        instrument = self.registry.instruments.get(symbol_id)
        return instrument.format_qty(lots) if instrument else f"{lots} lots"

    def price(self, ticks: Ticks, symbol_id: SymbolId) -> str:
        """Write a price."""
        instrument = self.registry.instruments.get(symbol_id)
        return instrument.format_price(ticks) if instrument else f"{ticks} ticks"

    def decimal(self, minor: int, asset_id: AssetId) -> str:
        """Write an amount without the name of its asset."""
        return format_minor(minor, self.registry.assets[asset_id].decimals if asset_id in self.registry.assets else 0)
