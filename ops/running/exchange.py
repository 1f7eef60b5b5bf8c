"""The exchange as one: its processes in their order, what stands between, and what is said about them.

PostgreSQL -> engine -> registration -> clearing, gateways -> ready. The watch answers from the beginning on.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from clearing.errors import ClearingError
from clearing.store import open_reader
from ops.directory import Whereabouts, hold, write_whereabouts
from ops.errors import ChildFailed, PortTaken, Unreachable
from ops.processes import ENGINE, METRICS, POSTGRES, PROCESSES, Settings, stages
from ops.running import postgres
from ops.running.supervisor import Announce, Supervisor
from ops.watching.endpoint import Endpoint
from ops.watching.watch import Watch
from venue.registration import register


class Exchange:
    """A whole exchange in one data directory. :meth:`run` holds it up until :meth:`request_stop`."""

    def __init__(self, settings: Settings, announce: Announce) -> None:
        self.settings = settings
        self._announce = announce
        self._stopping = asyncio.Event()
        self._is_published = False
        self._started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.supervisor = Supervisor(settings.data / "log", announce, self._publish)

    def request_stop(self) -> None:
        """End :meth:`run`; safe to call more than once and before all is up."""
        self._stopping.set()

    async def run(self, ready: Callable[[Exchange], None]) -> None:
        """Start everything, call ``ready``, keep it running until asked to stop, stop everything.

        Raises: AlreadyRunning, PortTaken, Unreachable, ChildFailed, VenueError, Refused.
        """
        lock = hold(self.settings.data)
        watch = Watch(self.settings.data, self.supervisor)
        endpoint = Endpoint(self.settings.ports[METRICS.name], watch)
        try:
            check_ports(self.settings.ports)
            await endpoint.start()
            watch.start()
            await self._run_held(watch, ready)
        finally:
            watch.close()
            await self.supervisor.stop()
            await endpoint.close()
            with suppress(FileNotFoundError):
                (self.settings.data / "exchange.json").unlink()
            os.close(lock)

    async def _run_held(self, watch: Watch, ready: Callable[[Exchange], None]) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        starting = asyncio.create_task(self._start())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        starting.result()
        watch.is_open = True
        ready(self)
        failed = asyncio.create_task(self.supervisor.until_failed())
        await asyncio.wait({stopping, failed}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            stopping.cancel()
            failed.result()
        failed.cancel()

    async def _start(self) -> None:
        await self._find_database()
        self._publish()
        for specs in stages(self.settings):
            try:
                await self.supervisor.start(*specs)
            except ChildFailed as error:
                raise _with_way_out(error) from error
            if ENGINE.name in (spec.name for spec in specs):
                await asyncio.to_thread(register, self.settings.data, self.settings.venue)
        await self.supervisor.until_sound()

    async def _find_database(self) -> None:
        """See that the PostgreSQL of the settings lets us in, or prepare one of our own."""
        settings = self.settings
        if settings.dsn:
            await check_database(settings.dsn)
            return
        self._announce("preparing PostgreSQL")
        log_file = settings.data / "log" / f"{POSTGRES}.log"
        embedded = await asyncio.to_thread(postgres.prepare, settings.data / "postgres", log_file)
        self.settings = msgspec.structs.replace(settings, embedded=embedded, dsn=embedded.dsn)

    def _publish(self) -> None:
        whereabouts = Whereabouts(
            dsn=self.settings.dsn,
            config=str(self.settings.venue.directory.resolve()),
            ports=self.settings.ports,
            supervisor_pid=os.getpid(),
            pids=self.supervisor.pids,
            started=self._started,
        )
        try:
            write_whereabouts(self.settings.data, whereabouts)
        except OSError as error:
            if not self._is_published:
                raise
            # What other commands read grows old; processes are looked after all the same.
            self._announce(f"{self.settings.data / 'exchange.json'} could not be written: {error.strerror}")
        else:
            self._is_published = True


def _with_way_out(error: ChildFailed) -> ChildFailed:
    """Say how to trade without a process that is not vital."""
    optional = error.name in {entry.name for entry in PROCESSES if not entry.is_vital}
    return ChildFailed(error.name, f"{error}; to start without it: --without {error.name}") if optional else error


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
