"""``exchange journal verify`` and ``replay``: the log checked and executed again."""

from __future__ import annotations

import msgspec

from engine.api.errors import CorruptJournal, Diverged
from engine.api.segment import list_segments
from engine.host import recovery
from ops.cli.screen import (
    DEFAULT_DATA,
    DataOption,
    JsonOption,
    busy,
    clear_faults,
    counted,
    out,
    show_json,
    show_table,
)
from ops.cli.state import AtOption, ToOption, progress_to, show_state
from ops.directory import journal_of
from ops.errors import CheckFailed
from ops.journal.replay import replay_in_fresh_process
from ops.journal.timetravel import Log, log_at, wanted_seq
from ops.journal.verification import VerifiedSnapshot, verify_snapshots


class VerifiedSegment(msgspec.Struct, frozen=True):
    """A segment that is sound."""

    segment: str
    records: int
    bytes: int


@clear_faults
def verify(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Check every CRC, the chain of records, the SHA-256 of every segment, and each snapshot against a replay."""
    directory = journal_of(data)
    segments: list[VerifiedSegment] = []
    try:
        with progress_to(len(list_segments(directory)), "verifying segments") as progress:
            for name, count in recovery.verify(directory):
                segments.append(VerifiedSegment(name, count, (directory / name).stat().st_size))
                progress(len(segments))
        snapshots = _verify_snapshots(log_at(data), segments)
    except CorruptJournal as error:
        if as_json:
            fault = {"segment": error.segment, "offset": error.offset, "reason": error.reason}
            show_json({"is_sound": False, "fault": fault, "segments": segments})
        raise CheckFailed(f"{error.segment} is corrupt at offset {error.offset}: {error.reason}") from error
    except CheckFailed as error:
        if as_json:
            show_json({"is_sound": False, "fault": {"reason": str(error)}, "segments": segments})
        raise
    records = sum(segment.records for segment in segments)
    if as_json:
        show_json({"is_sound": True, "records": records, "segments": segments, "snapshots": snapshots})
        return
    rows = [msgspec.structs.astuple(segment) for segment in segments]
    show_table("journal: sound", ("segment", "records>", "bytes>"), rows)
    out.print(f"{counted(records, 'record')} in {counted(len(rows), 'segment')}: every CRC and chain holds")
    if snapshots:
        out.print(f"{counted(len(snapshots), 'snapshot')}: what the journal gives at seq {snapshots[-1].seq}")


def _verify_snapshots(log: Log, segments: list[VerifiedSegment]) -> list[VerifiedSnapshot]:
    with progress_to(sum(one.records for one in segments), "verifying snapshots") as progress:
        return list(verify_snapshots(log, progress))


@clear_faults
def replay(
    data: DataOption = DEFAULT_DATA, to_seq: ToOption = None, at: AtOption = None, as_json: JsonOption = False
) -> None:
    """Execute every command again, in a process of its own, and compare the bytes with the journal's.

    With --to or --at: show the state as it was then, from the newest snapshot before and the records after it.
    """
    directory = journal_of(data)
    log = log_at(data)
    seq = wanted_seq(log, to_seq, at)
    if seq is not None:
        show_state(log, seq, as_json)
        return
    try:
        with busy("executing every command again"):
            outcome = replay_in_fresh_process(directory)
    except Diverged as error:
        if as_json:
            show_json({"is_identical": False, "diverged_at": error.seq})
        raise CheckFailed(str(error)) from error
    if as_json:
        found = {"seq": outcome.seq, "state_sha256": outcome.state_sha256, "elapsed_ms": outcome.elapsed_ms}
        show_json({"is_identical": True, **found})
        return
    out.print(f"replay: identical up to seq {outcome.seq}, in {outcome.elapsed_ms} ms; SHA-256 of the state:")
    out.print(outcome.state_sha256)
