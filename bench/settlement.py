"""From fill to PostgreSQL commit, at 500 trades per second through FIX, engine and clearing.

A trade's clock starts with its exchange time; it stops when another connection to the database first sees the
trade. Both clocks are this machine's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import asyncpg

from bench.fix_load import LoadClient, timestamp
from bench.venue import postgres, venue

TRADES = 5_000
TRADES_PER_S = 500

SEEN = "SELECT seq, executed_at_ns FROM clearing.trades WHERE seq > $1 ORDER BY seq"


def run() -> dict[str, Any]:
    """Measure at a fixed rate of trades. Units: milliseconds."""
    with postgres() as dsn, venue("order-entry") as exchange:
        exchange.start_clearing(dsn)
        latencies_ms = sorted(asyncio.run(_trade_and_watch(dsn, exchange.order_entry_port)))
    assert len(latencies_ms) == TRADES, f"{len(latencies_ms)} of {TRADES} trades were settled"
    return {
        "trades": TRADES,
        "trades_per_s": TRADES_PER_S,
        "fill_to_commit_p50_ms": round(latencies_ms[TRADES // 2], 1),
        "fill_to_commit_p99_ms": round(latencies_ms[TRADES * 99 // 100], 1),
    }


async def _trade_and_watch(dsn: str, port: int) -> list[float]:
    trading = threading.Thread(target=_trade, args=(port,))
    connection = await asyncpg.connect(dsn)
    trading.start()
    latencies_ms: list[float] = []
    last, deadline = 0, time.monotonic() + TRADES / TRADES_PER_S + 30
    while len(latencies_ms) < TRADES and time.monotonic() < deadline:
        rows = await connection.fetch(SEEN, last)
        now_ns = time.time_ns()
        latencies_ms += [(now_ns - row["executed_at_ns"]) / 1e6 for row in rows]
        last = rows[-1]["seq"] if rows else last
        await asyncio.sleep(0.002)
    trading.join()
    await connection.close()
    return latencies_ms


def _trade(port: int) -> None:
    """Send pairs of orders that trade, evenly in time."""
    sides = {
        b"2": LoadClient(port, "BRAVO", "EXCH-OE", "dev-bravo"),
        b"1": LoadClient(port, "ALPHA", "EXCH-OE", "dev-alpha"),
    }
    started = time.perf_counter()
    for n in range(TRADES):
        wait_s = started + n / TRADES_PER_S - time.perf_counter()
        if wait_s > 0:
            time.sleep(wait_s)
        for side, client in sides.items():
            fields = (n, side, timestamp())
            client.push(b"11=T%d\x0155=BTC/USDT\x0154=%s\x0160=%s\x0138=0.001\x0140=2\x0144=50000\x0159=1\x01" % fields)
    for client in sides.values():
        client.close()
