"""``exchange demo``: see the whole exchange work, and agree with itself, in under a minute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.api.registry import Registry
from engine.api.units import format_minor
from engine.standing import load_registry
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, err, out, show_json, show_table

if TYPE_CHECKING:  # a demonstration imports QuickFIX and asyncpg; --help does not
    from clearing.reconcile import Reconciliation
    from ops.demo.show import DemoOutcome


class BalanceChange(msgspec.Struct, frozen=True):
    """One account and asset before and after; amounts are decimal text."""

    account: str
    asset: str
    before: str
    after: str
    change: str


@clear_faults
def demo(
    data: DataOption = DEFAULT_DATA,
    config: Annotated[Path, typer.Option("--config", help="Configuration directory.")] = Path("config"),
    orders: Annotated[int, typer.Option("--orders", min=2, max=100_000, help="Orders in all, in pairs.")] = 1_000,
    as_json: JsonOption = False,
) -> None:
    """Let two firms trade over FIX on a fresh exchange of its own; --data is left alone.

    Exit code 0 only if drop copy equals order entry, every asset is conserved, and engine and books agree.
    """
    from ops.cli.reconcile import compare, show_comparison
    from ops.demo.show import fresh_exchange

    err.print("starting a fresh exchange in a temporary directory")
    with fresh_exchange(config) as (running, port_base):
        outcome = _trade_with_progress(running, port_base, orders)
        live, found = compare(running)
        registry = load_registry(running)
        if as_json:
            show_json(_as_object(outcome, found, registry))
        else:
            _show(outcome, registry)
            show_comparison(live, found, registry)
    if not agrees(outcome, found):
        raise typer.Exit(1)
    err.print("[green]all agree[/]: order entry, drop copy, engine and books")


def agrees(outcome: DemoOutcome, found: Reconciliation) -> bool:
    """Tell whether everybody says the same."""
    return outcome.copies == outcome.reports and outcome.fills > 0 and outcome.is_conserved and found.is_clean


def _trade_with_progress(running: Path, port_base: int, orders: int) -> DemoOutcome:
    from ops.demo.show import trade

    columns = (TextColumn("trading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("trading", total=orders // 2 * 2)
        return trade(running, port_base, orders, lambda: progress.advance(task, 2))


def _show(outcome: DemoOutcome, registry: Registry) -> None:
    same = "equal" if outcome.copies == outcome.reports else "DIFFERENT"
    rows = [
        ("orders", outcome.orders),
        ("fills reported (two a trade)", outcome.fills),
        ("reports on order entry", outcome.reports),
        (f"reports on drop copy ({same})", outcome.copies),
        ("order to report, p50", f"{outcome.latency_p50_us} us"),
        ("order to report, p99", f"{outcome.latency_p99_us} us"),
        ("every asset conserved", "yes" if outcome.is_conserved else "NO"),
    ]
    show_table("1. what happened", ("what", "value>"), rows)
    show_table(
        "2. balances",
        ("account", "asset", "before>", "after>", "change>"),
        [msgspec.structs.astuple(change) for change in changes(outcome, registry)],
    )
    out.print("3. reconciliation")


def _as_object(outcome: DemoOutcome, found: Reconciliation, registry: Registry) -> dict[str, object]:
    counts = {key: value for key, value in msgspec.structs.asdict(outcome).items() if key not in ("before", "after")}
    return {
        "agreed": agrees(outcome, found),
        "outcome": {**counts, "is_conserved": outcome.is_conserved},
        "balances": changes(outcome, registry),
        "reconciliation": found,
    }


def changes(outcome: DemoOutcome, registry: Registry) -> list[BalanceChange]:
    """List what every balance was and became, available and locked together."""
    before = {(row.account_id, row.asset_id): int(row.available) + int(row.locked) for row in outcome.before.rows}
    found = []
    for row in outcome.after.rows:
        total, earlier = int(row.available) + int(row.locked), before.get((row.account_id, row.asset_id), 0)
        decimals = registry.assets[row.asset_id].decimals
        amounts = (format_minor(value, decimals) for value in (earlier, total, total - earlier))
        found.append(BalanceChange(registry.account(row.account_id), registry.asset(row.asset_id), *amounts))
    return found
