"""``exchange rule set``, ``fees``, ``brackets``: rules set by sequenced commands, at once or at a time to come."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.api.commands import SetFeeRates, SetMarginBrackets, SetParameter
from engine.api.events import ParameterSet
from engine.api.ids import ABSENT, AccountId, SymbolId
from engine.api.limits import FEE_PPM_MAX
from engine.api.messages.parameters import BRACKETS_MAX
from engine.api.parameters import RULES, UNSET, MarginBracket, Parameter, Subject
from engine.api.registry import Registry
from engine.api.units import TimestampNs
from ops.cli.screen import DEFAULT_DATA, DataOption, clear_faults, out
from ops.errors import Refused
from ops.steering import account_of, command_engine, firm_of, instrument_of, registry_of, session_of
from ops.telling.rules import RuleCommand, rule_name, rule_subject, rule_value
from ops.telling.times import iso_time, parse_time

UNSET_WORD = "unset"
"""In place of a value: the subject has none of its own any more."""

SinceOption = Annotated[
    str, typer.Option("--since", metavar="TIME", help="From this time on: ISO 8601 in UTC; without it, at once.")
]
SymbolOption = Annotated[str, typer.Option("--symbol", help="For this instrument alone.")]


@clear_faults
def set_parameter(
    name: Annotated[str, typer.Argument(metavar="PARAMETER", help="Such as breaker_ns; see exchange params.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="In the unit of the parameter; or unset.")],
    subject: Annotated[str, typer.Option("--for", metavar="NAME", help="An account, firm, symbol or CompID.")] = "",
    since: SinceOption = "",
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set a parameter of the venue or, with --for, of one subject. Missed bounds are told with their unit."""
    parameter = _parameter(name)
    number = _value(parameter, value, subject)
    registry = registry_of(data)
    _submit(data, registry, SetParameter(parameter, _subject_id(parameter, subject, registry), number, _time(since)))


@clear_faults
def set_fees(
    maker: Annotated[int | None, typer.Option("--maker", metavar="PPM", help="A rebate is negative.")] = None,
    taker: Annotated[int | None, typer.Option("--taker", metavar="PPM")] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Take the account's own rates away.")] = False,
    account: Annotated[str, typer.Option("--account", help="For this account alone; else the symbol's listing.")] = "",
    symbol: SymbolOption = "",
    since: SinceOption = "",
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set the fee rates of an account, in one symbol or all; or of a symbol's listing.

    An order keeps the rates it was accepted under.
    """
    if not account and not symbol:
        raise Refused("name --account, --symbol or both: the venue has no fee rates of its own")
    if [maker is None, taker is None] != [unset, unset]:
        raise Refused("give --maker and --taker, or --unset")
    registry = registry_of(data)
    account_id = account_of(registry, account).account_id if account else AccountId(ABSENT)
    rates = _ppm(maker or 0), _ppm(taker or 0)
    _submit(data, registry, SetFeeRates(account_id, _symbol_id(symbol, registry), *rates, _time(since), unset))


@clear_faults
def set_brackets(
    rows: Annotated[list[str], typer.Argument(metavar="NOTIONAL:LEVERAGE:PPM...", help="Lowest first; or unset.")],
    symbol: SymbolOption = "",
    since: SinceOption = "",
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set margin brackets: up to a notional in units of the quote asset, the highest leverage and the maintenance rate.

    The last row has no notional and holds for all that is larger, such as 50000:125:4000 250000:100:5000 :50:10000.
    """
    brackets = () if rows == [UNSET_WORD] else tuple(_bracket(row) for row in rows)
    if not brackets and not symbol:
        raise Refused("the venue's brackets can be changed, not unset; name a --symbol")
    if len(brackets) > BRACKETS_MAX:
        raise Refused(f"{len(brackets)} rows; a table has {BRACKETS_MAX} at most")
    registry = registry_of(data)
    _submit(data, registry, SetMarginBrackets(_symbol_id(symbol, registry), brackets, _time(since)))


def _submit(data: DataOption, registry: Registry, command: RuleCommand) -> None:
    record = command_engine(data, command)
    (told,) = (event for event in record.events if isinstance(event, ParameterSet))
    what = f"{rule_name(command)} for {rule_subject(command, registry)}: {rule_value(command)}"
    since = iso_time(told.effective_ns) if told.effective_ns > record.ts_ns else f"seq {record.seq}"
    out.print(f"{what}, from {since} on (version {told.version})", markup=False)


def _parameter(name: str) -> Parameter:
    wanted = name.upper().replace("-", "_")
    if wanted not in Parameter.__members__:
        raise Refused(f"no parameter is called {name}; exchange params names all")
    return Parameter[wanted]


def _value(parameter: Parameter, text: str, subject: str) -> int:
    """Read a value. Raises: Refused with the bounds, so that nothing out of them is sent."""
    rule = RULES[parameter]
    if text == UNSET_WORD and subject:
        return UNSET
    number = _int(text)
    if not rule.minimum <= number <= rule.maximum:
        raise Refused(f"{parameter.name} is {rule.minimum} to {rule.maximum} {rule.unit}, not {text}: {rule.reason}")
    return number


def _subject_id(parameter: Parameter, name: str, registry: Registry) -> int:
    if not name:
        return ABSENT
    match RULES[parameter].subject:
        case Subject.NONE:
            raise Refused(f"{parameter.name} is the venue's alone; leave --for away")
        case Subject.ACCOUNT:
            return account_of(registry, name).account_id
        case Subject.FIRM:
            return firm_of(registry, name).firm_id
        case Subject.SYMBOL:
            return instrument_of(registry, name).symbol_id
        case Subject.SESSION:
            return session_of(registry, name).session_id


def _symbol_id(symbol: str, registry: Registry) -> SymbolId:
    return instrument_of(registry, symbol).symbol_id if symbol else SymbolId(ABSENT)


def _time(text: str) -> TimestampNs:
    return TimestampNs(parse_time(text) if text else 0)


def _ppm(rate: int) -> int:
    if abs(rate) > FEE_PPM_MAX:
        raise Refused(f"a rate is {FEE_PPM_MAX} ppm at most, not {rate}")
    return rate


def _bracket(row: str) -> MarginBracket:
    parts = row.split(":")
    if len(parts) != 3:
        raise Refused(f"{row} is no bracket: write NOTIONAL:LEVERAGE:PPM, such as 50000:125:4000")
    return MarginBracket(_int(parts[0] or "0"), _int(parts[1]), _int(parts[2]))


def _int(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise Refused(f"{text} is no whole number")
    return int(text)
