"""What turns ticks, lots and minor units into amounts."""

from __future__ import annotations

import msgspec

from engine.api.ids import AssetId, SymbolId
from engine.api.instrument import Instrument
from engine.api.units import Lots, Ticks


class Scales(msgspec.Struct, frozen=True):
    """What turns ticks, lots and minor units into amounts: decimals of assets, and instruments."""

    decimals: dict[AssetId, int]
    instruments: dict[SymbolId, Instrument]

    def amount(self, minor: int, asset_id: AssetId) -> str:
        """Write an amount of minor units."""
        return f"{minor}e-{self.decimals[asset_id]}"

    def qty(self, lots: Lots, symbol_id: SymbolId) -> str:
        """Write a quantity of lots."""
        lot = self.instruments[symbol_id].lot
        return f"{lots * lot.mantissa}e-{lot.decimals}"

    def price(self, ticks: Ticks, symbol_id: SymbolId) -> str:
        """Write a price of ticks."""
        tick = self.instruments[symbol_id].tick
        return f"{ticks * tick.mantissa}e-{tick.decimals}"
