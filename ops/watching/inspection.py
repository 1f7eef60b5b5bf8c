"""A running exchange as it stands: its processes, its engine, and how far clearing is behind."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from clearing.errors import ClearingError
from clearing.store import open_reader
from engine.api.errors import LinkError
from engine.api.link import ControlRequest, EngineBalances, EngineStatus
from engine.client import ask
from ops.directory import Whereabouts

LAG_RECORDS_MAX = 1_000
"""Clearing further behind than this is reported as degraded (INV-52)."""

PROCESSES = ("postgres", "engine", "clearing", "fixgw-order-entry", "fixgw-drop-copy")
"""What runs under the supervisor; ``postgres`` only when it is the embedded one."""


class ProcessState(msgspec.Struct, frozen=True):
    """A process of the exchange; ``pid`` 0 means that it does not run."""

    name: str
    pid: int
    is_up: bool


class ClearingState(msgspec.Struct, frozen=True):
    """How far the books are; ``fault`` says why that cannot be told."""

    cursor: int = 0
    lag_records: int = 0
    trades: int = 0
    fault: str = ""


class Inspection(msgspec.Struct, frozen=True):
    """All of it. ``health`` is healthy, degraded (it trades, but something is behind or down) or unhealthy."""

    health: str
    processes: list[ProcessState]
    engine: EngineStatus | None
    engine_fault: str
    clearing: ClearingState


def engine_status(data: Path) -> EngineStatus:
    """Ask the engine how it stands. Raises: LinkError."""
    return msgspec.json.decode(ask(data, ControlRequest("status")), type=EngineStatus)


def engine_balances(data: Path) -> EngineBalances:
    """Ask the engine for all live balances. Raises: LinkError."""
    return msgspec.json.decode(ask(data, ControlRequest("balances")), type=EngineBalances)


async def inspect(data: Path, whereabouts: Whereabouts) -> Inspection:
    """Look at a running exchange; a part that does not answer is reported, never raised."""
    processes = process_states(whereabouts)
    engine, fault = None, ""
    try:
        engine = engine_status(data)
    except LinkError as error:
        fault = str(error)
    clearing = await clearing_state(whereabouts.dsn, engine.seq if engine else 0)
    return Inspection(_health(processes, engine, clearing), processes, engine, fault, clearing)


def process_states(whereabouts: Whereabouts) -> list[ProcessState]:
    """List the processes that are there, or should be."""
    expected = [name for name in PROCESSES if name in whereabouts.pids or name != "postgres"]
    supervisor = ProcessState("supervisor", whereabouts.supervisor_pid, True)
    pids = [(name, whereabouts.pids.get(name, 0)) for name in expected]
    return [supervisor, *(ProcessState(name, pid, bool(pid) and _is_alive(pid)) for name, pid in pids)]


async def clearing_state(dsn: str, engine_seq: int) -> ClearingState:
    """Read how far the books are, compared with ``engine_seq``."""
    try:
        async with open_reader(dsn) as books:
            progress = await books.progress()
    except ClearingError as error:
        return ClearingState(fault=str(error))
    lag = max(0, engine_seq - progress.last_applied_seq)
    return ClearingState(progress.last_applied_seq, lag, progress.trades)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _health(processes: list[ProcessState], engine: EngineStatus | None, clearing: ClearingState) -> str:
    if engine is None:
        return "unhealthy"
    behind = clearing.fault or clearing.lag_records > LAG_RECORDS_MAX
    return "degraded" if behind or not all(process.is_up for process in processes) else "healthy"
