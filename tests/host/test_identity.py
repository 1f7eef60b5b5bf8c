"""The identity of a journal is in each of its parts; parts of two journals, or of two histories, do not go together."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from engine.api.cursor import Cursor, journal_name
from engine.api.errors import CursorRefused, ForeignPart
from engine.api.segment import SegmentHeader, list_segments
from engine.api.wire import HEADER
from engine.client import Follower, read_journal
from engine.host import journal, recovery, snapshot
from engine.host.disk import UnsyncedDisk
from tests.host.journals import write
from tests.host.running import FaultyEngine


def recover(directory: Path) -> recovery.Recovered:
    return recovery.recover(directory, directory / "snapshots", UnsyncedDisk())


def identity_of(directory: Path) -> int:
    return SegmentHeader.decode(list_segments(directory)[0].read_bytes()).journal


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two journals that hold the same records."""
    for name in ("one", "other"):
        core = write(tmp_path / name, 2)
        place = journal.Place(identity_of(tmp_path / name), 1, list_segments(tmp_path / name)[0].stat().st_size)
        snapshot.save(tmp_path / name / "snapshots", core, place, UnsyncedDisk())
    return tmp_path / "one", tmp_path / "other"


@pytest.mark.req("SEQ-09", "RPL-21")
@pytest.mark.parametrize("part", ["snapshots", "DURABLE", "segment"])
def test_a_part_of_another_journal_is_refused_and_named(two: tuple[Path, Path], part: str) -> None:
    one, other = two
    assert identity_of(one) != identity_of(other)
    if part == "snapshots":
        shutil.rmtree(one / "snapshots")
        shutil.copytree(other / "snapshots", one / "snapshots")
    elif part == "DURABLE":
        shutil.copy(other / "DURABLE", one / "DURABLE")
    else:
        recover(one)  # the copy of a snapshot is sound
        write(one, 1)  # a second segment
        shutil.copy(list_segments(other)[0], list_segments(one)[0])
    with pytest.raises(ForeignPart) as refused:
        recover(one)
    assert journal_name(identity_of(other)) in str(refused.value) and journal_name(identity_of(one)) in str(
        refused.value
    )
    assert {"snapshots": "snapshot-", "DURABLE": "DURABLE", "segment": "journal-"}[part] in str(refused.value)


@pytest.mark.req("SEQ-09")
def test_the_identity_outlives_restarts_and_the_loss_of_an_empty_first_segment(tmp_path: Path) -> None:
    write(tmp_path, 0)
    identity = identity_of(tmp_path)
    recovered = recover(tmp_path)
    journal.Journal(tmp_path, recovered.tail, UnsyncedDisk()).close()
    assert {SegmentHeader.decode(path.read_bytes()).journal for path in list_segments(tmp_path)} == {identity}
    empty = tmp_path / "empty"
    journal.Journal(empty_of(empty), recover(empty_of(empty)).tail, UnsyncedDisk()).close()
    identity = identity_of(empty)
    list_segments(empty)[0].unlink()
    assert recover(empty).tail.journal == identity


def empty_of(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return directory


@pytest.mark.req("SVC-16")
def test_what_the_engine_keeps_is_its_users_alone(tmp_path: Path) -> None:
    engine = FaultyEngine(tmp_path / "data")
    engine.data.mkdir()
    engine.start()
    engine.register()
    engine.end(15)
    for path in [*engine.data.glob("journal/*"), *engine.data.glob("snapshots/*")]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for name in ("journal", "snapshots"):
        assert stat.S_IMODE((engine.data / name).stat().st_mode) == 0o700


@pytest.mark.req("EVT-03", "SEQ-05")
def test_a_cursor_of_another_journal_or_history_is_refused(tmp_path: Path) -> None:
    engine = FaultyEngine(tmp_path)
    engine.start()
    engine.register()
    try:
        identity, last = engine.status().journal, engine.status().seq
        crcs = [0] + [HEADER.unpack_from(chunk, at)[1] for chunk, at in records(tmp_path / "journal")]
        for cursor, words in (
            (Cursor(3, crcs[3], identity ^ 1), journal_name(identity ^ 1)),
            (Cursor(3, crcs[3] ^ 1, identity), "another record 3"),
            (Cursor(last, crcs[last] ^ 1, identity), f"another record {last}"),
            (Cursor(last + 1, 7, identity), f"ends at seq {last}"),
        ):
            follower = Follower(tmp_path, "test", cursor)
            with pytest.raises(CursorRefused, match=words):
                follower.read(5)
            follower.close()
        follower = Follower(tmp_path, "test", Cursor(3, crcs[3], identity))
        while follower.next_seq <= last:
            assert follower.read(5)
        assert follower.cursor == Cursor(last, crcs[last], identity)
        follower.close()
    finally:
        engine.end()


def records(directory: Path) -> list[tuple[bytes, int]]:
    found = []
    for chunk in read_journal(directory):
        at = 0
        while at < len(chunk):
            found.append((chunk, at))
            at += int.from_bytes(chunk[at : at + 4], "little")
    return found
