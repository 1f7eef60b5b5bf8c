"""A journal that completes later than it is told: the loop goes on, and nothing is visible before it is durable."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from engine.api.limits import BATCHES_AHEAD_MAX
from engine.api.link import ControlRequest, EngineStatus, Hello, encode_message
from engine.api.wire import decode_records
from engine.client import read_journal
from engine.host import process
from engine.host.disk import Disk, UnsyncedDisk
from engine.host.journal import Journal, Tail
from tests.host.journals import script


class HeldJournal(Journal):
    """Completes a batch when the test lets go of it, and says so on a descriptor, as a replicated one does."""

    def __init__(self, directory: Path, tail: Tail, disk: Disk) -> None:
        super().__init__(directory, tail, disk)
        self.held: deque[tuple[bytes, int, int]] = deque()
        self._completed, self._complete = socket.socketpair()
        self._completed.setblocking(False)
        self._released = 0

    def append(self, records: bytes, last_seq: int, last_crc: int) -> None:
        self.held.append((records, last_seq, last_crc))

    def release(self, count: int = 1) -> None:
        self._released += count
        self._complete.send(b"x" * count)

    def complete(self) -> None:
        for _ in range(self._released):
            self._completed.recv(1)
            super().append(*self.held.popleft())
        self._released = 0

    def fileno(self) -> int:  # type: ignore[override]
        return self._completed.fileno()

    def close(self) -> None:
        super().close()
        self._completed.close()
        self._complete.close()


class Bench:
    """An engine in this process, turned by the test, and links to it."""

    def __init__(self, data: Path) -> None:
        self.journal: HeldJournal
        self.engine = process.build(process.Config(data), UnsyncedDisk(), open_journal=self._open)
        self.loop = self.engine._loop
        self.data = data
        self._links: list[socket.socket] = []
        self._commands = iter(script(20))

    def _open(self, directory: Path, tail: Tail, disk: Disk) -> HeldJournal:
        self.journal = HeldJournal(directory, tail, disk)
        return self.journal

    def link(self, hello: Hello) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(0)
        link.connect(str(self.data / "engine.sock"))
        link.sendall(encode_message(hello))
        self._links.append(link)
        self.turn(2)
        link.recv(4096)  # the welcome
        return link

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.turn(0)

    def submit(self, link: socket.socket, batches: int = 1) -> None:
        """Send commands, each to become a batch of its own."""
        for _ in range(batches):
            link.sendall(next(self._commands))
            self.turn()

    @property
    def applied_seq(self) -> int:
        return self.loop._core.seq

    def close(self) -> None:
        for link in self._links:
            link.close()
        self.engine.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def received(link: socket.socket) -> bytes:
    try:
        return link.recv(1 << 20)
    except BlockingIOError:
        return b""


@pytest.mark.req("DRV-02")
def test_batches_are_applied_ahead_and_published_when_durable(bench: Bench) -> None:
    submitting, following = bench.link(Hello("submit", "test")), bench.link(Hello("follow", "test", 1))
    bench.submit(submitting, 3)
    assert (bench.applied_seq, bench.journal.durable_seq) == (3, 0)
    assert received(following) == b""
    bench.journal.release()
    bench.loop.turn(60)  # woken by the journal, not by the time
    assert [record.seq for record in decode_records(received(following))] == [1]
    bench.journal.release(2)
    bench.loop.turn(60)
    assert [record.seq for record in decode_records(received(following))] == [2, 3]
    assert len(decode_records(b"".join(read_journal(bench.data / "journal")))) == 3


@pytest.mark.req("DRV-02")
def test_no_more_than_so_many_batches_are_ahead(bench: Bench) -> None:
    submitting = bench.link(Hello("submit", "test"))
    bench.submit(submitting, BATCHES_AHEAD_MAX - 1)
    assert bench.applied_seq == BATCHES_AHEAD_MAX - 1
    bench.submit(submitting, 2)
    assert bench.applied_seq == BATCHES_AHEAD_MAX
    bench.journal.release()
    bench.turn(2)
    assert bench.applied_seq == BATCHES_AHEAD_MAX + 1


@pytest.mark.req("DRV-02", "TBL-21")
def test_a_question_is_answered_with_what_is_durable_and_the_next_batch_waits_for_it(bench: Bench) -> None:
    submitting, asking = bench.link(Hello("submit", "test")), bench.link(Hello("control", "test"))
    bench.submit(submitting, 2)
    asking.sendall(encode_message(ControlRequest("status")))
    bench.turn(2)
    bench.submit(submitting)
    assert (bench.applied_seq, received(asking)) == (2, b"")
    bench.journal.release(2)
    bench.turn()
    assert msgspec.json.decode(received(asking)[4:], type=EngineStatus).seq == 2
    bench.turn()
    assert bench.applied_seq == 3


@pytest.mark.req("DRV-02", "RPL-22")
def test_a_snapshot_waits_until_all_is_durable(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    snapshots = bench.engine._snapshots
    monkeypatch.setattr("engine.host.snapshot.SNAPSHOT_EVERY", 2)

    def begin() -> None:
        begun.append(bench.applied_seq)
        snapshots.save()

    monkeypatch.setattr(snapshots, "begin", begin)
    submitting = bench.link(Hello("submit", "test"))
    bench.submit(submitting, 4)
    assert (bench.applied_seq, begun) == (2, [])
    bench.journal.release(2)
    bench.turn()
    assert begun == [2]
    bench.turn()
    assert bench.applied_seq == 4


@pytest.mark.req("DRV-02")
def test_a_clean_stop_waits_for_what_is_under_way(bench: Bench) -> None:
    submitting = bench.link(Hello("submit", "test"))
    bench.submit(submitting, 3)
    bench.journal.release(3)
    bench.loop.finish()
    assert bench.journal.durable_seq == 3
