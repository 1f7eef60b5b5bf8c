"""Faults of the gateway.

::

    GatewayError
    |-- StoreError         a session's message store cannot be read
    `-- DeliveryError      QuickFIX did not take a report: the process ends, and starts where it stopped

What a member did wrong is never an exception: it is a command with a code, or an answer on its session.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Base of every fault raised by the gateway."""


class StoreError(GatewayError):
    """A session's message store holds something QuickFIX does not write."""


class DeliveryError(GatewayError):
    """QuickFIX refused to store a report."""

    def __init__(self, comp_id: str, seq: int) -> None:
        super().__init__(f"a report of record {seq} could not be stored for {comp_id}")
        self.comp_id = comp_id
        self.seq = seq
