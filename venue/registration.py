"""Registration: what the configuration says, put into the log once by sequenced commands.

Invariant: running it again changes nothing. What the log has already is compared with the configuration; only what is
missing is submitted. Where both define the same thing differently the log stands, until a command changes it:
:func:`differences` tells what differs and which command would. An opening balance is credited once by its
``deposit_ref``, whatever the file says later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from engine.api.commands import (
    OPERATIONS,
    ChangeInstrument,
    Command,
    Deposit,
    ListInstrument,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    RegisterSession,
)
from engine.api.cursor import Cursor
from engine.api.enums import AccountKind, SessionKind
from engine.api.errors import UnitError
from engine.api.events import CommandRefused
from engine.api.ids import THE_EXCHANGE, AssetId, Seq
from engine.api.instrument import Instrument
from engine.api.limits import ASSET_UNITS_MAX
from engine.api.registry import Registry
from engine.api.rejects import ErrorCode, describe
from engine.api.units import format_minor, to_minor
from engine.api.wire import HEADER, Record, decode_record, encode_command, split_frames
from engine.client import read_journal, submit_and_wait
from engine.standing.fold import SEQ_MAX
from engine.standing.standing import fold_to
from venue.configuration import Venue
from venue.errors import ConfigError, DefinitionsDiffer, RegistrationRefused

ANSWER_S_MAX = 10.0
"""How long the engine may take for a registration."""

OPENING_RECORDS_MAX = 10_000
"""Records after an account's opening among which its opening balance is looked for; one that came later is submitted
again and refused, for its reference is known."""

_KINDS = {"order-entry": SessionKind.ORDER_ENTRY, "drop-copy": SessionKind.DROP_COPY}

_LISTED_FOR_EVER = frozenset({"symbol", "kind", "base", "quote", "pnl_account_id"})
"""What ChangeInstrument does not change."""

Key = tuple[str, int | str]


class Registered(msgspec.Struct, frozen=True):
    """What the log holds: its definitions as they are in force, and the references of its deposits."""

    registry: Registry
    deposit_refs: frozenset[str]


class Difference(msgspec.Struct, frozen=True):
    """A field that the log and the files define differently; ``change`` is the command that makes the log follow."""

    subject: str
    field: str
    log: str
    file: str
    change: Command | None

    def __str__(self) -> str:
        return f"{self.subject} {self.field}: log {self.log}, file {self.file}"


def expected_commands(venue: Venue) -> list[Command]:
    """List the commands that register ``venue``, each after what it refers to. Raises: ConfigError."""
    firms = venue.members.firm
    commands: list[Command] = [RegisterAsset(a.asset_id, a.name, a.decimals) for a in venue.assets]
    commands.append(OpenAccount(venue.fees.account_id, THE_EXCHANGE, AccountKind.SYSTEM, venue.fees.name))
    commands += [OpenAccount(a.account_id, THE_EXCHANGE, AccountKind.CLEARING_PNL, a.name) for a in venue.pnl_accounts]
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


def operations_records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Pick the records of operations out of whole records. Cost: the others are not decoded."""
    for chunk in chunks:
        spans, _ = split_frames(chunk)
        for start, end in spans:
            if HEADER.unpack_from(chunk, start)[5] == OPERATIONS:
                yield decode_record(chunk, start, end)


def read_registered(data: Path) -> Registered:
    """Read what the log has registered, and which opening balances it credits soon after an account is opened.

    Cost: as loading a standing, whatever the length of the log.
    """
    fold = fold_to(data, Cursor(SEQ_MAX))
    kept = fold.kept_records()
    openings = [record.seq for record in kept if isinstance(record.command, OpenAccount)]
    return Registered(Registry(kept), frozenset(_credited(data / "journal", openings, fold.cursor.seq)))


def _credited(journal: Path, openings: list[Seq], last_seq: int) -> Iterator[str]:
    """Yield the references of deposits among the OPENING_RECORDS_MAX records after each of these."""
    read_to = 0
    for seq in openings:
        first, read_to = max(seq, read_to + 1), min(seq + OPENING_RECORDS_MAX, last_seq)
        for record in operations_records(read_journal(journal, first, read_to) if first <= read_to else ()):
            if isinstance(record.command, Deposit) and not _refusals(record):
                yield record.command.deposit_ref


def missing_commands(expected: list[Command], registered: Registered) -> list[Command]:
    """List the expected commands whose subject the log does not have."""
    return [command for command in expected if not _is_there(command, registered)]


def _is_there(command: Command, registered: Registered) -> bool:
    if isinstance(command, Deposit):
        return command.deposit_ref in registered.deposit_refs
    return _in_log(command, registered.registry) is not None


def _in_log(command: Command, registry: Registry) -> Command | None:
    """Find what the log has under the number of ``command``."""
    match command:
        case RegisterAsset():
            return registry.assets.get(command.asset_id)
        case RegisterFirm():
            return registry.firms.get(command.firm_id)
        case OpenAccount():
            return registry.accounts.get(command.account_id)
        case RegisterSession():
            return registry.sessions.get(command.session_id)
        case ListInstrument():
            listed = registry.instruments.get(command.instrument.symbol_id)
            return ListInstrument(listed) if listed else None
        case _:
            raise AssertionError(type(command).__name__)


