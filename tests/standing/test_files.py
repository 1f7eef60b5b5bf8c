"""Standings as files: whatever is missing or damaged, the journal says the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api.cursor import Cursor
from engine.api.errors import CorruptJournal, ForeignPart
from engine.api.segment import list_segments
from engine.client import read_journal
from engine.host import process
from engine.host.disk import UnsyncedDisk
from engine.standing import files
from engine.standing.fold import SEQ_MAX, Fold
from engine.standing.standing import fold_to
from tests.host.faulty_engine import Faults
from tests.host.journals import write
from tests.host.running import FaultyEngine
from tests.patience import eventually


def kept(data: Path) -> list[int]:
    return [files.seq_of(path) for path in files.list_standings(files.directory_of(data))]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A journal in two segments, and standings at records 20 and 40."""
    write(tmp_path / "journal", 4)
    write(tmp_path / "journal", 4)
    for seq in (20, 40):
        process.keep_standing(tmp_path, UnsyncedDisk(), seq)
    return tmp_path


def restored_seq(data: Path, to_seq: int) -> int:
    journal = fold_to(data, Cursor(1)).cursor.journal
    return next(files.restore(files.directory_of(data), journal, to_seq)).cursor.seq


@pytest.mark.req("RPL-20", "RPL-21")
def test_a_start_goes_on_from_the_newest_standing_before_its_cursor(data: Path) -> None:
    assert kept(data) == [20, 40]
    assert [restored_seq(data, seq) for seq in (19, 20, 39, 40, SEQ_MAX)] == [0, 20, 20, 40, 40]
    whole = fold_to(data, Cursor(SEQ_MAX))
    for seq in range(1, whole.cursor.seq + 1):
        assert fold_to(data, Cursor(seq)).cursor.seq == seq


@pytest.mark.req("RPL-21", "REC-30")
def test_a_damaged_standing_is_passed_over_for_the_one_before(data: Path) -> None:
    whole = fold_to(data, Cursor(SEQ_MAX)).snapshot()
    newest = files.list_standings(files.directory_of(data))[-1]
    raw = newest.read_bytes()
    for damaged in (b"", raw[:30], raw[:-1], raw[:100] + bytes([raw[100] ^ 1]) + raw[101:]):
        newest.write_bytes(damaged)
        assert restored_seq(data, SEQ_MAX) == 20
        assert fold_to(data, Cursor(SEQ_MAX)).snapshot() == whole
    newest.write_bytes(files.list_standings(files.directory_of(data))[0].read_bytes())  # another one's bytes
    assert restored_seq(data, SEQ_MAX) == 20
    for path in files.list_standings(files.directory_of(data)):
        path.unlink()
    assert fold_to(data, Cursor(SEQ_MAX)).snapshot() == whole


@pytest.mark.req("RPL-21", "SEQ-09")
def test_a_standing_of_another_journal_is_refused(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    write(other / "journal", 4)
    process.keep_standing(other, UnsyncedDisk(), 30)
    foreign = files.list_standings(files.directory_of(other))[0]
    (files.directory_of(data) / foreign.name).write_bytes(foreign.read_bytes())
    with pytest.raises(ForeignPart, match=foreign.name):
        fold_to(data, Cursor(35))
    with pytest.raises(ForeignPart, match=foreign.name):
        process.build(process.Config(data))


@pytest.mark.req("RPL-21", "SEQ-09")
def test_a_standing_of_another_history_is_passed_over(data: Path) -> None:
    """As when an older journal is restored under newer standings: it ends before them, or went on otherwise."""
    process.keep_standing(data, UnsyncedDisk(), 60)
    list_segments(data / "journal")[-1].unlink()
    (data / "journal" / "DURABLE").unlink()
    ended = fold_to(data, Cursor(SEQ_MAX))
    assert ended.cursor.seq < 60
    write(data / "journal", 4, batch=5)
    another = Fold(ended.cursor.journal)
    for chunk in read_journal(data / "journal"):
        another.take(chunk)
    assert another.cursor.seq > 60
    process.keep_standing(data, UnsyncedDisk(), another.cursor.seq)
    assert fold_to(data, Cursor(SEQ_MAX)).snapshot() == another.snapshot()


@pytest.mark.req("RPL-32")
def test_a_corrupt_journal_is_named_with_its_place(data: Path) -> None:
    path = list_segments(data / "journal")[-1]
    raw = path.read_bytes()
    path.write_bytes(raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:])
    with pytest.raises(CorruptJournal, match=path.name):
        fold_to(data, Cursor(SEQ_MAX))


@pytest.mark.req("RPL-20")
def test_a_long_way_is_gone_in_steps(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STANDING_RECORDS_MAX", 15)
    for seq in (55, 70, 85, 88, 88):
        process.keep_standing(data, UnsyncedDisk(), 88)
        assert kept(data)[-1] == seq


@pytest.mark.req("RPL-20", "RPL-22")
def test_a_standing_that_cannot_be_kept_costs_a_line_in_the_log_and_no_snapshot(tmp_path: Path) -> None:
    (tmp_path / "standing").write_text("in its place")
    engine = FaultyEngine(tmp_path)
    engine.start(Faults(snapshot_every=50))
    engine.register()
    engine.trade(50)
    eventually("the report", lambda: engine.said("standing_not_kept"))
    eventually("a snapshot", lambda: engine.said("snapshot_taken"))
    engine.trade(10)
    assert engine.end(15) == 0
    assert len(engine.snapshots()) == 2 and not engine.said("snapshot_failed")


@pytest.mark.req("RPL-20", "RPL-22")
def test_a_child_that_hangs_over_its_standing_has_taken_its_snapshot(tmp_path: Path) -> None:
    engine = FaultyEngine(tmp_path)
    (tmp_path / "hold-standing").touch()
    engine.start(Faults(snapshot_every=50, child_s_max=0.5))
    engine.register()
    engine.trade(50)
    eventually("the report", lambda: engine.said("standing_not_kept", "ended by SIGKILL"))
    eventually("a snapshot", lambda: engine.said("snapshot_taken"))
    (tmp_path / "hold-standing").unlink()
    assert engine.end(15) == 0
    assert not engine.said("snapshot_failed")


@pytest.mark.req("RPL-20")
def test_few_standings_are_kept_and_they_reach_far_back(tmp_path: Path) -> None:
    for million in range(1, 200):
        (tmp_path / files.name_of(million)).touch()
        files.drop_old(tmp_path)
        seqs = [files.seq_of(path) for path in files.list_standings(tmp_path)]
        assert seqs[-2:] == [million - 1, million][-len(seqs) :]
        assert len(seqs) <= 12
        for away in range(1, million):  # whoever was away so long goes on from not much farther back
            before = [seq for seq in seqs if seq <= million - away]
            assert not before or million - before[-1] <= 16 * away
    assert seqs[0] < 100


@pytest.mark.req("RPL-20", "RPL-22", "REC-11")
def test_the_engine_keeps_standings_with_its_snapshots(tmp_path: Path) -> None:
    engine = FaultyEngine(tmp_path)
    engine.start(Faults(snapshot_every=100))
    engine.register()
    engine.trade(100)
    eventually("a standing", lambda: kept(tmp_path))
    eventually("its snapshot told", lambda: engine.said("snapshot_taken"))
    engine.trade(30)
    assert engine.end(15) == 0
    last = kept(tmp_path)[-1]
    assert last == fold_to(tmp_path, Cursor(SEQ_MAX)).cursor.seq == 100 + 30 + 12
    assert not list(tmp_path.glob("standing/*.tmp"))
