"""Snapshots by a child process: matching goes on, and whatever happens to either of the two, nothing stays behind."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.api.errors import CorruptJournal, Diverged
from engine.api.limits import RULES_VERSION
from engine.api.link import Hello, encode_message
from engine.api.segment import SEGMENT_HEADER_BYTES, list_segments, segment_name
from engine.api.wire import crc32c, split_frames
from engine.host import journal, recovery, snapshot
from engine.host.disk import UnsyncedDisk
from tests.host.faulty_engine import Faults
from tests.host.journals import NOW_NS, open_journal, script, write
from tests.host.running import FaultyEngine, is_running, kill, wait_gone
from tests.patience import PATIENCE_S, eventually

EVERY = 100
HOUR_NS = 3_600 * 10**9


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FaultyEngine]:
    engine = FaultyEngine(tmp_path)
    yield engine
    (tmp_path / "hold").unlink(missing_ok=True)
    engine.end()


def held(engine: FaultyEngine, **faults: float) -> int:
    """Start an engine, make it begin a snapshot that comes to a stop, and return the child."""
    (engine.data / "hold").touch()
    engine.start(Faults(snapshot_every=EVERY, **faults))
    engine.register()
    engine.trade(EVERY)
    eventually("a child", engine.children)
    return engine.children()[0]


@pytest.mark.req("RPL-22", "RPL-20", "REC-20", "RPL-21")
def test_matching_goes_on_while_one_child_writes(engine: FaultyEngine) -> None:
    child = held(engine)
    last = engine.trade(3 * EVERY)[-1].seq
    assert engine.children() == [child]
    assert engine.snapshots() == []
    (engine.data / "hold").unlink()
    eventually("a second snapshot", lambda: len(engine.snapshots()) == 2)
    eventually("no child", lambda: not engine.children())
    assert engine.snapshots()[-1] == snapshot.name_of(last)
    engine.trade(7)
    before = engine.status()
    engine.end()
    engine.start()
    after = engine.status()
    assert (after.seq, after.state_sha256) == (before.seq, before.state_sha256)
    assert engine.said("recovered", "replayed=7 ")


@pytest.mark.req("RPL-20")
def test_an_hour_of_exchange_time_brings_a_snapshot_of_few_records(engine: FaultyEngine) -> None:
    engine.start()
    engine.register()
    now_ns = engine.trade(1)[-1].ts_ns
    engine.set_clock(f"={now_ns + HOUR_NS - 10**9}")
    seq = engine.trade(1)[-1].seq
    assert not engine.said("snapshot_begun")
    engine.set_clock(f"={now_ns + HOUR_NS + 10**9}")
    eventually("a snapshot", lambda: engine.snapshots() == [snapshot.name_of(seq)])
    engine.set_clock(f"={now_ns + 9 * HOUR_NS}")
    eventually("its end", lambda: engine.said("snapshot_taken"))
    assert engine.snapshots() == [snapshot.name_of(seq)]  # nothing new, nothing due


@pytest.mark.req("REC-13", "RPL-22")
def test_a_killed_engine_leaves_neither_lock_nor_links_to_its_child(engine: FaultyEngine) -> None:
    child = held(engine)
    with socket.socket(socket.AF_UNIX) as follower:
        follower.settimeout(PATIENCE_S)
        follower.connect(str(engine.data / "engine.sock"))
        follower.sendall(encode_message(Hello("follow", "test", 1)))
        seq = engine.status().seq
        engine.end()
        assert is_running(child)
        while follower.recv(1 << 20):
            pass  # the end comes although the child lives
    engine.start(Faults(snapshot_every=EVERY))
    assert engine.status().seq == seq
    (engine.data / "hold").unlink()
    wait_gone(child)
    eventually("no child", lambda: not engine.children())
    assert not [name for name in engine.snapshots() if name.endswith(".tmp")]
    assert engine.end(signal.SIGTERM) == 0
    assert snapshot.load(engine.data / "snapshots" / engine.snapshots()[-1]).core.seq == seq


@pytest.mark.req("REC-13")
def test_a_lock_that_is_let_go_in_time_is_taken(tmp_path: Path) -> None:
    held_for_a_moment = journal.lock(tmp_path)
    timer = threading.Timer(journal.LOCK_WAIT_S_MAX / 3, os.close, (held_for_a_moment,))
    timer.start()
    os.close(journal.lock(tmp_path))
    timer.join()


def test_what_a_killed_writer_left_is_removed_at_the_next_start(engine: FaultyEngine) -> None:
    for name in ("journal", "snapshots"):
        (engine.data / name).mkdir()
        (engine.data / name / "left.4711.tmp").write_bytes(bytes(100))
    engine.start()
    assert not list(engine.data.glob("*/*.tmp"))


@pytest.mark.req("RPL-22")
def test_a_child_that_outlives_its_engine_ends_by_itself(engine: FaultyEngine) -> None:
    child = held(engine, child_s_max=0.5, orphan_s=0.5)
    engine.end()
    try:
        wait_gone(child)
    finally:
        kill(child)


@pytest.mark.req("RPL-22")
def test_a_child_that_hangs_is_killed_and_the_engine_serves_on(engine: FaultyEngine) -> None:
    child = held(engine, child_s_max=0.5, orphan_s=60)
    wait_gone(child)
    eventually("the report", lambda: engine.said("snapshot_failed", "ended by SIGKILL"))
    engine.trade(EVERY)
    assert engine.children() == []  # the next attempt comes after a pause
    (engine.data / "hold").unlink()
    assert engine.end(signal.SIGTERM) == 0
    assert len(engine.snapshots()) == 1


@pytest.mark.req("RPL-22")
def test_a_child_whose_disk_fails_costs_a_line_in_the_log(engine: FaultyEngine) -> None:
    engine.start(Faults(snapshot_every=EVERY, snapshot_errno=errno.ENOSPC))
    engine.register()
    engine.trade(EVERY)
    eventually("the report", lambda: engine.said("snapshot_failed", "No space left on device"))
    engine.trade(EVERY)
    assert engine.snapshots() == []
    assert engine.end(signal.SIGTERM) == 0


@pytest.mark.req("RPL-22")
def test_a_clean_stop_does_not_wait_for_a_child_that_hangs(engine: FaultyEngine) -> None:
    child = held(engine)
    engine.process.send_signal(signal.SIGTERM)
    wait_gone(child)
    (engine.data / "hold").unlink()
    assert engine.end(signal.SIGTERM) == 0
    assert len(engine.snapshots()) == 1


@pytest.mark.req("RPL-22")
def test_the_engine_has_one_thread(engine: FaultyEngine) -> None:
    held(engine)
    assert len(list(Path(f"/proc/{engine.process.pid}/task").iterdir())) == 1


# --- snapshots as witnesses -----------------------------------------------------------------------------


@pytest.fixture
def two_snapshots(tmp_path: Path) -> Path:
    """A journal of several segments, and snapshots at records 20 and 31."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "SEGMENT_BYTES_MAX", 1500)
        core, writer = open_journal(tmp_path)
        for n, frame in enumerate(script(4), 1):
            writer.append(core.apply(NOW_NS + n, frame).records, core.seq, core.prev_crc)
            if n in (20, 31):
                snapshot.save(tmp_path / "snapshots", core, writer.place, UnsyncedDisk())
        writer.close()
    return tmp_path


