"""What other packages ask of the engine, as interfaces, so that a process can be built on other ends of a link."""

from __future__ import annotations

from typing import Protocol


class CommandPort(Protocol):
    """Somewhere commands can be sent."""

    def send(self, frames: bytes) -> None:
        """Send whole command frames. Raises: LinkError when they may not have arrived."""


class FollowPort(Protocol):
    """Somewhere records come from, in order and without gaps, each only once it is durable."""

    def read(self, timeout_s: float) -> bytes:
        """Return the next whole records, or ``b""`` when none came in time. Raises: LinkError when the link broke."""
