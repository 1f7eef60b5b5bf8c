"""Registration: what the configuration says, put into the log once by sequenced commands.

Invariant: running it again changes nothing. What the log has already is compared with the configuration;
only what is missing is submitted, and a definition that differs refuses to start, because the log is not
rewritten. An opening balance is credited once by its ``deposit_ref``, whatever the file says later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.api.commands import (
    OPERATIONS,
    Command,
    Deposit,
    ListInstrument,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    RegisterSession,
)
from engine.api.enums import AccountKind, SessionKind
from engine.api.errors import UnitError
from engine.api.events import CommandRefused
from engine.api.limits import ASSET_UNITS_MAX
from engine.api.rejects import describe
from engine.api.units import to_minor
from engine.api.wire import HEADER, Record, decode_record, split_frames
from ops.config import Venue
from ops.errors import CheckFailed, ConfigError, Refused

_KINDS = {"order-entry": SessionKind.ORDER_ENTRY, "drop-copy": SessionKind.DROP_COPY}

Key = tuple[str, int | str]


def expected_commands(venue: Venue) -> list[Command]:
    """List the commands that register ``venue``, each after what it refers to. Raises: ConfigError."""
    firms = venue.members.firm
    commands: list[Command] = [RegisterAsset(a.asset_id, a.name, a.decimals) for a in venue.assets]
    commands.append(OpenAccount(venue.fees.account_id, 0, AccountKind.SYSTEM, venue.fees.name))
    commands += [OpenAccount(a.account_id, 0, AccountKind.CLEARING_PNL, a.name) for a in venue.pnl_accounts]
    commands += [RegisterFirm(firm.firm_id, firm.name) for firm in firms]
    for firm in firms:
        commands += [OpenAccount(a.account_id, firm.firm_id, AccountKind[a.kind], a.name) for a in firm.account]
        commands += [RegisterSession(s.session_id, firm.firm_id, _KINDS[s.kind], s.comp_id) for s in firm.session]
    commands += [ListInstrument(instrument) for instrument in venue.instruments]
    commands += _opening_deposits(venue)
    return commands


def _opening_deposits(venue: Venue) -> Iterator[Deposit]:
    assets = {asset.name: asset for asset in venue.assets}
    file = venue.directory / "members.toml"
    for firm in venue.members.firm:
        for account in firm.account:
            for name, text in account.opening.items():
                where = f"account {account.name}: opening.{name}"
                if name not in assets:
                    raise ConfigError(file, f"{where}: no such asset in instruments.toml")
                try:
                    amount = to_minor(text, assets[name].decimals)
                except UnitError as error:
                    raise ConfigError(file, f"{where}: {error}") from error
                if not 0 < amount <= ASSET_UNITS_MAX * 10 ** assets[name].decimals:
                    raise ConfigError(file, f"{where}: {text} is not between one minor unit and the largest balance")
                ref = f"opening:{account.account_id}:{name}"
                yield Deposit(account.account_id, assets[name].asset_id, amount, ref)


def key_of(command: Command) -> Key | None:
    """Name what a command of operations defines; None for other commands."""
    match command:
        case RegisterAsset(asset_id=number):
            return "asset", number
        case RegisterFirm(firm_id=number):
            return "firm", number
        case OpenAccount(account_id=number):
            return "account", number
        case RegisterSession(session_id=number):
            return "session", number
        case ListInstrument(instrument=instrument):
            return "instrument", instrument.symbol_id
        case Deposit(deposit_ref=ref):
            return "deposit", ref
        case _:
            return None


def operations_records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Pick the records of operations out of whole records. Cost: the others are not decoded."""
    for chunk in chunks:
        spans, _ = split_frames(chunk)
        for start, end in spans:
            if HEADER.unpack_from(chunk, start)[5] == OPERATIONS:
                yield decode_record(chunk, start, end)


def missing_commands(expected: list[Command], chunks: Iterable[bytes]) -> list[Command]:
    """List the expected commands that the log does not hold yet.

    Raises: Refused when the log defines one of them differently.
    Cost: reads only as far as the last of them; the whole log when one is missing.
    """
    wanted = {key_of(command): command for command in expected}
    for record in operations_records(chunks):
        if any(isinstance(event, CommandRefused) for event in record.events):
            continue
        command = wanted.pop(key_of(record.command), None)
        if command is not None:
            _check_same(command, record)
        if not wanted:
            break
    return [command for command in expected if key_of(command) in wanted]


def _check_same(configured: Command, record: Record) -> None:
    if isinstance(configured, Deposit) or configured == record.command:
        return
    raise Refused(
        f"the configuration differs from what seq {record.seq} of the log registered, and the log stands: "
        f"it has {record.command}, the files say {configured}"
    )


def check_accepted(records: Iterable[Record]) -> None:
    """Check that the engine took every registration. Raises: CheckFailed naming the first it did not."""
    for record in records:
        for event in record.events:
            if isinstance(event, CommandRefused):
                raise CheckFailed(f"the engine refused {record.command}: {describe(event.code)}")
