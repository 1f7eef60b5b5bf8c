"""Books of everything the engine does: equal to the engine after every batch, whichever events it held."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import asyncpg
import msgspec
import pytest

from clearing.batch import Batch
from clearing.errors import Disagreement, UnknownEvent
from clearing.intake import LogReader
from clearing.ledger import Ledger
from clearing.ledger.entries import CUSTODY
from clearing.reconcile import Check, compare_books
from clearing.store import Store
from engine.api import commands as c
from engine.api import events as e
from engine.api.link import BalanceRow, EngineBalances
from engine.api.units import Step
from engine.api.wire import HEADER, Record, crc32c, decode_records
from tests.clearing.books import EMPTY, SETTLED_AT_NS, fresh_reader, query, tamper
from tests.clearing.core_market import CoreMarket
from tests.clearing.market import log_of
from tests.model import market as m
from tests.taxonomy.scenario import Day, live_day


async def settle_rest(dsn: str, records: list[bytes]) -> int:
    """Apply what the books lack, as a process that was just started would. Returns: how many batches that took."""
    store, batches = Store(dsn), 0
    try:
        cursor = await store.open()
        reader = LogReader(Ledger(await store.read_books()), cursor)
        batch = Batch(cursor)
        for record in records[cursor.seq :]:
            entry = reader.post(record, 0, len(record))
            assert entry is not None
            if not batch.takes(entry):
                batches += await apply(store, batch)
                batch = Batch(batch.end)
            batch.add(entry)
        if batch.records:
            batches += await apply(store, batch)
    finally:
        await store.close()
    return batches


async def apply(store: Store, batch: Batch) -> int:
    batch.seal()
    assert await store.apply(batch, SETTLED_AT_NS)
    return 1


@pytest.mark.req("DRV-05", "DRV-11", "INV-01", "INV-06", "ACC-10", "TRD-07", "SET-07")
@pytest.mark.parametrize("seed", range(3))
async def test_books_equal_the_engine_after_every_batch(dsn: str, seed: int) -> None:
    market = CoreMarket(seed)
    for steps in (0, 1, 60, 120, 3, 150):
        market.play(steps)
        await settle_rest(dsn, market.records)
        outcome = await compare_books(dsn, log_of(market.records), market.balances())
        assert outcome.is_clean, outcome.differences
        assert outcome.parts_compared


@pytest.mark.req("DRV-11", "INV-06", "LIQ-34", "ACC-02")
async def test_a_day_with_every_kind_of_event_settles(dsn: str) -> None:
    day = live_day()
    assert await settle_rest(dsn, day.raw) == 2, "a changed instrument begins a batch"
    outcome = await compare_books(dsn, log_of(day.raw), balances_of(day))
    assert outcome.is_clean, outcome.differences
    kinds = {row[0] for row in await query(dsn, "SELECT DISTINCT kind FROM clearing.ledger_transactions")}
    assert kinds == {"DEPOSIT", "TRADE", "TRANSFER", "LOAN", "REPAYMENT", "PNL", "DEBT"}
    (debt,) = await query(dsn, "SELECT debt FROM clearing.positions WHERE debt > 0")
    assert debt[0] > 0


def balances_of(day: Day) -> EngineBalances:
    rows = [BalanceRow(a, s, str(available), str(locked)) for a, s, available, locked in day.core.balances()]
    return EngineBalances(day.core.seq, rows, day.core.positions(), day.core.loans())


@pytest.mark.req("TBL-04")
async def test_a_lot_that_changes_is_used_from_then_on_only(dsn: str) -> None:
    """Trades before the change are written in the old lots, those after it in the new."""
    day = Day()
    for lot in (m.BTC_LISTING.lot, Step(1, 4)):
        day.send(0, c.ChangeInstrument(msgspec.structs.replace(m.BTC_LISTING, lot=lot)))
        day.order(m.ALPHA, m.BTC_USDT, m.SELL, 15_000, 10_000)
        day.order(m.BRAVO, m.BTC_USDT, m.BUY, 15_000, 10_000)
    await settle_rest(dsn, day.raw)
    rows = await query(dsn, "SELECT quantity FROM clearing.trades ORDER BY seq")
    assert [str(row[0].normalize()) for row in rows] == ["0.15", "1.5"]
    outcome = await compare_books(dsn, log_of(day.raw), balances_of(day))
    assert outcome.is_clean, outcome.differences


@pytest.mark.req("FEE-01")
async def test_a_perpetual_without_fees_settles(dsn: str) -> None:
    day = Day()
    free = msgspec.structs.replace(m.BTC_PERP_LISTING, maker_ppm=0, taker_ppm=0)
    day.send(0, c.ChangeInstrument(free))
    day.order(m.ALPHA_F, m.BTC_PERP, m.SELL, 100, 10_000)
    day.order(m.BRAVO_F, m.BTC_PERP, m.BUY, 100, 10_000)
    await settle_rest(dsn, day.raw)
    outcome = await compare_books(dsn, log_of(day.raw), balances_of(day))
    assert outcome.is_clean, outcome.differences


PLANTED = {
    "position of another size": ("UPDATE clearing.positions SET size = size + 1 WHERE size > 0", Check.POSITIONS),
    "position of another cost": ("UPDATE clearing.positions SET cost = cost + 1 WHERE size > 0", Check.PERPETUALS),
    "margin that is not locked": ("UPDATE clearing.positions SET margin = margin + 1", Check.LOCKED_BY_ORDERS),
    "profit nobody made": (
        "UPDATE clearing.position_changes SET realized_pnl = realized_pnl + 1 WHERE debt_added > 0",
        Check.PNL,
    ),
    "loan forgotten": ("UPDATE clearing.loans SET amount = amount + 1", Check.LOANS),
}


@pytest.mark.req("INV-06", "DRV-11")
@pytest.mark.parametrize("planted", PLANTED)
async def test_a_planted_fault_is_found(dsn: str, planted: str) -> None:
    day = live_day()
    await settle_rest(dsn, day.raw)
    sql, expected = PLANTED[planted]
    await tamper(dsn, sql)
    outcome = await compare_books(dsn, log_of(day.raw), balances_of(day))
    assert expected in {difference.check for difference in outcome.differences}


@pytest.mark.req("INV-06")
async def test_positions_and_loans_that_differ_from_the_engine_are_named(dsn: str) -> None:
    market = CoreMarket(1)
    while not (any(p.size for p in market.core.positions()) and market.core.loans()):
        market.play(50)
    await settle_rest(dsn, market.records)
    live = market.balances()
    position, loan = next(p for p in live.positions if p.size), live.loans[0]
    other = msgspec.structs.replace(position, cost=str(int(position.cost) + 1))
    wrong = msgspec.structs.replace(
        live, positions=[other if p is position else p for p in live.positions], loans=live.loans[1:]
    )
    outcome = await compare_books(dsn, log_of(market.records), wrong)
    assert {(d.check, d.subject) for d in outcome.differences} == {
        (Check.POSITION, f"account_id={position.account_id} symbol_id={position.symbol_id}"),
        (Check.LOAN, f"account_id={loan.account_id} asset_id={loan.asset_id}"),
    }


@pytest.mark.req("ACC-10", "DRV-11")
async def test_only_custody_and_clearing_pnl_accounts_may_be_negative(dsn: str) -> None:
    day = Day()
    day.order(m.BRAVO_F, m.BTC_PERP, m.SELL, 1_000, 10_000)
    day.order(m.CHARLIE_F, m.BTC_PERP, m.BUY, 1_000, 10_000)
    day.order(m.ALPHA_F, m.BTC_PERP, m.SELL, 1_000, 9_500)
    day.order(m.BRAVO_F, m.BTC_PERP, m.BUY, 1_000, 9_500)
    await settle_rest(dsn, day.raw)
    (negative,) = await query(dsn, "SELECT account_id FROM clearing.balances WHERE available < 0 AND account_id > 0")
    assert negative[0] == m.BTC_PNL
    overdrawn = "UPDATE clearing.balances SET total = total - available - 1, available = -1 WHERE account_id = $1"
    for account in (m.FEES, m.LENDER, m.ALPHA_F, m.ALPHA_M):
        with pytest.raises(asyncpg.CheckViolationError, match="balance_not_negative"):
            await query(dsn, overdrawn, account)


# --- the ledger alone -------------------------------------------------------------------------------------


@pytest.mark.req("INV-01", "INV-02", "ACC-10", "SET-07")
@pytest.mark.parametrize("seed", range(10, 16))
def test_every_entry_balances_and_adds_up(seed: int) -> None:
    market = CoreMarket(seed)
    market.play(200)
    ledger = Ledger(EMPTY)
    parts: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for record in decode_records(b"".join(market.records)):
        entry = ledger.post(record)
        sums = Counter[tuple[int, int, int]]()
        totals = Counter[tuple[int, int]]()
        for p in entry.postings:
            sums[p.seq, p.event_index, p.asset_id] += p.amount
            totals[p.account_id, p.asset_id] += p.amount
        assert not any(sums.values())
        for movement in entry.movements:
            key = movement.account_id, movement.asset_id
            totals[key] -= movement.available + movement.locked
            parts[key][0] += movement.available
            parts[key][1] += movement.locked
        assert not any(totals.values())
    held = [(*key, *both) for key, both in sorted(parts.items()) if key[0] != CUSTODY]
    live = market.core.balances()
    assert [row for row in held if any(row[2:])] == [row for row in live if any(row[2:])]
    assert ledger.state.orders.keys() == market.model.open.keys()


def first_with(records: list[Record], kind: type) -> tuple[Ledger, Record, int]:
    """A ledger just before the first record with an event of this kind, the record, and the event's place."""
    ledger = Ledger(EMPTY)
    for record in records:
        for index, event in enumerate(record.events):
            if isinstance(event, kind):
                return ledger, record, index
        ledger.post(record)
    raise AssertionError(kind)


