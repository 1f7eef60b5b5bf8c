"""``exchange journal diff`` and ``bisect``: where two logs part, and what a record should have been."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ops.cli.screen import JsonOption, clear_faults, counted, out, show_json, show_table
from ops.cli.state import progress_to
from ops.journal.bisection import compare, first_divergence, first_parting
from ops.journal.fields import FieldDifference
from ops.journal.timetravel import Log, end_of, log_at

Directory = Annotated[Path, typer.Argument(help="Data directory, or journal directory.")]
OtherDirectory = Annotated[Path | None, typer.Argument(help="Another one to hold it against.")]


@clear_faults
def diff(left: Directory, right: Directory, as_json: JsonOption = False) -> None:
    """Show the first record two journals differ in. Exit code 0 equal, 1 different, 2 not readable."""
    ours, theirs = log_at(left), log_at(right)
    with progress_to(min(end_of(ours), end_of(theirs)), "comparing") as progress:
        found = compare(ours, theirs, progress)
    if as_json:
        show_json({"is_equal": found.is_equal, **msgspec.structs.asdict(found)})
    elif found.differs_at:
        out.print(f"equal up to seq {found.equal_records}; seq {found.differs_at} differs", markup=False)
        show_fields(found.fields, str(left), str(right))
    elif found.longer:
        short, long = (right, left) if found.longer == "left" else (left, right)
        out.print(f"{short} ends at seq {found.equal_records}, up to which it equals {long}: a prefix", markup=False)
    else:
        out.print(f"equal: {counted(found.equal_records, 'record')}")
    if not found.is_equal:
        raise typer.Exit(1)


@clear_faults
def bisect(left: Directory, right: OtherDirectory = None, as_json: JsonOption = False) -> None:
    """Find the first record that executes to other bytes than journaled; of two logs, where their states part.

    Exit code 0 when there is none, 1 when there is, 2 when the files cannot be read.
    """
    if right is None:
        _bisect_one(log_at(left), as_json)
    else:
        _bisect_two(left, right, as_json)


def _bisect_one(log: Log, as_json: bool) -> None:
    with progress_to(end_of(log), "executing") as progress:
        found = first_divergence(log, progress)
    if as_json:
        show_json(found)
    elif found.seq:
        out.print(f"seq {found.seq} is the first record that does not come out as journaled: {found.reason}")
        show_fields(found.fields, "journaled", "executed now")
    else:
        out.print(f"every record up to seq {found.end_seq} is what its command gives")
    if found.seq:
        raise typer.Exit(1)


def _bisect_two(left: Path, right: Path, as_json: bool) -> None:
    ours, theirs = log_at(left), log_at(right)
    with progress_to(min(end_of(ours), end_of(theirs)), "halving") as progress:
        found = first_parting(ours, theirs, progress)
    if as_json:
        show_json(found)
    elif found.seq:
        out.print(f"the states are equal up to seq {found.seq - 1} and differ after seq {found.seq}")
        if found.fields:
            show_fields(found.fields, str(left), str(right))
        else:
            out.print("the records are the same: one state does not come from them alone")
        show_fields(found.state, str(left), str(right), "state")
    else:
        ends = "both end" if end_of(ours) == end_of(theirs) else "the shorter ends"
        out.print(f"the states are equal up to seq {found.end_seq}, where {ends}")
    if found.seq:
        raise typer.Exit(1)


def show_fields(fields: list[FieldDifference], left: str, right: str, title: str = "record") -> None:
    """Print what differs, field by field."""
    show_table(f"{title}: fields that differ", ("field", left, right), [(f.field, f.left, f.right) for f in fields])
