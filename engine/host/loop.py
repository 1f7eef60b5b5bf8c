"""The duty cycle: take a batch, stamp and apply it, make it durable, publish it. One thread, one writer.

A journal may complete later than it is told; then the next batch is applied meanwhile. ``core.seq`` is how far has been
applied, ``journal.durable_seq`` how far is durable, ``egress.durable_seq`` how far is published.
"""

from __future__ import annotations

import select
import selectors
import socket
import time
from collections import deque

import msgspec
import structlog

from engine.api.commands import OPERATIONS, AdvanceTime
from engine.api.cursor import journal_name
from engine.api.ids import Seq
from engine.api.limits import BATCH_COMMANDS_MAX, BATCHES_AHEAD_MAX, LINK_READ_BYTES, LINKS_MAX
from engine.api.link import GREETING_BYTES_MAX, EngineStatus, Hello, Refusal, Welcome, encode_message
from engine.api.wire import encode_command, encode_frame
from engine.host.clock import ExchangeClock
from engine.host.control import Measures, answer
from engine.host.core import Core
from engine.host.egress import Egress
from engine.host.links import Link, is_trusted
from engine.host.ports import JournalPort
from engine.host.snapshot_writer import SnapshotWriter

ADVANCE_TIME = encode_frame(OPERATIONS, 0, encode_command(AdvanceTime()))
"""What the loop itself sequences; a client's commands have a ``source_seq`` that is not 0."""

FINISH_TURN_MS = 10
"""How long a clean stop waits before it asks the journal again."""

_log = structlog.get_logger()


class _Batch(msgspec.Struct, frozen=True):
    """Records applied together, which one append makes durable."""

    records: bytes
    last_seq: Seq
    last_crc: int
    began_ns: int


