"""The workload of the exchange-core project's published benchmark, drawn from a seed.

Of a hundred commands 9 are limit orders that stay (GTC), 3 take at once (IOC), 6 cancel and 82 replace, nearly all
of them a price; about 6 trade. A book holds about 1,000 orders at about 750 prices (Source: README of
exchange-core, "Benchmark configuration"). Every order is followed in a plain book, so that nothing names an order
that is gone.

An order rests uniformly within :data:`DEPTH_PER_ORDER` times the book's size of the middle, and a replace moves it a
few ticks. A replace crosses the spread when its book has grown beyond its size: that keeps the size, and with the
IOC orders makes what trades.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from bench.plain_book import Order, PlainBook, Trade
from bench.sample_market import FIRST_ACCOUNT, MID_TICKS, SampleMarket
from engine.api import commands as c
from engine.api.enums import OrdType, Side, TimeInForce

GTC, IOC, CANCEL, REPLACE = range(4)
SHARES = (9, 3, 6, 82)
"""Percent of the commands, in the order of the kinds."""

DEPTH_PER_ORDER = (81, 100)
"""Ticks between the middle and the far end of either side, per order of the book: three of four orders, placed
uniformly on so many ticks, then have a price of their own."""

STEP_TICKS_MAX = 16
REDUCED_ONE_IN = 20
"""One replace of so many takes a quarter of what is left off its order, and keeps the price."""

QTY_MIN, QTY_MAX = 100, 10_000
IOC_QTY_MIN = 25
REDUCIBLE_QTY_MIN = 200
"""Lots; 21 lots at the lowest price are worth the instrument's smallest notional."""

SAMPLES = 100

Sent = tuple[int, c.Command]
"""A session, or 0 for operations, and what it sends."""


class Size(msgspec.Struct, frozen=True):
    """How large a workload is; ``resting`` orders for each symbol."""

    commands: int = 3_000_000
    symbols: int = 1
    accounts: int = 1_000
    resting: int = 1_000
    seed: int = 20_250_601


class Shape(msgspec.Struct, frozen=True):
    """What was drawn: commands by kind, what the plain book made of them, and its size on average.

    ``resting`` and ``levels`` are those of one book.
    """

    kinds: tuple[int, int, int, int]
    trading_commands: int
    trades: int
    traded_lots: int
    resting: int
    levels: int
    open_orders_at_end: int

    def check(self, size: Size) -> None:
        """Assert that the workload is what this module says."""
        for count, percent in zip(self.kinds, SHARES, strict=True):
            assert abs(count * 100 - size.commands * percent) <= 100 * 100, f"{self.kinds} are not {SHARES} percent"
        assert within(self.trading_commands, size.commands * 5, size.commands * 7), f"{self} trades too often or seldom"
        assert within(self.resting, size.resting * 95, size.resting * 105), f"{self} is not the book of {size}"
        assert within(self.levels, size.resting * 70, size.resting * 80), f"{self} has too many or few prices"


def within(value: int, low_percent: int, high_percent: int) -> bool:
    """Tell whether ``value`` lies between two bounds given in hundredths."""
    return low_percent <= value * 100 <= high_percent


class _Market:
    """One book, and its open orders in a list to pick from."""

    def __init__(self, symbol_id: int) -> None:
        self.symbol_id = symbol_id
        self.book = PlainBook()
        self.open: list[Order] = []
        self._places: dict[int, int] = {}

    def add(self, order: Order) -> None:
        self._places[order.order_id] = len(self.open)
        self.open.append(order)

    def drop(self, order_id: int) -> None:
        place, last = self._places.pop(order_id), self.open.pop()
        if last.order_id != order_id:
            self.open[place] = last
            self._places[last.order_id] = place


