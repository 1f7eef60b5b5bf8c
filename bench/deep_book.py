"""A book of 1,000,000 resting orders: what an order costs in memory, and a cancel beside that in an almost empty book.

Orders lie at random on 10,000 prices. A round cancels random orders in one batch and enters as many at random
prices in another; only calls of the core are timed. Three books are measured in the same way: the deep one, one that
never held more than a few orders, and the deep one again after all but a few orders were canceled, whose register
of orders is as large as before.
"""

from __future__ import annotations

import ctypes
import os
import statistics
from array import array
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random

import msgspec

from bench.conditions import Stopwatch
from bench.prepared import frames_of
from bench.sample_market import FIRST_ACCOUNT, MID_TICKS, SampleMarket
from bench.throughput import NOW_NS
from bench.workload import Sent
from engine.api import commands as c
from engine.api.enums import OrdType, Side, TimeInForce
from engine.host.core import Core

ORDERS = 1_000_000
FEW_ORDERS = 1_000
LEVELS = 10_000
ACCOUNTS = 2_000
"""Each holds 500 orders: half of OPEN_ORDERS_PER_SYMBOL_MAX."""

BATCH = 10_000
QTY = 1_000
COMMANDS_MAX = 4_000_000


class DeepBook(msgspec.Struct, frozen=True):
    """Medians of all rounds. Units: nanoseconds a command, bytes an order."""

    deep_cancel_ns: float
    deep_enter_ns: float
    few_cancel_ns: float
    few_enter_ns: float
    emptied_cancel_ns: float
    resident_bytes: int
    allocated_bytes: int


def measure(rounds: int) -> DeepBook:
    """Measure in a process of its own, so that memory counts from nothing."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_measure, rounds).result()


class Book:
    """A core with one symbol, and its open orders to pick from."""

    def __init__(self) -> None:
        self.core = Core()
        self._market = SampleMarket(ACCOUNTS)
        self._bits = Random(20_250_601).getrandbits
        self._seq = 0
        self._open = array("I")
        self._accounts = array("I", bytes(4 * COMMANDS_MAX))
        """By order id: who entered it. Laid out beforehand, so that it does not count as the core's growth."""
        self._apply([(c.OPERATIONS, command) for command in self._market.opening()])

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, accounts: list[int]) -> float:
        """Enter an order for each of ``accounts`` and return nanoseconds an order."""
        first = self._seq + 1
        ns = self._apply([self._order(seq, account) for seq, account in enumerate(accounts, first)])
        self._open.extend(range(first, first + len(accounts)))
        self._accounts[first : first + len(accounts)] = array("I", accounts)
        return ns

    def cancel(self, count: int) -> tuple[float, list[int]]:
        """Cancel random orders. Returns: nanoseconds a cancel, and whose orders they were."""
        picked = [self._pick() for _ in range(count)]
        accounts = [self._accounts[order_id] for order_id in picked]
        return self._apply([self._cancel(order_id) for order_id in picked]), accounts

    def fill(self, orders: int) -> None:
        """Enter orders until so many rest, those of all accounts by turns."""
        while len(self) < orders:
            self.enter([FIRST_ACCOUNT + n % ACCOUNTS for n in range(min(BATCH, orders - len(self)))])

    def empty(self, orders: int) -> None:
        """Cancel orders until so few rest."""
        while len(self) > orders:
            self.cancel(min(BATCH, len(self) - orders))

    def measure(self, count: int, rounds: int) -> tuple[float, float]:
        """Cancel ``count`` orders and enter as many, over and over; return the medians of both."""
        canceled, entered = [], []
        for _ in range(rounds):
            ns, accounts = self.cancel(count)
            canceled.append(ns)
            entered.append(self.enter(accounts))
        return statistics.median(canceled), statistics.median(entered)

    def _order(self, seq: int, account_id: int) -> Sent:
        is_buy = self._below(2) == 0
        away = 1 + self._below(LEVELS // 2)
        side, price = (Side.BUY, MID_TICKS - away) if is_buy else (Side.SELL, MID_TICKS + away)
        terms = (1, side, OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL, QTY, price)
        return self._market.session(account_id), c.NewOrder(account_id, *terms, f"N{seq}")

    def _cancel(self, order_id: int) -> Sent:
        return self._market.session(self._accounts[order_id]), c.CancelOrder(f"C{order_id}", "", order_id)

    def _pick(self) -> int:
        place, last = self._below(len(self._open)), self._open.pop()
        if place == len(self._open):
            return last
        picked, self._open[place] = self._open[place], last
        return picked

    def _below(self, bound: int) -> int:
        return self._bits(32) * bound >> 32

    def _apply(self, sent: list[Sent]) -> float:
        frames = b"".join(frames_of(sent, self._seq + 1))
        with Stopwatch() as watch:
            applied = self.core.apply(NOW_NS, frames)
        assert applied.count == len(sent) and not applied.fault
        self._seq += len(sent)
        return watch.seconds * 1e9 / len(sent)


def _measure(rounds: int) -> DeepBook:
    few = Book()
    few.fill(FEW_ORDERS)
    few_ns = few.measure(FEW_ORDERS // 2, rounds * 10)
    Book().fill(BATCH)  # let Python take what it needs for one batch, so that it does not count either
    deep = Book()
    before, allocated_before = resident_bytes(), allocated_bytes()
    deep.fill(ORDERS)
    resident, allocated = resident_bytes() - before, allocated_bytes() - allocated_before
    deep_ns = deep.measure(BATCH, rounds)
    assert deep.core.open_orders == ORDERS
    deep.core.check()
    deep.empty(FEW_ORDERS)
    emptied_ns = deep.measure(FEW_ORDERS // 2, rounds * 10)
    return DeepBook(*deep_ns, *few_ns, emptied_ns[0], resident // ORDERS, allocated // ORDERS)


def resident_bytes() -> int:
    """Return what this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class _Mallinfo2(ctypes.Structure):
    _fields_ = (("counts", ctypes.c_size_t * 10),)


_MMAPPED, _IN_USE = 4, 7
"""Places in it of ``hblkhd``, bytes in mappings of their own, and ``uordblks``, all others in use."""


def allocated_bytes() -> int:
    """Return what is allocated in the C heap, where the core's structures are, touched or not."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Mallinfo2
    counts = mallinfo2().counts
    return int(counts[_MMAPPED] + counts[_IN_USE])
