"""What a session has been sent, read back from QuickFIX's own store.

A report is *sent* once QuickFIX has stored and numbered it, whether the member is there or not. QuickFIX writes
a message in this order: ``body`` (the bytes), ``header`` (``number,offset,size `` for each), ``seqnums`` (next
sender : next target), and only then the socket. So a message counts when its number is below the next sender
number, and what a process that was killed left half written does not.

QuickFIX empties a store by unlinking its files. Second links keep what the member may not have seen until it has been
stored again: ``<CompID>.kept-<inode of body>.body`` and ``.header``, a pair for each life that still counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path

import msgspec

from engine.api.ids import Seq
from fixgw.damage import (
    MESSAGES_CHECKED,
    check_header,
    check_last_number,
    check_message,
    check_numbers_written,
    check_session,
    is_message,
    next_numbers,
    split_entry,
)
from fixgw.places import ALL_OF_RECORD, NOWHERE, Place, place_of, seq_of

TAIL_BYTES = 1 << 16
"""Bytes of a store's header read at a time, from its end."""

NO_STORE = (0, 0)
"""Life of a store that does not exist."""

_NOT_OF_BODY = frozenset((b"8", b"9", b"35", b"34", b"43", b"49", b"52", b"56", b"97", b"122", b"10"))
"""Tags of header and trailer: what a body is stored with."""

_NEVER = 1 << 63
"""Above every sender number."""


class StoredReport(msgspec.Struct, frozen=True):
    """A report as it was stored: where in the log it came from, its MsgType <35>, and its body as fields."""

    place: Place
    msg_type: str
    body: str

    @property
    def is_status(self) -> bool:
        """Tell whether it answers a status request: what it told has passed."""
        return "\x01150=I\x01" in self.body

    @property
    def origin(self) -> frozenset[str]:
        """What no other history would tell in this place: ClOrdID <11>, OrderID <37>, TransactTime <60>."""
        return frozenset(field for field in self.body.split("\x01") if field.startswith(("11=", "37=", "60=")))


class MessageFile:
    """The messages of one life of a store, in two files."""

    def __init__(self, body: Path, header: Path) -> None:
        self.body = body
        self.header = header

    def backward(self, next_sender: int = _NEVER) -> Iterator[bytes]:
        """Yield the messages below ``next_sender``, last number first. Raises: StoreError when one is damaged.

        A number written twice counts as it was written last: the earlier entry was never sent. Where it is not known
        which number is the next, the last message may be half written, and then it was not sent either.
        """
        if not self.body.exists():
            return
        lowest = next_sender
        doubtful = self.last_number() if next_sender == _NEVER else 0
        with self.body.open("rb") as body:
            for entry in _split_backward(self.header):
                number, offset, size = split_entry(self.header, entry)
                if number >= lowest:
                    continue
                body.seek(offset)
                message = body.read(size)
                if number == doubtful and not is_message(number, message):
                    continue
                lowest = number
                check_message(self.body, number, message)
                yield message

    def last_number(self) -> int:
        """Return the number of the last message, 0 when there is none. Raises: StoreError."""
        return next((split_entry(self.header, entry)[0] for entry in _split_backward(self.header)), 0)