class Workload:
    """Draws the commands. :meth:`opening` comes first, :meth:`load` after it, each once."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.market = SampleMarket(size.accounts, 10, size.symbols)
        self.trades: list[Trade] = []
        """Those of the last command."""
        self._random = Random(size.seed)
        self._bits = self._random.getrandbits
        self._markets = [_Market(symbol_id) for symbol_id in range(1, size.symbols + 1)]
        self._depth = size.resting * DEPTH_PER_ORDER[0] // DEPTH_PER_ORDER[1]
        self._seq = 0
        self._kinds = [0, 0, 0, 0]
        self._trading = self._trades = self._lots = 0
        self._resting = self._levels = self._samples = 0

    def opening(self) -> Iterator[Sent]:
        """Register everybody and fill the books."""
        for command in self.market.opening():
            self._seq += 1
            yield c.OPERATIONS, command
        for n in range(self.size.resting):
            for market in self._markets:
                self._seq += 1
                yield self._enter(market, n % 2 == 0)

    def load(self) -> Iterator[Sent]:
        """Draw the commands themselves."""
        draw = {GTC: self._gtc, IOC: self._ioc, CANCEL: self._cancel, REPLACE: self._replace}
        deck = [kind for kind, percent in enumerate(SHARES) for _ in range(percent)]
        sample_every = max(1, self.size.commands // SAMPLES)
        for n in range(self.size.commands):
            if n % len(deck) == 0:
                self._random.shuffle(deck)
            kind = deck[n % len(deck)]
            self._seq += 1
            self._kinds[kind] += 1
            yield draw[kind](self._markets[self._below(self.size.symbols)])
            if self.trades:
                self._count_trades()
            if n % sample_every == 0:
                self._sample()

    def shape(self) -> Shape:
        """Describe what was drawn so far."""
        books = self._samples * self.size.symbols
        gtc, ioc, cancel, replace = self._kinds
        return Shape(
            kinds=(gtc, ioc, cancel, replace),
            trading_commands=self._trading,
            trades=self._trades,
            traded_lots=self._lots,
            resting=self._resting // books,
            levels=self._levels // books,
            open_orders_at_end=sum(len(market.open) for market in self._markets),
        )

    # --- kinds ------------------------------------------------------------------------------------------

    def _gtc(self, market: _Market) -> Sent:
        self.trades = []
        return self._enter(market, self._below(2) == 0)

    def _enter(self, market: _Market, is_buy: bool) -> Sent:
        """Enter an order that rests."""
        price = self._passive(market.book, is_buy, 1 + self._below(self._depth))
        qty = QTY_MIN + self._below(QTY_MAX - QTY_MIN)
        order = Order(self._seq, FIRST_ACCOUNT + self._below(self.size.accounts), is_buy, qty, qty, price)
        market.book.enter(order)
        market.add(order)
        return self._new(market, order, TimeInForce.GOOD_TILL_CANCEL)

    def _ioc(self, market: _Market) -> Sent:
        """Take a quarter of the order in front."""
        is_buy = self._below(2) == 0
        front = market.book.front(not is_buy)
        qty = max(IOC_QTY_MIN, front.leaves // 4)
        account_id = FIRST_ACCOUNT + self._below(self.size.accounts)
        order = Order(self._seq, account_id, is_buy, qty, qty, front.price)
        self._matched(market, market.book.enter(order, may_rest=False))
        return self._new(market, order, TimeInForce.IMMEDIATE_OR_CANCEL)

    def _new(self, market: _Market, order: Order, time_in_force: TimeInForce) -> Sent:
        side = Side.BUY if order.is_buy else Side.SELL
        terms = (market.symbol_id, side, OrdType.LIMIT, time_in_force, order.order_qty, order.price)
        return self.market.session(order.account_id), c.NewOrder(order.account_id, *terms, f"N{self._seq}")

    def _cancel(self, market: _Market) -> Sent:
        order = self._pick(market)
        market.book.cancel(order.order_id)
        market.drop(order.order_id)
        self.trades = []
        session, named = self._named(market, order)
        return session, c.CancelOrder(f"C{self._seq}", "", *named)

    def _replace(self, market: _Market) -> Sent:
        order = self._pick(market)
        qty, price = self._new_terms(market, order)
        self._matched(market, market.book.replace(order.order_id, qty, price))
        if order.order_id not in market.book.orders:
            market.drop(order.order_id)
        session, named = self._named(market, order)
        return session, c.ReplaceOrder(f"R{self._seq}", qty, price, "", *named)

    def _new_terms(self, market: _Market, order: Order) -> tuple[int, int]:
        """Draw total quantity and price of a replace."""
        if len(market.open) > self.size.resting and market.book.front(not order.is_buy).account_id != order.account_id:
            return order.order_qty, market.book.best(not order.is_buy)
        if self._below(REDUCED_ONE_IN) == 0 and order.order_qty >= REDUCIBLE_QTY_MIN:
            return order.order_qty - order.leaves // 4, order.price
        step = 1 + self._below(STEP_TICKS_MAX)
        away = MID_TICKS - order.price if order.is_buy else order.price - MID_TICKS
        away = abs(away + (step if self._below(2) else -step)) or 1
        if away > self._depth:
            away = 2 * self._depth - away
        return order.order_qty, self._passive(market.book, order.is_buy, away)

    # --- drawing ----------------------------------------------------------------------------------------

    def _below(self, bound: int) -> int:
        return self._bits(32) * bound >> 32

    def _pick(self, market: _Market) -> Order:
        return market.open[self._below(len(market.open))]

    @staticmethod
    def _passive(book: PlainBook, is_buy: bool, away: int) -> int:
        """Return a price that far from the middle, or nearer to the own side when that would take."""
        opposite = book.best(not is_buy)
        if is_buy:
            return min(MID_TICKS - away, opposite - 1) if opposite else MID_TICKS - away
        return max(MID_TICKS + away, opposite + 1)

    def _named(self, market: _Market, order: Order) -> tuple[int, tuple[int, int, int, int]]:
        """Name an order as its member does: by order id, account, symbol and side."""
        side = Side.BUY if order.is_buy else Side.SELL
        return self.market.session(order.account_id), (order.order_id, order.account_id, market.symbol_id, side)

    def _matched(self, market: _Market, trades: list[Trade]) -> None:
        self.trades = trades
        for _, maker_order_id, _, _ in trades:
            if maker_order_id not in market.book.orders:
                market.drop(maker_order_id)

    # --- counting ---------------------------------------------------------------------------------------

    def _count_trades(self) -> None:
        self._trading += 1
        self._trades += len(self.trades)
        self._lots += sum(qty for _, _, _, qty in self.trades)

    def _sample(self) -> None:
        self._samples += 1
        for market in self._markets:
            self._resting += len(market.open)
            self._levels += market.book.levels
