"""Metrics for Prometheus, on loopback: what runs, how often it was restarted, how far clearing is behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from engine.api.errors import LinkError
from ops.errors import PortTaken
from ops.running.supervisor import Supervisor
from ops.watching.inspection import PROCESSES, clearing_state, engine_status

PERIOD_S = 5.0
"""How often the figures are read; they are never older than 60 s (SVC-17)."""


class Metrics:
    """The endpoint, refreshed from the supervisor's loop."""

    def __init__(self, data: Path, port: int, supervisor: Supervisor, dsn: str) -> None:
        self._data = data
        self._port = port
        self._supervisor = supervisor
        self._dsn = dsn
        self._task: asyncio.Task[None] | None = None
        registry = CollectorRegistry()
        self._registry = registry
        self._up = Gauge("exchange_up", "1 while the process runs.", ["process"], registry=registry)
        self._restarts = Gauge(
            "exchange_restarts", "Restarts since the supervisor started.", ["process"], registry=registry
        )
        self._seq = Gauge("exchange_engine_seq", "Last durable record.", registry=registry)
        self._open_orders = Gauge("exchange_open_orders", "Open orders in all books.", registry=registry)
        self._sync_p99 = Gauge("exchange_sync_p99_seconds", "Slowest hundredth of the last syncs.", registry=registry)
        self._cursor = Gauge("exchange_clearing_cursor", "Last record applied to the books.", registry=registry)
        self._lag = Gauge("exchange_clearing_lag_records", "Records the books are behind.", registry=registry)

    def start(self) -> None:
        """Listen, and read the figures every PERIOD_S. Raises: PortTaken."""
        try:
            self._server, _ = start_http_server(self._port, addr="127.0.0.1", registry=self._registry)
        except OSError as error:
            raise PortTaken(self._port, "metrics") from error
        self._task = asyncio.create_task(self._refresh_for_ever())

    def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            self._server.shutdown()
            self._server.server_close()

    async def _refresh_for_ever(self) -> None:
        while True:
            await self._refresh()
            await asyncio.sleep(PERIOD_S)

    async def _refresh(self) -> None:
        pids = self._supervisor.pids
        for name in PROCESSES:
            if name in self._supervisor.restarts:
                self._up.labels(name).set(name in pids)
                self._restarts.labels(name).set(self._supervisor.restarts[name])
        try:
            engine = await asyncio.to_thread(engine_status, self._data)
        except LinkError:
            return
        self._seq.set(engine.seq)
        self._open_orders.set(engine.open_orders)
        self._sync_p99.set(engine.sync_p99_us / 1_000_000)
        clearing = await clearing_state(self._dsn, engine.seq)
        if not clearing.fault:
            self._cursor.set(clearing.cursor)
            self._lag.set(clearing.lag_records)
