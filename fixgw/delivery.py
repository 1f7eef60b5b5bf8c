"""Delivery: records into reports, reports to their outlets, and how far that has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from engine.api.cursor import BEGINNING, Cursor
from engine.api.ids import OPERATIONS, Seq, SessionId
from fixgw.checkpoint import Checkpoint, CheckpointFile, SessionCheckpoint
from fixgw.errors import ForeignStores
from fixgw.life import Life
from fixgw.outlet import Outlet
from fixgw.places import seq_of
from fixgw.reporting import Reporting
from fixgw.roles.role import Role

TEND_S = 1.0
"""How often the sessions' stores are looked at, and a checkpoint is written."""

_NO_RECORD = (Seq(0), 0)

Registrations = Callable[[], dict[SessionId, Seq]]
"""Tells the record that registered each session."""


class Delivery:
    """Tells the log to the sessions of one role. One thread.

    Invariant: every report of records up to a checkpoint is in the store of each session it goes to.
    """

    def __init__(self, role: Role, outlets: Sequence[Outlet], checkpoints: CheckpointFile, life: Life) -> None:
        self._reporting: Reporting
        self._role = role
        self._outlets = {outlet.sender.session_id: outlet for outlet in outlets}
        self._checkpoints = checkpoints
        self._life = life
        self._last_record: dict[SessionId, tuple[Seq, int]] = {}
        """Of each session that sent a command: its last record, and that one's ``source_seq``."""
        self._absent: dict[SessionId, SessionCheckpoint] = {}
        """Sessions that were served before and are not now."""
        self._written = BEGINNING
        self._tended = 0.0

    # --- starting -----------------------------------------------------------------------------------------

    def recover(self, end: Cursor, registered: Registrations) -> Cursor:
        """Find out how far the log was told, and return where to go on, given its end.

        A session that was never served is told all since its registration: before, nothing can concern it.
        Raises: ForeignStores when the stores do not belong to this journal, or their checkpoint is missing.
        """
        told = {number: outlet.recover() for number, outlet in self._outlets.items()}
        checkpoint = self._checkpoints.read() or Checkpoint(end, {})
        self._check(checkpoint, end)
        self._absent = {n: session for n, session in checkpoint.sessions.items() if n not in told}
        present = {n: session for n, session in checkpoint.sessions.items() if n in told}
        self._last_record = {n: (session.last_seq, session.source_seq) for n, session in present.items()}
        needed = [checkpoint.cursor.seq, *(session.needed_from(told[n]) for n, session in present.items())]
        if new := told.keys() - present.keys():
            needed += [seq for number, seq in registered().items() if number in new]
        seq = min(needed)
        return checkpoint.cursor if seq == checkpoint.cursor.seq else Cursor(seq, 0, end.journal)

    def _check(self, checkpoint: Checkpoint, end: Cursor) -> None:
        checkpoint.check(end)
        for number, outlet in self._outlets.items():
            if outlet.told and number not in checkpoint.sessions:
                raise ForeignStores(
                    f"the FIX store of {outlet.comp_id} holds reports up to record {seq_of(outlet.told)}, but no "
                    "checkpoint says which of its messages were taken: restore both from one backup, or move the "
                    "stores away"
                )
            if seq_of(outlet.told) > end.seq:
                raise ForeignStores(
                    f"the FIX store of {outlet.comp_id} holds reports up to record {seq_of(outlet.told)}, but the "
                    f"journal ends at {end.seq}: it is older than the stores, restore both from one backup"
                )

    def resume(self, reporting: Reporting, epoch: int) -> None:
        """Let every session go on where it stopped; ``reporting`` stands where :meth:`recover` said.

        From the first report on there is a checkpoint beside the stores, whenever the process is killed.
        """
        self._reporting = reporting
        self.write_checkpoint(reporting.cursor)
        self._role.set_epoch(epoch)
        for outlet in self._outlets.values():
            outlet.resume()

    def check_met(self, start: Cursor) -> None:
        """Look whether the log holds what was told after ``start``. Raises: OtherHistory."""
        for outlet in self._outlets.values():
            outlet.check_met(Seq(start.seq))

    def ask_again(self) -> None:
        """Have members resend what a killed gateway had received and not yet passed on."""
        for number, outlet in self._outlets.items():
            self._role.ask_again(outlet, *self._last_record.get(number, _NO_RECORD))

    # --- telling ------------------------------------------------------------------------------------------

    def tell(self, records: bytes) -> None:
        """Apply records, and hand their reports to the sessions they go to. Raises: ForeignStores."""
        outlets, decoded = self._outlets, self._reporting.take(records)
        self._role.link.observe(decoded)
        for record in decoded:
            self._last_record[record.source] = (record.seq, record.source_seq)
            if record.source == OPERATIONS:
                self._life.observe(record)
            for report in self._reporting.apply(record):
                for number in self._role.sessions_of(report):
                    if number in outlets:
                        outlets[number].deliver(report)

    def tend(self, at: Cursor) -> None:
        """Do what is due for the sessions; all up to ``at`` was told. Call it often."""
        for outlet in self._outlets.values():
            outlet.tend(at.seq)
        now = time.monotonic()
        if now - self._tended > TEND_S:
            self._tended = now
            for outlet in self._outlets.values():
                outlet.watch_store()
            self.write_checkpoint(at)

    def write_checkpoint(self, at: Cursor) -> None:
        """Let the next start begin after ``at``, unless reports wait for the answer to a reset."""
        if at == self._written or any(outlet.is_holding for outlet in self._outlets.values()):
            return
        sessions = {
            number: SessionCheckpoint(at.seq, outlet.told, *self._last_record.get(number, _NO_RECORD))
            for number, outlet in self._outlets.items()
        }
        self._checkpoints.write(Checkpoint(at, self._absent | sessions))
        self._written = at