class Loop:
    """The engine while it runs.

    Invariant: nothing that a command caused leaves this object, in a record, an answer or a snapshot, before the
    journal's ``durable_seq`` has reached it.
    """

    def __init__(
        self,
        core: Core,
        journal: JournalPort,
        clock: ExchangeClock,
        listener: socket.socket,
        snapshots: SnapshotWriter,
        durability: str,
    ) -> None:
        self._core = core
        self._journal = journal
        self._clock = clock
        self._listener = listener
        self._snapshots = snapshots
        self._egress = Egress(core.seq, core.prev_crc)
        self._under_way: deque[_Batch] = deque()
        self._asking: list[Link] = []
        self._links: dict[int, Link] = {}
        self._submitting: list[Link] = []
        self._is_batch_full = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, None)
        completion = journal.fileno()
        if completion is not None:
            self._selector.register(completion, selectors.EVENT_READ, journal)
        self._measures = Measures()
        self._status = EngineStatus(
            core.seq, core.ts_ns, journal.identity, journal.epoch, journal.fencing, durability, 0, [], 0, 0, 0
        )

    def turn(self, timeout_s: float) -> None:
        """Run the duty cycle once, waiting at most ``timeout_s`` for something to do.

        Raises: JournalError, ClockFault; the process must then end without publishing anything more.
        """
        self._take(timeout_s)
        if self._may_go_on():
            self._append(self._sequence())
        self._publish()
        if self._is_settled:
            self._answer_all()
        self._tidy()
        self._snapshots.turn(self._is_settled)

    def finish(self) -> None:
        """Wait until all that was applied is durable and published. Raises: JournalError."""
        waiting = select.poll()
        completion = self._journal.fileno()
        if completion is not None:
            waiting.register(completion, select.POLLIN)
        self._publish()
        while not self._is_settled:
            waiting.poll(FINISH_TURN_MS)
            self._publish()

    @property
    def durable_seq(self) -> int:
        """The last record that is durable."""
        return self._egress.durable_seq

    def close(self) -> None:
        """Close every link and the listener."""
        for link in self._links.values():
            link.close()
        self._listener.close()
        self._selector.close()

    # --- take -------------------------------------------------------------------------------------------

    def _take(self, timeout_s: float) -> None:
        """Read what has arrived, and note which control links have asked something."""
        for key, mask in self._selector.select(self._patience_s(timeout_s)):
            link = key.data
            if link is None:
                self._accept()
                continue
            if link is self._journal:
                continue
            if mask & selectors.EVENT_WRITE:
                link.flush()
            if mask & selectors.EVENT_READ:
                link.is_open = link.receive(LINK_READ_BYTES) and link.is_open
                if link.hello is None:
                    self._greet(link)
                if link.hello is None:
                    continue
                if link.hello.role == "control":
                    self._asking.append(link)
                elif link.hello.role == "follow" and link.inbound:
                    _log.warning("link_cut", link=link.name, reason="a follower has nothing to say")
                    link.is_open = False

    def _patience_s(self, timeout_s: float) -> float:
        """How long to wait for something to do: no longer than until something is due, if more may be applied."""
        if not self._may_go_on():
            return timeout_s
        if self._is_batch_full:
            return 0
        due_ns = self._core.next_due_ns
        return min(timeout_s, max(0, due_ns - self._clock.read()) / 1e9) if due_ns else timeout_s

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if len(self._links) >= LINKS_MAX or not is_trusted(connection):
            _log.warning("link_refused", links=len(self._links))
            connection.close()
            return
        link = Link(connection)
        self._links[connection.fileno()] = link
        self._selector.register(connection, selectors.EVENT_READ, link)

    def _greet(self, link: Link) -> None:
        try:
            hello = link.greet()
        except ValueError as error:
            _log.warning("greeting_refused", reason=str(error))
            link.is_open = False
            return
        if hello is None:
            return
        welcome = self._welcome(hello)
        link.welcome(welcome)
        if welcome.refusal is not Refusal.NONE:
            link.is_open = False
        elif hello.role == "submit":
            self._replace_submitter(link, hello.name)
        elif hello.role == "follow":
            if hello.from_seq < welcome.ring_seq:
                link.is_open = False
            else:
                self._egress.join(link, hello.from_seq)

    def _welcome(self, hello: Hello) -> Welcome:
        journal, egress = self._journal, self._egress
        refusal, reason = _refusal(hello, journal.identity, egress.durable_seq)
        ends = (egress.durable_seq, egress.durable_crc, self._core.seq, egress.ring_seq)
        return Welcome(journal.identity, journal.epoch, journal.fencing, *ends, refusal, reason)

    def _replace_submitter(self, link: Link, name: str) -> None:
        """Take commands from ``link``; an older link of the same name is cut, its unread bytes with it.

        The newcomer was told how far commands are applied: what of the older link is not among them never will be.
        """
        for old in self._submitting:
            if old.hello is not None and old.hello.name == name:
                old.inbound.clear()
                old.is_open = False
        self._submitting.append(link)

    # --- sequence ---------------------------------------------------------------------------------------

    def _sequence(self) -> bytes:
        """Stamp and apply what the links have sent, in the order of the links, and what is due by then (ORD-14).

        Returns: the batch's records.
        """
        pending = [link for link in self._submitting if link.inbound and link.is_open]
        if not pending and not self._core.next_due_ns:
            return b""
        now_ns = self._clock.read()
        batch: list[bytes] = []
        count = 0
        for link in pending:
            applied = self._core.apply(now_ns, link.inbound, count)
            del link.inbound[: applied.consumed]
            if applied.count:
                batch.append(applied.records)
                count += applied.count
            if applied.fault:
                _log.error("link_cut", link=link.name, fault=applied.fault)
                link.inbound.clear()
                link.is_open = False
        self._is_batch_full = count >= BATCH_COMMANDS_MAX
        # A command carries the time with it, so that this is for what it left, and for when there is none.
        if 0 < self._core.next_due_ns <= now_ns:
            batch.append(self._core.apply(now_ns, ADVANCE_TIME, count).records)
        return b"".join(batch)

    # --- make durable and publish -----------------------------------------------------------------------

    @property
    def _is_settled(self) -> bool:
        """Tell whether all that was applied is durable and published."""
        return not self._under_way

    def _may_go_on(self) -> bool:
        """Tell whether more may be applied; who must see a settled state waits for it, and all others with him."""
        if self._is_settled:
            return True
        is_awaited = bool(self._asking) or self._snapshots.is_due()
        return not is_awaited and len(self._under_way) < BATCHES_AHEAD_MAX

    def _append(self, records: bytes) -> None:
        if records:
            batch = _Batch(records, self._core.seq, self._core.prev_crc, time.perf_counter_ns())
            self._under_way.append(batch)
            self._journal.append(records, batch.last_seq, batch.last_crc)

    def _publish(self) -> None:
        """Publish what has become durable."""
        self._journal.complete()
        while self._under_way and self._under_way[0].last_seq <= self._journal.durable_seq:
            batch = self._under_way.popleft()
            self._measures.synced(time.perf_counter_ns() - batch.began_ns)
            self._egress.publish(batch.records, batch.last_seq, batch.last_crc)

    # --- answer and tidy --------------------------------------------------------------------------------

    def _answer_all(self) -> None:
        asking, self._asking = self._asking, []
        for link in asking:
            self._answer(link)

    def _answer(self, link: Link) -> None:
        try:
            while not link.outbound and (raw := link.take_message(GREETING_BYTES_MAX)) is not None:
                names = [one.name for one in self._links.values()]
                link.send(encode_message(answer(raw, self._core, names, self._measures, self._status)))
            if len(link.inbound) > LINK_READ_BYTES:
                raise ValueError("questions without end")
        except ValueError as error:
            _log.warning("control_refused", reason=str(error))
            link.is_open = False

    def _tidy(self) -> None:
        """Drop links that are gone; ask to be told when a full one can be written again."""
        for fd, link in list(self._links.items()):
            if not link.is_open or link.is_overdue:
                self._selector.unregister(link.connection)
                self._egress.leave(link)
                if link in self._submitting:
                    self._submitting.remove(link)
                link.close()
                del self._links[fd]
                continue
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.outbound else 0)
            if self._selector.get_key(link.connection).events != wanted:
                self._selector.modify(link.connection, wanted, link)


def _refusal(hello: Hello, journal: int, durable_seq: int) -> tuple[Refusal, str]:
    """Judge what a follower wants to go on from; return why it cannot, with the sentence for people."""
    if hello.role != "follow":
        return Refusal.NONE, ""
    if hello.journal not in (0, journal):
        theirs, ours = journal_name(hello.journal), journal_name(journal)
        return Refusal.OTHER_JOURNAL, f"{hello.name} goes on from journal {theirs}, but the journal here is {ours}"
    if not 1 <= hello.from_seq <= durable_seq + 1:
        after = hello.from_seq - 1
        return Refusal.BEYOND_END, f"{hello.name} goes on after seq {after}, but the journal ends at seq {durable_seq}"
    return Refusal.NONE, ""
