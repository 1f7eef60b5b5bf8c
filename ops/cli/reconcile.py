"""``exchange reconcile``: the engine's balances against the books in PostgreSQL, at the same seq."""

from __future__ import annotations

from pathlib import Path

import typer

from clearing.reconcile import Reconciliation
from clearing.reconcile import run as compare_books
from engine.api.link import EngineBalances
from engine.api.registry import Registry
from engine.client import JournalFiles
from engine.standing import load_registry
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, busy, clear_faults, out, show_json, show_table
from ops.directory import journal_of, read_whereabouts
from ops.watching.inspection import engine_balances


@clear_faults
def reconcile(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Compare engine and books per account and asset, and the books with themselves. Exit code 1 on a difference."""
    with busy("waiting for the books to reach the engine's seq"):
        live, found = compare(data)
    if as_json:
        show_json(found)
    else:
        show_comparison(live, found, load_registry(journal_of(data).parent))
    if not found.is_clean:
        raise typer.Exit(1)


def compare(data: Path) -> tuple[EngineBalances, Reconciliation]:
    """Take the engine's balances and compare the books with them. Raises: LinkError, ClearingError, Unreachable."""
    dsn = read_whereabouts(data).dsn
    live = engine_balances(data)
    return live, compare_books(dsn, JournalFiles(journal_of(data)), live)


def show_comparison(live: EngineBalances, found: Reconciliation, registry: Registry) -> None:
    """Print every balance with its verdict, then whatever else differs."""
    differing = {difference.subject for difference in found.differences}
    rows = [
        (
            registry.account(row.account_id),
            registry.asset(row.asset_id),
            registry.amount(int(row.available), row.asset_id),
            registry.amount(int(row.locked), row.asset_id),
            "differs" if f"account_id={row.account_id} asset_id={row.asset_id}" in differing else "equal",
        )
        for row in live.rows
    ]
    show_table(
        f"engine and books at seq {found.seq}", ("account", "asset", "available>", "locked>", "in the books"), rows
    )
    if not found.parts_compared:
        out.print(f"the books had gone on to seq {found.cursor}: totals were compared as of seq {found.seq}")
    if found.is_clean:
        out.print(f"[green]no difference[/] in {found.balances} balances and every check of the books")
        return
    columns = ("check", "subject", "expected>", "found>")
    show_table("differences", columns, [(d.check.value, d.subject, d.expected, d.found) for d in found.differences])
