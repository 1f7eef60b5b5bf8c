"""The supervisor: keeps every process of the exchange running, ends what hangs, and stops all in order.

Invariant: children are started from the main thread only, because their tie to this process (PR_SET_PDEATHSIG)
is to the thread that started them.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

from ops.errors import ChildFailed
from ops.running.child import Child, ChildSpec
from ops.running.state import ProcessState, ProcessStatus

BACK_OFF_S_MIN, BACK_OFF_S_MAX = 0.1, 5.0
"""First and longest pause before a restart; it doubles each time."""

STEADY_S = 30.0
"""A process that lived this long starts again with the shortest pause, and what happened before is forgotten."""

FAILURES_IN_A_ROW = 3
"""So many without a steady life between them are no accident: the process keeps failing."""

NEWS_S = 2.0
"""A start that goes on is told about this often."""

STOP_S_MAX = 5.0
"""All processes have ended by then, killed if need be."""

Announce = Callable[[str], None]


class _Post:
    """A process that is to run, whichever child fills it at the time."""

    def __init__(self, spec: ChildSpec, log_directory: Path) -> None:
        self.spec = spec
        self.log_directory = log_directory
        self.child: Child | None = None
        self.restarts = 0
        self.failures = 0
        """In a row, with no steady life between."""
        self.failure = ""
        self._progress = -1

    @property
    def log_file(self) -> Path:
        return self.log_directory / f"{self.spec.name}.log"

    def failed(self, child: Child, code: int) -> None:
        """Note how ``child`` ended, and how far it had come."""
        self._progress = self.progress
        self.failures = 1 if child.alive_s >= STEADY_S else self.failures + 1
        if child.ended_because:
            self.failure = f"was ended: {child.ended_because}"
            return
        why = "" if code == -signal.SIGKILL else child.pulse.beat.fault or child.last_words
        self.failure = f"ended with {_ending(code)}" + (f": {why}" if why else "")

    def state(self) -> ProcessState:
        """Say how it is now."""
        child, now_s = self.child, time.monotonic()
        status, fault = self._status(now_s)
        is_running = child is not None and child.is_running
        return ProcessState(
            name=self.spec.name,
            status=status,
            pid=child.pid if child is not None and is_running else 0,
            progress=self.progress,
            silent_s=round(child.pulse.silent_s(now_s), 1) if child is not None and is_running else 0.0,
            restarts=self.restarts,
            is_failing=self.is_failing,
            fault=fault,
            log=str(self.log_file),
        )

    def _status(self, now_s: float) -> tuple[ProcessStatus, str]:
        """Tell status and fault: what is wrong now comes before what went wrong before."""
        child = self.child
        if child is None or not child.is_running:
            often = "keeps failing: " if self.is_failing else ""
            return ProcessStatus.DOWN, f"{often}{self.failure} (see {self.log_file})"
        if child.pulse.is_hung(now_s):
            return ProcessStatus.HUNG, f"its loop has been silent for {child.pulse.silent_s(now_s):.0f} s"
        fault = child.pulse.beat.fault
        if self.is_failing and not fault:
            fault = f"has kept failing, last it {self.failure} (see {self.log_file})"
        return ProcessStatus.READY if child.pulse.is_ready else ProcessStatus.STARTING, fault

    @property
    def is_failing(self) -> bool:
        """Tell whether it failed several times in a row, and has not lived steadily since."""
        child = self.child
        is_steady = child is not None and child.pulse.is_ready and child.alive_s >= STEADY_S
        return self.failures >= FAILURES_IN_A_ROW and not is_steady

    @property
    def progress(self) -> int:
        """The furthest place this process, or the one before it, has told."""
        if self.child is not None:
            self._progress = max(self._progress, self.child.pulse.beat.progress)
        return self._progress


class Supervisor:
    """The running processes, stage by stage as they were started; they are stopped in the reverse order."""

    def __init__(self, log_directory: Path, announce: Announce, on_change: Callable[[], None]) -> None:
        self._log_directory = log_directory
        self._announce = announce
        self._on_change = on_change
        self._posts: dict[str, _Post] = {}
        self._stages: list[tuple[str, ...]] = []
        self._watches: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of those that run, by name."""
        return {name: post.child.pid for name, post in self._posts.items() if post.child and post.child.is_running}

    @property
    def states(self) -> list[ProcessState]:
        """Every process that is to run, as it is now."""
        return [post.state() for post in self._posts.values()]

    async def start(self, *specs: ChildSpec) -> None:
        """Start processes side by side and wait until all are ready. Raises: ChildFailed, OSError."""
        self._stages.append(tuple(spec.name for spec in specs))
        posts = [_Post(spec, self._log_directory) for spec in specs]
        self._announce(f"starting {', '.join(spec.name for spec in specs)}")
        for post in posts:
            self._posts[post.spec.name] = post
            post.child = await Child.start(post.spec, self._log_directory)
            self._watches.append(asyncio.create_task(self._tell_while_starting(post)))
        self._on_change()
        for post in posts:
            await self._await_first(post)
        for post in posts:
            watch = asyncio.create_task(self._watch(post))
            watch.add_done_callback(self._watch_ended)
            self._watches.append(watch)

    async def _await_first(self, post: _Post) -> None:
        """Wait for the first child. Raises: ChildFailed: what does not come up at first will not the second time."""
        child = post.child
        assert child is not None
        if not await child.until_ready():
            post.failed(child, await child.wait())
            raise ChildFailed(
                post.spec.name, f"{post.spec.name} did not become ready: it {post.failure} (see {post.log_file})"
            )

    async def until_failed(self) -> None:
        """Wait until the supervisor itself fails. Raises: what it failed with."""
        await self._failed

    async def until_sound(self) -> None:
        """Wait until every process does its work; tell what keeps one from it. Raises: ChildFailed when one fails."""
        told: dict[str, str] = {}
        while faults := {state.name: state for state in self.states if not state.is_sound}:
            for name, state in faults.items():
                if state.restarts:
                    raise ChildFailed(name, f"{name} {self._posts[name].failure} (see {state.log})")
                if told.get(name) != state.fault:
                    self._announce(f"waiting for {name}: {state.fault}")
                    told[name] = state.fault
            await asyncio.sleep(0.1)

    async def _tell_while_starting(self, post: _Post) -> None:
        """Say now and then how far a start is."""
        while (child := post.child) is not None and child.is_running and not child.pulse.is_ready:
            await asyncio.sleep(NEWS_S)
            progress = child.pulse.beat.progress
            if child.is_running and not child.pulse.is_ready:
                self._announce(f"{post.spec.name} is starting" + (f": at seq {progress:,}" if progress >= 0 else ""))

    async def _watch(self, post: _Post) -> None:
        """Start the process again each time it ends, after a pause that grows while it keeps failing."""
        name, pause_s = post.spec.name, BACK_OFF_S_MIN
        while True:
            child = post.child
            if child is not None:
                post.failed(child, await child.wait())
                pause_s = BACK_OFF_S_MIN if post.failures == 1 else min(BACK_OFF_S_MAX, pause_s * 2)
                self._announce(f"{name} (pid {child.pid}) {post.failure}; starting it again in {pause_s:g} s")
            self._on_change()
            await asyncio.sleep(pause_s)
            await self._start_again(post)
            self._on_change()

    def _watch_ended(self, watch: asyncio.Task[None]) -> None:
        """Pass on what ended a watch: an exchange that nobody watches does not go on."""
        if not watch.cancelled() and (error := watch.exception()) is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _start_again(self, post: _Post) -> None:
        """Start the process once more and wait until it is ready, or has ended."""
        post.restarts += 1
        post.child = None
        try:
            post.child = await Child.start(post.spec, self._log_directory)
        except OSError as error:
            post.failure = f"could not be started: {error}"
            self._announce(f"{post.spec.name} {post.failure}")
            return
        self._on_change()
        if await post.child.until_ready():
            self._announce(f"{post.spec.name} is ready again (pid {post.child.pid})")

    async def stop(self) -> None:
        """Stop everything within STOP_S_MAX: last started first, so that nobody loses the one it depends on."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STOP_S_MAX - 0.5
        for stage in reversed(self._stages):
            patience_s = max(0.1, deadline - loop.time())
            await asyncio.gather(*(self._stop(name, patience_s) for name in stage if name in self._posts))

    async def _stop(self, name: str, patience_s: float) -> None:
        child = self._posts.pop(name).child
        if child is not None and not await child.stop(patience_s):
            self._announce(f"{name} (pid {child.pid}) did not stop in time and was killed")


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
