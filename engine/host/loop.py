"""The duty cycle: take a batch, stamp and apply it, make it durable, publish it. One thread, one writer."""

from __future__ import annotations

import selectors
import socket
import time

import structlog

from engine.api.commands import OPERATIONS, AdvanceTime
from engine.api.limits import BATCH_COMMANDS_MAX, LINK_READ_BYTES, LINKS_MAX
from engine.api.link import GREETING_BYTES_MAX, EngineStatus, Hello, Welcome, encode_message
from engine.api.wire import encode_command, encode_frame
from engine.host.control import Measures, answer
from engine.host.core import Core
from engine.host.egress import Egress
from engine.host.journal import Journal
from engine.host.links import Link, is_trusted
from engine.host.sequencer import ExchangeClock
from engine.host.snapshot_writer import SnapshotWriter

ADVANCE_TIME = encode_frame(OPERATIONS, 0, encode_command(AdvanceTime()))
"""What the loop itself sequences; a client's commands have a ``source_seq`` that is not 0."""

_log = structlog.get_logger()


class Loop:
    """The engine while it runs.

    Invariant: nothing that a command caused leaves this object before :meth:`Journal.append` has returned.
    """

    def __init__(
        self,
        core: Core,
        journal: Journal,
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
        self._egress = Egress(core.seq)
        self._links: dict[int, Link] = {}
        self._submitting: list[Link] = []
        self._is_batch_full = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, None)
        self._measures = Measures()
        self._status = EngineStatus(0, 0, journal.epoch, journal.fencing, durability, 0, [], 0, 0, 0)

    def turn(self, timeout_s: float) -> None:
        """Run the duty cycle once, waiting at most ``timeout_s`` for something to do.

        Raises: JournalError, ClockFault; the process must then end without publishing anything more.
        """
        asking = self._take(timeout_s)
        records = self._sequence()
        if records:
            started = time.perf_counter_ns()
            self._journal.append(records, self._core.seq)
            self._measures.synced(time.perf_counter_ns() - started)
            self._egress.publish(records, self._core.seq)
        for link in asking:
            self._answer(link)
        self._tidy()
        self._snapshots.turn()

    def close(self) -> None:
        """Close every link and the listener."""
        for link in self._links.values():
            link.close()
        self._listener.close()
        self._selector.close()

    # --- take -------------------------------------------------------------------------------------------

    def _take(self, timeout_s: float) -> list[Link]:
        """Read what has arrived; return the control links that have asked something."""
        asking = []
        for key, mask in self._selector.select(self._patience_s(timeout_s)):
            link = key.data
            if link is None:
                self._accept()
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
                    asking.append(link)
                elif link.hello.role == "follow" and link.inbound:
                    _log.warning("link_cut", link=link.name, reason="a follower has nothing to say")
                    link.is_open = False
        return asking

    def _patience_s(self, timeout_s: float) -> float:
        """How long to wait for something to do: no longer than until something is due."""
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
        refused = self._refusal(hello)
        egress = self._egress
        link.welcome(Welcome(self._journal.epoch, self._journal.fencing, egress.durable_seq, egress.ring_seq, refused))
        if refused:
            link.is_open = False
        elif hello.role == "submit":
            self._replace_submitter(link, hello.name)
        elif hello.role == "follow":
            if hello.from_seq < egress.ring_seq:
                link.is_open = False
            else:
                egress.join(link, hello.from_seq)

    def _refusal(self, hello: Hello) -> str:
        if hello.role == "follow" and not 1 <= hello.from_seq <= self._egress.durable_seq + 1:
            return f"no record {hello.from_seq}: the journal ends at {self._egress.durable_seq}"
        return ""

    def _replace_submitter(self, link: Link, name: str) -> None:
        """Take commands from ``link``; an older link of the same name is cut, its unread bytes with it.

        The newcomer was told ``durable_seq``: whatever of the older link is not in the log by then never will be.
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

    # --- answer and tidy --------------------------------------------------------------------------------

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
