"""The engine's balances, orders and positions, rebuilt from events alone (RES-15), and how their numbers are written.

After each record they are those of the engine, which is why this fold is not shared with the one in
:mod:`engine.standing`: that one starts from the engine's own snapshot, this one proves that the events say everything.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.api import commands as c
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.ids import AccountId, AssetId, OrderId, SessionId, SymbolId, order_id_text
from engine.api.instrument import Instrument
from engine.api.units import Lots, Minor, Ticks, TimestampNs, format_minor

AVERAGE_DECIMALS = 8
"""Least scale of an average price, the only figure that is rounded: half away from zero (RES-62)."""

NO_LOTS = Lots(0)


def half_up(dividend: int, divisor: int) -> int:
    """Divide to the nearest, ties away from zero."""
    size = (2 * abs(dividend) + abs(divisor)) // (2 * abs(divisor))
    return size if (dividend < 0) == (divisor < 0) else -size


@dataclass(eq=False, slots=True)
class Balance:
    """Minor units of one asset in one account; ``loan`` is owed beside it."""

    available: int = 0
    locked: int = 0
    loan: int = 0

    @property
    def total(self) -> int:
        """Both parts."""
        return self.available + self.locked


@dataclass(eq=False, slots=True)
class Order:
    """An open order. What it has locked is ``leaves`` times ``per_lot``, at all times."""

    order_id: OrderId
    text: str
    source: SessionId
    account_id: AccountId
    instrument: Instrument
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: Lots
    leaves: Lots
    price: Ticks
    expire_time_ns: TimestampNs
    per_lot: int
    cum_qty: Lots = NO_LOTS
    cum_notional: int = 0
    total_fee: int = 0

    @property
    def locked_asset(self) -> AssetId:
        """The asset in which it locks."""
        i = self.instrument
        return i.base_asset_id if self.side is Side.SELL and not i.is_perpetual else i.quote_asset_id

    @property
    def locked(self) -> int:
        """What it has locked."""
        return self.leaves * self.per_lot


@dataclass(eq=False, slots=True)
class Position:
    """A position; ``fees`` and ``realized`` are those since it was opened."""

    leverage: int
    is_isolated: bool = False
    size: Lots = NO_LOTS
    cost: int = 0
    margin: int = 0
    extra: int = 0
    debt: int = 0
    fees: int = 0
    realized: int = 0


class Rebuilt:
    """Registrations, balances, open orders, positions and marks after the last event."""

    def __init__(self) -> None:
        self.assets: dict[AssetId, c.RegisterAsset] = {}
        self.accounts: dict[AccountId, c.OpenAccount] = {}
        self.instruments: dict[SymbolId, Instrument] = {}
        self.lenders: dict[AssetId, AccountId] = {}
        self.marks: dict[SymbolId, Ticks] = {}
        self.balances: dict[tuple[AccountId, AssetId], Balance] = {}
        self.orders: dict[OrderId, Order] = {}
        self.positions: dict[tuple[AccountId, SymbolId], Position] = {}

    def balance(self, account_id: AccountId, asset_id: AssetId) -> Balance:
        """Find a balance, or begin one."""
        return self.balances.setdefault((account_id, asset_id), Balance())

    def position(self, account_id: AccountId, symbol_id: SymbolId, leverage: int) -> Position:
        """Find a position, or begin one with ``leverage``."""
        return self.positions.setdefault((account_id, symbol_id), Position(leverage))

    # --- writing numbers

    def amount(self, minor: int, asset_id: AssetId) -> str:
        """Write an amount."""
        return format_minor(minor, self.assets[asset_id].decimals)

    def quote_decimals(self, instrument: Instrument) -> int:
        """Decimals of the asset an instrument is priced in."""
        return self.assets[instrument.quote_asset_id].decimals

    def average_of(self, order: Order) -> str:
        """Write the average price of what an order traded."""
        if not order.cum_qty:
            return "0"
        tick = order.instrument.tick
        decimals = max(AVERAGE_DECIMALS, tick.decimals)
        scaled = order.cum_notional * tick.mantissa * int(10 ** (decimals - tick.decimals))
        return format_minor(half_up(scaled, order.cum_qty), decimals)

    def entry_price(self, position: Position, instrument: Instrument) -> str:
        """Write the average price paid for a position."""
        if not position.size:
            return "0"
        lot, decimals = instrument.lot, max(AVERAGE_DECIMALS, instrument.tick.decimals)
        scaled = position.cost * int(10 ** (lot.decimals + decimals))
        per = position.size * lot.mantissa * int(10 ** self.quote_decimals(instrument))
        return format_minor(half_up(scaled, per), decimals)

    def unrealized(self, position: Position, instrument: Instrument) -> str:
        """Write what a position has gained by its mark and not realized."""
        worth = self.marks.get(instrument.symbol_id, 0) * position.size
        worth *= instrument.tick_lot_minor(self.quote_decimals(instrument))
        return self.amount(worth - position.cost if worth else 0, instrument.quote_asset_id)

    def order_text(self, order_id: OrderId) -> str | None:
        """Name an open order as members see it; None when it is not open."""
        order = self.orders.get(order_id)
        return order.text if order else None

    def open_order(
        self, order_id: OrderId, ts_ns: TimestampNs, source: SessionId, terms: c.NewOrder, reserved: Minor
    ) -> Order:
        """Enter an accepted order."""
        order = Order(
            order_id,
            order_id_text(order_id, ts_ns),
            source,
            terms.account_id,
            self.instruments[terms.symbol_id],
            terms.side,
            terms.ord_type,
            terms.time_in_force,
            terms.order_qty,
            terms.order_qty,
            terms.price,
            expiry_of(terms.time_in_force, terms.expire_time_ns, ts_ns),
            reserved // terms.order_qty,
        )
        self.orders[order_id] = order
        return order


DAY_NS = 86_400_000_000_000


def expiry_of(time_in_force: int, expire_time_ns: TimestampNs, ts_ns: TimestampNs) -> TimestampNs:
    """When an order entered at ``ts_ns`` expires: a DAY order at the next midnight UTC; 0 for never."""
    return TimestampNs((ts_ns // DAY_NS + 1) * DAY_NS) if time_in_force == TimeInForce.DAY else expire_time_ns
