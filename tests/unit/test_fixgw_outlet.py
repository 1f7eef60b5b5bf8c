"""An outlet over a real QuickFIX store: once each, in order, and again only after the store was emptied."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.api.ids import Seq
from fixgw import outlet
from fixgw.errors import OtherHistory
from fixgw.inbound.fields import Sender
from fixgw.message_store import StoredReport
from fixgw.outbound.writer import Text
from fixgw.outlet import Outlet
from fixgw.places import place_of
from fixgw.reports import Report, UnknownStatus
from fixgw.watermark import Watermark
from tests.patience import PATIENCE_S
from tests.unit.fixgw_store import Store


def report(seq: int) -> Report:
    return Report(seq, 1, 0, 11, (11,))


class Life:
    """One life of a gateway over a store that outlives it."""

    def __init__(self, store: Store, write: Callable[[Report], Text] | None = None) -> None:
        self.store = store
        self.mark = Watermark(store.files.body.with_name("MEMBER.sent"))
        sender = Sender(11, store.comp_id, 1, "")
        self.outlet = Outlet(sender, store.files, self.mark, write or self.write)
        self.outlet.recover()
        self.outlet.resume()

    @staticmethod
    def write(report: Report) -> tuple[str, str]:
        return "8", f"17=1-{report.seq}-0\x01150=0\x0120018={report.seq}\x01"

    def deliver(self, *seqs: int) -> Life:
        for seq in seqs:
            self.outlet.deliver(report(seq))
        return self

    @property
    def sent(self) -> list[str]:
        """What the store holds: record numbers, with a star when marked as a possible repeat."""
        texts = [text for text in self.store.stored() if "|35=8|" in text]
        return [text.split("|20018=")[1].split("|")[0] + ("*" if "|97=Y|" in text else "") for text in texts]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_each_report_is_sent_once_over_any_number_of_lives(store: Store) -> None:
    Life(store).deliver(1, 2, 3)
    Life(store).deliver(1, 2, 3, 4)
    last = Life(store).deliver(1, 2, 3, 4, 5)
    assert last.sent == ["1", "2", "3", "4", "5"]


def test_the_store_wins_over_a_watermark_that_lags(store: Store) -> None:
    first = Life(store).deliver(1, 2, 3)
    first.mark.set_sent(0)
    assert Life(store).deliver(1, 2, 3, 4).sent == ["1", "2", "3", "4"]


def test_a_store_emptied_between_two_lives_is_filled_again_marked(store: Store) -> None:
    Life(store).deliver(1, 2, 3)
    store.session.reset()
    assert Life(store).deliver(1, 2, 3, 4).sent == ["1*", "2*", "3*", "4"]


def test_a_life_that_ends_while_filling_again_is_continued(store: Store) -> None:
    Life(store).deliver(1, 2, 3)
    store.session.reset()
    Life(store).deliver(1, 2)
    assert Life(store).deliver(1, 2, 3, 4).sent == ["1*", "2*", "3*", "4"]


def test_an_emptied_store_is_filled_again_without_the_log(store: Store) -> None:
    """The next process need not read again what it told before its checkpoint."""
    Life(store).deliver(1, 2, 3)
    store.session.reset()
    assert Life(store).deliver(4).sent == ["1*", "2*", "3*", "4"]
    store.session.reset()
    assert Life(store).sent == ["1*", "2*", "3*", "4*"]


@pytest.mark.parametrize("stored", [0, 1, 2, 3])
def test_a_process_that_ends_while_filling_again_leaves_the_rest_to_the_next(store: Store, stored: int) -> None:
    life = Life(store).deliver(1, 2, 3)
    store.session.reset()

    class Killed(Exception):
        pass

    hand_over, left = life.outlet._hand_over, stored

    def hand_over_some(report: StoredReport, is_repeat: bool) -> None:
        nonlocal left
        if not left:
            raise Killed
        left -= 1
        hand_over(report, is_repeat)

    life.outlet._hand_over = hand_over_some  # type: ignore[method-assign]
    with contextlib.suppress(Killed):
        life.outlet.watch_store()
    assert Life(store).deliver(1, 2, 3, 4).sent == ["1*", "2*", "3*", "4"]


def test_a_process_that_ended_while_filling_again_kept_what_was_left(store: Store) -> None:
    life = Life(store).deliver(1, 2, 3)
    store.session.reset()
    life.mark.begin_again(0, store.files.identity())
    store.send("35=8|97=Y|17=1-1-0|150=0|20018=1|")
    assert Life(store).sent == ["1*", "2*", "3*"]


def answer(seq: int, ordinal: int) -> Report:
    return UnknownStatus(seq, ordinal, 0, 11, (11,), "x", "")


def test_what_follows_an_answer_in_its_record_is_told_by_the_next_process(store: Store) -> None:
    """The text of an answer does not tell its place: the log does."""

    def write(report: Report) -> tuple[str, str]:
        exec_type = "I" if isinstance(report, UnknownStatus) else "C"
        return "8", f"17=1-{report.seq}-{report.ordinal - 1}\x01150={exec_type}\x0120018={report.seq}\x01"

    record = [report(5), answer(5, 3), Report(5, 5, 0, 11, (11,)), report(6)]
    for stored in range(5):
        directory = store.files.body.parent / str(stored)
        directory.mkdir()
        own = Store(directory)
        life = Life(own, write)
        for one in record[:stored]:
            life.outlet.deliver(one)
        again = Life(own, write)
        for one in record:
            again.outlet.deliver(one)
        assert again.sent == ["5", "5", "5", "6"], f"killed after {stored}"


def test_an_answer_is_not_repeated_and_holds_nothing_up(store: Store) -> None:
    def write(report: Report) -> tuple[str, str]:
        exec_type = "I" if isinstance(report, UnknownStatus) else "C"
        return "8", f"17=1-{report.seq}-{report.ordinal - 1}\x01150={exec_type}\x0120018={report.seq}\x01"

    life = Life(store, write).deliver(4)
    life.outlet.deliver(answer(5, 3))
    life.deliver(6)
    store.session.reset()
    life.outlet.watch_store()
    assert life.sent == ["4*", "6*"]
    store.session.reset()
    assert Life(store, write).deliver(7).sent == ["4*", "6*", "7"]


def test_another_report_in_the_place_of_the_last_one_is_another_history(store: Store) -> None:
    Life(store).deliver(1, 2)
    again = Life(store, lambda report: ("8", f"60=later\x01{Life.write(report)[1]}"))
    again.deliver(1)
    with pytest.raises(OtherHistory, match=f"FIX store of {store.comp_id} holds another report of record 2"):
        again.deliver(2)


def test_a_store_emptied_while_it_is_filled_again_loses_nothing(store: Store) -> None:
    """QuickFIX's thread takes another Logon with 141=Y after the second of three reports."""
    life = Life(store).deliver(1, 2, 3)
    store.session.reset()
    hand_over, count = life.outlet._hand_over, 0

    def hand_over_and_reset(report: StoredReport, is_repeat: bool) -> None:
        nonlocal count
        hand_over(report, is_repeat)
        count += 1
        if count == 2:
            life.outlet.note_reset_asked()
            store.session.reset()

    life.outlet._hand_over = hand_over_and_reset  # type: ignore[method-assign]
    life.outlet.watch_store()
    life.outlet.note_logon(30)
    life.outlet.tend(Seq(3))
    assert life.sent == ["3*", "1*", "2*", "3*"]
    store.session.reset()
    assert Life(store).sent == ["1*", "2*", "3*"]


