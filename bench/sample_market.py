"""The market all benchmarks trade in: BTC/USDT and its like, and as many firms and accounts as are wanted."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.api import commands as c
from engine.api.enums import AccountKind, InstrumentKind, SessionKind
from engine.api.instrument import Instrument
from engine.api.units import Step

USDT, BTC = 1, 2
FEE_ACCOUNT = 1
FIRST_ACCOUNT = 101
FIRST_SESSION = 11
MID_TICKS = 5_000_000
"""50,000 USDT: prices are drawn around it."""

DEPOSIT_MINOR = 10**18
"""Ten thousand million whole units of either asset: no account ever runs short, none exceeds ASSET_UNITS_MAX."""


class SampleMarket(msgspec.Struct, frozen=True):
    """Accounts 101, 102, ... in firms 1, 2, ..., each firm with one order-entry session; symbols 1, 2, ..."""

    accounts: int
    accounts_per_firm: int = 1
    symbols: int = 1

    def session(self, account_id: int) -> int:
        """Return the session of the account's firm."""
        return FIRST_SESSION + (account_id - FIRST_ACCOUNT) // self.accounts_per_firm

    def opening(self) -> Iterator[c.Command]:
        """Make what operations sends before anybody trades."""
        yield c.RegisterAsset(USDT, "USDT", 8)
        yield c.RegisterAsset(BTC, "BTC", 8)
        yield c.OpenAccount(FEE_ACCOUNT, 0, AccountKind.SYSTEM, "EXCHANGE-FEES")
        for symbol_id in range(1, self.symbols + 1):
            yield c.ListInstrument(listing(symbol_id))
        for n in range(self.accounts):
            firm_id, member = divmod(n, self.accounts_per_firm)
            firm_id += 1
            if member == 0:
                yield c.RegisterFirm(firm_id, f"FIRM-{firm_id}")
                session_id = self.session(FIRST_ACCOUNT + n)
                yield c.RegisterSession(session_id, firm_id, SessionKind.ORDER_ENTRY, f"FIRM-{firm_id}")
            yield from _open(FIRST_ACCOUNT + n, firm_id)


def _open(account_id: int, firm_id: int) -> Iterator[c.Command]:
    yield c.OpenAccount(account_id, firm_id, AccountKind.SPOT, f"ACCOUNT-{account_id}")
    yield c.Deposit(account_id, USDT, DEPOSIT_MINOR, f"opening:{account_id}:USDT")
    yield c.Deposit(account_id, BTC, DEPOSIT_MINOR, f"opening:{account_id}:BTC")


def listing(symbol_id: int = 1) -> Instrument:
    """Describe a spot instrument like BTC/USDT; symbol 1 is BTC/USDT."""
    return Instrument(
        symbol_id=symbol_id,
        symbol="BTC/USDT" if symbol_id == 1 else f"BTC/USDT-{symbol_id}",
        kind=InstrumentKind.SPOT,
        base_asset_id=BTC,
        quote_asset_id=USDT,
        tick=Step(1, 2),
        lot=Step(1, 5),
        min_qty=1,
        max_qty=10**9,
        min_notional=10 * 10**8,
        max_notional=5_000_000 * 10**8,
        maker_ppm=200,
        taker_ppm=1000,
        band_ppm=100_000,
        fee_account_id=FEE_ACCOUNT,
    )
