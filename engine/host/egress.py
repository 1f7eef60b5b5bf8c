"""Publishing: durable records to whoever follows. The engine waits for nobody.

The newest RING_BYTES_MAX of records stay in memory. A follower that asks for older ones is told so and
reads the journal's files; one that does not keep up is cut, and comes back the same way.
"""

from __future__ import annotations

from collections import deque

import msgspec
import structlog

from engine.api.ids import Seq
from engine.api.limits import FOLLOWER_BACKLOG_BYTES_MAX, RING_BYTES_MAX
from engine.api.wire import split_frames
from engine.host.links import Link

_log = structlog.get_logger()


class _Batch(msgspec.Struct, frozen=True):
    first_seq: Seq
    last_seq: Seq
    records: bytes


class Egress:
    """The ring of newest records, and the links that follow it."""

    def __init__(self, durable_seq: Seq, durable_crc: int) -> None:
        self.durable_seq, self.durable_crc = durable_seq, durable_crc
        self._ring: deque[_Batch] = deque()
        self._ring_bytes = 0
        self._followers: list[Link] = []

    @property
    def ring_seq(self) -> Seq:
        """The oldest record a follower can join at; ``durable_seq + 1`` when the ring is empty."""
        return self._ring[0].first_seq if self._ring else Seq(self.durable_seq + 1)

    def publish(self, records: bytes, last_seq: Seq, last_crc: int) -> None:
        """Send a durable batch to every follower and keep it in the ring."""
        self._ring.append(_Batch(Seq(self.durable_seq + 1), last_seq, records))
        self._ring_bytes += len(records)
        while self._ring_bytes > RING_BYTES_MAX and len(self._ring) > 1:
            self._ring_bytes -= len(self._ring.popleft().records)
        self.durable_seq, self.durable_crc = last_seq, last_crc
        for link in self._followers:
            link.send(records)
            if len(link.outbound) > FOLLOWER_BACKLOG_BYTES_MAX:
                _log.warning("slow_follower_cut", link=link.name, backlog_bytes=len(link.outbound))
                link.is_open = False

    def join(self, link: Link, from_seq: int) -> None:
        """Follow from ``from_seq``, which must lie between ``ring_seq`` and ``durable_seq + 1``."""
        for batch in self._ring:
            if batch.last_seq >= from_seq:
                link.send(batch.records[_offset_of(batch, from_seq) :])
        self._followers.append(link)

    def leave(self, link: Link) -> None:
        """Forget a link that is gone."""
        if link in self._followers:
            self._followers.remove(link)


def _offset_of(batch: _Batch, from_seq: int) -> int:
    if from_seq <= batch.first_seq:
        return 0
    spans, _ = split_frames(batch.records)
    return spans[from_seq - batch.first_seq][0]
