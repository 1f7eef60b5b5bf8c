"""Every file of a gateway's stores, damaged in every way: refused by its name with a way out, never taken for empty."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.api.cursor import Cursor
from fixgw.checkpoint import Checkpoint, CheckpointFile
from fixgw.errors import StoreError
from fixgw.message_store import StoreFiles
from fixgw.places import place_of
from fixgw.watermark import Watermark
from tests.unit.fixgw_store import Store

REPORTS = 40

Damage = Callable[[bytes], bytes]


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


DAMAGES: dict[str, Damage] = {
    "random": lambda held: noise(len(held)),
    "random and long": lambda held: noise(1000 + len(held)),
    "text": lambda held: b"x" * len(held),
    "end cut": lambda held: held[:-5],
    "begin only": lambda held: held[:3],
    "emptied": lambda held: b"",
    "more at the end": lambda held: held + b"\x00\x00",
}
HARMLESS = {("body", "more at the end")}
"""What a kill leaves too: bytes that were written, and not yet entered."""

PARTS = ("body", "header", "seqnums", "session")


class Stores:
    """The files of one session that was served, as a process that starts finds them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        store = Store(directory)
        self.files, self.sent = store.files, directory / f"{store.comp_id}.sent"
        self.store = store
        for seq in range(1, REPORTS + 1):
            store.report(seq)
        mark = Watermark(self.sent)
        mark.set_life(self.files.identity())
        mark.set_sent(place_of(REPORTS, 1))
        mark.close()

    def path(self, part: str) -> Path:
        return self.sent if part == "sent" else getattr(self.files, part)

    def damage(self, part: str, damage: Damage) -> None:
        path = self.path(part)
        status = path.stat()
        path.write_bytes(damage(path.read_bytes()))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def open(self) -> None:
        """Do what a gateway does with them before QuickFIX opens them, and what a reset does after it."""
        mark = Watermark(self.sent)
        self.files.repair(mark.life)
        assert self.files.last_place() == place_of(REPORTS, 1)
        assert len(self.files.reports_after(place_of(0, 0), 2 * REPORTS)) == REPORTS


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path)


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("part", [*PARTS, "sent"])
def test_a_damaged_file_is_refused_by_name_with_a_way_out(stores: Stores, part: str, kind: str) -> None:
    stores.damage(part, DAMAGES[kind])
    if (part, kind) in HARMLESS:
        return stores.open()
    before = {part: stores.path(part).read_bytes() for part in PARTS}
    with pytest.raises(StoreError, match=r"restore journal and FIX stores from one backup, or move .* away") as refused:
        stores.open()
    assert str(stores.directory) in str(refused.value)
    assert "\\x01" not in str(refused.value)
    if part in ("seqnums", "session", "sent"):
        assert str(stores.path(part)) in str(refused.value)
    assert {part: stores.path(part).read_bytes() for part in PARTS} == before
    return None


@pytest.mark.parametrize("kind", ["random", "begin only", "emptied"])
def test_all_files_of_a_store_damaged_are_no_new_store(stores: Stores, kind: str) -> None:
    for part in PARTS[:3]:
        stores.damage(part, DAMAGES[kind])
    with pytest.raises(StoreError, match=r"FIX\.4\.4-EXCH-OE"):
        stores.open()


@pytest.mark.parametrize("part", PARTS[:3])
def test_a_file_older_than_the_others_is_refused(stores: Stores, part: str) -> None:
    older = stores.path(part).read_bytes()
    stores.store.report(REPORTS + 1)
    stores.store.report(REPORTS + 2)
    stores.path(part).write_bytes(older)
    with pytest.raises(StoreError, match=r"move .*\.\* away: its member then logs on with 141=Y"):
        stores.open()


@pytest.mark.parametrize("part", ["header", "seqnums", "session"])
def test_a_file_that_is_missing_beside_messages_is_refused(stores: Stores, part: str) -> None:
    stores.path(part).unlink()
    with pytest.raises(StoreError, match=r"FIX\.4\.4-EXCH-OE"):
        stores.open()


def test_a_message_that_was_not_numbered_may_be_half_written(stores: Stores) -> None:
    """So a full disk leaves it: the number was not given out, and the message is written anew."""
    numbers = stores.files.seqnums.read_bytes()
    stores.store.report(REPORTS + 1)
    stores.files.seqnums.write_bytes(numbers)
    stores.files.keep(stores.files.identity())
    stores.damage("body", DAMAGES["end cut"])
    stores.open()
    last = stores.files.last_report()
    assert last is not None and last.place == place_of(REPORTS, 1)


def test_one_flipped_byte_of_any_late_message_is_noticed(stores: Stores) -> None:
    sound = stores.files.body.read_bytes()
    for at in range(0, len(sound), 97):
        stores.files.body.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        with pytest.raises(StoreError, match=r"does not hold message .* as it was sent"):
            stores.files.repair()
    stores.files.body.write_bytes(sound)
    stores.open()


@pytest.mark.parametrize("part", ["body", "header"])
def test_what_was_kept_and_is_damaged_is_refused(stores: Stores, part: str) -> None:
    """A life that was emptied is kept by second links until all is stored again."""
    stores.files.keep(stores.files.identity())
    stores.store.session.reset()
    kept = next(stores.directory.glob(f"*.kept-*.{part}"))
    kept.write_bytes(noise(kept.stat().st_size))
    stores.files.repair()
    with pytest.raises(StoreError, match=r"\.kept-\d+\.\* away"):
        stores.files.last_report()


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_costs_time_and_two_are_refused(tmp_path: Path, kind: str) -> None:
    checkpoints = CheckpointFile(tmp_path / "checkpoint")
    for seq in (7, 9):
        checkpoints.write(Checkpoint(Cursor(seq, 1, 1), {}))
    for name in ("checkpoint", "checkpoint.before"):
        found = checkpoints.read()
        assert found is not None and found.cursor.seq == {"checkpoint": 9, "checkpoint.before": 7}[name]
        path = tmp_path / name
        path.write_bytes(DAMAGES[kind](path.read_bytes()))
    with pytest.raises(StoreError, match=r"is no checkpoint.*members then log on with 141=Y"):
        checkpoints.read()


def test_a_new_store_is_no_damaged_one(tmp_path: Path) -> None:
    """As each moment of its making leaves it: the files come one by one, and are empty at first."""
    files = StoreFiles(tmp_path, "EXCH-OE", "NEW")
    for part, text in (
        ("body", ""),
        ("header", ""),
        ("seqnums", ""),
        ("session", ""),
        ("session", "20260131-13:45:00"),
    ):
        files.repair()
        getattr(files, part).write_text(text)
    files.repair()
    assert files.next_sender() == 1
