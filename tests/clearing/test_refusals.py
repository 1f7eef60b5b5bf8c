"""What the database refuses by itself: each refusal is provoked here and seen to fire."""

from __future__ import annotations

import hashlib
from pathlib import Path

import asyncpg
import pytest

from clearing.errors import SchemaChanged, StoreRefused
from clearing.intake import LogReader
from clearing.ledger import Ledger
from clearing.store import Store
from clearing.store.migrations import Migration, load_migrations, pending_migrations
from engine.api.enums import Side
from tests.clearing.books import SETTLED_AT_NS, assert_clean, batch_of, query, settle, tamper
from tests.clearing.market import ALPHA, BRAVO, Market, trade_pairs


@pytest.fixture
async def books(dsn: str) -> str:
    """Books with twenty trades and two open orders."""
    market = trade_pairs(Market(), 20)
    market.order(ALPHA, Side.SELL, 1_000, 6_000_000)
    market.order(BRAVO, Side.BUY, 1_000, 4_000_000)
    await settle(dsn, market.log)
    return dsn


async def refused(dsn: str, sql: str, match: str) -> None:
    """Run SQL that must be refused, and see that it changed nothing."""
    before = await digest(dsn)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=match):
        await query(dsn, sql)
    assert await digest(dsn) == before


async def digest(dsn: str) -> str:
    parts = []
    for table in ("postings", "ledger_transactions", "trades", "settlements", "orders", "balances", "cursor"):
        parts += await query(dsn, f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM clearing.{table} t")
    return hashlib.sha256(repr(parts).encode()).hexdigest()


WRITTEN_ONCE = ("ledger_transactions", "postings", "trades", "settlements", "batches")


@pytest.mark.req("SET-04", "TRD-08", "INV-05")
async def test_what_is_written_once_cannot_be_changed_even_by_a_superuser(books: str) -> None:
    columns = {"ledger_transactions": "ts_ns", "postings": "amount", "trades": "price", "settlements": "quantity"}
    for table in WRITTEN_ONCE:
        column = columns.get(table, "trades")
        await refused(books, f"UPDATE clearing.{table} SET {column} = {column} + 1", "corrections are new entries")
        await refused(books, f"DELETE FROM clearing.{table}", "corrections are new entries")
        await refused(books, f"TRUNCATE clearing.{table} CASCADE", "corrections are new entries")


@pytest.mark.req("INV-01", "TRD-07")
async def test_an_unbalanced_copy_is_refused(books: str) -> None:
    head = "INSERT INTO clearing.ledger_transactions VALUES (999, 0, 1, 'TRADE', NULL);"
    rows = [(101, 1, 999, 0, 5), (102, 1, 999, 0, -4)]
    connection = await asyncpg.connect(books)
    before = await digest(books)
    try:
        with pytest.raises(asyncpg.CheckViolationError, match=r"\(999, 0\) is off balance in asset 1"):
            async with connection.transaction():
                await connection.execute(head)
                await connection.copy_records_to_table("postings", records=rows, schema_name="clearing")
        assert await digest(books) == before
        async with connection.transaction():
            await connection.execute(head)
            rows[1] = (102, 1, 999, 0, -5)
            await connection.copy_records_to_table("postings", records=rows, schema_name="clearing")
    finally:
        await connection.close()


@pytest.mark.req("INV-01")
async def test_postings_that_balance_only_across_assets_or_have_no_head_are_refused(books: str) -> None:
    head = "WITH h AS (INSERT INTO clearing.ledger_transactions VALUES (999, 0, 1, 'TRADE', NULL)) "
    crossed = "INSERT INTO clearing.postings VALUES (101, 1, 999, 0, 5), (102, 2, 999, 0, -5)"
    await refused(books, head + crossed, "off balance")
    headless = "INSERT INTO clearing.postings VALUES (101, 1, 999, 0, 5), (102, 1, 999, 0, -5)"
    await refused(books, headless, "belong to no ledger transaction")
    nothing = "INSERT INTO clearing.postings VALUES (101, 1, 999, 0, 0)"
    await refused(books, nothing, "amount")


@pytest.mark.req("INV-02", "ACC-10")
async def test_a_balance_that_is_negative_or_does_not_add_up_is_refused(books: str) -> None:
    where = "WHERE account_id = 101 AND asset_id = 1"
    overdrawn = f"UPDATE clearing.balances SET total = total - available - 1, available = -1 {where}"
    await refused(books, overdrawn, "balance_not_negative")
    negative = f"UPDATE clearing.balances SET total = total - locked - 1, locked = -1 {where}"
    await refused(books, negative, "balance_not_negative")
    await refused(books, f"UPDATE clearing.balances SET available = available + 1 {where}", "balance_adds_up")
    await refused(
        books, "UPDATE clearing.balances SET locked = -1, available = available + 1 WHERE account_id = 0", "neg"
    )
    await refused(books, "DELETE FROM clearing.balances", "refused")


@pytest.mark.req("OST-03", "OST-02")
async def test_a_terminal_order_cannot_change_and_an_open_one_moves_forward_only(books: str) -> None:
    filled = "UPDATE clearing.orders SET changed_seq = changed_seq + 1 WHERE state = 2"
    await refused(books, filled, "corrections")
    for rewritten in ("side = 3 - side", "account_id = 103", "symbol_id = 2", "cl_ord_id = 'other'", "exec_inst = 2"):
        changed = f"UPDATE clearing.orders SET {rewritten}, changed_seq = 999 WHERE state = 0"
        await refused(books, changed, "corrections")
    await refused(books, "UPDATE clearing.orders SET price = price + 1 WHERE state = 0", "corrections")
    await refused(books, "UPDATE clearing.orders SET state = 0, changed_seq = 999 WHERE state = 2", "corrections")
    half = "UPDATE clearing.orders SET state = 1, cum_qty = order_qty / 2, changed_seq = 999 WHERE state = 0"
    await refused(books, half, "order_quantity_adds_up")
    unknown = "UPDATE clearing.orders SET state = 4, changed_seq = 999 WHERE state = 0"
    await refused(books, unknown, "order_state_fits")
    await refused(books, "DELETE FROM clearing.orders", "refused")


@pytest.mark.req("SET-03", "SET-05", "INV-05", "TRD-08")
async def test_the_cursor_does_not_pass_a_trade_without_settlement(books: str) -> None:
    trade = """
        INSERT INTO clearing.trades
        SELECT gen_random_uuid(), c.last_applied_seq + 1, 0, 1, 101, 102, 1, 1, 0, 0,
               min(o.order_id), max(o.order_id), 1, 1, 1
        FROM clearing.cursor c, clearing.orders o GROUP BY c.last_applied_seq"""
    head = "INSERT INTO clearing.ledger_transactions SELECT last_applied_seq + 1, 0, 1, 'TRADE' FROM clearing.cursor"
    settlement = """
        INSERT INTO clearing.settlements
        SELECT trade_id, t.seq, event_index, symbol_id, maker_account_id, taker_account_id, 1, 1, 0, 0, 1
        FROM clearing.trades t JOIN clearing.cursor c ON t.seq = c.last_applied_seq + 1"""
    for other_half in (head, settlement):
        connection = await asyncpg.connect(books)
        try:
            with pytest.raises(asyncpg.CheckViolationError, match="is not settled"):
                async with connection.transaction():
                    await connection.execute(trade)
                    await connection.execute(other_half)
                    await connection.execute("UPDATE clearing.cursor SET last_applied_seq = last_applied_seq + 1")
        finally:
            await connection.close()
    await refused(books, "UPDATE clearing.cursor SET last_applied_seq = last_applied_seq - 1", "forward only")
    await refused(books, "INSERT INTO clearing.settlements SELECT * FROM clearing.settlements LIMIT 1", "duplicate key")
    await refused(books, "INSERT INTO clearing.trades SELECT * FROM clearing.trades LIMIT 1", "duplicate key")


@pytest.mark.req("INV-21", "SET-06")
async def test_trades_need_their_orders_and_settlements_their_trade(books: str) -> None:
    alien = """
        INSERT INTO clearing.trades
        VALUES (gen_random_uuid(), 999, 0, 1, 101, 102, 1, 1, 0, 0, 888888, 888889, 1, 1, 1)"""
    await refused(books, alien, "violates foreign key")
    orphan = "INSERT INTO clearing.settlements VALUES (gen_random_uuid(), 999, 0, 1, 101, 102, 1, 1, 0, 0, 1)"
    await refused(books, orphan, "violates foreign key")
    itself = """
        INSERT INTO clearing.trades
        SELECT gen_random_uuid(), 999, 0, 1, 101, 101, 1, 1, 0, 0, min(order_id), max(order_id), 1, 1, 1
        FROM clearing.orders"""
    await refused(books, itself, "check")


@pytest.mark.req("TRD-07")
async def test_a_deposit_reference_is_booked_once(books: str) -> None:
    again = (
        "INSERT INTO clearing.ledger_transactions SELECT 999, 0, 1, kind, reference FROM clearing.ledger_transactions"
    )
    await refused(books, again + " WHERE kind = 'DEPOSIT' LIMIT 1", "deposit_booked_once")


@pytest.mark.req("SET-03", "INV-02")
async def test_a_batch_the_database_refuses_leaves_the_books_as_they_were(books: str) -> None:
    await tamper(books, "UPDATE clearing.balances SET total = locked, available = 0 WHERE account_id = 101")
    before = await digest(books)
    market = trade_pairs(Market(), 20)
    market.order(ALPHA, Side.SELL, 1_000, 6_000_000)
    market.order(BRAVO, Side.BUY, 1_000, 4_000_000)
    trade_pairs(market, 3)
    with pytest.raises(StoreRefused, match="balance_not_negative"):
        await settle(books, market.log)
    assert await digest(books) == before


@pytest.mark.req("SET-04", "SET-06")
async def test_a_plain_role_that_owns_the_database_can_clear_but_not_rewrite(dsn: str) -> None:
    role = f"owner_{dsn.split('/')[-1].split('?')[0]}"
    await query(dsn, f"CREATE ROLE {role} LOGIN")
    await query(dsn, f"GRANT CREATE ON DATABASE {dsn.split('/')[3].split('?')[0]} TO {role}")
    plain = dsn.replace("postgres:@", f"{role}@").replace("postgres@", f"{role}@")
    assert plain != dsn
    market = trade_pairs(Market(), 5)
    await settle(plain, market.log)
    await assert_clean(plain, market.log, market.engine_balances())
    for table in WRITTEN_ONCE:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.IntegrityConstraintViolationError)):
            await query(plain, f"DELETE FROM clearing.{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(plain, "UPDATE clearing.settlements SET quantity = quantity + 1")


async def test_a_changed_or_missing_migration_refuses_to_start(books: str, tmp_path: Path) -> None:
    await query(books, "UPDATE clearing.migrations SET sha256 = repeat('0', 64) WHERE number = 2")
    with pytest.raises(SchemaChanged, match="0002_refusals"):
        await Store(books).open()
    own = load_migrations()
    applied = {m.number: m.sha256 for m in own}
    assert pending_migrations(own, applied) == []
    with pytest.raises(SchemaChanged, match="0009"):
        pending_migrations(own, applied | {9: "0" * 64})
    (tmp_path / "0002_second.sql").write_text("")
    with pytest.raises(SchemaChanged, match="0001"):
        load_migrations(tmp_path)
    more = Migration(len(own) + 1, "more.sql", "SELECT 1")
    assert pending_migrations([*own, more], applied) == [more]


async def test_names_that_need_escaping_are_stored_as_they_are(dsn: str) -> None:
    market = Market()
    names = ["back\\slash", "\\N", "tab\there", "line\nbreak\r", "\\.", "quote'\"", "nul\0byte", ""]
    for name in names:
        market.order(ALPHA, Side.BUY, 1, 100, cl_ord_id=name or "C")
    await settle(dsn, market.log)
    rows = await query(dsn, "SELECT cl_ord_id FROM clearing.orders ORDER BY order_id")
    assert [row[0] for row in rows] == [(name or "C").replace("\0", "\N{SYMBOL FOR NULL}") for name in names]


async def test_open_orders_are_read_back_as_they_were(dsn: str) -> None:
    market = Market()
    market.order(ALPHA, Side.SELL, 1_000, 6_000_000, cl_ord_id="S-1")
    partial = market.order(BRAVO, Side.BUY, 3_000, 5_000_000)
    market.order(ALPHA, Side.SELL, 1_000, 5_000_000)
    await settle(dsn, market.log)
    reader = LogReader(Ledger((await reopened(dsn))[1]), (await reopened(dsn))[0])
    fresh = Ledger((await reopened(dsn))[1])
    assert {o.order_id: (o.leaves, o.cum_qty) for o in fresh.state.orders.values()}[partial] == (2_000, 1_000)
    market.order(ALPHA, Side.SELL, 2_000, 5_000_000)
    market.cancel(min(market.orders))
    store = Store(dsn)
    position = await store.open()
    await store.read_books()
    assert await store.apply(batch_of(market.log.bytes(position.seq + 1), reader), SETTLED_AT_NS)
    await store.close()
    await assert_clean(dsn, market.log, market.engine_balances())


async def reopened(dsn: str) -> tuple:  # type: ignore[type-arg]
    store = Store(dsn)
    try:
        return await store.open(), await store.read_books()
    finally:
        await store.close()
