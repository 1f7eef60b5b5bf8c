"""Faults of the gateway.

::

    GatewayError
    |-- StoreError         a file of the stores is damaged
    |-- ForeignStores      stores and journal do not belong together
    |   `-- OtherHistory     a stored report is another one than the log tells in its place
    `-- DeliveryError      QuickFIX did not take a report: the process ends, and starts where it stopped

What a member did wrong is never an exception: it is a command with a code, or an answer on its session.
"""

from __future__ import annotations

from engine.api.ids import Seq


class GatewayError(Exception):
    """Base of every fault raised by the gateway."""


class StoreError(GatewayError):
    """A file of the stores is damaged: neither QuickFIX nor the gateway wrote it so. Names it, and a way out."""

    def __init__(self, what: str, moved: str) -> None:
        super().__init__(f"{what}: restore journal and FIX stores from one backup, or move {moved}")


class ForeignStores(GatewayError):
    """The FIX stores belong to another journal, or to a later state of it: put together from two backups, say."""


class OtherHistory(ForeignStores):
    """A member was told something else than the log says happened."""

    def __init__(self, comp_id: str, seq: Seq) -> None:
        super().__init__(
            f"the FIX store of {comp_id} holds another report of record {seq} than the journal: "
            "journal and stores are of different histories, restore both from one backup"
        )


class DeliveryError(GatewayError):
    """QuickFIX refused to store a report."""

    def __init__(self, comp_id: str, seq: Seq) -> None:
        super().__init__(f"a report of record {seq} could not be stored for {comp_id}")
        self.comp_id = comp_id
        self.seq = seq
