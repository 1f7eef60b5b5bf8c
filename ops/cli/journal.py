"""``exchange journal``: check, read and re-execute the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from engine.api.errors import CorruptJournal, Diverged
from engine.api.segment import list_segments
from engine.api.wire import Record, decode_records
from engine.client import read_journal
from engine.host import recovery
from ops.cli.bisect import bisect, diff
from ops.cli.screen import (
    DEFAULT_DATA,
    INDENT,
    DataOption,
    JsonOption,
    busy,
    clear_faults,
    counted,
    out,
    show_json,
    show_line,
    show_table,
)
from ops.cli.state import AtOption, ToOption, progress_to, show_state
from ops.directory import journal_of
from ops.errors import CheckFailed
from ops.journal.replay import replay_in_fresh_process
from ops.journal.timetravel import Log, log_at, wanted_seq
from ops.journal.verification import VerifiedSnapshot, verify_snapshots
from ops.telling.events import Chronicle, describe_command, describe_event, iso_time
from ops.telling.objects import record_object
from taxonomy import Expander, canonical_json

journal = typer.Typer(no_args_is_help=True, help="Check, read, re-execute and compare the log.")
journal.command("diff")(diff)
journal.command("bisect")(bisect)


class VerifiedSegment(msgspec.Struct, frozen=True):
    """A segment that is sound."""

    segment: str
    records: int
    bytes: int


@journal.command("verify")
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


@journal.command("cat")
@clear_faults
def cat(
    data: DataOption = DEFAULT_DATA,
    from_seq: Annotated[int, typer.Option("--from", min=1, help="First seq.")] = 1,
    to_seq: Annotated[int | None, typer.Option("--to", min=1, help="Last seq; without it, to the end.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a record.")] = False,
) -> None:
    """Print records: the command and each event it caused."""
    directory = journal_of(data)
    chronicle = Chronicle()
    for record in records_to(directory, to_seq):
        chronicle.apply(record)
        if record.seq < from_seq:
            continue
        if as_json:
            show_json(record_object(record, chronicle))
        else:
            _print_record(record, chronicle)


@journal.command("expand")
@clear_faults
def expand(
    data: DataOption = DEFAULT_DATA,
    from_seq: Annotated[int, typer.Option("--from", min=1, help="First seq of the log.")] = 1,
    to_seq: Annotated[int | None, typer.Option("--to", min=1, help="Last seq; without it, to the end.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one canonical JSON object an event.")] = False,
) -> None:
    """Print the log as events of the taxonomy, each with its envelope."""
    expander = Expander()
    for record in records_to(journal_of(data), to_seq):
        for envelope in expander.expand(record):
            if record.seq < from_seq:
                continue
            if as_json:
                print(canonical_json(envelope).decode())
            else:
                told = " ".join(f"{name}={value}" for name, value in envelope.payload.items() if value is not None)
                head = f"{envelope.sequence:>{INDENT - 2}}  {iso_time(envelope.timestamp)}"
                show_line(f"{head}  {envelope.event_type}  {told}")


@journal.command("replay")
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


def records_to(directory: Path, to_seq: int | None = None) -> Iterator[Record]:
    """Read the journal's records from the first to ``to_seq``, or to the last whole one."""
    for chunk in read_journal(directory):
        for record in decode_records(chunk):
            if to_seq is not None and record.seq > to_seq:
                return
            yield record


def _print_record(record: Record, chronicle: Chronicle) -> None:
    head = f"{record.seq:>{INDENT - 2}}  {iso_time(record.ts_ns)}  {chronicle.source(record.source):<12}"
    show_line(f"{head}  {describe_command(record.command, chronicle)}")
    for event in record.events:
        show_line(f"{'':{INDENT}}-> {describe_event(event, record, chronicle)}")
