"""The exchange as one: which processes it has, in which order they come up, and what stands between.

PostgreSQL -> engine -> registration -> clearing, gateways -> metrics -> ready
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from clearing.errors import ClearingError
from clearing.store import open_reader
from ops.directory import Whereabouts, hold, write_whereabouts
from ops.errors import PortTaken, Unreachable
from ops.running import postgres
from ops.running.child import ChildSpec
from ops.running.supervisor import Announce, Supervisor
from ops.watching.metrics import Metrics
from venue.configuration import Venue
from venue.registration import register

PORT_OFFSETS = {"order-entry": 0, "drop-copy": 1, "market-data": 2, "metrics": 10}
"""Where each listener stands above ``port_base``; market data is kept free for its process to come."""


class Settings(msgspec.Struct, frozen=True):
    """One run of an exchange: the venue as configured, with what the command line overrides."""

    data: Path
    venue: Venue
    port_base: int
    dsn: str
    durability: str

    @property
    def ports(self) -> dict[str, int]:
        """Port of each listener."""
        return {name: self.port_base + offset for name, offset in PORT_OFFSETS.items()}


class Exchange:
    """A whole exchange in one data directory. :meth:`run` holds it up until :meth:`request_stop`."""

    def __init__(self, settings: Settings, announce: Announce) -> None:
        self.settings = settings
        self._announce = announce
        self._stopping = asyncio.Event()
        self._started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self._dsn = settings.dsn
        self._is_published = False
        self.supervisor = Supervisor(settings.data / "log", announce, self._publish)

    def request_stop(self) -> None:
        """End :meth:`run`; safe to call more than once and before all is up."""
        self._stopping.set()

    async def run(self, ready: Callable[[Exchange], None]) -> None:
        """Start everything, call ``ready``, keep it running until asked to stop, stop everything.

        Raises: AlreadyRunning, PortTaken, Unreachable, ChildFailed, CheckFailed, Refused.
        """
        lock = hold(self.settings.data)
        try:
            check_ports(self.settings.ports)
            await self._run_held(ready)
        finally:
            await self.supervisor.stop()
            with suppress(FileNotFoundError):
                (self.settings.data / "exchange.json").unlink()
            os.close(lock)

    async def _run_held(self, ready: Callable[[Exchange], None]) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        starting = asyncio.create_task(self._start())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        metrics = starting.result()
        self._is_published = True
        self._publish()
        ready(self)
        await stopping
        metrics.close()

    async def _start(self) -> Metrics:
        settings = self.settings
        data = settings.data
        if self._dsn:
            await check_database(self._dsn)
        else:
            embedded = await asyncio.to_thread(postgres.prepare, data / "postgres")
            self._dsn = embedded.dsn
            await self.supervisor.start(postgres_spec(embedded))
        await self.supervisor.start(_python("engine", "engine", "--durability", settings.durability, data=data))
        await asyncio.to_thread(register, data, settings.venue)
        await self.supervisor.start(
            self._clearing(),
            self._gateway("order-entry"),
            self._gateway("drop-copy"),
        )
        metrics = Metrics(data, settings.ports["metrics"], self.supervisor, self._dsn)
        metrics.start()
        return metrics

    def _clearing(self) -> ChildSpec:
        """Describe clearing; the DSN may hold a password, so it is kept off the command line."""
        spec = _python("clearing", "clearing", data=self.settings.data)
        return msgspec.structs.replace(spec, environment={"EXCHANGE_DSN": self._dsn})

    def _gateway(self, role: str) -> ChildSpec:
        port = str(self.settings.ports[role])
        config = str(self.settings.venue.directory.resolve())
        arguments = ("--role", role, "--config", config, "--port", port)
        return _python(f"fixgw-{role}", "fixgw", *arguments, data=self.settings.data)

    def _publish(self) -> None:
        if not self._is_published:
            return
        whereabouts = Whereabouts(
            dsn=self._dsn,
            config=str(self.settings.venue.directory.resolve()),
            ports=self.settings.ports,
            supervisor_pid=os.getpid(),
            pids=self.supervisor.pids,
            started=self._started,
        )
        write_whereabouts(self.settings.data, whereabouts)


def postgres_spec(embedded: postgres.Postgres) -> ChildSpec:
    """Describe the embedded PostgreSQL as a process; it is stopped fast, and an orphan ends at once."""
    return ChildSpec(
        "postgres",
        embedded.argv,
        user=embedded.user,
        is_ready=embedded.is_ready,
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGQUIT,
    )


def _python(name: str, package: str, *arguments: str, data: Path) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-m", package, "--data", str(data.resolve()), *arguments))


async def check_database(dsn: str) -> None:
    """Check that PostgreSQL lets us in at ``dsn``, before anything depends on it. Raises: Unreachable."""
    try:
        async with open_reader(dsn):
            pass
    except ClearingError as error:
        reason = "no answer in time" if isinstance(error.__cause__, TimeoutError) else error
        raise Unreachable(f"PostgreSQL cannot be reached with --dsn or EXCHANGE_DSN: {reason}") from error


def check_ports(ports: dict[str, int]) -> None:
    """Check that nobody listens where this exchange is to. Raises: PortTaken."""
    for purpose, port in ports.items():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError as error:
                raise PortTaken(port, purpose) from error
