"""The clearing process as it is run: behind a real engine process, killed, stopped, cut off from PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clearing import reconcile
from clearing.store import open_reader
from engine.api.commands import (
    OPERATIONS,
    Command,
    Deposit,
    ListInstrument,
    NewOrder,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    RegisterSession,
)
from engine.api.enums import AccountKind, OrdType, SessionKind, Side, TimeInForce
from engine.api.link import ControlRequest, EngineBalances
from engine.api.wire import encode_command
from engine.client import JournalFiles, ask, submit_and_wait
from tests.clearing.books import cursor_reaches, query
from tests.clearing.market import ACCOUNTS, BTC, BTC_USDT, FEES, USDT
from tests.patience import PATIENCE_S

SESSIONS = (11, 21, 31)


class Program:
    """A process of the exchange, started by this test and ended with it."""

    def __init__(self, log: Path, module: str, *arguments: str, pass_fds: tuple[int, ...] = ()) -> None:
        self._log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            text=True,
            pass_fds=pass_fds,
        )

    def is_ready(self) -> bool:
        assert self.process.stdout is not None
        return self.process.stdout.readline() == "ready\n"

    def end(self, number: int = signal.SIGTERM, timeout_s: float = PATIENCE_S) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout_s)

    def dispose(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class House:
    """A data directory with an engine, and clearing on the books of ``dsn``."""

    def __init__(self, data: Path, dsn: str) -> None:
        self.data = data
        self.dsn = dsn
        self.programs: list[Program] = []
        self.turn = 0

    def start_engine(self) -> Program:
        return self._started(Program(self.data / "engine.log", "engine", "--data", str(self.data)))

    def start_clearing(self) -> Program:
        program = Program(self.data / "clearing.log", "clearing", "--data", str(self.data), "--dsn", self.dsn)
        return self._started(program)

    def _started(self, program: Program) -> Program:
        self.programs.append(program)
        assert program.is_ready(), (self.data / "clearing.log").read_text()
        return program

    def submit(self, *commands: Command, source: int = OPERATIONS) -> int:
        """Have commands sequenced; returns the seq of the last."""
        raw = [encode_command(command) for command in commands]
        return submit_and_wait(self.data, "test", raw, PATIENCE_S, source)[-1].seq

    def trade(self, count: int) -> int:
        """Make ``count`` trades: one firm rests as many orders, the next takes each; returns the last seq."""
        maker, taker = self.turn % 3, (self.turn + 1) % 3
        self.turn += 1
        self.submit(*self._orders(maker, Side.SELL, count), source=SESSIONS[maker])
        return self.submit(*self._orders(taker, Side.BUY, count), source=SESSIONS[taker])

    def _orders(self, firm: int, side: Side, count: int) -> list[Command]:
        good_till_cancel = TimeInForce.GOOD_TILL_CANCEL
        return [
            NewOrder(
                ACCOUNTS[firm],
                BTC_USDT.symbol_id,
                side,
                OrdType.LIMIT,
                good_till_cancel,
                100_003 + n,
                5_000_001,
                f"T{self.turn}-{n}",
            )
            for n in range(count)
        ]

    def balances(self) -> EngineBalances:
        return msgspec.json.decode(ask(self.data, ControlRequest("balances")), type=EngineBalances)

    async def reconciled(self) -> reconcile.Reconciliation:
        return await asyncio.to_thread(reconcile.run, self.dsn, JournalFiles(self.data / "journal"), self.balances())


@pytest.fixture
def house(tmp_path: Path, dsn: str) -> Iterator[House]:
    house = House(tmp_path, dsn)
    house.start_engine()
    house.submit(
        *(RegisterAsset(asset, name, 8) for asset, name in ((USDT, "USDT"), (BTC, "BTC"))),
        *(RegisterFirm(n, f"FIRM{n}") for n in (1, 2, 3)),
        OpenAccount(FEES, 0, AccountKind.SYSTEM, "EXCHANGE-FEES"),
        *(OpenAccount(account, n, AccountKind.SPOT, f"A{n}") for n, account in enumerate(ACCOUNTS, start=1)),
        *(RegisterSession(SESSIONS[n - 1], n, SessionKind.ORDER_ENTRY, f"FIRM{n}") for n in (1, 2, 3)),
        ListInstrument(BTC_USDT),
        *(Deposit(account, asset, 10**16, f"{account}:{asset}") for account in ACCOUNTS for asset in (USDT, BTC)),
    )
    yield house
    for program in house.programs:
        program.dispose()


@pytest.mark.req("DRV-05", "SET-01", "SET-03", "INV-01", "INV-02")
async def test_the_books_equal_the_engine_after_trading(house: House) -> None:
    clearing = house.start_clearing()
    seq = house.trade(100)
    await cursor_reaches(house.dsn, seq)
    outcome = await house.reconciled()
    assert outcome.is_clean and outcome.parts_compared and outcome.balances >= 7, outcome.differences
    assert (await query(house.dsn, "SELECT count(*) FROM clearing.settlements"))[0][0] == 100
    async with open_reader(house.dsn) as books:
        rows, progress = await books.balance_rows(), await books.progress()
    assert {row.account for row in rows} == {"CUSTODY", "EXCHANGE-FEES", "A1", "A2", "A3"}
    assert (progress.last_applied_seq, progress.trades) == (seq, 100)
    assert clearing.end() == 0


@pytest.mark.req("SEQ-09", "SEQ-05", "SET-05", "DRV-05")
async def test_clearing_and_engine_killed_in_turn_settle_everything_once(house: House) -> None:
    """SEQ-09: kill between journal append and SQL apply."""
    seq = 0
    for _ in range(4):
        clearing = house.start_clearing()
        seq = house.trade(60)
        clearing.end(signal.SIGKILL)
        house.programs[0].end(signal.SIGKILL)
        house.programs[0] = house.start_engine()
    house.start_clearing()
    await cursor_reaches(house.dsn, seq)
    outcome = await house.reconciled()
    assert outcome.is_clean and outcome.parts_compared, outcome.differences
    assert (await query(house.dsn, "SELECT count(*) FROM clearing.settlements"))[0][0] == 240


@pytest.mark.req("DRV-05")
async def test_clearing_ends_in_time_while_postgresql_hangs(house: House) -> None:
    clearing = house.start_clearing()
    await cursor_reaches(house.dsn, house.trade(5))
    ((backend,),) = await query(
        house.dsn,
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'clearing' AND datname = current_database()",
    )
    os.kill(backend, signal.SIGSTOP)
    try:
        seq = house.trade(5)
        assert clearing.end() == 0, "it waited for an answer that cannot come"
    finally:
        os.kill(backend, signal.SIGCONT)
    house.start_clearing()
    await cursor_reaches(house.dsn, seq)
    assert (await house.reconciled()).is_clean
