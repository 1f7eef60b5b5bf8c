"""Faults of the engine and of its language.

::

    EngineError
    |-- UnitError              text that is not an exact multiple of its step
    |-- WireError              bytes that are not a frame, command or event
    |   `-- ChecksumError      a frame whose CRC32C does not match
    |-- JournalError           the journal cannot be read or written
    |   |-- CorruptJournal     a bad record with good ones after it: refuse to start
    |   |-- JournalLocked      another engine holds the directory
    |   |-- OtherVersion       files of another release, laid out in another way
    |   |-- OtherRules         records made under rules that this release does not know
    |   `-- Diverged           replay produced other bytes than the journal holds
    |-- SnapshotError          a snapshot that does not restore to its own digest
    |-- ForeignPart            a file that belongs to another journal than the one it lies beside
    `-- LinkError              the engine cannot be reached, or refused the link
        `-- CursorRefused      a cursor of another journal, of another history, or beyond the end

An *outcome* (the market said no) is never an exception: it is an event with a code from
:mod:`engine.api.rejects`.
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of every fault raised by the engine package."""


class UnitError(EngineError, ValueError):
    """Text that is not a plain decimal, or not an exact multiple of its step."""


class WireError(EngineError, ValueError):
    """Bytes that are not a frame, command or event of this version."""


class ChecksumError(WireError):
    """A frame whose CRC32C does not match its bytes."""


class JournalError(EngineError):
    """The journal cannot be read or written."""


class CorruptJournal(JournalError):
    """A bad record with good ones after it, or a broken chain between segments.

    ``segment`` is the file's name, ``offset`` the first bad byte in it.
    """

    def __init__(self, segment: str, offset: int, reason: str) -> None:
        super().__init__(f"{segment} is corrupt at byte {offset}: {reason}")
        self.segment = segment
        self.offset = offset
        self.reason = reason


class OtherVersion(JournalError):
    """Files of another release, laid out in another way."""

    def __init__(self, version: int, known: int) -> None:
        super().__init__(
            f"the journal's segments are of version {version}, and this release reads version {known} only: nothing "
            "was changed; start the release that wrote them, or begin with an empty data directory"
        )


class OtherRules(JournalError):
    """Records that must be executed were made under rules that this release does not know."""

    def __init__(self, segment: str, rules: int, known: int) -> None:
        super().__init__(
            f"{segment} was written under rules {rules}, and this release knows rules {known} only: start the release "
            "that wrote it once more and stop it cleanly, so that it takes a snapshot; then start this one, which goes "
            "on from there under its own rules"
        )


class JournalLocked(JournalError):
    """Another engine holds the journal directory."""


class Diverged(JournalError):
    """Replay of a command produced other bytes than the journal holds."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"replay diverges from the journal at seq {seq}")
        self.seq = seq


class SnapshotError(EngineError):
    """A snapshot that does not restore to its own digest."""


class ForeignPart(EngineError):
    """A file that belongs to another journal than the one it lies beside: put together from two backups, say."""

    def __init__(self, path: str, journal: str, expected: str) -> None:
        super().__init__(
            f"{path} belongs to journal {journal}, but the journal here is {expected}: "
            "restore both from one backup, or move this file away"
        )


class LinkError(EngineError):
    """The engine cannot be reached, or refused the link."""


class CursorRefused(LinkError):
    """A cursor that this journal cannot go on from. Trying again does not help: parts were mixed up."""
