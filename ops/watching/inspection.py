"""A running exchange as it stands: its processes, its engine, how far each follower of the log is behind."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.api.link import ControlRequest, EngineBalances, EngineStatus
from engine.client import ask
from ops.running.state import ProcessState, ProcessStatus

LAG_RECORDS_MAX = 1_000
"""A follower further behind than this is reported as degraded (INV-52)."""


DISK_FREE_BYTES_MIN = 256 * 2**20
"""With less free space than this the exchange is degraded: a snapshot, a standing and a segment need room."""


class ProcessView(msgspec.Struct, frozen=True):
    """A process with its place in the log: ``lag_records`` is None for one that does not follow it."""

    name: str
    status: ProcessStatus
    pid: int
    progress: int
    lag_records: int | None
    silent_s: float
    restarts: int
    fault: str
    log: str


class Inspection(msgspec.Struct, frozen=True):
    """All of it.

    ``health`` is healthy, degraded (it trades, but something is behind or down) or unhealthy. ``engine`` is what the
    engine last answered, ``engine_age_s`` ago; ``engine_fault`` says why it did not answer since.
    ``disk_free_bytes`` is what is left where the data directory lies.
    """

    health: str
    supervisor_pid: int
    is_open: bool
    processes: list[ProcessView]
    engine: EngineStatus | None
    engine_age_s: float
    engine_fault: str
    disk_free_bytes: int
    disk_fault: str


def engine_status(data: Path) -> EngineStatus:
    """Ask the engine how it stands. Raises: LinkError."""
    return msgspec.json.decode(ask(data, ControlRequest("status")), type=EngineStatus)


def engine_balances(data: Path) -> EngineBalances:
    """Ask the engine for all live balances. Raises: LinkError."""
    return msgspec.json.decode(ask(data, ControlRequest("balances")), type=EngineBalances)


def view(state: ProcessState, lag_records: int | None) -> ProcessView:
    """Describe a process; one that is far behind has that for a fault, if it has no other."""
    fault = state.fault
    if not fault and lag_records is not None and lag_records > LAG_RECORDS_MAX:
        fault = f"{lag_records:,} records behind"
    return ProcessView(
        state.name,
        state.status,
        state.pid,
        state.progress,
        lag_records,
        state.silent_s,
        state.restarts,
        fault,
        state.log,
    )


def disk_fault(free_bytes: int, data: Path) -> str:
    """Say that too little is free where ``data`` lies; nothing when it is enough."""
    is_short = free_bytes < DISK_FREE_BYTES_MIN
    return f"{free_bytes // 2**20:,} MiB free where {data} lies: the engine ends at 0" if is_short else ""


def health(is_open: bool, processes: list[ProcessView], vital: frozenset[str], disk_fault: str) -> str:
    """Sum up: nobody can trade before the exchange is open, nor without a vital process."""
    ready = {process.name for process in processes if process.status is ProcessStatus.READY}
    if not is_open or not vital <= ready:
        return "unhealthy"
    is_sound = len(ready) == len(processes) and not any(process.fault for process in processes) and not disk_fault
    return "healthy" if is_sound else "degraded"
