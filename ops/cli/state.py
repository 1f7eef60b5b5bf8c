"""The state after a record or at a time: what ``--to`` and ``--at`` show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress as ProgressBar

from engine.api.ids import AccountId, AssetId
from engine.api.registry import Registry
from engine.api.units import format_minor
from engine.client import read_journal
from ops.cli.screen import counted, err, out, show_json, show_table
from ops.journal.timetravel import Log, Progress, Summary, state_at, summary_of
from ops.steering import accounts_of
from ops.telling.times import iso_time
from venue.registration import operations_records

ToOption = Annotated[int | None, typer.Option("--to", min=0, help="As of this seq.")]
AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="As of this time: ISO 8601 in UTC, or nanoseconds since 1970."),
]


class StateLine(msgspec.Struct, frozen=True):
    """A balance as it was, as decimal text."""

    account: str
    asset: str
    available: str
    locked: str


@contextmanager
def progress_to(total: int, what: str) -> Iterator[Progress]:
    """Show a progress bar on a terminal; yields what to tell it."""
    with ProgressBar(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda seq: bar.update(task, completed=seq)


def show_state(log: Log, seq: int, as_json: bool, firm: str = "") -> None:
    """Show balances, open orders and digest after record ``seq``; of one firm or account, its balances alone.

    Raises: CheckFailed when the journal ends before, or there was no such firm or account.
    """
    with progress_to(seq, "executing") as progress:
        summary = summary_of(state_at(log, seq, progress))
    registry = Registry(operations_records(read_journal(log.journal, 1, seq) if seq else ()))
    wanted = {one.account_id for one in accounts_of(registry, firm)} if firm else registry.accounts.keys()
    lines = [_line(registry, balance) for balance in summary.balances if balance[0] in wanted]
    time = iso_time(summary.ts_ns) if seq else ""
    if as_json:
        whole = msgspec.structs.asdict(summary) if not firm else {"seq": seq, "ts_ns": summary.ts_ns}
        show_json({**whole, "time": time, "balances": lines})
        return
    title = f"{firm or 'balances'} after seq {seq}, {time}".rstrip(", ")
    columns = ("account", "asset", "available>", "locked>")
    show_table(title, columns, [msgspec.structs.astuple(line) for line in lines])
    if not firm:
        _show_sum(summary)


def _show_sum(summary: Summary) -> None:
    out.print(f"{counted(summary.open_orders, 'open order')}; SHA-256 of the state:")
    out.print(summary.state_sha256)


def _line(registry: Registry, balance: tuple[AccountId, AssetId, int, int]) -> StateLine:
    account_id, asset_id, available, locked = balance
    decimals = registry.assets[asset_id].decimals
    amounts = (format_minor(part, decimals) for part in (available, locked))
    return StateLine(registry.account(account_id), registry.asset(asset_id), *amounts)
