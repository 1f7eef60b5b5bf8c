"""``exchange account``, ``status``, ``reconcile`` and ``demo``, and what they say when something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from engine.api.enums import Side
from engine.api.wire import encode_command
from engine.client import submit_and_wait
from ops.processes import POSTGRES, PROCESSES
from tests.ops.running import Running, command
from tests.ops.test_journal_commands import ALPHA, BRAVO, limit
from tests.patience import PATIENCE_S, eventually


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An exchange in which ALPHA bought 0.2 BTC of BRAVO's 0.5 at 60000, and the rest is open."""
    running = Running(tmp_path_factory.mktemp("balances") / "var")
    for source, order in (
        (BRAVO, limit(102, Side.SELL, 50_000, 6_000_000, "offer")),
        (ALPHA, limit(101, Side.BUY, 20_000, 6_000_000, "bid")),
    ):
        submit_and_wait(running.data, "test", [encode_command(order)], PATIENCE_S, source)
    yield running
    running.stop()


@pytest.mark.req("ACC-10", "DET-04")
def test_account_show_puts_live_beside_settled(trading: Running) -> None:
    def settled() -> bool:
        answer = trading.json("account", "show", "BRAVO")
        return bool(answer["seq"] == answer["cursor"])

    eventually("the books have caught up", settled)
    lines = {line["asset"]: line for line in trading.json("account", "show", "BRAVO")["balances"]}
    assert (lines["BTC"]["available"], lines["BTC"]["locked"]) == ("99.5", "0.3")
    assert lines["USDT"]["available"] == "1011997.6"
    for line in lines.values():
        assert (line["available"], line["locked"]) == (line["settled_available"], line["settled_locked"])


@pytest.mark.req("SVC-16")
def test_account_show_tells_who_is_suspended_and_who_is_no_more(trading: Running) -> None:
    assert trading.json("account", "show", "MMONE")["not_active"] == {}
    assert trading.exchange("account", "status", "MMONE", "suspended").returncode == 0
    assert trading.json("account", "show", "MMONE")["not_active"] == {"MMONE": "suspended"}
    assert "MMONE is suspended" in trading.exchange("account", "show", "MMONE").stdout
    assert trading.json("account", "show", "ALPHA")["not_active"] == {}
    assert trading.exchange("account", "status", "MMONE", "active").returncode == 0
    assert trading.json("account", "show", "MMONE")["not_active"] == {}


def test_account_of_an_unknown_firm_fails(trading: Running) -> None:
    done = trading.exchange("account", "show", "NOBODY")
    assert done.returncode == 1
    assert "the firms are ALPHA, BRAVO, MMONE" in done.stderr


@pytest.mark.req("REC-40", "SVC-17")
def test_status_shows_everything(trading: Running) -> None:
    status = trading.json("status")
    assert status["health"] == "healthy"
    assert status["engine"]["durability"] == "fsync"
    assert status["engine"]["open_orders"] == 1
    assert [process["name"] for process in status["processes"] if process["status"] == "ready"] == [
        POSTGRES,
        *(entry.name for entry in PROCESSES),
    ]


@pytest.mark.req("INV-01", "INV-100")
def test_reconcile_is_clean(trading: Running) -> None:
    done = trading.exchange("reconcile")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no difference" in done.stdout
    assert trading.json("reconcile")["differences"] == []


@pytest.mark.req("RPL-31", "INV-104", "INV-01")
async def test_reconcile_names_a_difference(trading: Running) -> None:
    connection: Any = await asyncpg.connect(trading.whereabouts.dsn)
    change = "SET total = total + $1, available = available + $1"
    move = f"UPDATE clearing.balances {change} WHERE account_id = 101 AND asset_id = 2"
    try:
        await connection.execute(move, 1)
        done = trading.exchange("reconcile")
        assert done.returncode == 1
        assert "differences" in done.stdout and "account_id=101 asset_id=2" in done.stdout
    finally:
        await connection.execute(move, -1)
        await connection.close()
    assert trading.exchange("reconcile").returncode == 0


@pytest.mark.req("TBL-17")
def test_demo_agrees_with_itself(tmp_path: Path) -> None:
    done = command("demo", "--orders", "40", "--json", "--data", tmp_path / "var")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "var").exists()
    import msgspec

    answer = msgspec.json.decode(done.stdout)
    outcome = answer["outcome"]
    assert (outcome["orders"], outcome["fills"], outcome["reports"], outcome["copies"]) == (40, 40, 80, 80)
    assert answer["agreed"] is True and answer["reconciliation"]["differences"] == []


@pytest.mark.req("SVC-16")
def test_status_tells_what_is_halted(trading: Running) -> None:
    assert trading.json("status")["closures"] == {"venue": "open", "symbols": {}}
    assert "venue:" not in trading.exchange("status").stdout
    try:
        assert trading.exchange("market", "status", "ETH/USDT", "halt").returncode == 0
        assert trading.exchange("market", "breaker", "BTC/USDT").returncode == 0
        assert trading.exchange("market", "status", "--venue", "cancel-only").returncode == 0
        said = trading.exchange("status").stdout
        assert "venue: cancel only\n" in said and "ETH/USDT: halt\n" in said and "BTC/USDT: breaker until 20" in said
    finally:
        assert trading.exchange("market", "status", "--venue", "open").returncode == 0
        assert trading.exchange("market", "status", "ETH/USDT", "open").returncode == 0
