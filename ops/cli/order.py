"""``exchange order``: explain an order from the journal."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from engine.api.ids import Seq
from engine.standing import load_registry
from ops.cli.records import chronicle_before, records_to
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
from ops.journal.search import records_with
from ops.journal.timetravel import log_at, wanted_seq
from ops.telling.history import Happening, OrderQuery, order_history, orders_like, parse_query, users_of
from ops.telling.times import iso_time

PART_LENGTH_MIN = 3
"""Fewer characters of an id are no hint."""

MATCHES_MAX = 10
"""So many orders are named when a part of an id may stand for several."""

Story = tuple[OrderQuery, list[Happening]]


@clear_faults
def show(
    order_id: Annotated[
        str, typer.Argument(metavar="ID", help="OrderID <37>, its number, a ClOrdID <11>, or a part of one.")
    ],
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
        users = users_of(order_id, records_with(directory, order_id, to_seq), load_registry(data))
        queries = parse_query(order_id, session, lambda: list(users))
        stories = _stories(queries, users, data, to_seq)
        if not stories and not session:
            stories = _stories([_only_match(order_id, directory, to_seq)], users, data, to_seq)
    if not stories:
        raise CheckFailed(f"the journal knows no order {order_id} of {session}")
    if as_json:
        show_json([row for query, happenings in stories for row in _rows(query, happenings)])
        return
    if len(stories) > 1:
        show_line(f"{order_id} names {len(stories)} orders; --session CompID shows one session's alone")
    for query, happenings in stories:
        out.print(f"[bold]{escape(str(query))}[/]")
        for happening in happenings:
            _print(happening)


def _stories(queries: list[OrderQuery], users: dict[str, Seq], data: Path, to_seq: int | None) -> list[Story]:
    """Tell each order from its first record on: that of its number, or the first that holds its ClOrdID."""
    found = [(query, _story(query, query.order_id or users.get(query.comp_id), data, to_seq)) for query in queries]
    return [(query, happenings) for query, happenings in found if happenings]


def _story(query: OrderQuery, from_seq: int | None, data: Path, to_seq: int | None) -> list[Happening]:
    if from_seq is None:
        return []
    records = records_to(journal_of(data), to_seq, from_seq)
    return list(order_history(query, records, chronicle_before(data, from_seq)))


def _only_match(text: str, directory: Path, to_seq: int | None) -> OrderQuery:
    """Find the one order that a part of an id stands for. Raises: CheckFailed naming some when it is not one."""
    matches = []
    if len(text) >= PART_LENGTH_MIN:
        matches = list(islice(orders_like(text, records_to(directory, to_seq)), MATCHES_MAX + 1))
    if not matches:
        raise CheckFailed(f"the journal knows no order {text}, and none whose id begins or ends like that")
    if len(matches) > 1:
        some = "\n".join(f"  {match}" for match in matches[:MATCHES_MAX])
        more = "\n  and more" if len(matches) > MATCHES_MAX else ""
        raise CheckFailed(f"{text} may be any of these:\n{some}{more}")
    return OrderQuery(order_id=matches[0].order_id)


def _rows(query: OrderQuery, happenings: list[Happening]) -> list[dict[str, object]]:
    return [
        {"order": str(query), "seq": h.seq, "time": iso_time(h.ts_ns), "by": h.by, "what": h.what} for h in happenings
    ]


def _print(happening: Happening) -> None:
    if happening.index < 0:
        show_line(f"{happening.seq:>{INDENT - 2}}  {iso_time(happening.ts_ns)}  {happening.by:<12}  {happening.what}")
    else:
        show_line(f"{'':{INDENT}}-> {happening.what}")
