"""A day at the exchange on which everything happens once: every type of event the log can expand to."""

from __future__ import annotations

import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import (
    AccountStatus,
    BreakerReason,
    ExecInst,
    MarginMode,
    MarginState,
    OrdType,
    Peg,
    SelfTrade,
    Side,
    SymbolStatus,
    TimeInForce,
    VenueStatus,
)
from engine.api.parameters import Parameter
from engine.api.wire import Record, decode_records
from engine.host.core import Core
from tests.model import market as m

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS


class Day:
    """A core after the full opening, and short ways to say what happens."""

    def __init__(self) -> None:
        self.core = Core()
        self.now_ns = m.NOW_NS
        self.records: list[Record] = []
        self.raw: list[bytes] = []
        self.names = 0
        for command in m.FULL_OPENING:
            self.send(0, command)

    def send(self, source: int, command: c.Command) -> Record:
        applied = self.core.apply(self.now_ns, m.frame(source, command))
        self.core.check()
        (record,) = decode_records(applied.records)
        self.records.append(record)
        self.raw.append(applied.records)
        self.now_ns += 1_000
        return record

    def order(
        self,
        account: int,
        symbol: int,
        side: Side,
        qty: int,
        price: int,
        tif: TimeInForce = m.GTC,
        kind: OrdType = m.LIMIT,
        **more: object,
    ) -> int:
        """Enter an order; returns its id."""
        self.names += 1
        new = c.NewOrder(account, symbol, side, kind, tif, qty, price, f"n{self.names}")
        return self.send(m.SESSION_OF[account], msgspec.structs.replace(new, **more)).seq


def whole_day() -> list[Record]:
    """Let everything happen. Returns: the log."""
    return live_day().records


def live_day() -> Day:
    """Let everything happen."""
    day = Day()
    _spot(day)
    _replaces_and_stops(day)
    _pegs_and_auction(day)
    _loans(day)
    _perpetuals(day)
    _operations(day)
    return day


def _spot(day: Day) -> None:
    day.order(m.ALPHA, m.BTC_USDT, m.SELL, 20_000, 10_000)
    day.order(m.BRAVO, m.BTC_USDT, m.BUY, 15_000, 10_001)
    day.order(m.BRAVO, m.BTC_USDT, m.BUY, 15_000, 10_000, m.IOC)
    day.order(m.BRAVO, m.BTC_USDT, m.BUY, 10_000, 0, m.FOK, m.MARKET)
    first = day.order(m.CHARLIE, m.BTC_USDT, m.SELL, 20_000, 10_010)
    day.send(m.CHARLIE_OE, c.CancelOrder("x1", order_id=first))
    day.send(m.CHARLIE_OE, c.CancelOrder("x2", order_id=first))
    day.order(m.CHARLIE, m.BTC_USDT, m.SELL, 20_000, 99_999)
    day.send(
        m.BRAVO_OE, c.RefuseOrder(m.BRAVO, ord("1"), ord("2"), ord("1"), 1007, 44, "r1", "BTC/USDT", "1", "1.001", "")
    )


def _replaces_and_stops(day: Day) -> None:
    resting = day.order(m.ALPHA, m.BTC_USDT, m.BUY, 20_000, 9_990, m.GTD, expire_time_ns=day.now_ns + 60 * SECOND_NS)
    day.send(m.ALPHA_OE, c.ReplaceOrder("g1", 30_000, 9_995, order_id=resting))
    day.send(m.ALPHA_OE, c.ReplaceOrder("g2", 10_010, order_id=resting))
    day.send(m.ALPHA_OE, c.ReplaceOrder("g3", 10_010, 9_999_999, order_id=resting))
    day.order(m.ALPHA, m.BTC_USDT, m.BUY, 12_000, 9_950, m.DAY)
    day.order(m.BRAVO, m.BTC_USDT, m.SELL, 15_000, 0, m.DAY, m.STOP, stop_px=9_996)
    day.order(m.CHARLIE, m.BTC_USDT, m.SELL, 12_000, 9_995, m.IOC)
    own = day.order(m.CHARLIE, m.BTC_USDT, m.SELL, 30_000, 10_020, max_floor=5_000)
    day.order(m.CHARLIE, m.BTC_USDT, m.BUY, 10_000, 10_020, stp=SelfTrade.DECREMENT)
    day.order(m.BRAVO, m.BTC_USDT, m.BUY, 10_000, 10_020)
    day.send(m.CHARLIE_OE, c.ReplaceOrder("g4", 1, order_id=own))
    day.order(m.ALPHA, m.BTC_USDT, m.SELL, 10_000, 10_050, m.DAY)
    day.now_ns += DAY_NS
    day.send(0, c.AdvanceTime())


