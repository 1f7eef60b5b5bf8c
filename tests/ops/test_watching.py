"""What the supervisor says of the exchange: figures, health, and the truth while something is away."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import asyncpg
import pytest

from engine.api.commands import SetMark
from engine.api.wire import encode_command
from engine.client import submit_and_wait
from ops.processes import PORT_OFFSETS, PROCESSES
from ops.watching.inquiry import inquire
from ops.watching.inspection import LAG_RECORDS_MAX, ProcessView
from tests.ops.running import Running
from tests.patience import PATIENCE_S, eventually


def get(exchange: Running, path: str, method: str = "GET") -> tuple[int, str]:
    url = f"http://127.0.0.1:{exchange.port_base + PORT_OFFSETS['metrics']}{path}"
    try:
        with urlopen(Request(url, method=method), timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def figures(exchange: Running) -> dict[str, float]:
    _, text = get(exchange, "/metrics")
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def is_level(now: dict[str, float]) -> bool:
    """Tell whether the engine's figure is no older than clearing's: each is asked for at its own time."""
    return now["exchange_engine_seq"] >= now["exchange_clearing_cursor"]


def state_of(exchange: Running, name: str) -> ProcessView:
    return next(process for process in inquire(exchange.whereabouts).processes if process.name == name)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.req("SVC-17", "REC-40")
def test_every_process_of_the_table_has_its_figures(exchange: Running) -> None:
    eventually("the cursor is published", lambda: figures(exchange)["exchange_clearing_cursor"] > 0)
    eventually("the engine was asked since", lambda: is_level(figures(exchange)))
    now = figures(exchange)
    assert now["exchange_healthy"] == 1
    for entry in PROCESSES:
        labels = f'{{process="{entry.name}"}}'
        assert now[f"exchange_up{labels}"] == 1 and now[f"exchange_fault{labels}"] == 0
        assert now[f"exchange_restarts{labels}"] == 0 and now[f"exchange_heartbeat_age_seconds{labels}"] < PATIENCE_S
        assert (f"exchange_lag_records{labels}" in now) is entry.follows


def test_health_is_answered_and_what_is_not_there_is_not(exchange: Running) -> None:
    eventually("all is healthy", lambda: get(exchange, "/healthz") == (200, "healthy\n"))
    assert get(exchange, "/")[0] == 404
    assert get(exchange, "/healthz?deep=1")[0] == 200
    assert get(exchange, "/healthz", "POST")[0] == 405


def test_a_request_without_end_is_not_read_on(exchange: Running) -> None:
    address = ("127.0.0.1", exchange.port_base + PORT_OFFSETS["metrics"])
    with socket.create_connection(address, timeout=PATIENCE_S) as endless, pytest.raises(ConnectionError):
        for _ in range(1_000):
            endless.sendall(b"x" * 65_536)
    assert get(exchange, "/healthz")[0] == 200


@pytest.mark.req("REC-12", "INV-52")
async def test_what_is_behind_shows_while_the_database_is_silent(exchange: Running) -> None:
    connection: asyncpg.Connection = await asyncpg.connect(exchange.whereabouts.dsn)
    backend = await connection.fetchval("SELECT pid FROM pg_stat_activity WHERE application_name = 'clearing'")
    await connection.close()
    before = figures(exchange)["exchange_clearing_lag_records"]
    count = LAG_RECORDS_MAX + 10
    with stopped(backend):
        submit_and_wait(exchange.data, "test", [encode_command(SetMark(1, 6_000_000))] * count, PATIENCE_S)
        eventually("the lag is told", lambda: figures(exchange)["exchange_clearing_lag_records"] >= count - 5)
        eventually("the fault is told", lambda: figures(exchange)['exchange_fault{process="clearing"}'] == 1)
        said = "clearing: PostgreSQL has not answered for "
        eventually("the fault is in words", lambda: said in exchange.exchange("status").stdout)
        done = exchange.exchange("status")
        assert done.returncode == 1 and "degraded" in done.stdout
        assert get(exchange, "/healthz") == (200, "degraded\n")
    eventually("the books catch up", lambda: figures(exchange)["exchange_clearing_lag_records"] <= before)
    eventually("all is healthy again", lambda: exchange.exchange("status").returncode == 0)


@pytest.mark.req("REC-12", "REC-10", "REC-40")
@pytest.mark.parametrize("name", ["engine", "postgres", "fixgw-order-entry"])
def test_a_process_that_hangs_is_shown_and_started_again(exchange: Running, name: str) -> None:
    pid = exchange.whereabouts.pids[name]
    with stopped(pid):
        eventually("it is shown", lambda: state_of(exchange, name).status == "hung")
        assert figures(exchange)[f'exchange_up{{process="{name}"}}'] == 0
        eventually("another takes its place", lambda: exchange.whereabouts.pids.get(name, pid) != pid)
    eventually("all is healthy again", lambda: get(exchange, "/healthz") == (200, "healthy\n"))
    assert f"{name} (pid {pid}) was ended: its loop has been silent for " in exchange.said
    assert state_of(exchange, name).restarts >= 1


@pytest.mark.req("REC-12")
def test_a_supervisor_that_hangs_is_told_by_the_command(exchange: Running) -> None:
    with stopped(exchange.process.pid):
        done = exchange.exchange("status")
        assert done.returncode == 3
        assert f"the supervisor (pid {exchange.process.pid}) has not answered within 3 s: it hangs" in done.stderr
    eventually("all is healthy again", lambda: exchange.exchange("status").returncode == 0)
