"""A supervised process as others are told of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ProcessStatus(StrEnum):
    """How a process is."""

    STARTING = "starting"
    READY = "ready"
    HUNG = "hung"
    DOWN = "down"


class ProcessState(msgspec.Struct, frozen=True):
    """A process as it is now. ``pid`` 0: it does not run; ``progress`` is the furthest place told, -1 for none."""

    name: str
    status: ProcessStatus
    pid: int
    progress: int
    silent_s: float
    restarts: int
    is_failing: bool
    fault: str
    log: str

    @property
    def is_sound(self) -> bool:
        """Tell whether it does its work."""
        return self.status is ProcessStatus.READY and not self.fault
