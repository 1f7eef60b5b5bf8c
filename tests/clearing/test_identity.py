"""Books that do not belong to the journal beside them are refused, with a sentence that says which part is whose."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from clearing.errors import BooksBehind, BooksRefused, CursorMoved
from clearing.reconcile import Check, compare_books
from clearing.store import Store
from engine.api.commands import RegisterFirm
from engine.api.cursor import BEGINNING, Cursor
from engine.client import JournalFiles
from tests.clearing.books import SETTLED_AT_NS, assert_clean, batch_of, cursor_reaches, fresh_reader, settle, tamper
from tests.clearing.market import Log, Market, trade_pairs
from tests.clearing.test_process import House, Program, house
from tests.patience import PATIENCE_S

__all__ = ["house"]

EARLIER = 30
"""Where the histories of these tests part, and where copies of journals end."""


def copy_of(log: Log, count: int, journal: int | None = None) -> Log:
    """The first records of a log, in a journal of its own or in another."""
    copy = Log(log.identity if journal is None else journal)
    copy.records = log.records[:count]
    copy.crc = int.from_bytes(copy.records[-1][4:8], "little")
    return copy


def other_history(log: Log) -> Log:
    """A log that goes on otherwise after EARLIER, in the same journal and to the same seq."""
    other = copy_of(log, EARLIER)
    while other.seq < log.seq:
        other.append(RegisterFirm(900 + other.seq, "ELSEWHERE"))
    return other


MIXED_UP: dict[str, tuple[Callable[[Log], Log], str]] = {
    "of another exchange": (lambda log: copy_of(log, log.seq, journal=0xB0B), "journal 00000000000a11ce, .*0000b0b"),
    "ahead of it": (lambda log: copy_of(log, EARLIER), "they have seq 49, and the journal ends before"),
    "of another history": (other_history, "its record 49 is not the one they have"),
}


@pytest.mark.req("SEQ-05", "DRV-05", "INV-01")
@pytest.mark.parametrize("said", MIXED_UP)
async def test_reconciliation_refuses_books_that_are(dsn: str, said: str) -> None:
    """The balances agree in all three: only identity, cursor and checksum can tell."""
    market = trade_pairs(Market(), 16)
    await settle(dsn, market.log)
    balances = market.engine_balances()
    await assert_clean(dsn, market.log, balances)
    made, words = MIXED_UP[said]
    with pytest.raises(BooksRefused, match=f"they are {said}.*{words}.*Restore both from one backup"):
        await compare_books(dsn, made(market.log), balances)


@pytest.mark.req("DRV-05")
async def test_books_behind_are_said_to_be_behind(dsn: str) -> None:
    market = trade_pairs(Market(), 10)
    await settle(dsn, market.log)
    trade_pairs(market, 2)
    with pytest.raises(BooksBehind, match=r"the books are 4 records behind: they stand at seq 37, the engine at 41"):
        await compare_books(dsn, market.log, market.engine_balances(), deadline_s=0.05)


@pytest.mark.req("SEQ-01", "SEQ-05")
async def test_every_batch_chains_to_the_one_before(dsn: str) -> None:
    market = trade_pairs(Market(), 3)
    await settle(dsn, market.log)
    trade_pairs(market, 3)
    await settle(dsn, market.log)
    await tamper(dsn, "UPDATE clearing.batches SET last_crc = last_crc + 1 WHERE first_seq = 1")
    outcome = await compare_books(dsn, market.log, market.engine_balances())
    assert {d.check for d in outcome.differences} == {Check.CHAIN}


@pytest.mark.req("SEQ-05", "DRV-05")
async def test_a_batch_that_follows_another_record_is_not_applied(dsn: str) -> None:
    market = trade_pairs(Market(), 10)
    await settle(dsn, market.log)
    other = other_history(market.log)
    other.append(RegisterFirm(990, "NEXT"))
    reader = fresh_reader()
    reader.cursor = Cursor(other.seq - 1, other.crc_of(other.seq - 1) or 0)
    batch = batch_of(other.bytes(other.seq), reader)
    store = Store(dsn)
    try:
        assert (await store.open()).seq == market.log.seq == batch.after.seq
        with pytest.raises(CursorMoved):
            await store.apply(batch, SETTLED_AT_NS)
    finally:
        await store.close()


async def test_new_books_are_of_any_journal(dsn: str) -> None:
    store = Store(dsn)
    try:
        assert await store.open() == BEGINNING
    finally:
        await store.close()


# --- with the processes themselves ----------------------------------------------------------------------


async def fault_of_clearing(house: House) -> str:
    """Start clearing where it must not; returns the last line it says."""
    log = house.data / "stranger.log"
    stranger = Program(log, "clearing", "--data", str(house.data), "--dsn", house.dsn)
    house.programs.append(stranger)
    assert await asyncio.to_thread(stranger.process.wait, PATIENCE_S) == 1
    assert stranger.process.stdout is not None
    assert stranger.process.stdout.read() == "", "it said ready"
    return log.read_text().splitlines()[-1]


async def refused(house: House) -> str:
    with pytest.raises(BooksRefused) as caught:
        await house.reconciled()
    return str(caught.value)


@pytest.mark.req("SEQ-09", "SEQ-05")
async def test_books_of_another_exchange_end_clearing_before_it_is_ready(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clearing = house.start_clearing()
    seq = house.trade(1)
    await cursor_reaches(house.dsn, seq)
    assert clearing.end() == 0
    other = House(tmp_path_factory.mktemp("other"), house.dsn)
    other.start_engine()
    try:
        other.submit(*(RegisterFirm(n, f"F{n}") for n in range(1, 60)))
        said = await fault_of_clearing(other)
        assert "do not belong to this journal" in said and "goes on from journal" in said
        assert "of another exchange" in await refused(other)
    finally:
        for program in other.programs:
            program.dispose()


@pytest.mark.req("SEQ-09", "SEQ-05", "REC-12")
async def test_books_ahead_of_a_restored_journal_end_clearing_before_it_is_ready(house: House) -> None:
    clearing = house.start_clearing()
    await cursor_reaches(house.dsn, house.trade(1))
    house.programs[0].end(signal.SIGTERM)
    shutil.copytree(house.data / "journal", house.data / "backup")
    house.programs[0] = house.start_engine()
    ahead = house.trade(3)
    await cursor_reaches(house.dsn, ahead)
    assert clearing.end() == 0
    house.programs[0].end(signal.SIGTERM)
    restore(house.data)
    house.programs[0] = house.start_engine()
    said = await fault_of_clearing(house)
    assert "do not belong to this journal" in said and f"goes on after seq {ahead}" in said
    assert f"they have seq {ahead}, and the journal ends before" in await refused(house)
    # The same exchange goes on from the backup, past where the books are: now it is another history.
    house.trade(5)
    assert "holds another record" in await fault_of_clearing(house)
    assert "of another history" in await refused(house)


def restore(data: Path) -> None:
    """Put an older copy of the journal in the place of the journal, with no snapshot beside it."""
    for part in ("journal", "snapshots"):
        shutil.rmtree(data / part, ignore_errors=True)
    (data / "backup").rename(data / "journal")


async def test_the_journal_s_files_tell_which_it_is(house: House) -> None:
    files = JournalFiles(house.data / "journal")
    assert files.identity
    last = house.balances().seq
    assert files.crc_of(last) is not None and files.crc_of(last + 1) is None
