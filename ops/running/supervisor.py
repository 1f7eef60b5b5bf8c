"""The supervisor: keeps every process of the exchange running, and stops them in order.

Invariant: children are started from the main thread only, because their tie to this process (PR_SET_PDEATHSIG)
is to the thread that started them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ops.errors import ChildFailed
from ops.running.child import Child, ChildSpec

BACK_OFF_S_MIN, BACK_OFF_S_MAX = 0.1, 5.0
"""First and longest pause before a restart; it doubles each time."""

STEADY_S = 30.0
"""A process that lived this long starts again with the shortest pause."""

PATIENCE_S = 10.0
"""A start that takes longer is said to be going on."""

STOP_S_MAX = 5.0
"""All processes have ended by then, killed if need be."""

Announce = Callable[[str], None]


class Supervisor:
    """The running processes, stage by stage as they were started; they are stopped in the reverse order."""

    def __init__(self, log_directory: Path, announce: Announce, on_change: Callable[[], None]) -> None:
        self._log_directory = log_directory
        self._announce = announce
        self._on_change = on_change
        self._children: dict[str, Child] = {}
        self._stages: list[tuple[str, ...]] = []
        self._watches: list[asyncio.Task[None]] = []
        self.restarts: dict[str, int] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of those that run, by name."""
        return {name: child.pid for name, child in self._children.items()}

    async def start(self, *specs: ChildSpec) -> None:
        """Start processes side by side and wait until all are ready. Raises: ChildFailed."""
        self._stages.append(tuple(spec.name for spec in specs))
        self.restarts |= {spec.name: 0 for spec in specs}
        names = ", ".join(spec.name for spec in specs)
        patience = f"still waiting for {names} to become ready; see {self._log_directory}"
        reminder = asyncio.get_running_loop().call_later(PATIENCE_S, self._announce, patience)
        try:
            starts = (Child.start(spec, self._log_directory) for spec in specs)
            results = await asyncio.gather(*starts, return_exceptions=True)
        finally:
            reminder.cancel()
        for result in results:
            if isinstance(result, Child):
                self._adopt(result)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _adopt(self, child: Child) -> None:
        self._children[child.spec.name] = child
        self._watches.append(asyncio.create_task(self._watch(child)))
        self._on_change()

    async def _watch(self, child: Child) -> None:
        """Start the process again each time it ends, after a pause that grows while it keeps failing."""
        name, spec, pause_s = child.spec.name, child.spec, BACK_OFF_S_MIN
        while True:
            code = await child.wait()
            del self._children[name]
            self._on_change()
            pause_s = BACK_OFF_S_MIN if child.alive_s >= STEADY_S else pause_s
            self._announce(f"{name} (pid {child.pid}) ended with {_ending(code)}; starting it again in {pause_s:g} s")
            child, pause_s = await self._start_again(spec, pause_s)
            self._children[name] = child
            self._announce(f"{name} is ready again (pid {child.pid})")
            self._on_change()

    async def _start_again(self, spec: ChildSpec, pause_s: float) -> tuple[Child, float]:
        """Try until it is ready; return it with the next pause."""
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(BACK_OFF_S_MAX, pause_s * 2)
            self.restarts[spec.name] += 1
            try:
                return await Child.start(spec, self._log_directory), pause_s
            except (ChildFailed, OSError) as error:
                self._announce(f"{error}; trying again in {pause_s:g} s")

    async def stop(self) -> None:
        """Stop everything within STOP_S_MAX: last started first, so that nobody loses the one it depends on."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STOP_S_MAX - 0.5
        for stage in reversed(self._stages):
            patience_s = max(0.1, deadline - loop.time())
            await asyncio.gather(*(self._stop(name, patience_s) for name in stage))

    async def _stop(self, name: str, patience_s: float) -> None:
        child = self._children.pop(name, None)
        if child is not None and not await child.stop(patience_s):
            self._announce(f"{name} (pid {child.pid}) did not stop in time and was killed")


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
