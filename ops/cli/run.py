"""``exchange run``: hold up a whole exchange until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer

from ops.cli.screen import DEFAULT_DATA, DataOption, clear_faults, err, escape, out, show_table
from ops.running.exchange import Exchange, Settings
from venue.configuration import PORTS_AFTER_BASE, load_venue, refuse_development_credentials
from venue.members import VENUE_COMP_IDS


class Durability(StrEnum):
    """When a report may leave: after its record is on disk, or (measurements only) before."""

    FSYNC = "fsync"
    NONE = "none"


@clear_faults
def run(
    data: DataOption = DEFAULT_DATA,
    config: Annotated[Path, typer.Option("--config", help="Configuration directory.")] = Path("config"),
    port_base: Annotated[
        int | None,
        typer.Option("--port-base", min=1024, max=65_535 - PORTS_AFTER_BASE, help="Port of order entry."),
    ] = None,
    dsn: Annotated[
        str | None, typer.Option("--dsn", envvar="EXCHANGE_DSN", help="PostgreSQL to use instead of the embedded one.")
    ] = None,
    durability: Annotated[Durability | None, typer.Option("--durability", help="When a report may leave.")] = None,
) -> None:
    """Start an exchange, keep it running, stop it cleanly on Ctrl-C or SIGTERM."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    # asyncio warns when a stop comes while a process is being started; the supervisor has that in hand.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    venue = load_venue(config)
    refuse_development_credentials(venue)
    settings = Settings(
        data=data,
        venue=venue,
        port_base=port_base or venue.exchange.port_base,
        dsn=dsn if dsn is not None else venue.exchange.dsn,
        durability=durability.value if durability else venue.exchange.durability,
    )
    if settings.durability == "none":
        announce("durability is none: a power failure loses orders that were acknowledged; for measurements only")
    asyncio.run(_hold_up(settings))


async def _hold_up(settings: Settings) -> None:
    exchange = Exchange(settings, announce)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, exchange.request_stop)
    await exchange.run(_show_ready)
    announce("stopped")


def announce(message: str) -> None:
    """Tell the operator what happened, with the time."""
    err.print(f"{datetime.now(UTC):%H:%M:%S} {escape(message)}")


def _show_ready(exchange: Exchange) -> None:
    settings, pids = exchange.settings, exchange.supervisor.pids
    comp_ids = {
        role: ", ".join(session.comp_id for session in settings.venue.members.sessions(role)) for role in VENUE_COMP_IDS
    }
    rows = []
    for name, port in settings.ports.items():
        pid = {"metrics": os.getpid(), "market-data": "-"}.get(name, pids.get(f"fixgw-{name}", "-"))
        target = VENUE_COMP_IDS.get(name, "(reserved)" if name == "market-data" else "")
        rows.append((name, port, pid, target, comp_ids.get(name, "")))
    columns = ("listener", "port>", "pid>", "TargetCompID", "CompIDs to log on with")
    show_table(f"exchange in {settings.data}", columns, rows)
    others = ", ".join(f"{name} {pid}" for name, pid in pids.items() if not name.startswith("fixgw"))
    out.print(f"also running: {others}", markup=False)
    print("ready", flush=True)
