"""``exchange run``: hold up a whole exchange until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from ops.cli.screen import DEFAULT_DATA, DataOption, clear_faults, err, escape, out, show_table
from ops.errors import Refused
from ops.processes import LISTENERS, PROCESSES, Settings
from venue.configuration import PORTS_AFTER_BASE, load_venue, refuse_development_credentials

if TYPE_CHECKING:
    from ops.running.exchange import Exchange


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
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="PROCESS", help="Leave out one that is not vital.")
    ] = None,
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
        without=_left_out(without or []),
    )
    for name in sorted(settings.without):
        announce(f"{name} is left out of this run")
    if settings.durability == "none":
        announce("durability is none: a power failure loses orders that were acknowledged; for measurements only")
    asyncio.run(_hold_up(settings))


def _left_out(names: list[str]) -> frozenset[str]:
    """Read which processes are left out. Raises: Refused naming those that can be."""
    optional = {entry.name for entry in PROCESSES if not entry.is_vital}
    if unknown := set(names) - optional:
        raise Refused(f"{', '.join(sorted(unknown))} cannot be left out; {', '.join(sorted(optional))} can")
    return frozenset(names)


async def _hold_up(settings: Settings) -> None:
    from ops.running.exchange import Exchange  # here: --help needs none of what holds an exchange up

    exchange = Exchange(settings, announce)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, exchange.request_stop)
    await exchange.run(_show_ready_if_anybody_reads)
    announce("stopped")


def announce(message: str) -> None:
    """Tell the operator what happened, with the time; an operator who has gone is no reason to stop."""
    with suppress(OSError):
        err.print(f"{datetime.now(UTC):%H:%M:%S} {escape(message)}")


def _show_ready_if_anybody_reads(exchange: Exchange) -> None:
    try:
        _show_ready(exchange)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        announce("ready; nobody reads standard output any more")


def _show_ready(exchange: Exchange) -> None:
    settings, pids = exchange.settings, exchange.supervisor.pids
    pid_of = {entry.listener: pids.get(entry.name, 0) for entry in PROCESSES if entry.listener}
    rows = []
    absent = {entry.listener for entry in PROCESSES if entry.name in settings.without}
    for listener in (listener for listener in LISTENERS if listener not in absent):
        comp_ids = ", ".join(session.comp_id for session in settings.venue.members.sessions(listener.name))
        pid = pid_of.get(listener, os.getpid())
        rows.append((listener.name, settings.ports[listener.name], pid, listener.comp_id, comp_ids))
    columns = ("listener", "port>", "pid>", "TargetCompID", "CompIDs to log on with")
    show_table(f"exchange in {settings.data}", columns, rows)
    silent = pids.keys() - {entry.name for entry in PROCESSES if entry.listener}
    others = ", ".join(f"{name} {pid}" for name, pid in pids.items() if name in silent)
    out.print(f"also running: {others}", markup=False)
    print("ready", flush=True)
