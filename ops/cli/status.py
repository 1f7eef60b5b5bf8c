"""``exchange status``: the exchange at a glance."""

from __future__ import annotations

import asyncio

import typer

from engine.api.link import EngineStatus
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, out, show_json, show_table
from ops.directory import read_whereabouts
from ops.telling.events import iso_time
from ops.watching.inspection import Inspection, inspect

_COLORS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}


@clear_faults
def status(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Show processes, engine, links and how far clearing is behind. Exit code 1 unless healthy."""
    inspection = asyncio.run(inspect(data, read_whereabouts(data)))
    if as_json:
        show_json(inspection)
    else:
        _show(inspection)
    if inspection.health != "healthy":
        raise typer.Exit(1)


def _show(inspection: Inspection) -> None:
    out.print(f"[bold {_COLORS[inspection.health]}]{inspection.health}[/]")
    rows = [(p.name, p.pid or "-", "up" if p.is_up else "down") for p in inspection.processes]
    show_table("processes", ("process", "pid>", "state"), rows)
    if inspection.engine is None:
        out.print(f"engine: {inspection.engine_fault}", markup=False)
    else:
        show_table("engine", ("what", "value"), _engine_rows(inspection.engine))
    clearing = inspection.clearing
    if clearing.fault:
        out.print(f"clearing: {clearing.fault}", markup=False)
    else:
        figures = [("cursor", clearing.cursor), ("records behind", clearing.lag_records), ("trades", clearing.trades)]
        show_table("clearing", ("what", "value>"), figures)


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
