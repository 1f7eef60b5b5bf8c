"""``exchange account status``, ``limits``, ``leverage``: what operations set of an account."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.api.commands import SetAccountLimits, SetAccountStatus, SetLeverage
from engine.api.enums import AccountStatus, MarginMode
from engine.api.limits import LEVERAGE_MAX
from engine.api.units import Minor
from ops.cli.screen import DEFAULT_DATA, DataOption, clear_faults, out
from ops.errors import Refused
from ops.steering import account_of, command_engine, instrument_of, registry_of

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of an account.")]


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
    out.print(f"{opened.name} is {wanted.lower()} from seq {record.seq} on", markup=False)


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
    out.print(f"limits of {opened.name}: tier {tier}, from seq {record.seq} on", markup=False)


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
    if not instrument.is_perpetual:
        raise Refused(f"{instrument.symbol} is no perpetual: it has no leverage to set")
    mode = MarginMode.ISOLATED if isolated else MarginMode.CROSS
    record = command_engine(data, SetLeverage(opened.account_id, instrument.symbol_id, leverage, mode))
    out.print(
        f"{opened.name} in {instrument.symbol}: {leverage}x {mode.name.lower()}, from seq {record.seq} on", markup=False
    )
