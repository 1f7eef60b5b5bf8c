"""Stores know every life that the log tells of, unless they are an older copy."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from engine.api.commands import AdvanceTime
from engine.api.ids import OPERATIONS, Seq, SessionId
from engine.api.units import TimestampNs
from engine.api.wire import HEADER, Record
from fixgw.errors import ForeignStores, StoreError
from fixgw.life import Life


def record_of(life: Life) -> Record:
    """Return the record that tells the log of a life."""
    source, source_seq = HEADER.unpack_from(life.frame, 0)[5:7]
    return Record(Seq(77), TimestampNs(1), SessionId(source), source_seq, AdvanceTime(), ())


@pytest.fixture
def served(tmp_path: Path) -> Life:
    """The life of a gateway that has served from ``tmp_path``."""
    (tmp_path / "checkpoint").touch()
    (tmp_path / "life").write_text("1\n")
    life = Life(tmp_path, "order-entry")
    life.begin()
    return life


def test_a_life_is_known_from_its_record(served: Life) -> None:
    assert not served.is_in_log
    served.observe(record_of(served))
    assert served.is_in_log


def test_each_life_has_a_number_above_all_before(tmp_path: Path, served: Life) -> None:
    numbers = []
    for _ in range(3):
        life = Life(tmp_path, "order-entry")
        life.begin()
        numbers.append(record_of(life).source_seq)
    assert numbers == sorted(set(numbers)) and numbers[0] > record_of(served).source_seq
    ahead = time.time_ns() // 1_000_000 + 10**9
    (tmp_path / "life").write_text(f"{ahead}\n")
    life = Life(tmp_path, "order-entry")
    before = record_of(life).source_seq
    life.begin()
    assert record_of(life).source_seq == before + 1


def test_an_older_copy_is_refused_at_the_record_of_a_later_life(tmp_path: Path, served: Life) -> None:
    shutil.copytree(tmp_path, tmp_path / "copy")
    later = Life(tmp_path, "order-entry")
    later.begin()
    with pytest.raises(ForeignStores, match=r"later start \(record 77\).*older than the journal; restore both"):
        Life(tmp_path / "copy", "order-entry").observe(record_of(later))


def test_a_kill_at_any_moment_is_no_older_copy(tmp_path: Path, served: Life) -> None:
    """Between the number and its record; and with the record of a killed life behind that of the next."""
    told = [record_of(served)]
    for _ in range(3):
        life = Life(tmp_path, "order-entry")
        life.begin()
        told.append(record_of(life))
    again = Life(tmp_path, "order-entry")
    for record in (told[0], told[3], told[1]):
        again.observe(record)
    again.begin()
    for record in reversed(told):
        again.observe(record)
    assert not again.is_in_log


def test_other_records_are_of_no_life(tmp_path: Path, served: Life) -> None:
    later = Life(tmp_path, "order-entry")
    later.begin()
    record = record_of(later)
    drop_copy = record.source_seq ^ 0x71 << 56 ^ 0x72 << 56
    for source, source_seq in ((11, record.source_seq), (OPERATIONS, time.time_ns()), (OPERATIONS, drop_copy)):
        served.observe(Record(record.seq, record.ts_ns, SessionId(source), source_seq, record.command, ()))


def test_new_stores_take_any_journal_once(tmp_path: Path, served: Life) -> None:
    shutil.copytree(tmp_path, tmp_path / "ahead")
    (tmp_path / "ahead" / "life").write_text(f"{time.time_ns() // 1_000_000 + 10**9}\n")
    ahead = record_of(Life(tmp_path / "ahead", "order-entry"))
    (tmp_path / "new").mkdir()
    new = Life(tmp_path / "new", "order-entry")
    new.observe(ahead)
    new.begin()
    assert record_of(new).source_seq > ahead.source_seq


@pytest.mark.parametrize("content", [b"", b"17", b"\xff\xfe\n", b"-1\n", b"0\n", b"%d\n" % (1 << 56)])
def test_a_damaged_number_is_refused(tmp_path: Path, served: Life, content: bytes) -> None:
    (tmp_path / "life").write_bytes(content)
    with pytest.raises(StoreError, match=r"life does not tell which life.* members then log on with 141=Y"):
        Life(tmp_path, "order-entry")


def test_stores_without_a_number_are_older_than_every_start_the_log_tells_of(tmp_path: Path, served: Life) -> None:
    (tmp_path / "life").unlink()
    unknown = Life(tmp_path, "order-entry")
    with pytest.raises(ForeignStores, match="started at a time that is not known, but the journal tells of a later"):
        unknown.observe(record_of(served))
    unknown.begin()
    assert record_of(unknown).source_seq > record_of(served).source_seq
