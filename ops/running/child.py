"""One supervised process: how it is started, how its beats are heard, how it ends with its supervisor."""

from __future__ import annotations

import asyncio
import ctypes
import os
import pwd
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.api.heartbeat import Beat, decode_beats
from ops.running.pulse import Pulse

LOOK_S = 0.25
"""How often the pulse is looked at."""

PROBE_S = 1.0
"""Pause between two probes of a process that does not beat by itself."""

LAST_WORDS_BYTES = 2_000

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl


class ChildSpec(msgspec.Struct, frozen=True):
    """What to run. It is handed ``--heartbeat-fd``, unless ``probe`` asks it how it is: None means no answer."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = {}
    user: str | None = None
    probe: Callable[[], Awaitable[Beat | None]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL


class Child:
    """A process that runs. What it prints goes to its log; it dies when this process does."""

    def __init__(self, spec: ChildSpec, process: asyncio.subprocess.Process, log_file: Path, log_began: int) -> None:
        self.spec = spec
        self.pulse = Pulse(time.monotonic())
        self.ended_because = ""
        """Why this process was ended from here; empty unless it was."""
        self._process = process
        self._log_file = log_file
        self._log_began = log_began
        self._started_s = time.monotonic()
        self._was_ready = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._looking = asyncio.create_task(self._look())

    @classmethod
    async def start(cls, spec: ChildSpec, log_directory: Path) -> Child:
        """Start the process and begin to listen. Raises: OSError."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        log_file = log_directory / f"{spec.name}.log"
        try:
            with log_file.open("ab") as log:
                log_began = log.tell()
                process = await _spawn(spec, log.fileno(), writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        child = cls(spec, process, log_file, log_began)
        child._listen(reading)
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started_s

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        return self._process.returncode is None

    @property
    def last_words(self) -> str:
        """The last line it has written to its log; empty when it has written none."""
        with self._log_file.open("rb") as log:
            log.seek(max(self._log_began, log.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    async def until_ready(self) -> bool:
        """Wait until it has said that it is ready, or has ended. Returns: whether it has said so."""
        ready, ended = asyncio.create_task(self._was_ready.wait()), asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done() and self._listening is not None and self.spec.probe is None:
                await asyncio.wait({self._listening})  # its last beats are still in the pipe
        finally:
            ready.cancel()
            ended.cancel()
        return self._was_ready.is_set()

    async def wait(self) -> int:
        """Wait until it ends; return its exit code, negative for a signal."""
        code = await self._process.wait()
        for task in (self._looking, self._listening):
            if task is not None:
                task.cancel()
        return code

    async def stop(self, patience_s: float) -> bool:
        """Ask it to end; kill it when it does not within ``patience_s``. Returns: whether it ended by itself."""
        if self.is_running:
            self._signal(self.spec.stop_signal)
            try:
                async with asyncio.timeout(patience_s):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()
                return False
        await self.wait()
        return True

    async def kill(self) -> None:
        """End it at once."""
        if self.is_running:
            self._signal(signal.SIGKILL)
        await self.wait()

    def _listen(self, reading: int) -> None:
        if self.spec.probe is None:
            self._listening = asyncio.create_task(self._hear(reading))
        else:
            os.close(reading)
            self._listening = asyncio.create_task(self._ask(self.spec.probe))

    async def _hear(self, reading: int) -> None:
        """Take its beats until the pipe ends; nonsense on it counts as silence."""
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
        )
        rest = b""
        try:
            while data := await stream.read(65_536):
                with suppress(ValueError):
                    beats, rest = decode_beats(rest + data)
                    for beat in beats:
                        self._take(beat)
        finally:
            transport.close()

    async def _ask(self, probe: Callable[[], Awaitable[Beat | None]]) -> None:
        while True:
            beat = await probe()
            if beat is not None:
                self._take(beat)
            await asyncio.sleep(PROBE_S if self.pulse.is_ready else 0.05)

    def _take(self, beat: Beat) -> None:
        self.pulse.hear(beat, time.monotonic())
        if self.pulse.is_ready:
            self._was_ready.set()

    async def _look(self) -> None:
        """End the process when its pulse says so; a late look is no fault of the process."""
        looked_s = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = time.monotonic()
            late_s = now_s - looked_s - 2 * LOOK_S
            looked_s = now_s
            if late_s > 0:
                self.pulse.forgive(late_s)
            self.ended_because = self.pulse.why_end(now_s)
            if self.ended_because:
                self._signal(signal.SIGKILL)
                return

    def _signal(self, number: signal.Signals) -> None:
        # Not through asyncio's process: it polls first, and so can take the exit code from the one that waits for it.
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


async def _spawn(spec: ChildSpec, log: int, heartbeat: int) -> asyncio.subprocess.Process:
    supervisor_pid = os.getpid()

    def tie_to_supervisor() -> None:
        _prctl(_PR_SET_PDEATHSIG, int(spec.orphan_signal))
        if os.getppid() != supervisor_pid:
            os._exit(1)

    beats = spec.probe is None
    return await asyncio.create_subprocess_exec(
        *spec.argv,
        *(("--heartbeat-fd", str(heartbeat)) if beats else ()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, **spec.environment},
        user=spec.user,
        group=pwd.getpwnam(spec.user).pw_gid if spec.user else None,
        extra_groups=[] if spec.user else None,
        start_new_session=True,
        preexec_fn=tie_to_supervisor,
        pass_fds=(heartbeat,) if beats else (),
    )
