"""``exchange order``: explain an order from the journal."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.journal import records_to
from ops.cli.screen import (
    DEFAULT_DATA,
    INDENT,
    DataOption,
    JsonOption,
    busy,
    clear_faults,
    escape,
    out,
    show_json,
    show_line,
)
from ops.cli.state import AtOption, ToOption
from ops.directory import journal_of
from ops.errors import CheckFailed
from ops.journal.timetravel import log_at, wanted_seq
from ops.telling.events import Chronicle, iso_time
from ops.telling.history import Happening, OrderQuery, order_history, parse_query

order = typer.Typer(no_args_is_help=True, help="Explain orders.")


@order.callback()
def group() -> None:
    """Explain orders."""


@order.command("show")
@clear_faults
def show(
    order_id: Annotated[str, typer.Argument(metavar="ID", help="OrderID <37>, its number, or a ClOrdID <11>.")],
    data: DataOption = DEFAULT_DATA,
    session: Annotated[str, typer.Option("--session", help="CompID the ClOrdID belongs to.")] = "",
    to_seq: ToOption = None,
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all that ever happened to an order, or had happened by --to or --at, from the journal alone."""
    directory = journal_of(data)
    with busy("reading the journal"):
        to_seq = wanted_seq(log_at(data), to_seq, at)
        queries = parse_query(order_id, session, records_to(directory, to_seq))
        found = [(query, list(order_history(query, records_to(directory, to_seq), Chronicle()))) for query in queries]
    stories = [(query, happenings) for query, happenings in found if happenings]
    if not stories:
        raise CheckFailed(f"the journal knows no order {order_id}" + (f" of {session}" if session else ""))
    if as_json:
        show_json([row for query, happenings in stories for row in _rows(query, happenings)])
        return
    if len(stories) > 1:
        show_line(f"{order_id} names {len(stories)} orders; --session CompID shows one session's alone")
    for query, happenings in stories:
        out.print(f"[bold]{escape(str(query))}[/]")
        for happening in happenings:
            _print(happening)


def _rows(query: OrderQuery, happenings: list[Happening]) -> list[dict[str, object]]:
    return [
        {"order": str(query), "seq": h.seq, "time": iso_time(h.ts_ns), "by": h.by, "what": h.what} for h in happenings
    ]


def _print(happening: Happening) -> None:
    if happening.index < 0:
        show_line(f"{happening.seq:>{INDENT - 2}}  {iso_time(happening.ts_ns)}  {happening.by:<12}  {happening.what}")
    else:
        show_line(f"{'':{INDENT}}-> {happening.what}")
