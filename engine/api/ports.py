"""What other packages ask of the engine, so that a process can be built on another source of its log."""

from __future__ import annotations

from typing import Protocol


class FollowPort(Protocol):
    """Where records come from, in order and without gaps: :class:`engine.client.Follower`, or what reads like it."""

    def read(self, timeout_s: float) -> bytes:
        """Return the next whole durable records, or ``b""`` when none came in time."""

    def close(self) -> None:
        """End the following; a waiting read returns."""