def _pegs_and_auction(day: Day) -> None:
    day.order(m.ALPHA, m.ETH_USDT, m.BUY, 10_000, 9_990)
    day.order(m.BRAVO, m.ETH_USDT, m.SELL, 10_000, 10_010)
    day.order(m.CHARLIE, m.ETH_USDT, m.BUY, 10_000, 10_005, m.GTC, m.PEGGED, peg=Peg.MID)
    day.send(0, c.SetSymbolStatus(m.ETH_USDT, SymbolStatus.PRE_OPEN))
    day.order(m.ALPHA, m.ETH_USDT, m.BUY, 15_000, 10_012)
    day.send(0, c.SetSymbolStatus(m.ETH_USDT, SymbolStatus.OPEN))
    day.order(m.CHARLIE, m.ETH_USDT, m.SELL, 10_000, 9_000, exec_inst=ExecInst.POST_ONLY | ExecInst.SLIDE)
    day.send(m.ALPHA_OE, c.MassCancel("q1", symbol_id=m.ETH_USDT, kill=True))
    day.send(m.ALPHA_OE, c.MassCancel("q2", firm_id=1))
    day.send(0, c.SetKillSwitch(m.ALPHA_OE, False))


def _loans(day: Day) -> None:
    day.order(m.ALPHA, m.BTC_USDT, m.SELL, 80_000, 10_000)
    day.order(m.ALPHA_M, m.BTC_USDT, m.BUY, 90_000, 10_000)
    day.send(0, c.Transfer(m.ALPHA, m.ALPHA_M, m.USDT, 60 * 10**8))


def _perpetuals(day: Day) -> None:
    day.send(m.CHARLIE_OE, c.SetLeverage(m.CHARLIE_F, m.BTC_PERP, 20, MarginMode.CROSS))
    day.order(m.BRAVO_F, m.BTC_PERP, m.SELL, 10_000, 10_000)
    day.order(m.CHARLIE_F, m.BTC_PERP, m.BUY, 4_000, 10_000)
    day.order(m.CHARLIE_F, m.BTC_PERP, m.BUY, 6_000, 10_000)
    day.order(m.ALPHA_F, m.BTC_PERP, m.BUY, 1_000, 9_990)
    day.order(m.BRAVO_F, m.BTC_PERP, m.SELL, 1_000, 9_990, m.IOC)
    day.order(m.ALPHA_F2, m.BTC_PERP, m.BUY, 3_000, 9_990)
    day.order(m.ALPHA_F, m.BTC_PERP, m.SELL, 2_000, 9_990)
    for mark in (9_200, 8_400):
        day.now_ns += 61 * SECOND_NS
        day.send(0, c.SetMark(m.BTC_PERP, mark))
    day.order(m.BRAVO_F, m.BTC_PERP, m.BUY, 10_000, 8_400)
    reduce = day.order(m.CHARLIE_F, m.BTC_PERP, m.SELL, 12_000, 8_400, m.IOC, exec_inst=ExecInst.REDUCE_ONLY)
    assert reduce
    debt = next(p.debt for p in _positions(day) if p.account_id == m.CHARLIE_F)
    day.send(0, c.CoverDebt(m.LENDER, m.CHARLIE_F, m.BTC_PERP, debt - 1))
    day.send(m.BRAVO_OE, c.SetLeverage(m.BRAVO_F, m.ETH_PERP, 5, MarginMode.ISOLATED))
    day.order(m.ALPHA_F, m.ETH_PERP, m.SELL, 100, 10_000)
    day.order(m.BRAVO_F, m.ETH_PERP, m.BUY, 100, 10_000)
    day.send(m.BRAVO_OE, c.AdjustMargin(m.BRAVO_F, m.ETH_PERP, 10**9))
    day.send(0, c.SetMark(m.BTC_PERP, 9_600))
    day.send(0, c.TriggerBreaker(m.BTC_USDT, BreakerReason.OPERATIONS))
    day.now_ns += 301 * SECOND_NS


def _positions(day: Day) -> list[e.PositionChanged]:
    """The last position events, the latest first."""
    events = [event for record in reversed(day.records) for event in reversed(record.events)]
    return [event for event in events if isinstance(event, e.PositionChanged)]


def _operations(day: Day) -> None:
    day.send(0, c.SetAccountStatus(m.CHARLIE, AccountStatus.SUSPENDED))
    day.send(0, c.SetMarginState(m.CHARLIE_F, MarginState.LIQUIDATED))
    day.send(0, c.SetAccountLimits(m.BRAVO_F, 2, 50, 10**14))
    day.send(0, c.SetVenueStatus(VenueStatus.HALT))
    day.send(0, c.Deposit(m.ALPHA, 99, 1, "nothing"))
    listing = msgspec.structs.replace(m.BTC_ETH_LISTING, max_qty=10**8)
    day.send(0, c.ChangeInstrument(listing))
    day.send(m.ALPHA_OE, c.RequestOrderStatus("n1"))
    day.order(m.BRAVO, m.BTC_ETH, m.BUY, 10, 10_000)
    day.send(0, c.SetVenueStatus(VenueStatus.OPEN))
    day.order(m.BRAVO, m.BTC_ETH, m.BUY, 10, 10_000)
    day.send(0, c.DelistInstrument(m.BTC_ETH))
    day.send(0, c.SetParameter(Parameter.BREAKER_NS, 0, 60 * SECOND_NS, 0))
    day.send(0, c.SetParameter(Parameter.BREAKER_NS, 0, 90 * SECOND_NS, day.now_ns + 10 * SECOND_NS))
    day.now_ns += 11 * SECOND_NS
    day.send(0, c.AdvanceTime())
