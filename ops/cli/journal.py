"""``exchange journal``: check, read and re-execute the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress

from engine.api.errors import CorruptJournal, Diverged
from engine.api.registry import Registry
from engine.api.segment import list_segments
from engine.api.wire import Record, decode_records
from engine.client import read_journal
from engine.host import recovery
from ops.cli.screen import (
    DEFAULT_DATA,
    DataOption,
    JsonOption,
    clear_faults,
    err,
    iso_time,
    out,
    show_json,
    show_rows,
    show_table,
)
from ops.directory import journal_of
from ops.errors import CheckFailed
from ops.narration import describe_command, describe_event
from ops.replay import replay_in_fresh_process

journal = typer.Typer(no_args_is_help=True, help="Check, read and re-execute the log.")


@journal.command("verify")
@clear_faults
def verify(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Check every CRC, the chain of records and the SHA-256 of every segment."""
    directory = journal_of(data)
    rows: list[tuple[object, ...]] = []
    try:
        with Progress(console=err, transient=True) as progress:
            task = progress.add_task("verifying", total=len(list_segments(directory)))
            for name, count in recovery.verify(directory):
                rows.append((name, count, (directory / name).stat().st_size))
                progress.advance(task)
    except CorruptJournal as error:
        raise CheckFailed(f"{error.segment} is corrupt at offset {error.offset}: {error.reason}") from error
    show_rows("journal: sound", ("segment", "records>", "bytes>"), rows, as_json)
    if not as_json:
        out.print(f"{sum(int(str(row[1])) for row in rows)} records in {len(rows)} segments: every CRC and chain holds")


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
    registry = Registry()
    for record in records_to(directory, to_seq):
        registry.apply(record)
        if record.seq < from_seq:
            continue
        if as_json:
            show_json(_as_object(record))
        else:
            _print_record(record, registry)


@journal.command("replay")
@clear_faults
def replay(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Execute every command again, in a process of its own, and compare the bytes with the journal's."""
    directory = journal_of(data)
    try:
        with err.status("executing every command again"):
            outcome = replay_in_fresh_process(directory)
    except Diverged as error:
        raise CheckFailed(str(error)) from error
    if as_json:
        show_json(outcome)
        return
    show_table("replay: identical", ("what", "value>"), list(msgspec.structs.asdict(outcome).items()))


def records_to(directory: Path, to_seq: int | None = None) -> Iterator[Record]:
    """Read the journal's records from the first to ``to_seq``, or to the last whole one."""
    for chunk in read_journal(directory):
        for record in decode_records(chunk):
            if to_seq is not None and record.seq > to_seq:
                return
            yield record


def _as_object(record: Record) -> dict[str, object]:
    return {
        "seq": record.seq,
        "time": iso_time(record.ts_ns),
        "ts_ns": record.ts_ns,
        "source": record.source,
        "source_seq": record.source_seq,
        "command": _tagged(record.command),
        "events": [_tagged(event) for event in record.events],
    }


def _tagged(item: msgspec.Struct) -> dict[str, object]:
    """Put the name of a record before its fields."""
    return {"type": type(item).__name__, **msgspec.structs.asdict(item)}


def _print_record(record: Record, registry: Registry) -> None:
    by = registry.source(record.source)
    out.print(f"[bold]{record.seq:>10}[/]  {iso_time(record.ts_ns)}  {by:<12}  ", end="")
    out.print(describe_command(record.command, registry), markup=False)
    for event in record.events:
        what = describe_event(event, record.seq, record.ts_ns, registry)
        out.print(f"{'':>10}  {'':27}  {'':<12}  -> {what}", markup=False)
