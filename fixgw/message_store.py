"""What a session has been sent, read back from QuickFIX's own store.

A report is *sent* once QuickFIX has stored and numbered it, whether the member is there or not. QuickFIX writes
a message in this order: ``body`` (the bytes), ``header`` (``number,offset,size `` for each), ``seqnums`` (next
sender : next target), and only then the socket. So a message counts when its number is below the next sender
number, and what a process that was killed left half written does not.

A report's place in the log is one number: ``seq << 21 | ordinal``, ordinal as in :class:`fixgw.reports.Report`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fixgw.errors import StoreError

ORDINAL_BITS = 21
"""A record has fewer than 2**20 events, each of two reports at most."""

TAIL_BYTES = 1 << 16
"""Bytes of a store's header read at a time, from its end."""

NO_STORE = (0, 0)
"""Life of a store that does not exist."""

_ALL_OF_RECORD = (1 << ORDINAL_BITS) - 1


def place_of(seq: int, ordinal: int) -> int:
    """Return the place of a report."""
    return seq << ORDINAL_BITS | ordinal


class StoreFiles:
    """The four files of one session's FileStore."""

    def __init__(self, directory: Path, venue_comp_id: str, comp_id: str) -> None:
        self.venue_comp_id = venue_comp_id
        prefix = directory / f"FIX.4.4-{venue_comp_id}-{comp_id}"
        self.body, self.header, self.seqnums, self.session = (
            prefix.with_name(f"{prefix.name}.{part}") for part in ("body", "header", "seqnums", "session")
        )

    def identity(self) -> tuple[int, int]:
        """Tell one life of the store from the next: QuickFIX writes ``session`` only when it empties the store.

        Returns: inode and time of that file, ``NO_STORE`` while there is none.
        """
        try:
            status = self.session.stat()
        except FileNotFoundError:
            return NO_STORE
        return status.st_ino, status.st_mtime_ns

    def repair(self) -> None:
        """Bring the files to a state QuickFIX can open; call it while no QuickFIX has them open.

        A killed process may leave an entry of the header cut short, which would spoil the one appended to it, or
        a store half emptied, whose header names bytes that are gone.
        """
        header = self._read(self.header)
        whole = header[: header.rfind(b" ") + 1]
        if whole != header:
            os.truncate(self.header, len(whole))
        if self._is_half_emptied(whole):
            for path in (self.body, self.header, self.seqnums, self.session):
                path.unlink(missing_ok=True)

    def _is_half_emptied(self, header: bytes) -> bool:
        if not header:
            return self.next_sender() > 1
        _, offset, size = (int(part) for part in header[:-1].rpartition(b" ")[2].split(b","))
        return not self.body.exists() or self.body.stat().st_size < offset + size

    def next_sender(self) -> int:
        """Return the number of the next message to this member. Raises: StoreError."""
        text = self._read(self.seqnums).partition(b":")[0].strip()
        try:
            return int(text) if text else 1
        except ValueError:
            raise StoreError(f"{self.seqnums} begins with {text[:40]!r}") from None

    def last_place(self) -> int:
        """Return the place of the last report stored, 0 when there is none.

        Cost: reads back from the end as far as that report.
        """
        if not self.body.exists():
            return 0
        with self.body.open("rb") as body:
            for offset, size in self._entries_backward():
                body.seek(offset)
                place = _place_in(body.read(size))
                if place:
                    return place
        return 0

    def _entries_backward(self) -> Iterator[tuple[int, int]]:
        """Yield ``(offset, size)`` of each message that counts, last number first.

        A number written twice counts as it was written last: the earlier entry was never sent.
        """
        lowest = self.next_sender()
        for entry in _split_backward(self.header):
            number, offset, size = (int(part) for part in entry.split(b","))
            if number < lowest:
                lowest = number
                yield offset, size

    @staticmethod
    def _read(path: Path) -> bytes:
        return path.read_bytes() if path.exists() else b""


def _split_backward(path: Path) -> Iterator[bytes]:
    """Yield the space-closed entries of a file from its end, reading TAIL_BYTES at a time."""
    if not path.exists():
        return
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        rest = b""
        while end:
            start = max(0, end - TAIL_BYTES)
            file.seek(start)
            first, *entries = (file.read(end - start) + rest).split(b" ")
            yield from (entry for entry in reversed(entries) if entry)
            rest, end = first, start
        if rest:
            yield rest


def _place_in(message: bytes) -> int:
    """Read the place out of a stored report: EngineSeq <20018>, and ExecID <17> when it is of that record."""
    fields = dict(field.split(b"=", 1) for field in message.split(b"\x01")[:-1])
    if b"20018" not in fields:
        return 0
    seq = int(fields[b"20018"])
    _, exec_seq, number = fields.get(b"17", b"0-0-0").split(b"-")
    ordinal = int(number) + 1 if int(exec_seq) == seq and fields.get(b"150") != b"I" else _ALL_OF_RECORD
    return place_of(seq, ordinal)
