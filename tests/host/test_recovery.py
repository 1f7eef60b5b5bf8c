"""The journal after a crash at every byte, a flip of every byte, torn sectors, failed syncs and full disks."""

from __future__ import annotations

import errno
import itertools
import random
from pathlib import Path
from struct import Struct

import msgspec
import pytest

from engine.api.durable import read_marker
from engine.api.enums import Side
from engine.api.errors import CorruptJournal, Diverged, JournalError, JournalLocked, OtherRules, OtherVersion
from engine.api.limits import RULES_VERSION
from engine.api.segment import SEGMENT_HEADER_BYTES, SegmentHeader, list_segments, segment_name
from engine.api.wire import HEADER, crc32c, split_frames
from engine.host import journal, recovery, snapshot
from engine.host.core import Core
from engine.host.disk import Disk, UnsyncedDisk
from tests.host.journals import (
    REGISTRATIONS,
    copy_without_marker,
    frames,
    only_segment,
    open_journal,
    order,
    script,
    trading,
    write,
)

ROUNDS = 4


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    directory = tmp_path_factory.mktemp("written")
    write(directory, ROUNDS)
    return directory, only_segment(directory).read_bytes()


def digests_after_each_record(raw: bytes) -> list[bytes]:
    """Digest of the state after 0, 1, 2, ... records of a segment."""
    core = Core()
    digests = [core.digest()]
    body = raw[SEGMENT_HEADER_BYTES:]
    for start, end in split_frames(body)[0]:
        assert core.replay(body[start:end]).count == 1
        digests.append(core.digest())
    return digests


def recover(directory: Path) -> recovery.Recovered:
    return recovery.recover(directory, directory / "snapshots", UnsyncedDisk())


@pytest.mark.req("REC-11", "REC-14", "DRV-02")
def test_a_crash_at_every_byte_recovers_to_the_last_whole_record(written: tuple[Path, bytes], tmp_path: Path) -> None:
    _, raw = written
    ends = [SEGMENT_HEADER_BYTES + end for _, end in split_frames(raw[SEGMENT_HEADER_BYTES:])[0]]
    digests = digests_after_each_record(raw)
    name = "journal-00000000000000000001.seg"
    for length in range(len(raw) + 1):
        recovered = recover(copy_without_marker(raw[:length], name, tmp_path / "cut"))
        whole = sum(end <= length for end in ends)
        assert recovered.core.seq == whole
        assert recovered.core.digest() == digests[whole]


@pytest.mark.req("RPL-32", "REC-30", "RPL-34")
def test_a_flip_of_every_byte_is_refused_with_its_place(written: tuple[Path, bytes], tmp_path: Path) -> None:
    directory, raw = written
    to = tmp_path / "flipped"
    to.mkdir()
    (to / "DURABLE").write_bytes((directory / "DURABLE").read_bytes())
    path = to / only_segment(directory).name
    for at in range(len(raw)):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ (1 << at % 8)]) + raw[at + 1 :])
        with pytest.raises(CorruptJournal) as refused:
            recover(to)
        assert refused.value.offset <= at
        with pytest.raises(CorruptJournal):
            list(recovery.verify(to))


@pytest.mark.req("RPL-32")
def test_a_flip_is_found_without_the_marker_unless_it_is_in_the_last_batch(
    written: tuple[Path, bytes], tmp_path: Path
) -> None:
    _, raw = written
    body = raw[SEGMENT_HEADER_BYTES:]
    starts = [(SEGMENT_HEADER_BYTES + start, HEADER.unpack_from(body, start)[8]) for start, _ in split_frames(body)[0]]
    last_batch = max(start for start, index in starts if index == 0)
    for at in range(SEGMENT_HEADER_BYTES, last_batch, 13):
        flipped = raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :]
        with pytest.raises(CorruptJournal):
            recover(copy_without_marker(flipped, "journal-00000000000000000001.seg", tmp_path / "flipped"))


