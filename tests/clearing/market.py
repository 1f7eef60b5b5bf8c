"""A small market that writes the log an engine would: enough trading rules to produce true records, nothing fast.

Its log is bytes of :mod:`engine.api.wire`, chained by checksums, so that the code under test reads the real thing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from engine.api.commands import (
    CancelOrder,
    Command,
    Deposit,
    ListInstrument,
    NewOrder,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
)
from engine.api.cursor import BEGINNING, Cursor
from engine.api.enums import AccountKind, InstrumentKind, OrdType, Side, TimeInForce
from engine.api.events import (
    AccountOpened,
    AssetRegistered,
    Deposited,
    Event,
    FirmRegistered,
    InstrumentListed,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    Traded,
)
from engine.api.instrument import Instrument
from engine.api.link import BalanceRow, EngineBalances
from engine.api.rejects import ErrorCode
from engine.api.units import Lots, Step
from engine.api.wire import HEADER, crc32c, encode_command, encode_event

USDT, BTC, ETH = 1, 2, 3
FEES, ALPHA, BRAVO, MMONE = 1, 101, 102, 103
ACCOUNTS = (ALPHA, BRAVO, MMONE)
START_NS = 1_760_000_000_000_000_000
STEP_NS = 1_000_000
JOURNAL = 0xA11CE

BTC_USDT = Instrument(
    symbol_id=1,
    symbol="BTC/USDT",
    kind=InstrumentKind.SPOT,
    base_asset_id=BTC,
    quote_asset_id=USDT,
    tick=Step(1, 2),
    lot=Step(1, 5),
    min_qty=1,
    max_qty=10**9,
    min_notional=0,
    max_notional=10**30,
    maker_ppm=200,
    taker_ppm=1000,
    band_ppm=100_000,
    fee_account_id=FEES,
)


def encode_record(seq: int, ts_ns: int, prev_crc: int, command: Command, events: Iterable[Event]) -> bytes:
    """Write one record as drawn in engine.api.wire."""
    raw, encoded = encode_command(command), [encode_event(event) for event in events]
    body = raw + b"".join(encoded)
    length = HEADER.size + len(body)
    head = HEADER.pack(length, 0, seq, ts_ns, prev_crc, 0, seq, len(raw), 0, len(encoded))
    record = head + body
    return record[:4] + crc32c(record[8:]).to_bytes(4, "little") + record[8:]


class Log:
    """Records in order; readable from any seq, as often as needed, also while it grows."""

    def __init__(self, journal: int = JOURNAL) -> None:
        self.identity = journal
        self.records: list[bytes] = []
        self.crc = 0

    @property
    def seq(self) -> int:
        return len(self.records)

    def append(self, command: Command, *events: Event, ts_ns: int = 0) -> int:
        seq = self.seq + 1
        record = encode_record(seq, ts_ns or START_NS + seq * STEP_NS, self.crc, command, events)
        self.crc = int.from_bytes(record[4:8], "little")
        self.records.append(record)
        return seq

    def crc_of(self, seq: int) -> int | None:
        return int.from_bytes(self.records[seq - 1][4:8], "little") if seq <= len(self.records) else None

    def bytes(self, from_seq: int = 1) -> bytes:
        return b"".join(self.records[from_seq - 1 :])


def log_of(records: list[bytes]) -> Log:
    log = Log()
    log.records = records
    return log


class LogPort:
    """Reads a log like the engine's follower does: next records or, when there are none in time, nothing."""

    def __init__(self, log: Log, after: Cursor = BEGINNING, chunk: int = 1_000) -> None:
        self._log = log
        self._next: int = after.next_seq
        self._chunk = chunk
        self.cursor = Cursor(after.seq, after.crc, log.identity)
        self._closed = threading.Event()

    def read(self, timeout_s: float) -> bytes:
        records = self._log.records[self._next - 1 : self._next - 1 + self._chunk]
        self._next += len(records)
        if not records:
            self._closed.wait(min(timeout_s, 0.005))
        return b"".join(records)

    def close(self) -> None:
        self._closed.set()


class Resting:
    """An open order of the market."""

    def __init__(self, order_id: int, terms: NewOrder, per_lot: int) -> None:
        self.order_id = order_id
        self.terms = terms
        self.leaves = terms.order_qty
        self.per_lot = per_lot
        """Minor units locked for one lot: base for a sell, quote and worst-case fee for a buy."""


