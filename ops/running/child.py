"""One supervised process: how it is started, how it says it is ready, how it ends with its supervisor."""

from __future__ import annotations

import asyncio
import ctypes
import os
import pwd
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from ops.errors import ChildFailed

READY_S_MAX = 600.0
"""A process that is not ready by then has failed. Long, because a gateway folds the whole log before it serves."""

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl


class ChildSpec(msgspec.Struct, frozen=True):
    """What to run. ``is_ready`` asks a process that prints no ``ready`` line of its own."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = {}
    user: str | None = None
    is_ready: Callable[[], bool] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL


class Child:
    """A process that runs. Its stderr goes to ``log``; it dies when this process does."""

    def __init__(self, spec: ChildSpec, process: asyncio.subprocess.Process) -> None:
        self.spec = spec
        self._process = process
        self.started_at = time.monotonic()
        self._drain: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started_at

    @classmethod
    async def start(cls, spec: ChildSpec, log_directory: Path) -> Child:
        """Start the process and wait until it is ready. Raises: ChildFailed naming its log."""
        log_file = log_directory / f"{spec.name}.log"
        supervisor_pid = os.getpid()

        def tie_to_supervisor() -> None:
            _prctl(_PR_SET_PDEATHSIG, int(spec.orphan_signal))
            if os.getppid() != supervisor_pid:
                os._exit(1)

        with log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *spec.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, **spec.environment},
                user=spec.user,
                group=pwd.getpwnam(spec.user).pw_gid if spec.user else None,
                extra_groups=[] if spec.user else None,
                start_new_session=True,
                preexec_fn=tie_to_supervisor,
            )
        child = cls(spec, process)
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes as the awaited ends.
            async with asyncio.timeout(READY_S_MAX):
                await child._until_ready()
        except (TimeoutError, ChildFailed, asyncio.CancelledError) as error:
            await child.kill()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise ChildFailed(f"{spec.name} did not become ready{_last_words(log_file)} (see {log_file})") from error
        child._drain = asyncio.create_task(child._read_to_end())
        return child

    async def _until_ready(self) -> None:
        if self.spec.is_ready is not None:
            while not await asyncio.to_thread(self.spec.is_ready):
                if self._process.returncode is not None:
                    raise ChildFailed(self.spec.name)
                await asyncio.sleep(0.05)
            return
        assert self._process.stdout is not None
        while (line := await self._process.stdout.readline()).strip() != b"ready":
            if not line:
                raise ChildFailed(self.spec.name)

    async def _read_to_end(self) -> None:
        """Keep the pipe empty, so that a process that prints is never held up by it."""
        assert self._process.stdout is not None
        while await self._process.stdout.read(65_536):
            pass

    async def wait(self) -> int:
        """Wait until it ends; return its exit code, negative for a signal."""
        return await self._process.wait()

    async def stop(self, patience_s: float) -> bool:
        """Ask it to end; kill it when it does not within ``patience_s``. Returns: whether it ended by itself."""
        if self._process.returncode is None:
            self._signal(self.spec.stop_signal)
            try:
                async with asyncio.timeout(patience_s):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()
                return False
        return True

    async def kill(self) -> None:
        """End it at once."""
        if self._process.returncode is None:
            self._signal(signal.SIGKILL)
        await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        # Not through asyncio's process: it polls first, and so can take the exit code from the one that waits for it.
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def _last_words(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""