@pytest.mark.req("REC-11", "REC-14")
@pytest.mark.parametrize("is_proven", [True, False])
def test_records_that_nothing_proves_durable_are_written_anew(
    written: tuple[Path, bytes], tmp_path: Path, is_proven: bool
) -> None:
    """After a failed sync the system may show them, never have written them, and sync them no more."""
    directory, raw = written
    to = tmp_path / "read"
    path = to / only_segment(directory).name
    copy_without_marker(raw, path.name, to)
    if is_proven:
        (to / "DURABLE").write_bytes((directory / "DURABLE").read_bytes())
    before = path.stat().st_ino
    with path.open("rb") as as_it_was:
        recovered = recover(to)
        assert (path.stat().st_ino == before) == is_proven
        assert path.read_bytes() == as_it_was.read() == raw
    assert recovered.torn_bytes == 0


@pytest.mark.req("REC-30")
def test_torn_sectors_of_the_last_batch_recover_to_a_prefix_with_all_that_was_synced(tmp_path: Path) -> None:
    core, writer = open_journal(tmp_path / "whole")
    sent = frames([(0, command) for command in REGISTRATIONS])
    writer.append(bytes(core.apply(10**18 * 2, b"".join(sent), 0).records), core.seq, core.prev_crc)
    synced_seq = core.seq
    synced = only_segment(tmp_path / "whole").read_bytes()
    torn = bytes(core.apply(10**18 * 2, b"".join(frames(trading(8))), 0).records)
    writer.append(torn, core.seq, core.prev_crc)
    writer.close()
    sectors = [torn[at : at + 512] for at in range(0, len(torn), 512)]
    fills = {"zeros": bytes(512), "old": synced[:512].ljust(512, b"\1"), "noise": random.Random(7).randbytes(512)}
    tried = 0
    for fill, choice in itertools.product(fills.values(), range(256)):
        tail = b"".join(fill[: len(s)] if n < 8 and choice >> n & 1 else s for n, s in enumerate(sectors[-8:]))
        raw = synced + b"".join(sectors[:-8]) + tail
        recovered = recover(copy_without_marker(raw, "journal-00000000000000000001.seg", tmp_path / "torn"))
        assert recovered.core.seq >= synced_seq
        recovered.core.check()
        tried += 1
    assert tried == 3 * 256


@pytest.mark.req("RPL-32", "RPL-34")
def test_a_moved_or_stale_chunk_is_refused(written: tuple[Path, bytes], tmp_path: Path) -> None:
    directory, raw = written
    other = tmp_path / "other"
    core, writer = open_journal(other)
    sent = script(ROUNDS)
    writer.append(bytes(core.apply(10**18 * 2, b"".join(sent), 0).records), core.seq, core.prev_crc)
    writer.close()
    stale = only_segment(other).read_bytes()
    assert len(stale) == len(raw)
    to = tmp_path / "patched"
    to.mkdir()
    (to / "DURABLE").write_bytes((directory / "DURABLE").read_bytes())
    path = to / only_segment(directory).name
    dice = random.Random(11)
    for n in range(400):
        size = dice.choice((48, 64, 512))
        at, source = dice.randrange(80, len(raw) - size), dice.randrange(80, len(raw) - size)
        chunk = raw[source : source + size] if n % 2 else stale[at : at + size]
        if chunk == raw[at : at + size]:
            continue
        path.write_bytes(raw[:at] + chunk + raw[at + size :])
        with pytest.raises((CorruptJournal, Diverged)):
            recover(to)


class FailingDisk(Disk):
    """A disk whose n-th call of one kind fails, or that fills up after some bytes."""

    def __init__(self, failing_sync: int = 0, room_bytes: int | None = None) -> None:
        self.syncs = 0
        self.failing_sync = failing_sync
        self.room_bytes = room_bytes

    def sync(self, fd: int) -> None:
        self.syncs += 1
        if self.syncs == self.failing_sync:
            raise OSError(errno.EIO, "sync failed")

    def sync_directory(self, directory: Path) -> None:
        self.sync(-1)

    def write(self, fd: int, data: bytes) -> int:
        if self.room_bytes is None:
            return super().write(fd, data)
        if self.room_bytes == 0:
            raise OSError(errno.ENOSPC, "disk full")
        taken = super().write(fd, data[: self.room_bytes])
        self.room_bytes -= taken
        return taken


@pytest.mark.req("REC-01", "DRV-02")
@pytest.mark.parametrize("failing", range(1, 10))
def test_a_failed_sync_ends_the_writer_and_is_never_tried_again(tmp_path: Path, failing: int) -> None:
    disk = FailingDisk(failing)
    with pytest.raises((JournalError, OSError)):
        write(tmp_path, ROUNDS, disk=disk)
    assert disk.syncs == failing
    recover(tmp_path).core.check()