def unnamed(expected: list[Command], registry: Registry) -> set[str]:
    """Name what the log has registered and the files do not have (any more)."""
    named = {_subject(command) for command in expected if not isinstance(command, Deposit)}
    there: list[Command] = [*registry.assets.values(), *registry.firms.values(), *registry.accounts.values()]
    there += [*registry.sessions.values(), *(ListInstrument(listed) for listed in registry.instruments.values())]
    return {_subject(command) for command in there} - named


def differences(expected: list[Command], registry: Registry) -> list[Difference]:
    """List every field the log has otherwise than the files, in the order of the files."""
    found: list[Difference] = []
    for wanted in expected:
        there = None if isinstance(wanted, Deposit) else _in_log(wanted, registry)
        if there is not None and there != wanted:
            found += _differences(there, wanted, registry)
    return found


def _differences(there: Command, wanted: Command, registry: Registry) -> Iterator[Difference]:
    log, file = _fields(there, registry), _fields(wanted, registry)
    differing = [name for name in log if log[name] != file[name]]
    change = None
    if isinstance(wanted, ListInstrument) and not _LISTED_FOR_EVER & set(differing):
        change = ChangeInstrument(wanted.instrument)
    for name in differing:
        yield Difference(_subject(there), name, log[name], file[name], change)


def _subject(command: Command) -> str:
    match command:
        case ListInstrument():
            return command.instrument.symbol
        case RegisterAsset():
            return f"asset {command.asset_id}"
        case RegisterFirm():
            return f"firm {command.firm_id}"
        case OpenAccount():
            return f"account {command.account_id}"
        case RegisterSession():
            return f"session {command.session_id}"
        case _:
            raise AssertionError(type(command).__name__)


def _fields(command: Command, registry: Registry) -> dict[str, str]:
    """Write the fields of a definition as the files write them."""
    if isinstance(command, ListInstrument):
        return _instrument_fields(command.instrument, registry)
    fields = msgspec.structs.asdict(command)
    return {name: value.name if name == "kind" else str(value) for name, value in fields.items()}


def _instrument_fields(instrument: Instrument, registry: Registry) -> dict[str, str]:
    fields = {name: str(value) for name, value in msgspec.structs.asdict(instrument).items()}
    quote = registry.assets.get(instrument.quote_asset_id)
    for name in ("min_qty", "max_qty"):
        fields[name] = instrument.format_qty(getattr(instrument, name))
    for name in ("min_notional", "max_notional"):
        fields[name] = format_minor(getattr(instrument, name), quote.decimals if quote else 0)
    for side in ("base", "quote"):
        fields[side] = registry.asset(AssetId(int(fields.pop(f"{side}_asset_id"))))
    return fields | {"kind": instrument.kind.name, "matching": instrument.matching.name}


def register(data: Path, venue: Venue) -> int:
    """Put into the log what the configuration says and the log lacks; return how many commands that took.

    Raises: DefinitionsDiffer, RegistrationRefused, ConfigError, LinkError.
    """
    expected = expected_commands(venue)
    registered = read_registered(data)
    differing = differences(expected, registered.registry)
    if differing:
        raise DefinitionsDiffer(_told(differing, data, venue))
    missing = missing_commands(expected, registered)
    submit(data, missing)
    return len(missing)


def submit(data: Path, commands: list[Command]) -> list[Record]:
    """Submit commands of operations and return their records. Raises: RegistrationRefused, LinkError."""
    if not commands:
        return []
    records = submit_and_wait(data, "registration", [encode_command(command) for command in commands], ANSWER_S_MAX)
    check_accepted(records)
    return records


def changes(differing: list[Difference]) -> list[Command]:
    """List the commands that make the log follow the files, each once.

    Raises: DefinitionsDiffer naming what no command changes.
    """
    fixed = [difference for difference in differing if difference.change is None]
    if fixed:
        lines = [f"  {difference}" for difference in fixed]
        raise DefinitionsDiffer("\n".join(["no command changes this: put the files back", *lines]))
    return list(dict.fromkeys(d.change for d in differing if d.change is not None))


def _told(differing: list[Difference], data: Path, venue: Venue) -> str:
    lines = ["the files differ from the log:", *(f"  {difference}" for difference in differing)]
    if any(difference.change for difference in differing):
        lines.append(f"do: exchange apply --data {data} --config {venue.directory}, or put the files back")
    if not all(difference.change for difference in differing):
        fixed = ", ".join(f"{d.subject} {d.field}" for d in differing if not d.change)
        lines.append(f"no command changes {fixed}: put the files back")
    return "\n".join(lines)


def check_accepted(records: Iterable[Record]) -> None:
    """Check that the engine took every registration, or has credited it before.

    Raises: RegistrationRefused naming the first it did not.
    """
    for record in records:
        for refusal in _refusals(record):
            if refusal.code == ErrorCode.DUPLICATE_DEPOSIT:
                continue
            raise RegistrationRefused(f"the engine refused {record.command}: {describe(refusal.code)}")


def _refusals(record: Record) -> list[CommandRefused]:
    return [event for event in record.events if isinstance(event, CommandRefused)]
