"""Where a gateway goes on after a restart, and which journals it refuses to go on in."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api.cursor import Cursor
from engine.api.ids import Seq, SessionId
from fixgw.checkpoint import Checkpoint, CheckpointFile, SessionCheckpoint
from fixgw.delivery import Delivery
from fixgw.directory import Directory
from fixgw.errors import ForeignStores, StoreError
from fixgw.inbound.fields import Sender
from fixgw.life import Life
from fixgw.outlet import Outlet
from fixgw.places import NOWHERE, place_of
from fixgw.reports import Report
from fixgw.roles.drop_copy import DropCopy
from fixgw.watermark import Watermark
from tests.unit.fixgw_store import Store

JOURNAL = 0xABC


def registered() -> dict[SessionId, Seq]:
    return {SessionId(11): Seq(7), SessionId(12): Seq(30), SessionId(99): Seq(3)}


class Gateway:
    """The delivery of two sessions, 11 and 12, on real stores."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stores = {}
        for number in (11, 12):
            (directory / str(number)).mkdir()
            self.stores[number] = Store(directory / str(number))
        self.checkpoints = CheckpointFile(directory / "checkpoint")
        self.life = Life(directory, "drop-copy")

    def delivery(self, *numbers: int) -> Delivery:
        outlets = [self.outlet(number) for number in numbers or self.stores]
        return Delivery(DropCopy([11, 12], Directory()), outlets, self.checkpoints, self.life)

    def outlet(self, number: int) -> Outlet:
        store = self.stores[number]
        mark = Watermark(self.directory / f"{number}.sent")
        return Outlet(Sender(number, store.comp_id, 1, ""), store.files, mark, self.write)

    @staticmethod
    def write(report: Report) -> tuple[str, str]:
        return "8", f"17=1-{report.seq}-0\x01150=0\x0120018={report.seq}\x01"

    def tell(self, seq: int, *numbers: int) -> Gateway:
        for number in numbers:
            outlet = self.outlet(number)
            outlet.recover()
            outlet.deliver(Report(seq, 1, 0, number, (number,)))
        return self

    def checkpoint(self, cursor: Cursor, **told: int) -> Gateway:
        places = {int(name[1:]): place_of(seq, 1) if seq else NOWHERE for name, seq in told.items()}
        sessions = {number: SessionCheckpoint(cursor.seq, place, 0, 0) for number, place in places.items()}
        self.checkpoints.write(Checkpoint(cursor, sessions))
        return self


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


END = Cursor(100, 0, JOURNAL)
AT = Cursor(90, 0xC4C, JOURNAL)


def test_it_goes_on_at_its_checkpoint(gateway: Gateway) -> None:
    gateway.tell(80, 11).checkpoint(AT, s11=80, s12=0)
    assert gateway.delivery().recover(END, registered) == AT


def test_a_store_that_has_less_than_the_checkpoint_says_is_served_from_there(gateway: Gateway) -> None:
    gateway.tell(60, 11).tell(70, 12).checkpoint(AT, s11=80, s12=70)
    assert gateway.delivery().recover(END, registered) == Cursor(59, 0, JOURNAL)


def test_a_store_that_has_more_changes_nothing(gateway: Gateway) -> None:
    gateway.tell(95, 11).checkpoint(AT, s11=80, s12=0)
    assert gateway.delivery().recover(END, registered) == AT


def test_a_session_that_was_left_out_goes_on_where_it_was(gateway: Gateway) -> None:
    gateway.tell(80, 11).tell(70, 12).checkpoint(AT, s11=80, s12=70)
    without = gateway.delivery(11)
    without.recover(END, registered)
    without.write_checkpoint(Cursor(99, 0xC4D, JOURNAL))
    assert gateway.delivery(11).recover(END, registered).seq == 99
    assert gateway.delivery().recover(END, registered).seq == 90


def test_a_session_that_was_never_served_is_told_all_since_its_registration(gateway: Gateway) -> None:
    assert gateway.delivery().recover(END, registered).seq == 7
    gateway.tell(80, 11).checkpoint(AT, s11=80)
    assert gateway.delivery().recover(END, registered) == Cursor(30, 0, JOURNAL)
    assert gateway.delivery().recover(END, lambda: {SessionId(11): Seq(7), SessionId(12): Seq(95)}) == AT
    assert gateway.delivery().recover(END, lambda: {SessionId(11): Seq(7)}) == AT


def test_stores_whose_checkpoint_is_lost_are_refused(gateway: Gateway) -> None:
    gateway.tell(80, 11)
    with pytest.raises(ForeignStores, match=r"holds reports up to record 80, but no checkpoint .* from one backup"):
        gateway.delivery().recover(END, registered)
    gateway.checkpoint(AT, s12=0)
    with pytest.raises(ForeignStores, match="no checkpoint"):
        gateway.delivery().recover(END, registered)


def test_stores_of_another_journal_are_refused(gateway: Gateway) -> None:
    gateway.checkpoint(Cursor(90, 1, 0xDEF))
    with pytest.raises(ForeignStores, match=r"stores belong to journal 0000000000000def, but .* is 0000000000000abc"):
        gateway.delivery().recover(END, registered)


def test_an_older_journal_is_refused(gateway: Gateway) -> None:
    gateway.checkpoint(Cursor(101, 1, JOURNAL))
    with pytest.raises(ForeignStores, match="up to record 101, but the journal ends at 100"):
        gateway.delivery().recover(END, registered)
    gateway.checkpoint(Cursor(100, 1, JOURNAL), s11=0, s12=0)
    assert gateway.delivery().recover(END, registered).seq == 100


@pytest.mark.parametrize(("seq", "is_refused"), [(100, False), (101, True)])
def test_a_store_ahead_of_the_journal_is_refused(gateway: Gateway, seq: int, is_refused: bool) -> None:
    gateway.checkpoint(AT, s11=0, s12=0).tell(seq, 12)
    if is_refused:
        with pytest.raises(ForeignStores, match=rf"FIX store of {gateway.stores[12].comp_id} holds .* record 101"):
            gateway.delivery().recover(END, registered)
    else:
        assert gateway.delivery().recover(END, registered) == AT


def test_no_checkpoint_while_reports_wait_for_the_answer_to_a_reset(gateway: Gateway) -> None:
    delivery = gateway.delivery()
    delivery.recover(END, registered)
    outlets = delivery._outlets
    outlets[12].note_reset_asked()
    delivery.write_checkpoint(AT)
    assert gateway.checkpoints.read() is None
    outlets[12].note_logon(30)
    outlets[12].tend(90)
    delivery.write_checkpoint(AT)
    assert gateway.checkpoints.read() is not None


@pytest.mark.parametrize("spoiled", [b"", b"{", None])
def test_a_checkpoint_that_a_power_cut_spoiled_is_replaced_by_the_one_before(
    gateway: Gateway, tmp_path: Path, spoiled: bytes | None
) -> None:
    gateway.checkpoint(AT, s11=0, s12=0).checkpoint(Cursor(95, 1, JOURNAL))
    if spoiled is None:
        (tmp_path / "checkpoint").unlink()
    else:
        (tmp_path / "checkpoint").write_bytes(spoiled)
    assert gateway.delivery().recover(END, registered) == AT


def test_what_is_no_checkpoint_is_said(gateway: Gateway, tmp_path: Path) -> None:
    for name in ("checkpoint", "checkpoint.before"):
        (tmp_path / name).write_bytes(b"{")
    with pytest.raises(StoreError, match="is no checkpoint"):
        gateway.delivery().recover(END, registered)