@pytest.mark.req("REC-01")
@pytest.mark.parametrize("room_bytes", range(0, 5600, 97))
def test_a_full_disk_ends_the_writer_and_loses_nothing_synced(tmp_path: Path, room_bytes: int) -> None:
    with pytest.raises(JournalError):
        write(tmp_path, ROUNDS, disk=FailingDisk(room_bytes=room_bytes))
    durable = read_marker(tmp_path).seq
    recovered = recover(tmp_path)
    assert recovered.core.seq >= durable
    recovered.core.check()


@pytest.mark.req("REC-30")
def test_a_write_that_lied_is_refused(tmp_path: Path) -> None:
    class LyingDisk(UnsyncedDisk):
        writes = 0

        def write(self, fd: int, data: bytes) -> int:
            self.writes += 1
            return len(data) if self.writes == 4 else super().write(fd, data)

    write(tmp_path, ROUNDS, disk=LyingDisk())
    with pytest.raises(CorruptJournal):
        recover(tmp_path)


@pytest.mark.req("REC-13", "SEQ-07")
def test_one_writer_holds_the_directory_and_fencing_rises(tmp_path: Path) -> None:
    held = journal.lock(tmp_path)
    with pytest.raises(JournalLocked):
        journal.lock(tmp_path)
    assert held > 0
    numbers = []
    for _ in range(3):
        _, writer = open_journal(tmp_path)
        numbers.append(writer.fencing)
        writer.close()
    assert numbers == [1, 2, 3]


@pytest.mark.req("SEQ-01", "SEQ-03", "SEQ-09")
def test_segments_chain_over_restarts_and_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES_MAX", 2000)
    first = write(tmp_path, ROUNDS)
    assert len(list(tmp_path.glob("journal-*.seg"))) > 2
    core, writer = open_journal(tmp_path)
    assert (core.seq, core.digest()) == (first.seq, first.digest())
    writer.append(
        bytes(core.apply(10**18 * 2, frames([(0, trading(1)[0][1])], 900)[0], 0).records), core.seq, core.prev_crc
    )
    writer.close()
    assert recover(tmp_path).core.digest() == core.digest()
    assert sum(count for _, count in recovery.verify(tmp_path)) == core.seq


@pytest.mark.req("RPL-32", "REC-30")
@pytest.mark.parametrize("victim", [0, 1, -2])
def test_a_missing_or_rewritten_segment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: int
) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES_MAX", 2000)
    write(tmp_path, ROUNDS)
    path = sorted(tmp_path.glob("journal-*.seg"))[victim]
    raw = path.read_bytes()
    path.unlink()
    with pytest.raises(CorruptJournal):
        recover(tmp_path)
    end = split_frames(raw[SEGMENT_HEADER_BYTES:])[0][-1][0] + SEGMENT_HEADER_BYTES
    path.write_bytes(raw[:end])
    with pytest.raises(CorruptJournal):
        recover(tmp_path)


@pytest.mark.req("RPL-20", "RPL-21", "REC-20")
def test_a_snapshot_and_the_tail_give_what_the_whole_journal_gives(tmp_path: Path) -> None:
    core, writer = open_journal(tmp_path)
    sent = script(ROUNDS)
    for n, frame in enumerate(sent):
        writer.append(bytes(core.apply(2 * 10**18 + n, frame, 0).records), core.seq, core.prev_crc)
        if n in (20, 30):
            snapshot.save(tmp_path / "snapshots", core, writer.place, UnsyncedDisk())
    writer.close()
    recovered = recover(tmp_path)
    assert recovered.core.digest() == core.digest()
    assert recovered.replayed == len(sent) - 31

    newest = snapshot.list_snapshots(tmp_path / "snapshots")[-1]
    raw = newest.read_bytes()
    for at in range(0, len(raw), 17):
        newest.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        recovered = recover(tmp_path)
        assert recovered.core.digest() == core.digest()
        assert recovered.replayed == len(sent) - 21


def under_other_rules(path: Path, rules: int) -> bytes:
    """Let a segment say that its records were made under other rules. Returns: its bytes as they were."""
    raw = path.read_bytes()
    header = msgspec.structs.replace(SegmentHeader.decode(raw), rules=rules)
    path.write_bytes(header.encode() + raw[SEGMENT_HEADER_BYTES:])
    return raw


