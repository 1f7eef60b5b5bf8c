"""``exchange status``: the exchange at a glance, as its supervisor tells it."""

from __future__ import annotations

import msgspec
import typer

from engine.api.link import EngineStatus
from engine.api.segment import list_segments
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, out, show_json, show_table
from ops.directory import read_whereabouts
from ops.telling.times import iso_time
from ops.watching.inquiry import inquire
from ops.watching.inspection import Inspection, ProcessView

_COLORS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}


@clear_faults
def status(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Show processes, engine, links, how far each follower of the log is behind, and what is halted.

    Exit code 1 unless healthy; a halt is no fault.
    """
    from ops.watching.closures import closures  # here: --help needs no fold

    inspection = inquire(read_whereabouts(data))
    closed = closures(data) if list_segments(data / "journal") else None
    if as_json:
        show_json({**msgspec.structs.asdict(inspection), "closures": closed})
    else:
        _show(inspection)
        if closed is not None and not closed.is_open:
            out.print(f"venue: {closed.venue}", markup=False)
            for symbol, closure in closed.symbols.items():
                out.print(f"{symbol}: {closure}", markup=False)
    if inspection.health != "healthy":
        raise typer.Exit(1)


def _show(inspection: Inspection) -> None:
    out.print(f"[bold {_COLORS[inspection.health]}]{inspection.health}[/]")
    if not inspection.is_open:
        out.print("still starting: members cannot log on yet")
    rows = [("supervisor", inspection.supervisor_pid, "ready", "", "", ""), *map(_row, inspection.processes)]
    show_table("processes", ("process", "pid>", "state", "seq>", "behind>", "restarts>"), rows)
    for process in inspection.processes:
        if process.fault:
            out.print(f"{process.name}: {process.fault}", markup=False)
    if inspection.disk_fault:
        out.print(f"disk: {inspection.disk_fault}", markup=False)
    if inspection.engine_fault:
        out.print(f"engine: no answer for {inspection.engine_age_s:g} s: {inspection.engine_fault}", markup=False)
    if inspection.engine is not None:
        show_table("engine", ("what", "value"), _engine_rows(inspection.engine))


def _row(process: ProcessView) -> tuple[object, ...]:
    follows = process.lag_records is not None
    place = process.progress if follows and process.progress >= 0 else ""
    behind = process.lag_records if follows else ""
    return process.name, process.pid or "-", process.status.value, place, behind, process.restarts


def _engine_rows(engine: EngineStatus) -> list[tuple[str, object]]:
    return [
        ("seq", engine.seq),
        ("time of last record", iso_time(engine.ts_ns) if engine.seq else "-"),
        ("epoch, fencing", f"{engine.epoch}, {engine.fencing}"),
        ("durability", engine.durability),
        ("open orders", engine.open_orders),
        ("batches", engine.batches),
        ("sync p50, p99", f"{engine.sync_p50_us} us, {engine.sync_p99_us} us"),
        ("links", ", ".join(engine.links)),
    ]