@pytest.mark.parametrize("link", ["body", "header"])
def test_a_kill_between_two_links_leaves_what_was_kept(store: Store, link: str) -> None:
    life = Life(store).deliver(1, 2, 3)
    store.session.reset()
    life.outlet.watch_store()
    store.session.reset()
    Path(store.files.body).with_name(f"{store.comp_id}.kept-999.{link}").write_bytes(b"1,0,9 ")
    assert Life(store).sent == ["1*", "2*", "3*"]


def test_the_note_of_what_was_handed_over_stays_small(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    life = Life(store)
    for seq in range(1, 301):
        clock[0] += 1.0
        life.deliver(seq)
    assert len(life.outlet._handed) == 1
    life.outlet.note_logon(5)
    for seq in range(301, 601):
        clock[0] += 1.0
        life.deliver(seq)
        life.outlet.tend(Seq(seq))
        assert len(life.outlet._handed) <= 18
    assert life.mark.seen == place_of(Seq(583), 1)


def test_a_report_that_the_log_does_not_tell_is_of_another_history(store: Store) -> None:
    Life(store).deliver(1, 5)
    again = Life(store).deliver(1, 2, 6)
    again.outlet.check_met(Seq(5))
    with pytest.raises(OtherHistory, match="another report of record 5"):
        again.outlet.check_met(Seq(4))
    met = Life(store).deliver(1, 2, 5, 6)
    met.outlet.check_met(Seq(4))


def test_what_was_surely_seen_is_not_repeated(store: Store) -> None:
    first = Life(store).deliver(1, 2, 3)
    first.mark.set_seen(first.mark.sent)
    first.deliver(4)
    store.session.reset()
    assert Life(store).deliver(1, 2, 3, 4, 5).sent == ["4*", "5"]


def test_a_reset_without_a_word_is_noticed(store: Store) -> None:
    life = Life(store).deliver(1, 2)
    life.outlet.watch_store()
    assert life.sent == ["1", "2"]
    store.session.reset()
    life.outlet.watch_store()
    assert life.sent == ["1*", "2*"]


def test_nothing_is_stored_ahead_of_the_answer_to_a_reset(store: Store) -> None:
    life = Life(store).deliver(1)
    life.outlet.note_reset_asked()
    store.session.reset()
    life.deliver(2)
    life.outlet.tend(0)
    life.outlet.watch_store()
    assert life.sent == []
    life.outlet.note_logon(30)
    life.outlet.tend(0)
    assert life.deliver(3).sent == ["1*", "2", "3"]


def test_a_refused_reset_fills_the_store_at_once(store: Store) -> None:
    life = Life(store).deliver(1)
    life.outlet.note_reset_asked()
    store.session.reset()
    life.outlet.note_refused()
    life.outlet.tend(0)
    assert life.deliver(2).sent == ["1*", "2"]


def test_a_hold_ends_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "HOLD_S_MAX", 0.05)
    life = Life(store)
    life.outlet.note_reset_asked()
    life.deliver(1)
    deadline = time.monotonic() + PATIENCE_S
    while not life.sent and time.monotonic() < deadline:
        life.outlet.tend(0)
    assert life.sent == ["1"]


@pytest.mark.parametrize(("count", "kept"), [(3, ["1*", "2*", "3*"]), (4, ["2*", "3*", "4*"])])
def test_the_last_reports_are_kept_up_to_the_bound(
    store: Store, monkeypatch: pytest.MonkeyPatch, count: int, kept: list[str]
) -> None:
    monkeypatch.setattr(outlet, "UNSEEN_MAX", 3)
    life = Life(store).deliver(*range(1, count + 1))
    store.session.reset()
    life.outlet.watch_store()
    assert life.sent == kept


def test_a_report_counts_as_seen_only_after_a_while_on_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    life = Life(store).deliver(1)
    for is_up, after_s, is_seen in ((False, 500.0, False), (True, 89.0, False), (True, 2.0, True)):
        if is_up and after_s == 89.0:
            life.outlet.note_logon(30)
        clock[0] += after_s
        life.outlet.tend(0)
        assert (life.mark.seen == life.mark.sent) == is_seen