def recover(directory: Path) -> recovery.Recovered:
    return recovery.recover(directory, directory / "snapshots", UnsyncedDisk())


def rewrite(path: Path, state: bytes | None = None, **changed: object) -> None:
    """Write a snapshot's file anew with fields of its head changed and its checksum right."""
    fields = {"seq": 0, "journal": 1, "segment": 2, "offset": 3, "length": 4, "rules": 5, "digest": 7}
    raw = path.read_bytes()
    body = list(snapshot._BODY.unpack(raw[16:96]))
    for name, value in changed.items():
        body[fields[name]] = value
    packed = snapshot._BODY.pack(*body)
    crc = crc32c(packed).to_bytes(4, "little")
    path.write_bytes(raw[:12] + crc + packed + (raw[96:] if state is None else state))


@pytest.mark.req("RPL-02", "RPL-21")
@pytest.mark.parametrize(("since", "restored_seq"), [(-1, 31), (0, 31), (1, 20)])
def test_a_snapshot_made_under_later_rules_is_passed_over(two_snapshots: Path, since: int, restored_seq: int) -> None:
    _, newest = snapshot.list_snapshots(two_snapshots / "snapshots")
    rewrite(newest, rules=RULES_VERSION + since)
    assert recover(two_snapshots).snapshot_seq == restored_seq


