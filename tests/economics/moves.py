"""What a coalition can do, as moves that mean something whatever came before: so any list of moves is a strategy.

A move is a kind and four numbers; its kind says what they choose. Half of the moves are plain commands with free terms,
the others are what traders do on purpose: trade with an accomplice, close a position with him, take the money and go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, ExecInst, MarginMode, MarginState, Peg, SelfTrade, SymbolStatus, Trigger
from tests.economics.liquidator import MOVE_PPM, Liquidator
from tests.economics.tape import Ticket
from tests.economics.world import (
    CASH,
    COALITION,
    FUTURES,
    MARGIN,
    PERPS,
    SECOND_NS,
    SESSION_OF,
    SPOT,
    SYMBOLS,
    USDT,
    World,
)
from tests.model import market as m

RANGE = 1_000
"""A move's numbers are below this."""
OFFSETS = (0, 0, 0, 1, -1, 2, -2, 10, -10, 100, -100, 400, -400, 500, -500, 900, -900, 999, -999, 1_000, -1_000, 1_001)
LEVERAGES = (1, 2, 5, 10, 20, 20, 50, 100, 125, 125)
PARTS = (1, 2, 3, 10)
LOTS = (1, 100, 10_000, 20_000, 50_000, 100_000)
INSTRUCTIONS = (
    ExecInst.NONE, ExecInst.NONE, ExecInst.REDUCE_ONLY, ExecInst.REDUCE_ONLY,
    ExecInst.POST_ONLY, ExecInst.POST_ONLY | ExecInst.SLIDE,
)  # fmt: skip
TIMES_IN_FORCE = (m.GTC, m.GTC, m.GTC, m.IOC, m.FOK, m.GTD)
STATES = (MarginState.LIQUIDATION_WARNING, MarginState.MARGIN_CALL, MarginState.IN_LIQUIDATION)


class Move(NamedTuple):
    """One move of a strategy."""

    kind: str
    a: int
    b: int
    c: int
    d: int


