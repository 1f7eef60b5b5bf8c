"""A small market to test in: who is there, what is listed, and short ways to say what they send."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import (
    AccountKind,
    InstrumentKind,
    MarginMode,
    Matching,
    OrdType,
    SessionKind,
    Side,
    TimeInForce,
)
from engine.api.instrument import Instrument
from engine.api.units import Step
from engine.api.wire import decode_records, encode_command, encode_frame
from engine.host.core import Core

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK = TimeInForce.GOOD_TILL_CANCEL, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL
DAY, GTD = TimeInForce.DAY, TimeInForce.GOOD_TILL_DATE
MARKET, LIMIT, STOP, STOP_LIMIT, PEGGED = OrdType

USDT, BTC, ETH = 1, 2, 3
FEES, ALPHA, BRAVO, CHARLIE = 1, 101, 102, 103
ALPHA_OE, BRAVO_OE, CHARLIE_OE, ALPHA_DC, CHARLIE_2 = 11, 21, 31, 12, 32
BTC_USDT, ETH_USDT, BTC_ETH, ETH_PRO, BTC_PERP, ETH_PERP = 1, 2, 3, 4, 5, 6
ALPHA_F, BRAVO_F, CHARLIE_F, ALPHA_F2 = 111, 112, 113, 114
"""FUTURES accounts, two of them of one firm."""
ALPHA_M, BRAVO_M = 121, 122
"""MARGIN accounts."""
LENDER, BTC_PNL, ETH_PNL = 2, 3, 4
NOW_NS = 1_750_000_000_000_000_000

BTC_LISTING = Instrument(
    symbol_id=BTC_USDT,
    symbol="BTC/USDT",
    kind=InstrumentKind.SPOT,
    base_asset_id=BTC,
    quote_asset_id=USDT,
    tick=Step(1, 2),
    lot=Step(1, 5),
    min_qty=1,
    max_qty=1_000_000,
    min_notional=10 * 10**8,
    max_notional=5_000_000 * 10**8,
    maker_ppm=200,
    taker_ppm=1000,
    band_ppm=100_000,
    fee_account_id=FEES,
)
"""0.01 USDT a tick, 0.00001 BTC a lot: one lot at one tick is worth 10 minor units of 10**-8 USDT."""

ETH_LISTING = Instrument(
    symbol_id=ETH_USDT,
    symbol="ETH/USDT",
    kind=InstrumentKind.SPOT,
    base_asset_id=ETH,
    quote_asset_id=USDT,
    tick=Step(1, 2),
    lot=Step(1, 4),
    min_qty=5,
    max_qty=1_000_000,
    min_notional=0,
    max_notional=2_000_000 * 10**8,
    maker_ppm=-100,
    taker_ppm=333,
    band_ppm=50_000,
    fee_account_id=FEES,
)
"""With a rebate for makers, and a smallest quantity of 5 lots."""

BTC_ETH_LISTING = Instrument(
    symbol_id=BTC_ETH,
    symbol="BTC/ETH",
    kind=InstrumentKind.SPOT,
    base_asset_id=BTC,
    quote_asset_id=ETH,
    tick=Step(1, 4),
    lot=Step(1, 4),
    min_qty=1,
    max_qty=10**9,
    min_notional=0,
    max_notional=10**31,
    maker_ppm=77,
    taker_ppm=19_999,
    band_ppm=1_000_000,
    fee_account_id=FEES,
)
"""Quoted in an asset of 18 decimals, so that fees round to a step of 10**10 minor units."""

OPENING: tuple[c.Command, ...] = (
    c.RegisterAsset(USDT, "USDT", 8),
    c.RegisterAsset(BTC, "BTC", 8),
    c.RegisterAsset(ETH, "ETH", 18),
    c.RegisterFirm(1, "ALPHA"),
    c.RegisterFirm(2, "BRAVO"),
    c.RegisterFirm(3, "CHARLIE"),
    c.OpenAccount(FEES, 0, AccountKind.SYSTEM, "EXCHANGE-FEES"),
    c.OpenAccount(ALPHA, 1, AccountKind.SPOT, "ALPHA"),
    c.OpenAccount(BRAVO, 2, AccountKind.SPOT, "BRAVO"),
    c.OpenAccount(CHARLIE, 3, AccountKind.SPOT, "CHARLIE"),
    c.RegisterSession(ALPHA_OE, 1, SessionKind.ORDER_ENTRY, "ALPHA"),
    c.RegisterSession(ALPHA_DC, 1, SessionKind.DROP_COPY, "ALPHA-DC"),
    c.RegisterSession(BRAVO_OE, 2, SessionKind.ORDER_ENTRY, "BRAVO"),
    c.RegisterSession(CHARLIE_OE, 3, SessionKind.ORDER_ENTRY, "CHARLIE"),
    c.RegisterSession(CHARLIE_2, 3, SessionKind.ORDER_ENTRY, "CHARLIE-2"),
    c.ListInstrument(BTC_LISTING),
    c.ListInstrument(ETH_LISTING),
    c.ListInstrument(BTC_ETH_LISTING),
    *(
        c.Deposit(account, asset, amount, f"opening:{account}:{asset}")
        for account in (ALPHA, BRAVO, CHARLIE)
        for asset, amount in ((USDT, 10**6 * 10**8), (BTC, 100 * 10**8), (ETH, 1000 * 10**18))
    ),
)

ETH_PRO_LISTING = Instrument(
    symbol_id=ETH_PRO,
    symbol="ETH/USDT-PRO",
    kind=InstrumentKind.SPOT,
    base_asset_id=ETH,
    quote_asset_id=USDT,
    tick=Step(1, 2),
    lot=Step(1, 4),
    min_qty=1,
    max_qty=1_000_000,
    min_notional=0,
    max_notional=2_000_000 * 10**8,
    maker_ppm=100,
    taker_ppm=300,
    band_ppm=100_000,
    fee_account_id=FEES,
    matching=Matching.PRO_RATA,
)
"""Spot, shared out pro rata."""

BTC_PERP_LISTING = Instrument(
    symbol_id=BTC_PERP,
    symbol="BTC-PERP",
    kind=InstrumentKind.PERPETUAL,
    base_asset_id=BTC,
    quote_asset_id=USDT,
    tick=Step(1, 2),
    lot=Step(1, 2),
    min_qty=1,
    max_qty=1_000_000,
    min_notional=0,
    max_notional=10_000_000 * 10**8,
    maker_ppm=-50,
    taker_ppm=500,
    band_ppm=100_000,
    fee_account_id=FEES,
    max_leverage=125,
    pnl_account_id=BTC_PNL,
)
"""One lot at 10,000 ticks is worth 1 USDT, so that orders of thousands of lots meet brackets and tiers."""

ETH_PERP_LISTING = Instrument(
    symbol_id=ETH_PERP,
    symbol="ETH-PERP",
    kind=InstrumentKind.PERPETUAL,
    base_asset_id=ETH,
    quote_asset_id=USDT,
    tick=Step(1, 2),
    lot=Step(1, 2),
    min_qty=1,
    max_qty=1_000_000,
    min_notional=10**8,
    max_notional=10_000_000 * 10**8,
    maker_ppm=100,
    taker_ppm=400,
    band_ppm=50_000,
    fee_account_id=FEES,
    matching=Matching.PRO_RATA,
    max_leverage=50,
    pnl_account_id=ETH_PNL,
)
"""A perpetual shared out pro rata."""

ALL_LISTINGS = (BTC_LISTING, ETH_LISTING, BTC_ETH_LISTING, ETH_PRO_LISTING, BTC_PERP_LISTING, ETH_PERP_LISTING)

FULL_OPENING: tuple[c.Command, ...] = (
    *OPENING,
    c.OpenAccount(LENDER, 0, AccountKind.SYSTEM, "LENDER"),
    c.OpenAccount(BTC_PNL, 0, AccountKind.CLEARING_PNL, "BTC-PERP-PNL"),
    c.OpenAccount(ETH_PNL, 0, AccountKind.CLEARING_PNL, "ETH-PERP-PNL"),
    c.OpenAccount(ALPHA_F, 1, AccountKind.FUTURES, "ALPHA-F"),
    c.OpenAccount(BRAVO_F, 2, AccountKind.FUTURES, "BRAVO-F"),
    c.OpenAccount(CHARLIE_F, 3, AccountKind.FUTURES, "CHARLIE-F"),
    c.OpenAccount(ALPHA_F2, 1, AccountKind.FUTURES, "ALPHA-F2"),
    c.OpenAccount(ALPHA_M, 1, AccountKind.MARGIN, "ALPHA-M"),
    c.OpenAccount(BRAVO_M, 2, AccountKind.MARGIN, "BRAVO-M"),
    c.ListInstrument(ETH_PRO_LISTING),
    c.ListInstrument(BTC_PERP_LISTING),
    c.ListInstrument(ETH_PERP_LISTING),
    c.Deposit(LENDER, USDT, 10**6 * 10**8, "lending:1"),
    c.Deposit(LENDER, BTC, 10 * 10**8, "lending:2"),
    c.SetCollateral(USDT, 1_000_000, LENDER),
    c.SetCollateral(BTC, 950_000, LENDER),
    *(
        c.Deposit(account, USDT, units * 10**8, f"opening:{account}:{USDT}")
        for account, units in ((ALPHA_F, 10_000), (BRAVO_F, 20_000), (CHARLIE_F, 1_000), (ALPHA_F2, 3_000))
    ),
    c.SetAccountLimits(CHARLIE_F, 4, 0, 0),
    c.SetLeverage(CHARLIE_F, BTC_PERP, 100, MarginMode.CROSS),
    c.SetLeverage(CHARLIE_F, ETH_PERP, 50, MarginMode.ISOLATED),
    *(c.Deposit(account, USDT, 30 * 10**8, f"opening:{account}:{USDT}") for account in (ALPHA_M, BRAVO_M)),
    *(c.SetMark(symbol, 10_000) for symbol in (BTC_USDT, ETH_USDT, ETH_PRO, BTC_PERP, ETH_PERP)),
)
""":data:`OPENING`, and everything else there is: perpetuals, pro-rata matching, loans, marks."""


def frame(source: int, command: c.Command, source_seq: int = 1) -> bytes:
    """Encode a command as its source sends it."""
    return encode_frame(source, source_seq, encode_command(command))


class Market:
    """A core after :data:`OPENING`, and what people say to it."""

    def __init__(self, opening: tuple[c.Command, ...] = OPENING) -> None:
        self.core = Core()
        self.records = b""
        self.now_ns = NOW_NS
        for command in opening:
            self.send(0, command)

    def send(self, source: int, command: c.Command) -> tuple[e.Event, ...]:
        """Send one command and return its events."""
        return self.send_frame(frame(source, command))

    def send_frame(self, raw: bytes) -> tuple[e.Event, ...]:
        """Send one frame and return its events; every invariant must hold after it."""
        applied = self.core.apply(self.now_ns, raw, 0)
        assert (applied.consumed, applied.count, applied.fault) == (len(raw), 1, 0)
        self.core.check()
        self.records += applied.records
        (record,) = decode_records(applied.records)
        return record.events

    def limit(
        self, account: int, side: Side, qty: int, price: int, cl_ord_id: str, tif: TimeInForce = GTC
    ) -> tuple[e.Event, ...]:
        """Enter a limit order in BTC/USDT over the account's own session."""
        order = c.NewOrder(account, BTC_USDT, side, LIMIT, tif, qty, price, cl_ord_id)
        return self.send(SESSION_OF[account], order)

    def market(self, account: int, side: Side, qty: int, cl_ord_id: str, tif: TimeInForce = IOC) -> tuple[e.Event, ...]:
        """Enter a market order in BTC/USDT over the account's own session."""
        return self.send(SESSION_OF[account], c.NewOrder(account, BTC_USDT, side, MARKET, tif, qty, 0, cl_ord_id))

    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """Available and locked."""
        rows = {row[:2]: row[2:] for row in self.core.balances()}
        return rows.get((account, asset), (0, 0))


SESSION_OF = {
    **dict.fromkeys((ALPHA, ALPHA_F, ALPHA_F2, ALPHA_M), ALPHA_OE),
    **dict.fromkeys((BRAVO, BRAVO_F, BRAVO_M), BRAVO_OE),
    **dict.fromkeys((CHARLIE, CHARLIE_F), CHARLIE_OE),
}
