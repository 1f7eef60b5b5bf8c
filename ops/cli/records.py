"""``exchange journal cat`` and ``expand``: the log read aloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from engine.api.cursor import Cursor
from engine.api.ids import Seq
from engine.api.wire import Record, decode_records
from engine.client import read_journal
from engine.standing import load
from ops.cli.screen import DEFAULT_DATA, INDENT, DataOption, clear_faults, show_json, show_line
from ops.directory import journal_of
from ops.journal.timetravel import end_of, log_at
from ops.telling.chronicle import Chronicle
from ops.telling.commands import describe_command
from ops.telling.events import describe_event
from ops.telling.objects import record_object
from ops.telling.times import iso_time
from taxonomy import Expander, canonical_json


@clear_faults
def cat(
    data: DataOption = DEFAULT_DATA,
    from_seq: Annotated[int, typer.Option("--from", min=1, help="First seq.")] = 1,
    to_seq: Annotated[int | None, typer.Option("--to", min=1, help="Last seq; without it, to the end.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a record.")] = False,
) -> None:
    """Print records: the command and each event it caused."""
    directory = journal_of(data)
    chronicle = chronicle_before(data, from_seq)
    for record in records_to(directory, to_seq, from_seq):
        chronicle.apply(record)
        if as_json:
            show_json(record_object(record, chronicle))
        else:
            _print_record(record, chronicle)


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


def chronicle_before(data: Path, seq: int) -> Chronicle:
    """Return what stands before record ``seq``; as at the end, where the journal ends before.

    Cost: as :func:`engine.standing.load`.
    """
    if seq <= 1:
        return Chronicle()
    return Chronicle(load(data, Cursor(Seq(min(seq - 1, end_of(log_at(data)))))))


def records_to(directory: Path, to_seq: int | None = None, from_seq: int = 1) -> Iterator[Record]:
    """Read the journal's records from ``from_seq`` to ``to_seq``, or to the last whole one."""
    for chunk in read_journal(directory, from_seq):
        for record in decode_records(chunk):
            if to_seq is not None and record.seq > to_seq:
                return
            yield record


def _print_record(record: Record, chronicle: Chronicle) -> None:
    head = f"{record.seq:>{INDENT - 2}}  {iso_time(record.ts_ns)}  {chronicle.source(record.source):<12}"
    show_line(f"{head}  {describe_command(record.command, chronicle)}")
    for event in record.events:
        show_line(f"{'':{INDENT}}-> {describe_event(event, record, chronicle)}")