class Players:
    """The coalition at play; marks move in steps so small that the liquidator can keep up."""

    def __init__(self, world: World, marks_move: bool) -> None:
        self.world, self.marks_move = world, marks_move
        self.liquidator = Liquidator(world)
        self.leverages: dict[tuple[int, int], int] = {}

    def play(self, move: Move) -> None:
        """Make one move."""
        MOVES[move.kind](self, move.a, move.b, move.c, move.d)

    # --- what the numbers choose ------------------------------------------------------------------------

    def mark(self, symbol: int) -> int:
        return self.world.auditor.marks[symbol]

    def traders(self, symbol: int) -> tuple[int, ...]:
        return MARGIN + CASH if symbol == SPOT else FUTURES

    def pair(self, symbol: int, n: int) -> tuple[int, int]:
        """Choose two different accounts that trade a symbol."""
        traders = self.traders(symbol)
        first = n % len(traders)
        return traders[first], traders[(first + 1 + n // len(traders) % (len(traders) - 1)) % len(traders)]

    def price(self, symbol: int, n: int) -> int:
        return self.mark(symbol) + OFFSETS[n % len(OFFSETS)]

    def held(self, account: int, symbol: int) -> int:
        return self.world.auditor.held(account, symbol).size

    def qty(self, account: int, symbol: int, n: int) -> int:
        """Choose a quantity: a round one, or a part of what the account could pay for, or of its position."""
        how, part = n % 4, PARTS[n // 4 % len(PARTS)]
        if how == 0:
            return LOTS[n // 4 % len(LOTS)] * (100 if symbol == SPOT else 1)
        if how == 1 and self.held(account, symbol):
            return max(1, abs(self.held(account, symbol)) // part)
        available = max(0, self.world.auditor.equity(account))
        leverage = 9 if account in MARGIN else 1 if account in CASH else self.leverages.get((account, symbol), 10)
        value = self.mark(symbol) * self.world.auditor.worth[symbol]
        percent = (90, 95, 99)[n // 16 % 3]
        return max(1, min(1_000_000, available * leverage * percent // (100 * part) // value))

    def ticket(self, n: int) -> Ticket | None:
        """Choose an open order of the coalition."""
        tickets = [t for t in self.world.tape.copy_of_open() if t.order.account_id in COALITION]
        return tickets[n % len(tickets)] if tickets else None

    # --- on purpose -------------------------------------------------------------------------------------

    def trade(self, a: int, b: int, x: int, d: int) -> None:
        """Two of the coalition trade with each other; either may only mean to reduce."""
        symbol = SYMBOLS[a % len(SYMBOLS)]
        buyer, seller = self.pair(symbol, b)
        price = self.price(symbol, x)
        qty = self.qty(buyer if a // 3 % 2 else seller, symbol, d)
        makes, takes = ((seller, m.SELL), (buyer, m.BUY)) if a // 6 % 2 else ((buyer, m.BUY), (seller, m.SELL))
        self.world.enter(makes[0], symbol, makes[1], qty, price)
        self.world.enter(takes[0], symbol, takes[1], qty, price, tif=m.IOC)

    def close(self, a: int, b: int, x: int, d: int) -> None:
        """One closes a position, or a part of it, with another of the coalition or with the house at the mark."""
        symbol = PERPS[a % len(PERPS)]
        closer, other = self.pair(symbol, b)
        if not (size := self.held(closer, symbol)):
            return
        side, opposite = (m.SELL, m.BUY) if size > 0 else (m.BUY, m.SELL)
        qty = max(1, abs(size) // PARTS[d % len(PARTS)])
        if a // 2 % 3 == 0:
            self.liquidator.at_the_mark(closer, symbol, side, qty, exec_inst=ExecInst.REDUCE_ONLY)
            return
        kind, instruction = ((m.LIMIT, 2), (m.LIMIT, 0), (m.MARKET, 2))[a // 6 % 3]
        price = self.price(symbol, x)
        self.world.enter(other, symbol, opposite, qty, price)
        limit = 0 if kind is m.MARKET else price
        self.world.enter(closer, symbol, side, qty, limit, kind=kind, tif=m.IOC, exec_inst=ExecInst(instruction))

    def with_house(self, a: int, b: int, x: int, d: int) -> None:
        """One trades with the house, at the mark."""
        symbol = SYMBOLS[a % len(SYMBOLS)]
        account = self.traders(symbol)[b % len(self.traders(symbol))]
        self.liquidator.at_the_mark(account, symbol, (m.BUY, m.SELL)[x % 2], self.qty(account, symbol, d))

    def take_out(self, a: int, b: int, x: int, d: int) -> None:
        """One moves cash to another: all that is available, or a part."""
        giver, taker = COALITION[a % len(COALITION)], COALITION[b % len(COALITION)]
        if giver != taker:
            rows = {row[:2]: row[2] for row in self.world.core.balances()}
            amount = rows.get((giver, USDT), 0) // PARTS[x % len(PARTS)] - (d % 3 == 1)
            self.world.operate(c.Transfer(giver, taker, USDT, max(1, amount)))

    def set_leverage(self, a: int, b: int, x: int, d: int) -> None:
        account, symbol = FUTURES[a % len(FUTURES)], PERPS[b % len(PERPS)]
        mode = MarginMode.ISOLATED if d % 3 == 0 else MarginMode.CROSS
        leverage = LEVERAGES[x % len(LEVERAGES)]
        (event,) = self.world.send(SESSION_OF[account], c.SetLeverage(account, symbol, leverage, mode))[-1:]
        if isinstance(event, e.PositionChanged):
            self.leverages[account, symbol] = leverage

    def adjust_margin(self, a: int, b: int, x: int, d: int) -> None:
        """Put cash behind an isolated position, or take it out."""
        account, symbol = FUTURES[a % len(FUTURES)], PERPS[b % len(PERPS)]
        worth = max(1, self.world.auditor.equity(account)) // PARTS[x % len(PARTS)]
        if d % 2:
            worth = -max(1, self.world.auditor.held(account, symbol).margin) // PARTS[x % len(PARTS)]
        self.world.send(SESSION_OF[account], c.AdjustMargin(account, symbol, worth or 1))

    # --- free terms -------------------------------------------------------------------------------------

    def order(self, a: int, b: int, x: int, d: int) -> None:
        """A limit order of whatever kind; of a price that may be far off."""
        symbol = SYMBOLS[a % len(SYMBOLS)]
        account = self.traders(symbol)[b % len(self.traders(symbol))]
        qty, tif = self.qty(account, symbol, d), TIMES_IN_FORCE[a // 3 % len(TIMES_IN_FORCE)]
        instruction = INSTRUCTIONS[b // 4 % len(INSTRUCTIONS)] if tif is m.GTC else ExecInst.NONE
        floor = max(1, qty // 5) if tif is m.GTC and not instruction and x // 22 % 4 == 0 else 0
        side = m.BUY if x // 100 % 2 else m.SELL
        stp = (SelfTrade.DEFAULT, SelfTrade.RESTING, SelfTrade.DECREMENT, SelfTrade.BOTH)[d // 250 % 4]
        terms = {"tif": tif, "exec_inst": instruction, "max_floor": floor, "stp": stp}
        if tif is m.GTD:
            terms["expire_time_ns"] = self.world.now_ns + 5 * SECOND_NS
        self.world.enter(account, symbol, side, qty, self.price(symbol, x), **terms)

    def market_order(self, a: int, b: int, x: int, d: int) -> None:
        symbol = SYMBOLS[a % len(SYMBOLS)]
        account = self.traders(symbol)[b % len(self.traders(symbol))]
        reduce = ExecInst.REDUCE_ONLY if x // 2 % 2 and symbol in PERPS else ExecInst.NONE
        side, qty = (m.BUY, m.SELL)[x % 2], self.qty(account, symbol, d)
        self.world.enter(account, symbol, side, qty, 0, kind=m.MARKET, tif=m.IOC, exec_inst=reduce)

    def stop(self, a: int, b: int, x: int, d: int) -> None:
        """A stop or a stop-limit, by the last price or by the mark."""
        symbol = SYMBOLS[a % len(SYMBOLS)]
        account = self.traders(symbol)[b % len(self.traders(symbol))]
        kind = m.STOP_LIMIT if a // 3 % 2 else m.STOP
        stop_px = self.price(symbol, x)
        waits = a // 6 % 8 > 0
        side = m.BUY if (stop_px > self.mark(symbol)) == waits else m.SELL
        terms = {
            "stop_px": stop_px,
            "trigger": Trigger.MARK if b // 4 % 2 else Trigger.LAST,
            "exec_inst": ExecInst.REDUCE_ONLY if b // 8 % 2 and symbol in PERPS else ExecInst.NONE,
        }
        price = self.price(symbol, x // 22) if kind is m.STOP_LIMIT else 0
        self.world.enter(account, symbol, side, self.qty(account, symbol, d), price, kind=kind, **terms)

    def pegged(self, a: int, b: int, x: int, d: int) -> None:
        symbol = SYMBOLS[a % len(SYMBOLS)]
        account = self.traders(symbol)[b % len(self.traders(symbol))]
        peg = (Peg.PRIMARY, Peg.MARKET, Peg.MID)[a // 3 % 3]
        offset = (0, 0, 5, -5, 800, -800)[b // 4 % 6]
        side = m.BUY if a // 9 % 2 else m.SELL
        self.world.enter(
            account,
            symbol,
            side,
            self.qty(account, symbol, d),
            self.price(symbol, x),
            kind=m.PEGGED,
            peg=peg,
            peg_offset=offset,
        )

    def replace(self, a: int, b: int, x: int, d: int) -> None:
        """Change an open order's price, or quantity, or both."""
        if ticket := self.ticket(a):
            symbol = ticket.order.symbol_id
            price = self.price(symbol, x) if b % 3 and ticket.order.ord_type is not m.STOP else 0
            qty = ticket.order_qty if b % 2 else self.qty(ticket.order.account_id, symbol, d)
            self.world.send(ticket.source, c.ReplaceOrder(self.world.name(), qty, price, order_id=ticket.order_id))

    def cancel(self, a: int, b: int, x: int, d: int) -> None:
        if ticket := self.ticket(a):
            self.world.send(ticket.source, c.CancelOrder(self.world.name(), order_id=ticket.order_id))

    def mass_cancel(self, a: int, b: int, x: int, d: int) -> None:
        account = COALITION[a % len(COALITION)]
        self.world.send(SESSION_OF[account], c.MassCancel(self.world.name(), account_id=account if b % 2 else 0))

    def kill(self, a: int, b: int, x: int, d: int) -> None:
        """A session enters nothing more, or comes back."""
        session = (11, 21)[a % 2]
        self.world.send(session, c.SetKillSwitch(session, b % 3 == 0))

    # --- what others do meanwhile -----------------------------------------------------------------------

    def call(self, a: int, b: int, x: int, d: int) -> None:
        """A market is called, or opens again."""
        symbol = SYMBOLS[a % len(SYMBOLS)]
        status = (SymbolStatus.PRE_OPEN, SymbolStatus.OPEN)[b % 2]
        self.world.operate(c.SetSymbolStatus(symbol, status))

    def restrict(self, a: int, b: int, x: int, d: int) -> None:
        """Operations suspend an account or call its margin, or let it go on."""
        account = COALITION[a % len(COALITION)]
        if b % 2:
            self.liquidator.set_free(account)
        elif x % 2:
            self.world.operate(c.SetMarginState(account, STATES[d % len(STATES)]))
        else:
            self.world.operate(c.SetAccountStatus(account, AccountStatus.SUSPENDED))

    def wait(self, a: int, b: int, x: int, d: int) -> None:
        self.world.wait((1, 10 * SECOND_NS, 70 * SECOND_NS, 400 * SECOND_NS)[a % 4])

    def drift(self, a: int, b: int, x: int, d: int) -> None:
        """Marks move, one way, in steps; before and after each the liquidator takes its turn."""
        if not self.marks_move:
            return
        self.liquidator.take_turn()
        symbols = (PERPS, (PERPS[0],), (PERPS[1],), (SPOT,))[a % 4]
        sign, steps = (1, -1)[b % 2], (1, 3, 10, 30, 60)[x % 5]
        for _ in range(steps):
            if not self.world.is_trading():
                return
            for symbol in symbols:
                mark = self.mark(symbol)
                if 5_000 < mark + sign * mark * MOVE_PPM // 10**6 < 20_000:
                    self.world.operate(c.SetMark(symbol, mark + sign * mark * MOVE_PPM // 10**6))
            self.world.now_ns += 10 * SECOND_NS
            self.liquidator.take_turn()


MOVES: dict[str, Callable[[Players, int, int, int, int], None]] = {
    "trade": Players.trade,
    "close": Players.close,
    "with house": Players.with_house,
    "take out": Players.take_out,
    "leverage": Players.set_leverage,
    "margin": Players.adjust_margin,
    "order": Players.order,
    "market": Players.market_order,
    "stop": Players.stop,
    "peg": Players.pegged,
    "replace": Players.replace,
    "cancel": Players.cancel,
    "mass cancel": Players.mass_cancel,
    "kill": Players.kill,
    "call": Players.call,
    "restrict": Players.restrict,
    "wait": Players.wait,
    "drift": Players.drift,
}
WEIGHTS = {
    "trade": 10, "close": 8, "with house": 6, "take out": 4, "leverage": 6, "margin": 4, "order": 8, "market": 3,
    "stop": 3, "peg": 2, "replace": 4, "cancel": 1, "mass cancel": 1, "kill": 1, "call": 1, "restrict": 1, "wait": 1,
    "drift": 6,
}  # fmt: skip


def random_move(rng: Random, palette: Sequence[int] = range(RANGE)) -> Move:
    """Make any move, of numbers of a palette: with a small one, the same few accounts and markets meet again."""
    (kind,) = rng.choices([*WEIGHTS], [*WEIGHTS.values()])
    return Move(kind, *(rng.choice(palette) for _ in range(4)))
