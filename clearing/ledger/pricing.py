"""What a trade is worth and costs: clearing's own arithmetic, shared with nobody, so that it can check the engine's.

Units: amounts are whole minor units of the instrument's base or quote asset.
"""

from __future__ import annotations

import msgspec

from engine.api.ids import ABSENT, AccountId, AssetId, SymbolId
from engine.api.instrument import Instrument
from engine.api.limits import FEE_DECIMALS
from engine.api.units import Lots, Ticks

_PPM = 1_000_000


class Pricing(msgspec.Struct, frozen=True):
    """The constants of one instrument: everything about a trade follows from these by multiplication.

    ``fee_step`` is the quote minor units in 0.00000001 of the quote asset, at least 1 (FEE-04).
    """

    symbol_id: SymbolId
    base_asset_id: AssetId
    quote_asset_id: AssetId
    fee_account_id: AccountId
    base_per_lot: int
    quote_per_tick_lot: int
    fee_step: int
    is_perpetual: bool = False
    pnl_account_id: AccountId = AccountId(ABSENT)

    @classmethod
    def of(cls, instrument: Instrument, base_decimals: int, quote_decimals: int) -> Pricing:
        """Derive the constants. Raises: ValueError when a lot or a tick times a lot is no whole minor unit."""
        tick, lot = instrument.tick, instrument.lot
        return cls(
            instrument.symbol_id,
            instrument.base_asset_id,
            instrument.quote_asset_id,
            instrument.fee_account_id,
            _exact(lot.mantissa, lot.decimals, base_decimals),
            _exact(tick.mantissa * lot.mantissa, tick.decimals + lot.decimals, quote_decimals),
            int(10 ** max(0, quote_decimals - FEE_DECIMALS)),
            instrument.is_perpetual,
            instrument.pnl_account_id,
        )

    def base_amount(self, lots: Lots) -> int:
        """Convert a quantity to base minor units."""
        return lots * self.base_per_lot

    def notional(self, ticks: Ticks, lots: Lots) -> int:
        """Multiply price and quantity, exactly."""
        return ticks * lots * self.quote_per_tick_lot

    def fee_toward_positive_infinity(self, notional: int, ppm: int) -> int:
        """Take ``ppm`` of a notional, rounded once at eight decimals: never undercharge, never overpay a rebate.

        Source: FEE-01, FEE-04.
        """
        return -(-notional * ppm // (_PPM * self.fee_step)) * self.fee_step

    def buy_requirement(self, ticks: Ticks, lots: Lots, ppm: int) -> int:
        """Least quote amount a resting buy must have locked, a fee of ``ppm`` included. Source: RES-21."""
        notional = self.notional(ticks, lots)
        return notional + self.fee_toward_positive_infinity(notional, ppm)

    def margin_requirement(self, ticks: Ticks, lots: Lots, leverage: int, ppm: int) -> int:
        """Least quote amount an order in a perpetual must have locked, lot by lot. Source: RES-21."""
        notional = self.notional(ticks, Lots(1))
        fee = self.fee_toward_positive_infinity(notional, ppm)
        return lots * (-(-notional // leverage) + fee)


def _exact(value: int, decimals: int, to_decimals: int) -> int:
    whole, rest = divmod(value * int(10**to_decimals), int(10**decimals))
    if rest:
        raise ValueError(f"{value}e-{decimals} is finer than {to_decimals} decimals")
    return whole
