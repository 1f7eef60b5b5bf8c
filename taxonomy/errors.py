"""Faults of the expansion.

::

    EngineError
    `-- ExpansionError    a record that does not follow from those before it, or an event of an unknown type
"""

from __future__ import annotations

from engine.api.errors import EngineError


class ExpansionError(EngineError):
    """A record that does not follow from those before it, or has an event the expansion does not know."""

    def __init__(self, seq: int, what: str) -> None:
        super().__init__(f"seq {seq}: {what}")
        self.seq = seq
