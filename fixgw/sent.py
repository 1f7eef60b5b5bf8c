"""What a session has been sent, read back from QuickFIX's own store.

A report is *sent* once QuickFIX has stored and numbered it, whether the member is there or not. QuickFIX writes
a message in this order: ``body`` (the bytes), ``header`` (``number,offset,size `` for each), ``seqnums`` (next
sender : next target), and only then the socket. So a message counts when its number is below the next sender
number, and what a process that was killed left half written does not.

A position is one number: ``seq << 21 | ordinal``, ordinal as in :class:`fixgw.order_chain.Report`.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct

from fixgw.errors import StoreError

ORDINAL_BITS = 21
"""A record has fewer than 2**20 events, each of two reports at most."""

TAIL_BYTES = 1 << 16
"""Bytes of a store's header read at a time, from its end."""

NO_STORE = (0, 0)
"""Life of a store that does not exist."""

_MARK = Struct("<8sQQQQQQ")
_MAGIC = b"EXCHSENT"
_WORD = Struct("<Q")
_LIFE = Struct("<QQ")
_ALL_OF_RECORD = (1 << ORDINAL_BITS) - 1


def position_of(seq: int, ordinal: int) -> int:
    """Return the position of a report."""
    return seq << ORDINAL_BITS | ordinal


class StoreFiles:
    """The four files of one session's FileStore."""

    def __init__(self, directory: Path, venue_comp_id: str, comp_id: str) -> None:
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

    def last_position(self) -> int:
        """Return the position of the last report stored, 0 when there is none.

        Cost: reads back from the end as far as that report.
        """
        if not self.body.exists():
            return 0
        with self.body.open("rb") as body:
            for offset, size in self._entries_backward():
                body.seek(offset)
                position = _position_in(body.read(size))
                if position:
                    return position
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


def _position_in(message: bytes) -> int:
    """Read the position out of a stored report: EngineSeq <20018>, and ExecID <17> when it is of that record."""
    fields = dict(field.split(b"=", 1) for field in message.split(b"\x01")[:-1])
    if b"20018" not in fields:
        return 0
    seq = int(fields[b"20018"])
    _, exec_seq, number = fields.get(b"17", b"0-0-0").split(b"-")
    ordinal = int(number) + 1 if int(exec_seq) == seq and fields.get(b"150") != b"I" else _ALL_OF_RECORD
    return position_of(seq, ordinal)


class Watermark:
    """Positions of a session, kept in a mapped file so that they outlive the process.

    Each is one aligned word, so that a killed process leaves the old value or the new one::

        offset size  field
             0    8  magic      b"EXCHSENT"
             8    8  seen       the member has surely had everything up to here
            16    8  sent       QuickFIX has stored everything up to here; its own files may be one ahead
            24    8  repeated   what goes out up to here may have been seen, and carries PossResend <97>
            32   16  life       which life of the store ``sent`` speaks of, as StoreFiles.identity
            48    8  reset_seq  last record of the log when the numbers were last reset
    """

    def __init__(self, path: Path) -> None:
        if not path.exists() or path.stat().st_size != _MARK.size:
            fresh = path.with_suffix(".new")
            fresh.write_bytes(_MARK.pack(_MAGIC, 0, 0, 0, 0, 0, 0))
            fresh.rename(path)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _MARK.size)
        magic, self.seen, self.sent, self.repeated, *life, self.reset_seq = _MARK.unpack_from(self._map)
        if magic != _MAGIC:
            raise StoreError(f"{path} is no watermark")
        self.life: tuple[int, int] = (life[0], life[1])

    def set_seen(self, position: int) -> None:
        """Note that the member has had everything up to ``position``."""
        self.seen = position
        _WORD.pack_into(self._map, 8, position)

    def set_sent(self, position: int) -> None:
        """Note that QuickFIX has stored everything up to ``position``."""
        self.sent = position
        _WORD.pack_into(self._map, 16, position)

    def set_reset_seq(self, seq: int) -> None:
        """Note that records up to ``seq`` came from messages of an earlier numbering."""
        self.reset_seq = seq
        _WORD.pack_into(self._map, 48, seq)

    def begin_again(self, stored: int, life: tuple[int, int]) -> None:
        """Go back to what was surely seen, because the store was emptied; all that was sent becomes a repeat."""
        self.repeated = max(self.repeated, self.sent, stored)
        _WORD.pack_into(self._map, 24, self.repeated)
        self.set_sent(self.seen)
        self.set_life(life)
        self._map.flush()

    def set_life(self, life: tuple[int, int]) -> None:
        """Note which life of the store the positions speak of."""
        self.life = life
        _LIFE.pack_into(self._map, 32, *life)

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()
