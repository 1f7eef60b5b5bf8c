"""The watch: what the supervisor's processes say of themselves, put together with what the engine answers."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import deque
from pathlib import Path

from engine.api.errors import LinkError
from engine.api.link import EngineStatus
from ops.processes import ENGINE, FOLLOWERS, VITAL
from ops.running.state import ProcessState
from ops.running.supervisor import Supervisor
from ops.watching.inspection import Inspection, disk_fault, engine_status, health, view

PERIOD_S = 1.0
"""How often the engine is asked, and its place in the log is noted."""

GRACE_S = 3.0
"""A follower is behind with what the engine had so long ago: beats of two processes do not come at the same moment."""


class Watch:
    """Looks at the exchange once a PERIOD_S; :meth:`inspection` says what is known now."""

    def __init__(self, data: Path, supervisor: Supervisor) -> None:
        self._data = data
        self._supervisor = supervisor
        self._engine: EngineStatus | None = None
        self._answered_s = time.monotonic()
        self._fault = "not asked yet"
        self._places: deque[tuple[float, int]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.is_open = False
        """Set once all processes are ready for members."""

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._look_for_ever())

    def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    def inspection(self) -> Inspection:
        """Put together what is known now."""
        states = self._supervisor.states
        processes = [view(state, self._lag(state)) for state in states]
        free_bytes = shutil.disk_usage(self._data).free
        fault = disk_fault(free_bytes, self._data)
        return Inspection(
            health(self.is_open, processes, VITAL, fault),
            os.getpid(),
            self.is_open,
            processes,
            self._engine,
            round(time.monotonic() - self._answered_s, 1),
            self._fault,
            free_bytes,
            fault,
        )

    @property
    def engine_seq(self) -> int:
        """The last record of the engine known of, by its beats or its answers."""
        return max((seq for _, seq in self._places), default=0)

    def _lag(self, state: ProcessState) -> int | None:
        """How many records a follower is behind what the engine had GRACE_S ago; None for others.

        A follower that does not run keeps the place it has last told.
        """
        if state.name not in FOLLOWERS:
            return None
        return max(0, self._settled_seq() - max(0, state.progress))

    def _settled_seq(self) -> int:
        now_s = time.monotonic()
        return max((seq for at_s, seq in self._places if at_s <= now_s - GRACE_S), default=0)

    async def _look_for_ever(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(PERIOD_S)

    async def _look(self) -> None:
        try:
            self._engine = await asyncio.to_thread(engine_status, self._data)
        except LinkError as error:
            self._fault = str(error)
        else:
            self._answered_s, self._fault = time.monotonic(), ""
        told = [state.progress for state in self._supervisor.states if state.name == ENGINE.name]
        seq = max([self._engine.seq if self._engine else 0, *told])
        now_s = time.monotonic()
        self._places.append((now_s, seq))
        while len(self._places) > 1 and self._places[1][0] <= now_s - GRACE_S:
            self._places.popleft()
