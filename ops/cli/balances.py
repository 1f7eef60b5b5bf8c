"""``exchange account show``: balances, live in the engine and settled in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

import msgspec
import typer

from clearing.errors import ClearingError
from clearing.store import open_reader
from engine.api.commands import SetAccountStatus
from engine.api.cursor import Cursor
from engine.api.enums import AccountStatus
from engine.api.events import AccountStatusSet
from engine.api.ids import AccountId, AssetId
from engine.api.link import EngineBalances
from engine.api.registry import Registry
from engine.api.units import format_minor, minor_to_decimal
from engine.api.wire import Record
from engine.standing.fold import SEQ_MAX
from engine.standing.standing import fold_to
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, out, show_json, show_table
from ops.cli.state import AtOption, ToOption, show_state
from ops.directory import journal_of, read_whereabouts
from ops.errors import Unreachable
from ops.journal.timetravel import log_at, wanted_seq
from ops.steering import accounts_of
from ops.watching.inspection import engine_balances

Settled = dict[tuple[AccountId, AssetId], tuple[Decimal, Decimal]]


class BalanceLine(msgspec.Struct, frozen=True):
    """One account and asset: live in the engine, settled in the books; amounts are decimal text."""

    account: str
    asset: str
    available: str
    locked: str
    settled_available: str
    settled_locked: str


@clear_faults
def show(
    firm: Annotated[str, typer.Argument(metavar="FIRM", help="Name of a firm, or of one account.")],
    data: DataOption = DEFAULT_DATA,
    to_seq: ToOption = None,
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a firm's live balances beside what is settled, per account and asset.

    With --to or --at: the engine's balances as they were then, from the journal alone.
    """
    if to_seq is not None or at is not None:
        log = log_at(journal_of(data).parent)
        seq = wanted_seq(log, to_seq, at)
        assert seq is not None
        show_state(log, seq, as_json, firm)
        return
    whereabouts = read_whereabouts(data)
    records = fold_to(journal_of(data).parent, Cursor(SEQ_MAX)).kept_records()
    registry = Registry(records)
    accounts = {account.account_id for account in accounts_of(registry, firm)}
    live = engine_balances(data)
    settled, cursor = asyncio.run(read_settled(whereabouts.dsn))
    lines = balance_lines(live, settled, registry, accounts)
    status_of = statuses(records)
    barred = {registry.account(key): status_of[key].name.lower() for key in sorted(accounts & status_of.keys())}
    if as_json:
        show_json({"seq": live.seq, "cursor": cursor, "balances": lines, "not_active": barred})
        return
    columns = ("account", "asset", "available>", "locked>", "settled available>", "settled locked>")
    show_table(f"{firm} at seq {live.seq}", columns, [msgspec.structs.astuple(line) for line in lines])
    for name, standing in barred.items():
        out.print(f"{name} is {standing}", markup=False)
    if cursor != live.seq:
        out.print(f"the books are at seq {cursor}: exchange reconcile compares both at one seq")


def statuses(records: Iterable[Record]) -> dict[int, AccountStatus]:
    """Find the accounts that are not active, by what operations have set."""
    found: dict[int, AccountStatus] = {}
    for record in records:
        match record.command:
            case SetAccountStatus(account_id, standing) if AccountStatusSet() in record.events:
                found[account_id] = standing
            case _:
                pass
    return {account_id: standing for account_id, standing in found.items() if standing is not AccountStatus.ACTIVE}


async def read_settled(dsn: str) -> tuple[Settled, int]:
    """Read all settled balances and the cursor they belong to. Raises: Unreachable."""
    try:
        async with open_reader(dsn) as books, books.snapshot() as cursor:
            rows = await books.balance_rows()
    except ClearingError as error:
        raise Unreachable(f"PostgreSQL: {error}") from error
    return {(row.account_id, row.asset_id): (row.available, row.locked) for row in rows}, cursor.seq


def balance_lines(
    live: EngineBalances, settled: Settled, registry: Registry, accounts: set[AccountId]
) -> list[BalanceLine]:
    """Put live and settled balances of ``accounts`` side by side."""
    engine = {(row.account_id, row.asset_id): (int(row.available), int(row.locked)) for row in live.rows}
    lines = []
    for key in sorted(engine.keys() | settled.keys()):
        account_id, asset_id = key
        if account_id not in accounts or asset_id not in registry.assets:
            continue
        decimals = registry.assets[asset_id].decimals
        available, locked = (format_minor(part, decimals) for part in engine.get(key, (0, 0)))
        settled_texts = (plain(part) for part in settled.get(key, (minor_to_decimal(0, 0),) * 2))
        lines.append(
            BalanceLine(registry.account(account_id), registry.asset(asset_id), available, locked, *settled_texts)
        )
    return lines


def plain(amount: Decimal) -> str:
    """Write a Decimal without exponent and trailing zeros (DET-04)."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
