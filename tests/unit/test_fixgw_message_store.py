"""What was sent, read back from stores that QuickFIX wrote, whole and as a kill may leave them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixgw.message_store import NO_STORE, StoreFiles
from fixgw.places import place_of
from fixgw.watermark import Watermark
from tests.unit.fixgw_store import Store, comp_ids


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_an_empty_store_has_no_place(store: Store, tmp_path: Path) -> None:
    assert store.files.last_place() == 0
    assert store.files.next_sender() == 1
    assert StoreFiles(tmp_path, "EXCH-OE", "NOBODY").last_place() == 0
    assert StoreFiles(tmp_path, "EXCH-OE", "NOBODY").identity() == NO_STORE


def test_the_last_report_tells_the_place(store: Store) -> None:
    for seq, number in ((5, 0), (9, 2), (9, 3)):
        store.report(seq, number)
        assert store.files.last_place() == place_of(seq, number + 1)


def test_answers_without_a_place_are_passed_over(store: Store) -> None:
    store.report(7, 4)
    for _ in range(3):
        store.send("35=j|45=1|372=D|380=3|")
    assert store.files.last_place() == place_of(7, 5)


@pytest.mark.parametrize("text", ["35=9|11=a|20018=8|", "35=8|17=1-3-0|150=I|20018=8|", "35=8|17=1-8-0|150=I|20018=8|"])
def test_an_answer_is_the_only_report_of_its_record(store: Store, text: str) -> None:
    store.send(text)
    place = store.files.last_place()
    assert place_of(8, 1) <= place < place_of(9, 0)


def test_a_message_that_was_not_numbered_yet_does_not_count(store: Store) -> None:
    store.report(5)
    numbers = store.files.seqnums.read_bytes()
    store.report(6)
    store.files.seqnums.write_bytes(numbers)
    assert store.files.last_place() == place_of(5, 1)


def test_bytes_without_an_entry_do_not_count(store: Store) -> None:
    store.report(5)
    header, numbers = store.files.header.read_bytes(), store.files.seqnums.read_bytes()
    store.report(6)
    store.files.header.write_bytes(header)
    store.files.seqnums.write_bytes(numbers)
    store.files.repair()
    assert store.files.last_place() == place_of(5, 1)


def test_a_number_stored_twice_counts_as_it_was_stored_last(store: Store) -> None:
    store.report(5)
    store.report(6)
    store.session.setNextSenderMsgSeqNum(2)
    store.report(7)
    store.report(8)
    assert store.files.last_place() == place_of(8, 1)
    store.session.setNextSenderMsgSeqNum(3)
    assert store.files.last_place() == place_of(7, 1)


def test_an_entry_cut_at_any_byte_is_dropped_and_quickfix_goes_on(tmp_path: Path) -> None:
    """What QuickFIX would append to half an entry it could not read back itself."""
    origin = Store(tmp_path)
    origin.report(5)
    whole, numbers = origin.files.header.read_bytes(), origin.files.seqnums.read_bytes()
    origin.report(6)
    longer = origin.files.header.read_bytes()
    for cut in range(len(whole) + 1, len(longer)):
        directory = tmp_path / str(cut)
        directory.mkdir()
        comp_id = next(comp_ids)
        files = StoreFiles(directory, "EXCH-OE", comp_id)
        for part in ("body", "session"):
            shutil.copy(getattr(origin.files, part), getattr(files, part))
        files.header.write_bytes(longer[:cut])
        files.seqnums.write_bytes(numbers)
        files.repair()
        assert files.header.read_bytes() == whole
        again = Store(directory, comp_id)
        again.report(7)
        assert files.last_place() == place_of(7, 1)
        again.session.refresh()
        assert again.session.getExpectedSenderNum() == 3


@pytest.mark.parametrize("gone", [["body"], ["body", "header"], ["body", "header", "seqnums"]])
def test_a_store_half_emptied_is_emptied(store: Store, gone: list[str]) -> None:
    store.report(5)
    for part in gone:
        getattr(store.files, part).unlink()
    store.files.repair()
    assert store.files.last_place() == 0
    assert store.files.next_sender() == 1


def test_a_sound_store_is_left_alone(store: Store) -> None:
    for seq in range(1, 50):
        store.report(seq)
    parts = [store.files.body, store.files.header, store.files.seqnums, store.files.session]
    before = [part.read_bytes() for part in parts]
    store.files.repair()
    assert [part.read_bytes() for part in parts] == before


def test_only_emptying_changes_the_identity(store: Store) -> None:
    life = store.files.identity()
    store.report(5)
    store.session.setNextTargetMsgSeqNum(9)
    assert store.files.identity() == life != NO_STORE
    store.session.reset()
    assert store.files.identity() != life


def test_a_long_store_is_read_from_its_end(store: Store) -> None:
    store.report(3, 1)
    for number in range(6000):
        store.send(f"35=j|45={number}|372=D|380=3|")
    assert store.files.header.stat().st_size > 1 << 16
    assert store.files.last_place() == place_of(3, 2)


def test_the_watermark_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "A.sent"
    mark = Watermark(path)
    assert (mark.seen, mark.sent, mark.repeated, mark.life) == (0, 0, 0, NO_STORE)
    mark.set_seen(place_of(3, 1))
    mark.set_sent(place_of(5, 2))
    mark.set_life((4, 2**63))
    again = Watermark(path)
    assert (again.seen, again.sent, again.life) == (place_of(3, 1), place_of(5, 2), (4, 2**63))
    again.begin_again(0, (5, 6))
    last = Watermark(path)
    assert (last.sent, last.repeated, last.life) == (place_of(3, 1), place_of(5, 2), (5, 6))
    again.begin_again(place_of(9, 1), (7, 8))
    assert Watermark(path).repeated == place_of(9, 1)


def test_places_order_as_the_log_does() -> None:
    spots = [(1, 1), (1, 2), (1, (1 << 21) - 1), (2, 1), (2**42, 1)]
    places = [place_of(*at) for at in spots]
    assert places == sorted(set(places)) and max(places) < 2**64
