"""An instrument: what trades, in which steps, within which bounds, at which fees."""

from __future__ import annotations

import msgspec

from engine.api.enums import InstrumentKind, Matching
from engine.api.ids import ABSENT, AccountId, AssetId, SymbolId
from engine.api.units import Lots, Minor, Step, Ticks, format_steps, to_steps


class Instrument(msgspec.Struct, frozen=True):
    """A listed instrument.

    Units: ``min_qty`` and ``max_qty`` lots; ``min_notional`` and ``max_notional`` quote minor units;
    ``maker_ppm`` and ``taker_ppm`` parts per million of notional (a negative one is a rebate);
    ``band_ppm`` how far a limit price may lie from the mark, and a market order may move from the best opposite
    price (RES-09). A perpetual also has ``max_leverage`` (the cap of its volatility class) and its own clearing PnL
    account; both are 0 for spot.
    """

    symbol_id: SymbolId
    symbol: str
    kind: InstrumentKind
    base_asset_id: AssetId
    quote_asset_id: AssetId
    tick: Step
    lot: Step
    min_qty: Lots
    max_qty: Lots
    min_notional: Minor
    max_notional: Minor
    maker_ppm: int
    taker_ppm: int
    band_ppm: int
    fee_account_id: AccountId
    matching: Matching = Matching.PRICE_TIME
    max_leverage: int = 0
    pnl_account_id: AccountId = AccountId(ABSENT)

    @property
    def is_perpetual(self) -> bool:
        """Tell whether positions are traded, not the base asset itself."""
        return self.kind is InstrumentKind.PERPETUAL

    def price_to_ticks(self, text: str) -> Ticks:
        """Convert Price <44>. Raises: UnitError when it is no whole number of ticks."""
        return Ticks(to_steps(text, self.tick))

    def qty_to_lots(self, text: str) -> Lots:
        """Convert OrderQty <38>. Raises: UnitError when it is no whole number of lots."""
        return Lots(to_steps(text, self.lot))

    def format_price(self, ticks: Ticks) -> str:
        """Write a price of ``ticks`` as FIX text."""
        return format_steps(ticks, self.tick)

    def format_qty(self, lots: Lots) -> str:
        """Write a quantity of ``lots`` as FIX text."""
        return format_steps(lots, self.lot)

    def lot_minor(self, base_decimals: int) -> int:
        """Base minor units in one lot; 0 when the lot is finer than the asset."""
        shift = base_decimals - self.lot.decimals
        return self.lot.mantissa * int(10**shift) if shift >= 0 else 0

    def tick_lot_minor(self, quote_decimals: int) -> int:
        """Quote minor units of one lot at a price of one tick; 0 when that is not whole (such a listing is refused)."""
        shift = quote_decimals - self.tick.decimals - self.lot.decimals
        worth = self.tick.mantissa * self.lot.mantissa
        if shift >= 0:
            return worth * int(10**shift)
        whole, rest = divmod(worth, int(10**-shift))
        return 0 if rest else whole
