"""Mistakes that could be made in the engine, each with a seed that finds it: what the simulation is good for."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

from msgspec.structs import replace

from engine.api.errors import CorruptJournal, JournalError
from engine.api.link import Welcome
from engine.client import CommandLink
from engine.host import egress, recovery
from engine.host.clock import ExchangeClock
from engine.host.disk import Disk
from engine.host.egress import Egress
from engine.host.journal import Journal
from engine.host.links import Link
from engine.host.loop import Loop
from engine.host.snapshot_writer import SnapshotWriter

Mistake = Callable[[], AbstractContextManager[object]]


def publish_before_sync() -> AbstractContextManager[object]:
    def turn(self: Loop, timeout_s: float) -> None:
        self._take(timeout_s)
        records = self._sequence()
        if records:
            self._egress.publish(records, self._core.seq, self._core.prev_crc)
            self._journal.append(records, self._core.seq, self._core.prev_crc)
        self._answer_all()
        self._tidy()
        self._snapshots.turn()

    return mock.patch.object(Loop, "turn", turn)


def go_on_after_a_failed_sync() -> AbstractContextManager[object]:
    append = Journal.append

    def forgiving(self: Journal, records: bytes, last_seq: int, last_crc: int) -> None:
        try:
            append(self, records, last_seq, last_crc)
        except JournalError:
            self._size += len(records)
            self.durable_seq, self.last_crc = last_seq, last_crc

    return mock.patch.object(Journal, "append", forgiving)


def mark_durable_before_sync() -> AbstractContextManager[object]:
    append = Journal.append

    def hasty(self: Journal, records: bytes, last_seq: int, last_crc: int) -> None:
        before, self.durable_seq = self.durable_seq, last_seq
        self._mark_durable()
        self.durable_seq = before
        append(self, records, last_seq, last_crc)

    return mock.patch.object(Journal, "append", hasty)


def take_any_bad_record_for_torn() -> AbstractContextManager[object]:
    return mock.patch.object(recovery, "_judge", lambda *_: None)


def look_for_no_later_batch() -> AbstractContextManager[object]:
    return mock.patch.object(recovery, "find_later_batch", lambda *_: None)


def take_a_torn_tail_for_corruption() -> AbstractContextManager[object]:
    def severe(segment: Any, end: int, *_: object) -> None:
        raise CorruptJournal(segment.path.name, end, "a bad record")

    return mock.patch.object(recovery, "_judge", severe)


def leave_a_torn_tail() -> AbstractContextManager[object]:
    settle = recovery._settle
    return mock.patch.object(recovery, "_settle", lambda segment, end, _, disk: settle(segment, end, True, disk))


def cut_one_record_too_many() -> AbstractContextManager[object]:
    settle = recovery._settle

    def greedy(segment: Any, end: int, is_proven: bool, disk: Disk) -> None:
        settle(segment, end - 1 if end < len(segment.raw) else end, is_proven, disk)

    return mock.patch.object(recovery, "_settle", greedy)


def trust_the_page_cache() -> AbstractContextManager[object]:
    def settle(segment: Any, end: int, _is_proven: bool, _disk: Disk) -> None:
        os.truncate(segment.path, end)

    return mock.patch.object(recovery, "_settle", settle)


def sync_again_after_a_failed_sync() -> AbstractContextManager[object]:
    def settle(segment: Any, end: int, _is_proven: bool, disk: Disk) -> None:
        fd = os.open(segment.path, os.O_WRONLY)
        os.ftruncate(fd, end)
        disk.sync(fd)
        os.close(fd)

    return mock.patch.object(recovery, "_settle", settle)


def sync_no_directory() -> AbstractContextManager[object]:
    def publish(self: Disk, path: Path, *content: bytes) -> None:
        path.unlink(missing_ok=True)
        fd = self.open_append(path)
        for part in content:
            self.write_all(fd, part)
            self.sync(fd)
        os.close(fd)

    return mock.patch.object(Disk, "publish", publish)


def skip_a_record_when_joining() -> AbstractContextManager[object]:
    def join(self: Egress, link: Link, from_seq: int) -> None:
        for batch in self._ring:
            if batch.last_seq > from_seq:
                link.send(batch.records[egress._offset_of(batch, from_seq) :])
        self._followers.append(link)

    return mock.patch.object(Egress, "join", join)


def join_at_the_start_of_a_batch() -> AbstractContextManager[object]:
    return mock.patch.object(egress, "_offset_of", lambda *_: 0)


def forget_what_the_kernel_did_not_take() -> AbstractContextManager[object]:
    def flush(self: Link) -> None:
        self.connection.send(self.outbound)
        self.outbound.clear()

    return mock.patch.object(Link, "flush", flush)


def keep_the_replaced_submitter() -> AbstractContextManager[object]:
    return mock.patch.object(Loop, "_replace_submitter", lambda self, link, _: self._submitting.append(link))


def send_again_at_once() -> AbstractContextManager[object]:
    resend = CommandLink._resend_if_passed

    def hasty(self: CommandLink) -> None:
        self._resend_after = 0
        resend(self)

    return mock.patch.object(CommandLink, "_resend_if_passed", hasty)


def send_nothing_again() -> AbstractContextManager[object]:
    return mock.patch.object(CommandLink, "_resend_if_passed", lambda self: setattr(self, "_resend_after", None))


def keep_waiting_for_a_link_that_is_gone() -> AbstractContextManager[object]:
    def detach(self: CommandLink) -> None:
        self._connection = None

    return mock.patch.object(CommandLink, "_detach", detach)


def believe_every_clock() -> AbstractContextManager[object]:
    return mock.patch.object(ExchangeClock, "read", lambda self: max(0, self._now_ns()))


def sleep_past_what_is_due() -> AbstractContextManager[object]:
    return mock.patch("engine.host.loop.ADVANCE_TIME", b"")


def number_each_link_from_zero() -> AbstractContextManager[object]:
    sequence = Loop._sequence

    def from_zero(self: Loop) -> bytes:
        apply = self._core.apply
        with mock.patch.object(type(self._core), "apply", lambda _, now_ns, frames, count: apply(now_ns, frames, 0)):
            return sequence(self)

    return mock.patch.object(Loop, "_sequence", from_zero)


def publish_what_is_applied() -> AbstractContextManager[object]:
    def publish(self: Loop) -> None:
        while self._under_way:
            batch = self._under_way.popleft()
            self._egress.publish(batch.records, batch.last_seq, batch.last_crc)
        self._journal.complete()

    return mock.patch.object(Loop, "_publish", publish)


def tell_a_submitter_only_what_is_durable() -> AbstractContextManager[object]:
    attach = CommandLink._attach

    def hasty(self: CommandLink, connection: Any, welcome: Welcome) -> None:
        attach(self, connection, replace(welcome, applied_seq=welcome.durable_seq))

    return mock.patch.object(CommandLink, "_attach", hasty)


def snapshot_what_is_not_durable() -> AbstractContextManager[object]:
    turn = SnapshotWriter.turn
    return mock.patch.object(SnapshotWriter, "turn", lambda self, _: turn(self, True))


def stop_without_finishing() -> AbstractContextManager[object]:
    return mock.patch.object(Loop, "finish", lambda _: None)


PLANTED: dict[Mistake, int] = {
    publish_before_sync: 2,
    go_on_after_a_failed_sync: 2,
    mark_durable_before_sync: 2,
    take_any_bad_record_for_torn: 2,
    look_for_no_later_batch: 5,
    take_a_torn_tail_for_corruption: 2,
    leave_a_torn_tail: 2,
    cut_one_record_too_many: 2,
    trust_the_page_cache: 1,
    sync_again_after_a_failed_sync: 11,
    sync_no_directory: 1,
    skip_a_record_when_joining: 2,
    join_at_the_start_of_a_batch: 7,
    forget_what_the_kernel_did_not_take: 10,
    keep_the_replaced_submitter: 5,
    send_again_at_once: 3,
    send_nothing_again: 1,
    keep_waiting_for_a_link_that_is_gone: 3,
    believe_every_clock: 8,
    sleep_past_what_is_due: 1,
    number_each_link_from_zero: 3,
    publish_what_is_applied: 1,
    tell_a_submitter_only_what_is_durable: 1,
    snapshot_what_is_not_durable: 1,
    stop_without_finishing: 1,
}
"""Mistake -> a seed that finds it soon."""