@pytest.mark.req("DET-20", "RPL-21", "DET-01")
def test_a_replay_past_a_snapshot_must_reach_its_digest(two_snapshots: Path) -> None:
    """A snapshot whose state is lost still names the digest the replay must come to."""
    older, newest = snapshot.list_snapshots(two_snapshots / "snapshots")
    digest = recover(two_snapshots).core.digest()
    for lost in ((newest,), (older, newest)):
        for path in lost:
            rewrite(path, state=b"")
        again = recover(two_snapshots)
        assert (again.core.digest(), again.snapshot_seq) == (digest, 20 if len(lost) == 1 else 0)
    for path, seq in ((newest, 31), (older, 20)):
        rewrite(path, digest=bytes(32))
        with pytest.raises(Diverged) as found:
            recover(two_snapshots)
        assert found.value.seq == seq


@pytest.mark.req("RPL-32", "DET-20")
def test_a_record_that_executes_otherwise_is_named(tmp_path: Path) -> None:
    """Change the last byte of one record and of no other, with every checksum made right again."""
    write(tmp_path, 1)
    (path,) = list_segments(tmp_path)
    raw = bytearray(path.read_bytes())
    start, end = split_frames(bytes(raw[SEGMENT_HEADER_BYTES:]))[0][12]
    start, end = start + SEGMENT_HEADER_BYTES, end + SEGMENT_HEADER_BYTES
    raw[end - 1] ^= 1
    raw[start + 4 : start + 8] = crc32c(bytes(raw[start + 8 : end])).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(Diverged) as found:
        recover(tmp_path)
    assert found.value.seq == 13


@pytest.mark.req("RPL-21", "REC-30")
def test_a_snapshot_that_stands_for_records_which_are_gone_is_refused(two_snapshots: Path) -> None:
    newest = snapshot.list_snapshots(two_snapshots / "snapshots")[-1]
    rewrite(newest, state=b"", offset=snapshot.read_heads(newest.parent)[-1].place.offset - 7)
    with pytest.raises(CorruptJournal, match="does not follow"):
        recover(two_snapshots)
    shutil.rmtree(two_snapshots / "snapshots")
    newest.parent.mkdir()
    (two_snapshots / "DURABLE").unlink()
    assert recover(two_snapshots).snapshot_seq == 0


@pytest.mark.req("RPL-21", "SEQ-09")
def test_the_head_of_a_snapshot_proves_what_was_durable(two_snapshots: Path) -> None:
    newest = snapshot.read_heads(two_snapshots / "snapshots")[-1]
    rewrite(newest.path, state=b"")
    (two_snapshots / "DURABLE").unlink()
    for path in list_segments(two_snapshots):
        if path.name > segment_name(newest.place.segment_first_seq):
            path.unlink()
    last = list_segments(two_snapshots)[-1]
    last.write_bytes(last.read_bytes()[: newest.place.offset - 1])
    with pytest.raises(CorruptJournal, match="seq 31 is known to be durable"):
        recover(two_snapshots)
    newest.path.unlink()
    assert recover(two_snapshots).core.seq == 30  # without the proof, a torn write
