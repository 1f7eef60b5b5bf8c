"""Worst single commands: how long one record takes, and how large it is, when there is as much to do as may be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

import msgspec

from engine.api import commands as c
from engine.api.enums import (
    AccountKind,
    BreakerReason,
    InstrumentKind,
    Matching,
    OrdType,
    Peg,
    SessionKind,
    Side,
    SymbolStatus,
    TimeInForce,
    Trigger,
    VenueStatus,
)
from engine.api.instrument import Instrument
from engine.api.limits import PEGS_PER_ACCOUNT_MAX, RECORD_BYTES_MAX
from engine.api.units import Step
from engine.api.wire import encode_command, encode_frame
from engine.host.core import Core

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK, DAY = (
    TimeInForce.GOOD_TILL_CANCEL,
    TimeInForce.IMMEDIATE_OR_CANCEL,
    TimeInForce.FILL_OR_KILL,
    TimeInForce.DAY,
)
NOW_NS = 1_750_000_000_000_000_000
DAY_NS = 86_400 * 10**9
FEES, LENDER = 1, 2
USDT, ETH = 1, 2
FIRST = 1_000
PER_SYMBOL, PER_ACCOUNT = 1_000, 10_000
PRICE = 10_000
TIME_MAX_NS = 2_000_000

LISTING = Instrument(
    symbol_id=1,
    symbol="S1",
    kind=InstrumentKind.SPOT,
    base_asset_id=ETH,
    quote_asset_id=USDT,
    tick=Step(1, 2),
    lot=Step(1, 4),
    min_qty=1,
    max_qty=10**6,
    min_notional=0,
    max_notional=10**15,
    maker_ppm=100,
    taker_ppm=300,
    band_ppm=1_000_000,
    fee_account_id=FEES,
)


class Sample(NamedTuple):
    """What one record took: nanoseconds of the processor and by the clock, and its bytes."""

    cpu_ns: int
    wall_ns: int
    length: int


class Stage:
    """A core, and what is said to it; operations enter everybody's orders."""

    def __init__(self, symbols: int = 1, accounts: int = 1, firms: int = 1, **listing: Any) -> None:
        self.core, self.now_ns, self.count = Core(), NOW_NS, 0
        self.tell(c.RegisterAsset(USDT, "USDT", 8), c.RegisterAsset(ETH, "ETH", 18))
        self.tell(*(c.RegisterFirm(1 + n, f"F{n}") for n in range(firms)))
        self.tell(c.OpenAccount(FEES, 0, AccountKind.SYSTEM, "FEES"), c.OpenAccount(LENDER, 0, AccountKind.SYSTEM, "L"))
        self.tell(c.RegisterSession(11, 1, SessionKind.ORDER_ENTRY, "OE"))
        self.tell(*(self.listed(1 + n, **listing) for n in range(symbols)))
        for n in range(accounts):
            self.tell(c.OpenAccount(FIRST + n, 1 + n % firms, AccountKind.SPOT, f"A{n}"))
            self.tell(*(c.Deposit(FIRST + n, asset, 10**20, f"{n}-{asset}") for asset in (USDT, ETH)))

    def listed(self, symbol_id: int, **changes: Any) -> c.ListInstrument:
        """List a symbol like all others, but for some changes."""
        named = msgspec.structs.replace(LISTING, symbol_id=symbol_id, symbol=f"S{symbol_id}")
        return c.ListInstrument(msgspec.structs.replace(named, **changes))

    def tell(self, *commands: c.Command) -> None:
        """Say all of it, in one batch after the other."""
        frames = memoryview(b"".join(encode_frame(0, 1, encode_command(command)) for command in commands))
        while frames:
            frames = frames[self.core.apply(self.now_ns, frames).consumed :]

    def order(self, account: int, side: Side, qty: int, price: int, symbol: int = 1, **terms: Any) -> c.NewOrder:
        """Make a limit order, unless the terms say otherwise."""
        self.count += 1
        kind, tif = terms.pop("kind", OrdType.LIMIT), terms.pop("tif", GTC)
        return c.NewOrder(FIRST + account, symbol, side, kind, tif, qty, price, f"n{self.count}", **terms)

    def crowd(self, total: int, side: Side, spread: int = 1, first: int = 0, **terms: Any) -> None:
        """Let accounts enter as many orders in one symbol as they may, one after the other."""
        price = terms.pop("price", PRICE)
        self.tell(*(self.order(first + n // PER_SYMBOL, side, 1, price + n % spread, **terms) for n in range(total)))

    def timed(self, command: c.Command) -> Sample:
        """Execute one command. Returns: what it took."""
        frame = encode_frame(0, 1, encode_command(command))
        began, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
        applied = self.core.apply(self.now_ns, frame)
        cpu_ns, wall_ns = time.thread_time_ns() - began_cpu, time.perf_counter_ns() - began
        return Sample(cpu_ns, wall_ns, len(applied.records))

    def whole(self, command: c.Command) -> Iterator[Sample]:
        """Execute a command, and what it leaves to do."""
        yield self.timed(command)
        while self.core.next_due_ns and self.core.next_due_ns <= self.now_ns:
            yield self.timed(c.AdvanceTime())


Row = Iterator[Sample]


def auction() -> Row:
    """Uncross 101,000 orders, 1,000 of them self-trading bids at prices of their own."""
    stage = Stage(accounts=103)
    stage.tell(c.SetSymbolStatus(1, SymbolStatus.PRE_OPEN), stage.order(101, SELL, 1, PRICE))
    stage.crowd(100_000, BUY, spread=1_000)
    stage.crowd(1_000, BUY, spread=1_000, first=101, price=20_000, stp_group=7)
    stage.tell(stage.order(102, SELL, 50_000, PRICE, stp_group=7))
    yield from stage.whole(c.SetSymbolStatus(1, SymbolStatus.OPEN))


def venue_reopens() -> Row:
    """Open a venue of 64 symbols with 2,000 pegs each, all of which get a price."""
    stage = Stage(symbols=64, accounts=40, firms=10)
    stage.tell(*(c.SetSymbolStatus(1 + n, SymbolStatus.PRE_OPEN) for n in range(64)))
    for symbol in range(1, 65):
        pegs = ((n // PEGS_PER_ACCOUNT_MAX, -(n % PEGS_PER_ACCOUNT_MAX)) for n in range(2_000))
        terms: dict[str, Any] = {"symbol": symbol, "kind": OrdType.PEGGED, "peg": Peg.PRIMARY}
        stage.tell(*(stage.order(k, BUY, 1, 2 * PRICE, peg_offset=offset, **terms) for k, offset in pegs))
        stage.tell(stage.order(0, BUY, 1, PRICE, symbol))
    stage.tell(c.SetVenueStatus(VenueStatus.HALT))
    stage.tell(*(c.SetSymbolStatus(1 + n, SymbolStatus.OPEN) for n in range(64)))
    yield from stage.whole(c.SetVenueStatus(VenueStatus.OPEN))


def midnight() -> Row:
    """Expire 200,000 DAY orders of 20 accounts in ten symbols."""
    stage = Stage(symbols=10, accounts=20)
    for symbol in range(1, 11):
        stage.crowd(20_000, SELL, spread=100, symbol=symbol, tif=DAY)
    stage.now_ns = (NOW_NS // DAY_NS + 1) * DAY_NS
    yield from stage.whole(stage.order(0, BUY, 1, 2 * PRICE, tif=IOC))


def mass_cancel(accounts: int) -> Row:
    """Cancel all orders of accounts that have 10,000 each in ten symbols."""
    stage = Stage(symbols=10, accounts=accounts)
    for account in range(accounts):
        for symbol in range(1, 11):
            stage.crowd(PER_SYMBOL, SELL, spread=100, first=account, symbol=symbol)
    yield from stage.whole(c.MassCancel("all"))


def icebergs() -> Row:
    """Take 100 icebergs of 1,000 tranches with one order."""
    stage = Stage(accounts=2)
    stage.tell(*(stage.order(0, SELL, 1_000, PRICE, max_floor=1) for _ in range(100)))
    yield from stage.whole(stage.order(1, BUY, 100_000, PRICE, tif=IOC))


def fill_or_kill() -> Row:
    """Ask for one lot more than 100,000 orders have."""
    stage = Stage(accounts=102)
    stage.crowd(100_000, SELL, spread=10)
    for _ in range(200):
        yield stage.timed(stage.order(101, BUY, 100_001, PRICE + 10, tif=FOK))


def margin_order() -> Row:
    """Refuse a loan to an account that has 1,000 assets, in a venue of 4,000 symbols."""
    stage = Stage(symbols=1, accounts=1)
    stage.tell(c.OpenAccount(500, 1, AccountKind.MARGIN, "M"), c.Deposit(LENDER, USDT, 10**24, "lend"))
    stage.tell(c.SetCollateral(USDT, 1_000_000, LENDER), c.Deposit(500, USDT, 10, "own"))
    for n in range(3, 1_003):
        stage.tell(c.RegisterAsset(n, f"X{n}", 8), c.Deposit(500, n, 10**8, f"x{n}"), c.SetCollateral(n, 1_000_000, 0))
    for n in range(2, 4_001):
        asset = 3 + n % 1_000
        stage.tell(stage.listed(n, base_asset_id=asset), *(() if n < 3_000 else (c.SetMark(n, 1),)))
    order = c.NewOrder(500, 1, BUY, OrdType.LIMIT, GTC, 10**6, 10**6, "m")
    for n in range(200):
        yield stage.timed(msgspec.structs.replace(order, cl_ord_id=f"m{n}"))


def halted_symbols() -> Row:
    """Let time pass in a venue of 4,090 symbols that were halted and have marks since."""
    stage = Stage(symbols=4_090)
    stage.tell(*(c.TriggerBreaker(1 + n, BreakerReason.OPERATIONS) for n in range(4_090)))
    stage.tell(*(c.SetMark(1 + n, PRICE) for n in range(4_090)))
    for _ in range(200):
        yield stage.timed(c.AdvanceTime())


def breakers_end() -> Row:
    """Release 4,090 breakers at once."""
    stage = Stage(symbols=4_090)
    stage.tell(*(c.TriggerBreaker(1 + n, BreakerReason.OPERATIONS) for n in range(4_090)))
    stage.now_ns += 400 * 10**9
    yield from stage.whole(c.AdvanceTime())


def venue_status() -> Row:
    """Halt and open a venue of 4,090 symbols without orders."""
    stage = Stage(symbols=4_090)
    for _ in range(50):
        yield from stage.whole(c.SetVenueStatus(VenueStatus.HALT))
        yield from stage.whole(c.SetVenueStatus(VenueStatus.OPEN))


def delisting() -> Row:
    """Delist a symbol with 100,000 orders."""
    stage = Stage(accounts=100)
    stage.crowd(100_000, SELL, spread=1_000)
    yield from stage.whole(c.DelistInstrument(1))


def stop_cascade() -> Row:
    """Elect 10,000 stops, each of which takes the order that the next one waits for."""
    stage = Stage(accounts=21)
    stage.crowd(10_000, SELL, spread=10_000)
    stops = (stage.order(10 + n // PER_SYMBOL, BUY, 1, 0, kind=OrdType.STOP, stop_px=PRICE + n) for n in range(10_000))
    stage.tell(*stops)
    yield from stage.whole(stage.order(20, BUY, 1, PRICE, tif=IOC))


def marked_stops() -> Row:
    """Elect 10,000 stops by one mark."""
    stage = Stage(accounts=21)
    stage.crowd(10_000, SELL, spread=10_000)
    terms: dict[str, Any] = {"kind": OrdType.STOP, "stop_px": 2 * PRICE, "trigger": Trigger.MARK}
    stage.tell(*(stage.order(10 + n // PER_SYMBOL, BUY, 1, 0, **terms) for n in range(10_000)))
    yield from stage.whole(c.SetMark(1, 2 * PRICE))


def pegs() -> Row:
    """Move the best price by a tick under 2,000 pegs at 50 levels."""
    stage = Stage(accounts=41, firms=10)
    stage.tell(stage.order(40, BUY, 1, PRICE))
    terms: dict[str, Any] = {"kind": OrdType.PEGGED, "peg": Peg.PRIMARY}
    offsets = ((n // PEGS_PER_ACCOUNT_MAX, -(n % PEGS_PER_ACCOUNT_MAX)) for n in range(2_000))
    stage.tell(*(stage.order(k, BUY, 1, 2 * PRICE, peg_offset=offset, **terms) for k, offset in offsets))
    for n in range(20):
        yield from stage.whole(stage.order(40, BUY, 1, PRICE + 1 + n))


def deep_queue() -> Row:
    """Replace and cancel orders amid a queue of 100,000."""
    stage = Stage(accounts=100)
    first = stage.core.seq + 1
    stage.crowd(100_000, SELL)
    for n in range(500):
        order_id = first + (n * 7_919 + 50_000) % 100_000
        yield stage.timed(c.ReplaceOrder(f"r{n}", 2, order_id=order_id))
        yield stage.timed(c.CancelOrder(f"c{n}", order_id=order_id))


def pro_rata() -> Row:
    """Take 5,000 lots at a price where 100,000 orders stand, shared out pro rata."""
    stage = Stage(accounts=102, matching=Matching.PRO_RATA)
    stage.crowd(100_000, SELL)
    yield from stage.whole(stage.order(101, BUY, 5_000, PRICE, tif=IOC))


ROWS: dict[str, Callable[[], Row]] = {
    "auction, 101,000 orders, 1,000 self-trading": auction,
    "venue reopens, 128,000 pegs": venue_reopens,
    "midnight, 200,000 DAY orders": midnight,
    "mass cancel, 10,000 orders": lambda: mass_cancel(1),
    "mass cancel, 100,000 orders": lambda: mass_cancel(10),
    "IOC against icebergs of 100,000 tranches": icebergs,
    "unfillable FOK over 100,000 orders": fill_or_kill,
    "refused margin order, 1,000 assets, 4,000 symbols": margin_order,
    "any command beside 4,090 halted symbols": halted_symbols,
    "4,090 breakers end": breakers_end,
    "venue status, 4,090 symbols": venue_status,
    "delisting, 100,000 orders": delisting,
    "stop cascade, 10,000 stops one by one": stop_cascade,
    "mark elects 10,000 stops": marked_stops,
    "2,000 pegs move by a tick": pegs,
    "replace and cancel deep in a queue of 100,000": deep_queue,
    "pro rata among 100,000 orders": pro_rata,
}


def run(rounds: int = 3) -> dict[str, Any]:
    """Measure every row; of several rounds each figure is the median.

    The clock also counts what the machine does besides; a row is judged by the processor's time.
    """
    figures = {}
    for name, row in ROWS.items():
        measured = [list(row()) for _ in range(rounds)]
        cpu = [[sample.cpu_ns for sample in samples] for samples in measured]
        figures[name] = {
            "records": len(cpu[0]),
            "median_us": round(median(map(median, cpu)) / 1_000, 1),
            "longest_us": round(median(map(max, cpu)) / 1_000, 1),
            "longest_by_the_clock_us": round(min(max(s.wall_ns for s in samples) for samples in measured) / 1_000, 1),
            "total_ms": round(median(map(sum, cpu)) / 1e6, 1),
            "bytes_max": max(sample.length for samples in measured for sample in samples),
        }
    return figures


def table(figures: dict[str, Any]) -> str:
    """Write the rows as a table, and say which break a bound."""
    heads = ("command", "records", "median µs", "longest µs", "by the clock", "total ms", "longest record, bytes")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, row in figures.items():
        breaks = row["longest_us"] * 1_000 > TIME_MAX_NS or row["bytes_max"] > RECORD_BYTES_MAX
        cells = (*list(row.values())[:-1], f"{row['bytes_max']:,}")
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |{' **breaks a bound**' if breaks else ''}")
    return "\n".join(lines)