@pytest.mark.req("RPL-02", "REC-20")
@pytest.mark.parametrize("records", [b"", b"records of then"])
def test_a_journal_of_0_1_0_is_refused_with_a_sentence_and_left_alone(tmp_path: Path, records: bytes) -> None:
    head = Struct("<8sIIQQII32sI").pack(b"EXCHJRNL", 1, 1, 1, 1, 0, 0, bytes(32), 0)
    path = tmp_path / segment_name(1)
    path.write_bytes(head + crc32c(head).to_bytes(4, "little") + records)
    before = path.read_bytes()
    with pytest.raises(OtherVersion, match=r"of version 1, and this release reads version 2 only: .* or begin with an"):
        recover(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.req("RPL-02", "REC-20")
@pytest.mark.parametrize("rules", [RULES_VERSION - 1, RULES_VERSION + 1])
def test_records_made_under_other_rules_are_not_executed_and_it_says_what_to_do(tmp_path: Path, rules: int) -> None:
    core = write(tmp_path, ROUNDS)
    sound = under_other_rules(only_segment(tmp_path), rules)
    refused = only_segment(tmp_path).read_bytes()
    with pytest.raises(OtherRules, match=f"under rules {rules}, .* start the release that wrote it once more and stop"):
        recover(tmp_path)
    assert only_segment(tmp_path).read_bytes() == refused, "nothing was changed"
    only_segment(tmp_path).write_bytes(sound)
    assert recover(tmp_path).core.digest() == core.digest()


@pytest.mark.req("RPL-02", "RPL-20", "REC-20")
def test_a_snapshot_at_the_change_of_rules_and_the_tail_under_the_new_ones_start(tmp_path: Path) -> None:
    """The release before stopped cleanly; this one goes on in a segment of its own, and starts again from there."""
    core, writer = open_journal(tmp_path)
    for n, frame in enumerate(script(ROUNDS)):
        writer.append(bytes(core.apply(10**18 + n, frame).records), core.seq, core.prev_crc)
    place = writer.place
    writer.close()
    under_other_rules(only_segment(tmp_path), RULES_VERSION - 1)
    snapshot.save(tmp_path / "snapshots", core, place, UnsyncedDisk())
    again, writer = open_journal(tmp_path)
    assert again.digest() == core.digest()
    (later,) = frames([(11, order(101, Side.BUY, 500, 4_900_000, "later"))], 900)
    writer.append(bytes(again.apply(2 * 10**18, later).records), again.seq, again.prev_crc)
    writer.close()
    rules = [SegmentHeader.decode(path.read_bytes()).rules for path in list_segments(tmp_path)]
    assert rules == [RULES_VERSION - 1, RULES_VERSION]
    recovered = recover(tmp_path)
    assert (recovered.replayed, recovered.core.digest()) == (1, again.digest())


@pytest.mark.req("RPL-21")
def test_a_journal_that_ends_before_its_snapshot_is_refused(tmp_path: Path) -> None:
    core = write(tmp_path, ROUNDS)
    position = journal.Place(recovery.identify(tmp_path), 1, only_segment(tmp_path).stat().st_size)
    snapshot.save(tmp_path / "snapshots", core, position, UnsyncedDisk())
    assert recover(tmp_path).replayed == 0
    only_segment(tmp_path).unlink()
    with pytest.raises(CorruptJournal):
        recover(tmp_path)


@pytest.mark.req("RPL-21", "RPL-32", "REC-30")
def test_damage_to_what_a_snapshot_stands_for_is_refused(tmp_path: Path) -> None:
    core = write(tmp_path, ROUNDS)
    path = only_segment(tmp_path)
    raw = path.read_bytes()
    snapshot.save(tmp_path / "snapshots", core, journal.Place(recovery.identify(tmp_path), 1, len(raw)), UnsyncedDisk())
    for length in range(0, len(raw), 331):
        path.write_bytes(raw[:length])
        with pytest.raises(CorruptJournal):
            recover(tmp_path)
    for at in range(0, len(raw), 97):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        with pytest.raises(CorruptJournal):
            recover(tmp_path)
    path.write_bytes(raw)
    assert recover(tmp_path).core.digest() == core.digest()
