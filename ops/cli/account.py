"""``exchange account``: balances, live in the engine and settled in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

import msgspec
import typer

from clearing.errors import ClearingError
from clearing.store import open_reader
from engine.api.commands import SetAccountLimits, SetAccountStatus, SetLeverage
from engine.api.enums import AccountStatus, MarginMode
from engine.api.events import AccountStatusSet
from engine.api.ids import AccountId, AssetId
from engine.api.limits import LEVERAGE_MAX
from engine.api.link import EngineBalances
from engine.api.registry import Registry
from engine.api.units import Minor, format_minor, minor_to_decimal
from engine.api.wire import Record
from engine.client import read_journal
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, out, show_json, show_table
from ops.cli.state import AtOption, ToOption, show_state
from ops.directory import journal_of, read_whereabouts
from ops.errors import CheckFailed, Refused, Unreachable
from ops.journal.timetravel import log_at, wanted_seq
from ops.steering import account_of, command_engine, instrument_of, registry_of
from ops.watching.inspection import engine_balances
from venue.registration import operations_records

account = typer.Typer(no_args_is_help=True, help="Show balances; set status, limits and leverage of accounts.")

Settled = dict[tuple[AccountId, AssetId], tuple[Decimal, Decimal]]


class BalanceLine(msgspec.Struct, frozen=True):
    """One account and asset: live in the engine, settled in the books; amounts are decimal text."""

    account: str
    asset: str
    available: str
    locked: str
    settled_available: str
    settled_locked: str


@account.callback()
def group() -> None:
    """Show balances; set status, limits and leverage of accounts."""


@account.command("show")
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
    records = list(operations_records(read_journal(journal_of(data))))
    registry = Registry(records)
    accounts = {account.account_id for account in registry.firm_accounts(firm)}
    if not accounts:
        known = ", ".join(sorted(f.name for f in registry.firms.values()))
        raise CheckFailed(f"no firm or account is called {firm}; the firms are {known}")
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
    for name, status in barred.items():
        out.print(f"{name} is {status}", markup=False)
    if cursor != live.seq:
        out.print(f"the books are at seq {cursor}: exchange reconcile compares both at one seq")


def statuses(records: Iterable[Record]) -> dict[AccountId, AccountStatus]:
    """Find the accounts that are not active, by what operations have set."""
    found: dict[AccountId, AccountStatus] = {}
    for record in records:
        match record.command:
            case SetAccountStatus(account_id, status) if AccountStatusSet() in record.events:
                found[account_id] = status
            case _:
                pass
    return {account_id: status for account_id, status in found.items() if status is not AccountStatus.ACTIVE}


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


AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of an account.")]


@account.command("status")
@clear_faults
def status(
    name: AccountArgument,
    wanted: Annotated[str, typer.Argument(metavar="STATUS", help="active, suspended or closed.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Suspend an account, make it active again, or close an empty one for ever."""
    if wanted.upper() not in AccountStatus.__members__:
        raise Refused(f"{wanted} is no status; there are {', '.join(s.name.lower() for s in AccountStatus)}")
    opened = account_of(registry_of(data), name)
    record = command_engine(data, SetAccountStatus(opened.account_id, AccountStatus[wanted.upper()]))
    out.print(f"{name} is {wanted.lower()} from seq {record.seq} on", markup=False)


@account.command("limits")
@clear_faults
def limits(
    name: AccountArgument,
    tier: Annotated[int, typer.Option("--tier", min=1, max=4, help="Tier of the account.")],
    leverage: Annotated[int, typer.Option("--leverage", min=0, max=LEVERAGE_MAX, help="Own cap; 0 for none.")] = 0,
    position: Annotated[int, typer.Option("--position-minor", min=0, help="Cap in minor units; 0 for none.")] = 0,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set an account's tier, and its own caps on leverage and on the worth of a position."""
    opened = account_of(registry_of(data), name)
    record = command_engine(data, SetAccountLimits(opened.account_id, tier, leverage, Minor(position)))
    out.print(f"limits of {name}: tier {tier}, from seq {record.seq} on", markup=False)


@account.command("leverage")
@clear_faults
def set_leverage(
    name: AccountArgument,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A perpetual.")],
    leverage: Annotated[int, typer.Argument(metavar="LEVERAGE", min=1, max=LEVERAGE_MAX)],
    isolated: Annotated[bool, typer.Option("--isolated", help="Isolated margin instead of cross.")] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set leverage and margin mode of an account's position, open or to come."""
    registry = registry_of(data)
    opened, instrument = account_of(registry, name), instrument_of(registry, symbol)
    mode = MarginMode.ISOLATED if isolated else MarginMode.CROSS
    record = command_engine(data, SetLeverage(opened.account_id, instrument.symbol_id, leverage, mode))
    out.print(f"{name} in {symbol}: {leverage}x {mode.name.lower()}, from seq {record.seq} on", markup=False)
