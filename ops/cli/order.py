"""``exchange order``: explain an order from the journal."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.api.registry import Registry
from ops.cli.journal import records_to
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, err, iso_time, show_rows
from ops.directory import journal_of
from ops.errors import CheckFailed
from ops.history import order_history, parse_query

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
    as_json: JsonOption = False,
) -> None:
    """Show all that ever happened to an order, from the journal alone."""
    directory = journal_of(data)
    query = parse_query(order_id, session)
    with err.status("reading the journal"):
        happenings = list(order_history(query, records_to(directory), Registry()))
    if not happenings:
        raise CheckFailed(f"the journal knows no order {order_id}" + (f" of {session}" if session else ""))
    rows = [(h.seq, iso_time(h.ts_ns), h.by, h.what) for h in happenings]
    show_rows(f"order {order_id}", ("seq>", "time", "by", "what"), rows, as_json)
