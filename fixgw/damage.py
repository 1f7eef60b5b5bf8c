"""Damage: what QuickFIX did not write, and no kill of the gateway leaves behind in a session's store.

A kill may leave bytes without an entry at the end of ``body``, an entry cut short at the end of ``header``, a last
message whose number is not yet counted in ``seqnums``, and a store half emptied: QuickFIX unlinks ``body``,
``header``, ``seqnums`` and ``session`` in this order and then makes them anew, empty, in the same order. All else comes
from elsewhere: a disk, a restore of some files only, a hand. It is refused, because QuickFIX takes what it cannot
read for nothing, and would give numbers out a second time.

Source: FileStore.cpp of QuickFIX 1.16, ``open``, ``set`` and ``setSeqNum``.
"""

from __future__ import annotations

import re
from pathlib import Path

from fixgw.errors import StoreError

MESSAGES_CHECKED = 10_000
"""Last messages of a store that are compared with their checksums at a start: as many as may be stored again."""

_DIGITS = b"0123456789"
_ENTRY = re.compile(rb"(\d+),(\d+),(\d+)")
_SEQNUMS = re.compile(rb"(\d{10,20}) : (\d{10,20})")
_SESSION = re.compile(rb"\d{8}-\d\d:\d\d:\d\d(\.\d{3,9})?")
_TRAILER_BYTES = len(b"10=000\x01")

MSG_SEQ_NUM_MAX = (1 << 31) - 1
"""QuickFIX reads numbers as C's int."""


def in_store(path: Path, reason: str) -> StoreError:
    """Say that a file of a session's store is damaged, and what to do."""
    then = "its member then logs on with 141=Y and is told again what it may have missed"
    return StoreError(f"{path} {reason}", f"{path.with_suffix('.*')} away: {then}")


def split_entry(header: Path, entry: bytes) -> tuple[int, int, int]:
    """Read number, offset and size off an entry of a header. Raises: StoreError."""
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise in_store(header, f"holds {entry[:40]!r} in place of a message's number, offset and size")
    return int(match[1]), int(match[2]), int(match[3])


def is_message(number: int, message: bytes) -> bool:
    """Tell whether ``message`` is the one of that number, whole."""
    at = len(message) - _TRAILER_BYTES
    return (
        at > 0 and message[at:] == b"10=%03d\x01" % (sum(message[:at]) & 0xFF) and b"\x0134=%d\x01" % number in message
    )


def check_message(body: Path, number: int, message: bytes) -> None:
    """Look whether ``message`` is the one of that number, whole. Raises: StoreError."""
    if not is_message(number, message):
        raise in_store(body, f"does not hold message {number} as it was sent")


def next_numbers(seqnums: Path) -> tuple[int, int]:
    """Read the numbers of the next message to and from the member, both 1 in a new store. Raises: StoreError."""
    text = seqnums.read_bytes() if seqnums.exists() else b""
    if not text:
        return 1, 1
    match = _SEQNUMS.fullmatch(text)
    numbers = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(1 <= number <= MSG_SEQ_NUM_MAX for number in numbers):
        raise in_store(seqnums, f"holds {text[:50]!r} in place of two sequence numbers")
    return numbers


def check_numbers_written(seqnums: Path, was_begun: bool) -> None:
    """Look whether a store that was begun still has its numbers: a kill leaves a file without any only before.

    Raises: StoreError.
    """
    if was_begun and not (seqnums.exists() and seqnums.stat().st_size):
        raise in_store(seqnums, "is empty or missing in a store that was in use")


def check_header(header: Path, entries: bytes) -> None:
    """Look whether a header has the shape of one; its last entry may be cut short. Raises: StoreError."""
    if entries.translate(None, _DIGITS).replace(b",, ", b"") not in (b"", b",", b",,"):
        raise in_store(header, "holds something else than the numbers, offsets and sizes of messages")


def check_session(session: Path, has_messages: bool) -> None:
    """Look whether the file tells when the store was begun: QuickFIX copies any length of it into 22 bytes.

    Raises: StoreError.
    """
    text = session.read_bytes() if session.exists() else b""
    if (text and _SESSION.fullmatch(text) is None) or (has_messages and not text):
        raise in_store(session, f"holds {text[:40]!r} in place of the time the store was begun")


def check_last_number(header: Path, last: int, next_sender: int) -> None:
    """Look whether header and seqnums are of the same moment. Raises: StoreError."""
    if last not in (next_sender - 1, next_sender):
        raise in_store(
            header, f"ends with message {last}, but the next one to be sent is {next_sender} by its .seqnums"
        )
