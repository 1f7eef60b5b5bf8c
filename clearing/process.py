"""The clearing process: take a batch, apply it, again; and keep trying while PostgreSQL is away."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from clearing.batch import Batch
from clearing.condition import Condition
from clearing.errors import AlreadyClearing, BooksRefused, ClearingError, StoreUnavailable
from clearing.intake import Intake, LogReader
from clearing.ledger import Books, Ledger
from clearing.limits import ATTEMPTS_QUIET, BACKOFF_FIRST_S, BACKOFF_MAX_S, STOP_TIMEOUT_S, TAKEOVER_TIMEOUT_S
from clearing.store import Store
from engine.api.cursor import Cursor
from engine.api.errors import CursorRefused, EngineError
from engine.api.heartbeat import PERIOD_S, Heartbeat
from engine.api.ports import FollowPort
from engine.client import Follower as EngineFollower

T = TypeVar("T")

_log = structlog.get_logger()


class Config(msgspec.Struct, frozen=True):
    """What a clearing process is built from."""

    data: Path
    dsn: str
    heartbeat_fd: int | None = None
    backoff_first_s: float = BACKOFF_FIRST_S
    backoff_max_s: float = BACKOFF_MAX_S


class Process:
    """Clearing, from the cursor on. ``settled`` is called after each commit, with the batch."""

    def __init__(
        self,
        config: Config,
        follow: Callable[[Cursor], FollowPort],
        heartbeat: Heartbeat,
        ready: Callable[[], None],
        settled: Callable[[Batch], None],
    ) -> None:
        self._config = config
        self._follow = follow
        self._heartbeat = heartbeat
        self._ready = ready
        self._settled = settled
        self._store = Store(config.dsn)
        self._condition = Condition()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Clear until :meth:`stop`. Raises: ClearingError or EngineError when the log or the books are not right."""
        beating = asyncio.create_task(self._beat())
        working = asyncio.create_task(self._clear())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        # The batch at hand may finish; if it cannot, the cursor makes leaving it safe.
        await asyncio.wait({working}, timeout=STOP_TIMEOUT_S)
        beating.cancel()
        self._store.drop()
        if working.done():
            await working
        else:
            _log.warning("batch_left", reason="PostgreSQL did not answer in time")
            working.cancel()
            await asyncio.wait({working}, timeout=1.0)

    def stop(self) -> None:
        """Ask the process to end; it does within STOP_TIMEOUT_S."""
        self._stopping.set()

    async def _beat(self) -> None:
        while True:
            self._condition.tell(self._heartbeat, time.monotonic())
            await asyncio.sleep(PERIOD_S / 2)

    async def _clear(self) -> None:
        opened = await self._persist(self._open)
        if opened is None:
            return
        cursor, books = opened
        intake = Intake(self._follow(cursor), LogReader(Ledger(books), cursor))
        stop_following = asyncio.create_task(self._stop_with(intake))
        intake.start()
        try:
            await self._begin(intake, cursor)
            while (batch := await intake.take()) is not None:
                if not await self._settle(batch):
                    return
        except CursorRefused as error:
            raise BooksRefused(str(error)) from error
        finally:
            intake.stop()
            stop_following.cancel()

    async def _begin(self, intake: Intake, cursor: Cursor) -> None:
        """Wait until the log goes on where the books end; only then is this process ready."""
        self._condition.log_awaited(cursor.seq)
        await intake.begin()
        self._condition.begun()
        if not self._stopping.is_set():
            _log.info("clearing", from_seq=cursor.next_seq)
            self._ready()

    async def _stop_with(self, intake: Intake) -> None:
        await self._stopping.wait()
        intake.stop()

    async def _settle(self, batch: Batch) -> bool:
        """Apply a batch, however long PostgreSQL is away. Returns: False when stopped before that."""

        async def apply() -> bool:
            if not self._store.is_open:
                await self._reopen()
            await self._store.apply(batch, max(time.time_ns(), batch.last_ts_ns))
            return True

        if not await self._persist(apply):
            return False
        self._condition.settled(batch.last_seq)
        _log.debug("settled", first_seq=batch.first_seq, last_seq=batch.last_seq, trades=len(batch.trades))
        self._settled(batch)
        return True

    async def _open(self) -> tuple[Cursor, Books]:
        until = time.monotonic() + TAKEOVER_TIMEOUT_S
        while True:
            try:
                cursor = await self._store.open()
                return cursor, await self._store.read_books(self._condition.advanced)
            except AlreadyClearing:
                if time.monotonic() >= until:
                    raise
                await asyncio.sleep(self._config.backoff_first_s)

    async def _reopen(self) -> None:
        try:
            await self._store.open()
        except AlreadyClearing as error:
            # Most likely the own connection that was lost: the server may take long to notice. Should another
            # process clear meanwhile, the cursor will tell.
            raise StoreUnavailable(str(error)) from error

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T | None:
        """Try until PostgreSQL answers, waiting longer each time. Returns: None when stopped before that."""
        failures, pause_s = 0, self._config.backoff_first_s
        while True:
            try:
                self._condition.asked(time.monotonic())
                result = await attempt()
            except StoreUnavailable as error:
                self._store.drop()
                self._condition.failed(str(error))
                failures += 1
                report = _log.warning if failures <= ATTEMPTS_QUIET else _log.error
                report("store_unavailable", failures=failures, retry_in_s=pause_s, reason=str(error))
                if await self._stopped_within(pause_s):
                    return None
                pause_s = min(self._config.backoff_max_s, pause_s * 2)
            else:
                self._condition.answered()
                if failures:
                    _log.info("store_back", failures=failures)
                return result

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()


def build(
    config: Config,
    follow: Callable[[Cursor], FollowPort] | None = None,
    heartbeat: Heartbeat | None = None,
    ready: Callable[[], None] = lambda: None,
    settled: Callable[[Batch], None] = lambda batch: None,
) -> Process:
    """Build a clearing process; ``follow`` makes the port that reads the log after a cursor, the engine's by default.

    Call it within the event loop that will run the process.
    """

    def follow_engine(after: Cursor) -> FollowPort:
        return EngineFollower(config.data, "clearing", after)

    return Process(config, follow or follow_engine, heartbeat or Heartbeat(), ready, settled)


def serve(config: Config) -> int:
    """Run a clearing process until a signal ends it. Returns: the exit code, 1 after a fault."""
    return asyncio.run(_serve(config))


async def _serve(config: Config) -> int:
    process = build(config, heartbeat=Heartbeat(config.heartbeat_fd), ready=lambda: print("ready", flush=True))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    try:
        await process.run()
    except (ClearingError, EngineError) as error:
        _log.critical("clearing_stopped", fault=type(error).__name__, reason=str(error))
        return 1
    _log.info("clearing_ended")
    return 0