class StoreFiles:
    """The four files of one session's FileStore, and the second links to what it held."""

    def __init__(self, directory: Path, venue_comp_id: str, comp_id: str) -> None:
        self.venue_comp_id = venue_comp_id
        prefix = directory / f"FIX.4.4-{venue_comp_id}-{comp_id}"
        self.body, self.header, self.seqnums, self.session = (
            prefix.with_name(f"{prefix.name}.{part}") for part in ("body", "header", "seqnums", "session")
        )
        self._messages = MessageFile(self.body, self.header)
        self._kept_prefix = directory / f"{comp_id}.kept-"

    def identity(self) -> tuple[int, int]:
        """Tell one life of the store from the next: QuickFIX writes ``session`` only when it empties the store.

        Returns: inode and time of that file, ``NO_STORE`` while there is none.
        """
        try:
            status = self.session.stat()
        except FileNotFoundError:
            return NO_STORE
        return status.st_ino, status.st_mtime_ns

    def repair(self, life: tuple[int, int] = NO_STORE) -> None:
        """Bring the files to a state QuickFIX can open; call it while no QuickFIX has them open.

        A killed process may leave a store half emptied, or an entry of the header cut short, which would spoil the one
        appended to it. ``life`` is the one that was known before: in that, numbers had been written.
        Raises: StoreError when the files are as no kill leaves them.
        """
        if not self.body.exists():
            for path in (self.header, self.seqnums, self.session):
                path.unlink(missing_ok=True)
            return
        entries = self.header.read_bytes() if self.header.exists() else b""
        check_header(self.header, entries)
        check_numbers_written(self.seqnums, was_begun=self.identity() == life != NO_STORE)
        self._check()
        whole = entries.rfind(b" ") + 1
        if whole != len(entries):
            os.truncate(self.header, whole)

    def _check(self) -> None:
        """Compare the files with each other, and the last messages with their checksums. Raises: StoreError.

        A message without a number may be half written: the disk was full, and QuickFIX writes it anew.

        Cost: 5 us for each of at most MESSAGES_CHECKED messages.
        """
        last = self._messages.last_number()
        check_last_number(self.header, last, self.next_sender())
        check_session(self.session, has_messages=last > 0)
        for _ in islice(self._messages.backward(self.next_sender()), MESSAGES_CHECKED):
            pass

    def next_sender(self) -> int:
        """Return the number of the next message to this member. Raises: StoreError."""
        return next_numbers(self.seqnums)[0]

    def last_place(self) -> Place:
        """Return the place of the last report stored, NOWHERE when there is none.

        Cost: reads back from the end as far as that report.
        """
        return next((report.place for report in _reports(self._messages.backward(self.next_sender()))), NOWHERE)

    def keep(self, life: tuple[int, int]) -> None:
        """Let what the store holds outlive its being emptied, instead of what it held before.

        Nothing changes if QuickFIX has emptied it since ``life`` began: then not all is stored yet.
        """
        before = self._kept()
        try:
            now = self._kept_as(self.body.stat().st_ino)
            for path, kept in ((self.body, now.body), (self.header, now.header)):
                if not kept.exists():
                    kept.hardlink_to(path)
        except FileNotFoundError:
            return
        if self.identity() != life:
            before, now = [now], MessageFile(self.body, self.header)
        for other in before:
            if other.body != now.body:
                other.body.unlink(missing_ok=True)
                other.header.unlink(missing_ok=True)

    def _kept(self) -> list[MessageFile]:
        """List the lives that are kept whole."""
        prefix = self._kept_prefix
        inodes = [path.name[len(prefix.name) : -len(".body")] for path in prefix.parent.glob(f"{prefix.name}*.body")]
        kept = [self._kept_as(int(inode)) for inode in inodes if inode.isdecimal()]
        return [messages for messages in kept if messages.header.exists()]

    def _kept_as(self, inode: int) -> MessageFile:
        prefix = self._kept_prefix
        body, header = (prefix.with_name(f"{prefix.name}{inode}.{part}") for part in ("body", "header"))
        return MessageFile(body, header)

    def _lives(self) -> list[Iterator[StoredReport]]:
        """Read back, last report first, the store and what is kept of it."""
        messages = (self._messages.backward(self.next_sender()), *(kept.backward() for kept in self._kept()))
        return [_reports(life) for life in messages]

    def last_report(self) -> StoredReport | None:
        """Return the last report of the log that is stored or kept. Cost: as :meth:`last_place`, for each life."""
        found = [report for life in self._lives() if (report := next(life, None)) is not None]
        return max(found, key=lambda report: report.place, default=None)

    def reports_after(self, place: Place, count_max: int) -> list[StoredReport]:
        """Return the last reports after ``place``, of what the store holds and of what is kept, in the log's order."""
        found: dict[Place, StoredReport] = {}
        for life in self._lives():
            for report in islice(takewhile(lambda report: report.place > place, life), count_max):
                found.setdefault(report.place, report)
        return [found[at] for at in sorted(found)][-count_max:]


def _split_backward(path: Path) -> Iterator[bytes]:
    """Yield the space-closed entries of a file from its end, reading TAIL_BYTES at a time."""
    if not path.exists():
        return
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        rest, is_whole = b"", False
        while end:
            start = max(0, end - TAIL_BYTES)
            file.seek(start)
            first, *entries = (file.read(end - start) + rest).split(b" ")
            if not is_whole and entries:
                entries.pop()  # empty, or an entry that is being written
                is_whole = True
            yield from reversed(entries)
            rest, end = first, start
        if rest and is_whole:
            yield rest


def _reports(messages: Iterator[bytes]) -> Iterator[StoredReport]:
    """Pick the reports from messages told backward: what names a record by EngineSeq <20018>.

    An answer, which does not tell its place, stands before the report of its record that was stored after it.
    """
    later = NOWHERE
    for message in messages:
        fields = [field.split(b"=", 1) for field in message.split(b"\x01")[:-1]]
        values = {field[0]: field[1] for field in fields}
        if b"20018" in values:
            body = b"".join(b"%b=%b\x01" % (tag, value) for tag, value in fields if tag not in _NOT_OF_BODY)
            place = _place_of(values)
            later = Place(later - 1) if place == place_of(seq_of(later), ALL_OF_RECORD) else place
            yield StoredReport(later, values[b"35"].decode(), body.decode())


def _place_of(fields: dict[bytes, bytes]) -> Place:
    """Read the place off ExecID <17> when it is of the report's own record; an answer has none of its own."""
    seq = Seq(int(fields[b"20018"]))
    _, exec_seq, number = fields.get(b"17", b"0-0-0").split(b"-")
    is_own = int(exec_seq) == seq and fields.get(b"150") != b"I"
    return place_of(seq, int(number) + 1 if is_own else ALL_OF_RECORD)
