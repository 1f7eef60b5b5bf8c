"""What turns ticks, lots and minor units into amounts."""

from __future__ import annotations

import msgspec

from engine.api.instrument import Instrument


class Scales(msgspec.Struct, frozen=True):
    """What turns ticks, lots and minor units into amounts: decimals of assets, and instruments."""

    decimals: dict[int, int]
    instruments: dict[int, Instrument]

    def amount(self, minor: int, asset_id: int) -> str:
        """Write an amount of minor units."""
        return f"{minor}e-{self.decimals[asset_id]}"

    def qty(self, lots: int, symbol_id: int) -> str:
        """Write a quantity of lots."""
        lot = self.instruments[symbol_id].lot
        return f"{lots * lot.mantissa}e-{lot.decimals}"

    def price(self, ticks: int, symbol_id: int) -> str:
        """Write a price of ticks."""
        tick = self.instruments[symbol_id].tick
        return f"{ticks * tick.mantissa}e-{tick.decimals}"