class Market:
    """One book with price-time priority, live balances, and the log of all that happened."""

    def __init__(self, instrument: Instrument = BTC_USDT, deposits: int = 10**16) -> None:
        self.log = Log()
        self.instrument = instrument
        self.orders: dict[int, Resting] = {}
        self.balances: dict[tuple[int, int], list[int]] = {}
        self._lot_minor = instrument.lot_minor({BTC: 8, ETH: 18}[instrument.base_asset_id])
        self._tick_lot_minor = instrument.tick_lot_minor(8)
        self._register()
        for account in ACCOUNTS:
            for asset in (USDT, instrument.base_asset_id):
                self.deposit(account, asset, deposits)

    def _register(self) -> None:
        for asset, name, decimals in ((USDT, "USDT", 8), (BTC, "BTC", 8), (ETH, "ETH", 18)):
            self.log.append(RegisterAsset(asset, name, decimals), AssetRegistered())
        for firm, name in ((1, "ALPHA"), (2, "BRAVO"), (3, "MMONE")):
            self.log.append(RegisterFirm(firm, name), FirmRegistered())
        self.log.append(OpenAccount(FEES, 0, AccountKind.SYSTEM, "EXCHANGE-FEES"), AccountOpened())
        for firm, account in enumerate(ACCOUNTS, start=1):
            self.log.append(OpenAccount(account, firm, AccountKind.SPOT, f"A{account}"), AccountOpened())
        self.log.append(ListInstrument(self.instrument), InstrumentListed())

    def balance(self, account: int, asset: int) -> list[int]:
        return self.balances.setdefault((account, asset), [0, 0])

    def deposit(self, account: int, asset: int, amount: int, ref: str = "") -> int:
        parts = self.balance(account, asset)
        parts[0] += amount
        ref = ref or f"ref:{self.log.seq + 1}"
        return self.log.append(Deposit(account, asset, amount, ref), Deposited(parts[0]))

    def fee(self, notional: int, ppm: int) -> int:
        return -((-notional * ppm) // 1_000_000)

    def order(
        self,
        account: int,
        side: Side,
        qty: int,
        price: int,
        tif: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
        cl_ord_id: str = "",
    ) -> int:
        """Enter a limit order and match it; returns its id. Self-matches and short balances are the caller's care."""
        i, order_id = self.instrument, self.log.seq + 1
        per_lot = self._lot_minor
        if side is Side.BUY:
            notional = price * self._tick_lot_minor
            per_lot = notional + self.fee(notional, max(i.maker_ppm, i.taker_ppm, 0))
        terms = NewOrder(account, i.symbol_id, side, OrdType.LIMIT, tif, qty, price, cl_ord_id or f"C{order_id}")
        taker = Resting(order_id, terms, per_lot)
        self._lock(taker, qty * per_lot)
        events: list[Event] = [OrderAccepted(order_id, qty * per_lot)]
        # Lazily: whether the next maker is met depends on what the ones before left.
        events.extend(self._match(taker, maker) for maker in self._opposite(taker) if taker.leaves)
        if taker.leaves and tif is TimeInForce.IMMEDIATE_OR_CANCEL:
            released = self._lock(taker, -taker.leaves * per_lot)
            events.append(OrderExpired(order_id, taker.leaves, released, ErrorCode.IOC_REMAINDER))
        elif taker.leaves:
            self.orders[order_id] = taker
        return self.log.append(terms, *events)

    def cancel(self, order_id: int) -> int:
        order = self.orders.pop(order_id)
        released = self._lock(order, -order.leaves * order.per_lot)
        canceled = OrderCanceled(order_id, order.leaves, released, ErrorCode.USER_REQUESTED)
        return self.log.append(CancelOrder(f"X{order_id}", order_id=order_id), canceled)

    def engine_balances(self) -> EngineBalances:
        rows = [BalanceRow(a, s, str(v[0]), str(v[1])) for (a, s), v in sorted(self.balances.items())]
        return EngineBalances(self.log.seq, rows)

    def _lock(self, order: Resting, amount: int) -> int:
        i = self.instrument
        asset = i.quote_asset_id if order.terms.side is Side.BUY else i.base_asset_id
        parts = self.balance(order.terms.account_id, asset)
        parts[0] -= amount
        parts[1] += amount
        assert min(parts) >= 0, "the caller let an account overspend"
        return abs(amount)

    def _opposite(self, taker: Resting) -> list[Resting]:
        buying, price = taker.terms.side is Side.BUY, taker.terms.price
        found = [
            o
            for o in self.orders.values()
            if o.terms.side is not taker.terms.side
            and (o.terms.price <= price if buying else o.terms.price >= price)
            and o.terms.account_id != taker.terms.account_id
        ]
        return sorted(found, key=lambda o: (o.terms.price if buying else -o.terms.price, o.order_id))

    def _match(self, taker: Resting, maker: Resting) -> Traded:
        i, qty, px = self.instrument, min(taker.leaves, maker.leaves), maker.terms.price
        notional = px * qty * self._tick_lot_minor
        taker_fee, maker_fee = self.fee(notional, i.taker_ppm), self.fee(notional, i.maker_ppm)
        buyer, seller = (taker, maker) if taker.terms.side is Side.BUY else (maker, taker)
        fees = {taker.order_id: taker_fee, maker.order_id: maker_fee}
        released = qty * buyer.per_lot
        cost = notional + fees[buyer.order_id]
        quote = self.balance(buyer.terms.account_id, i.quote_asset_id)
        quote[0] += released - cost
        quote[1] -= released
        self.balance(buyer.terms.account_id, i.base_asset_id)[0] += qty * self._lot_minor
        self.balance(seller.terms.account_id, i.base_asset_id)[1] -= qty * self._lot_minor
        self.balance(seller.terms.account_id, i.quote_asset_id)[0] += notional - fees[seller.order_id]
        self.balance(i.fee_account_id, i.quote_asset_id)[0] += taker_fee + maker_fee
        for order in (taker, maker):
            order.leaves = Lots(order.leaves - qty)
        if not maker.leaves:
            del self.orders[maker.order_id]
        return Traded(
            taker.order_id,
            maker.order_id,
            px,
            qty,
            taker.leaves,
            maker.leaves,
            taker.terms.account_id,
            maker.terms.account_id,
            i.symbol_id,
            taker.terms.side,
            taker_fee,
            maker_fee,
            released,
        )


def trade_pairs(market: Market, count: int, qty: int = 1_000, price: int = 5_000_000) -> Market:
    """Add ``count`` trades, each of one resting and one taking order."""
    for n in range(count):
        maker, taker = ACCOUNTS[n % 3], ACCOUNTS[(n + 1) % 3]
        side = Side.SELL if n % 2 else Side.BUY
        market.order(maker, side, qty, price + n % 7)
        market.order(taker, Side.BUY if side is Side.SELL else Side.SELL, qty, price + n % 7)
    return market
