"""The world the coalition plays in: its accounts, a rich house, a lender, two perpetuals, one spot market.

Members pay and are paid in USDT; a BTC or an ETH begins at 10,000 ticks of 0.01 USDT.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountKind, MarginMode, Matching, SessionKind, Side, SymbolStatus
from engine.api.instrument import Instrument
from engine.api.messages.declare import EVENTS
from engine.api.wire import HEADER, HEADER_BYTES, encode_command, encode_frame
from engine.host.core import Core
from tests.economics.auditor import Auditor
from tests.economics.tape import Tape
from tests.model import market as m

USDT, BTC = m.USDT, m.BTC
SPOT, PERP, PERP_2 = m.BTC_USDT, m.BTC_PERP, m.ETH_PERP
SYMBOLS, PERPS = (SPOT, PERP, PERP_2), (PERP, PERP_2)
OPENING_MARK = 10_000

FEES, LENDER, PERP_PNL, PERP_2_PNL = m.FEES, m.LENDER, m.BTC_PNL, m.ETH_PNL
HOUSE_FUTURES, HOUSE_SPOT = 901, 902
"""The house takes the other side of every liquidation, at the mark. Nothing it does can make it poor."""
OUTSIDER_FUTURES, OUTSIDER_SPOT, OUTSIDER_MARGIN = 401, 402, 403
"""A member who has nothing to do with the others."""
OUTSIDER_SESSION = 41
FUTURES, MARGIN, CASH = (111, 112, 113, 114), (121, 122), (101, 102)
COALITION = FUTURES + MARGIN + CASH
"""Two firms that share one purse: what one account loses to another is not lost."""
SESSION_OF = {
    **dict.fromkeys((111, 114, 121, 101), 11),
    **dict.fromkeys((112, 113, 122, 102), 21),
    **dict.fromkeys((HOUSE_FUTURES, HOUSE_SPOT), 31),
    **dict.fromkeys((OUTSIDER_FUTURES, OUTSIDER_SPOT, OUTSIDER_MARGIN), OUTSIDER_SESSION),
}
FIRM_OF_SESSION = {11: 1, 21: 2, 31: 3, OUTSIDER_SESSION: 4}
FIRMS = {1: "ALPHA", 2: "BRAVO", 3: "HOUSE", 4: "OUTSIDER"}
SECOND_NS = 10**9
UNIT = 10**8

LISTINGS: dict[int, Instrument] = {
    SPOT: m.BTC_LISTING,
    PERP: m.BTC_PERP_LISTING,
    PERP_2: msgspec.structs.replace(m.ETH_PERP_LISTING, matching=Matching.PRICE_TIME, band_ppm=100_000),
}
PURSES = {
    111: 10_000,
    112: 10_000,
    113: 1_000,
    114: 3_000,
    121: 1_000,
    122: 1_000,
    101: 10_000,
    102: 10_000,
    **dict.fromkeys((OUTSIDER_FUTURES, OUTSIDER_SPOT, OUTSIDER_MARGIN), 50_000),
}

OPENING: tuple[c.Command, ...] = (
    c.RegisterAsset(USDT, "USDT", 8),
    c.RegisterAsset(BTC, "BTC", 8),
    c.RegisterAsset(m.ETH, "ETH", 18),
    *(c.RegisterFirm(firm, name) for firm, name in FIRMS.items()),
    *(c.OpenAccount(n, 0, AccountKind.SYSTEM, f"SYSTEM-{n}") for n in (FEES, LENDER)),
    *(c.OpenAccount(n, 0, AccountKind.CLEARING_PNL, f"PNL-{n}") for n in (PERP_PNL, PERP_2_PNL)),
    *(c.RegisterSession(n, firm, SessionKind.ORDER_ENTRY, f"FIRM-{firm}") for n, firm in FIRM_OF_SESSION.items()),
    *(
        c.OpenAccount(n, FIRM_OF_SESSION[SESSION_OF[n]], kind, f"A{n}")
        for kind, accounts in (
            (AccountKind.FUTURES, (*FUTURES, HOUSE_FUTURES, OUTSIDER_FUTURES)),
            (AccountKind.MARGIN, (*MARGIN, OUTSIDER_MARGIN)),
            (AccountKind.SPOT, (*CASH, HOUSE_SPOT, OUTSIDER_SPOT)),
        )
        for n in accounts
    ),
    *(c.ListInstrument(listing) for listing in LISTINGS.values()),
    *(c.SetMark(symbol, OPENING_MARK) for symbol in SYMBOLS),
    *(c.Deposit(n, USDT, units * UNIT, f"purse:{n}") for n, units in PURSES.items()),
    *(c.Deposit(n, BTC, 100 * UNIT, f"purse:{n}:btc") for n in CASH),
    *(c.Deposit(n, USDT, 10**9 * UNIT, f"deep:{n}") for n in (HOUSE_FUTURES, HOUSE_SPOT, LENDER)),
    *(c.Deposit(n, BTC, 10**5 * UNIT, f"deep:{n}:btc") for n in (HOUSE_SPOT, LENDER)),
    c.SetCollateral(USDT, 1_000_000, LENDER),
    c.SetCollateral(BTC, 950_000, LENDER),
    *(c.SetAccountLimits(n, 4, 0, 0) for n in (*FUTURES, HOUSE_FUTURES)),
    *(c.SetLeverage(HOUSE_FUTURES, symbol, 1, MarginMode.CROSS) for symbol in PERPS),
)


class World:
    """A core, and everybody who watches its events."""

    def __init__(self, core: Core, auditor: Auditor, tape: Tape) -> None:
        self.core, self.auditor, self.tape = core, auditor, tape
        self.now_ns = m.NOW_NS
        self.said: list[tuple[int, c.Command, tuple[e.Event, ...]]] = []
        self.waits: list[int] = []  # nanoseconds before each AdvanceTime that was said
        self._entered = 0

    def send(self, source: int, command: c.Command) -> tuple[e.Event, ...]:
        """Send one command; the watchers hear its events and say what is wrong with them."""
        applied = self.core.apply(self.now_ns, encode_frame(source, 1, encode_command(command)), 0)
        seq, ts_ns, events = read_events(applied.records)
        self.now_ns = ts_ns
        self.said.append((source, command, events))
        self.auditor.hear(command, events)
        self.tape.hear(source, command, events, seq, ts_ns, self.auditor.marks)
        return events

    def operate(self, command: c.Command) -> tuple[e.Event, ...]:
        """Send a command of operations, who also pass on what members ask them for."""
        return self.send(c.OPERATIONS, command)

    def enter(self, account: int, symbol: int, side: Side, qty: int, price: int, **terms: Any) -> tuple[e.Event, ...]:
        """Enter a limit order, or another kind, good till canceled unless the terms say otherwise."""
        kind, tif = terms.pop("kind", m.LIMIT), terms.pop("tif", m.GTC)
        source = terms.pop("source", SESSION_OF[account])
        return self.send(source, c.NewOrder(account, symbol, side, kind, tif, qty, price, self.name(), **terms))

    def name(self) -> str:
        """Make a ClOrdID nobody has had."""
        self._entered += 1
        return f"o{self._entered}"

    def wait(self, ns: int) -> None:
        """Let time pass, and what is due happen."""
        self.now_ns += ns
        self.waits.append(ns)
        self.operate(c.AdvanceTime())

    def is_trading(self) -> bool:
        """Tell whether all markets trade: then the house can do its duty."""
        return all(self.tape.statuses.get(s, SymbolStatus.OPEN) is SymbolStatus.OPEN for s in SYMBOLS) and not any(
            self.tape.breakers.get(s) for s in SYMBOLS
        )


def read_events(record: bytes) -> tuple[int, int, tuple[e.Event, ...]]:
    """Read a record's number, time and events; the core has checked its own checksum."""
    _, _, seq, ts_ns, _, _, _, command_length, _, count = HEADER.unpack_from(record, 0)
    at, end, events = HEADER_BYTES + command_length, len(record), []
    for _ in range(count):
        events.append(EVENTS[record[at + 2]].decode(record, at, end))
        at += record[at] | record[at + 1] << 8
    return seq, ts_ns, tuple(events)


@cache
def _opened() -> tuple[bytes, Auditor]:
    world = World(Core(), Auditor(LISTINGS), Tape(LISTINGS))
    for command in OPENING:
        events = world.operate(command)
        assert not any(isinstance(event, e.CommandRefused) for event in events), (command, events)
    return world.core.snapshot(), world.auditor


def new_world() -> World:
    """Open the world: everybody is funded, nobody has traded."""
    snapshot, auditor = _opened()
    return World(Core.restore(snapshot), auditor.copy(), Tape(LISTINGS))