WRONG = [
    *((e.PositionChanged, field) for field in ("size", "cost", "margin", "extra", "debt", "leverage", "realized_pnl")),
    (e.PositionChanged, "released"),
    (e.PositionChanged, "account_id"),
    (e.OrderReplaced, "order_qty"),
    (e.OrderReplaced, "reserved"),
    (e.OrderRestated, "leaves"),
    (e.OrderRestated, "released"),
    (e.Borrowed, "loan"),
    (e.Borrowed, "amount"),
    (e.Repaid, "loan"),
]


@pytest.mark.req("SET-07", "DRV-11")
@pytest.mark.parametrize(("kind", "field"), WRONG)
def test_an_event_the_engine_miscalculated_stops_clearing(kind: type, field: str) -> None:
    ledger, record, index = first_with(live_day().records[:103], kind)
    event: Any = record.events[index]
    wrong = msgspec.structs.replace(event, **{field: getattr(event, field) + 1})
    changed = msgspec.structs.replace(record, events=(*record.events[:index], wrong, *record.events[index + 1 :]))
    with pytest.raises(Disagreement) as caught:
        ledger.post(changed)
    assert caught.value.seq == record.seq


@pytest.mark.req("DRV-11")
def test_a_trade_whose_positions_are_missing_stops_clearing() -> None:
    records = live_day().records
    ledger = Ledger(EMPTY)
    for record in records:
        kinds = [type(event) for event in record.events]
        if e.Traded in kinds and e.PositionChanged in kinds:
            break
        ledger.post(record)
    halved = msgspec.structs.replace(record, events=record.events[:-1])
    with pytest.raises(Disagreement, match="not told"):
        ledger.post(halved)


class Unheard(msgspec.Struct, frozen=True):
    """An event of a later release."""


@pytest.mark.req("EVT-12", "SET-07")
def test_an_event_of_unknown_type_stops_clearing() -> None:
    records = Day().records
    with pytest.raises(UnknownEvent, match="seq 1 has an event Unheard"):
        Ledger(EMPTY).post(msgspec.structs.replace(records[0], events=(Unheard(),)))


@pytest.mark.req("EVT-12", "SET-07")
async def test_an_event_of_unknown_type_in_the_log_is_not_skipped(dsn: str) -> None:
    """The language skips it when it decodes; clearing counts."""
    raw = bytearray(Day().raw[0])
    event_type = len(raw) - 2
    raw[event_type] = 250
    raw[4:8] = crc32c(bytes(raw[8:])).to_bytes(4, "little")
    assert HEADER.unpack_from(raw)[-1] == 1
    with pytest.raises(UnknownEvent, match="1 events of a type unknown here"):
        fresh_reader().post(bytes(raw), 0, len(raw))
