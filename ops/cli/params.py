"""``exchange params``: the rules in force, since when, and those whose time is to come."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from engine.api.commands import SetFeeRates, SetMarginBrackets, SetParameter
from engine.api.link import BracketsRow, ControlRequest, EngineRules, FeeRatesRow, ParameterRow
from engine.api.parameters import RULES, Parameter, Subject
from engine.api.registry import Registry
from engine.api.wire import decode_command
from engine.client import ask
from engine.standing import load_registry
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, out, show_json, show_table
from ops.directory import journal_of
from ops.telling.times import iso_time


class RuleLine(msgspec.Struct, frozen=True):
    """A rule in words: for whom, its value with its unit, its version and the record it holds since."""

    rule: str
    subject: str
    value: str
    version: int
    since_seq: int


class ScheduledLine(msgspec.Struct, frozen=True):
    """A rule whose time is to come."""

    rule: str
    subject: str
    value: str
    version: int
    time: str


@clear_faults
def params(
    name: Annotated[str, typer.Argument(metavar="[PART]", help="Only rules with this in their name.")] = "",
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Show the rules in force: value, version, the record they hold since; and what is scheduled.

    Version 0 is what holds until a rule is set.
    """
    rules = engine_rules(data)
    registry = load_registry(journal_of(data).parent)
    lines = [line for line in in_force(rules, registry) if name.upper() in line.rule]
    coming = [line for line in scheduled(rules, registry) if name.upper() in line.rule]
    if as_json:
        show_json({"seq": rules.seq, "version": rules.version, "in_force": lines, "scheduled": coming})
        return
    title = f"rules at seq {rules.seq}, version {rules.version}; matching by rules {rules.rules_version}"
    columns = ("rule", "for", "value>", "version>", "since seq>")
    show_table(title, columns, [msgspec.structs.astuple(line) for line in lines])
    if coming:
        columns = ("rule", "for", "value>", "version>", "from")
        show_table("scheduled", columns, [msgspec.structs.astuple(line) for line in coming])
    else:
        out.print("nothing is scheduled")


def engine_rules(data: Path) -> EngineRules:
    """Ask the engine for its rules. Raises: LinkError."""
    return msgspec.json.decode(ask(data, ControlRequest("rules")), type=EngineRules)


def in_force(rules: EngineRules, registry: Registry) -> list[RuleLine]:
    """List every rule that holds: parameters, margin brackets, fee rates."""
    return [
        *(_parameter(row, registry) for row in rules.parameters),
        *(_brackets(row, registry) for row in rules.brackets),
        *(_fee_rates(row, registry) for row in rules.fee_rates),
    ]


def _parameter(row: ParameterRow, registry: Registry) -> RuleLine:
    parameter = Parameter[row.parameter]
    value = f"{row.value} {RULES[parameter].unit}"
    return RuleLine(row.parameter, _subject(parameter, row.subject_id, registry), value, row.version, row.seq)


def _brackets(row: BracketsRow, registry: Registry) -> RuleLine:
    value = f"{len(row.brackets)} brackets, {row.brackets[0].leverage_max}x to {row.brackets[-1].leverage_max}x"
    return RuleLine("MARGIN_BRACKETS", _symbol(row.symbol_id, registry), value, row.version, row.seq)


def _fee_rates(row: FeeRatesRow, registry: Registry) -> RuleLine:
    subject = f"{registry.account(row.account_id)} in {_symbol(row.symbol_id, registry)}"
    value = f"maker {row.maker_ppm} ppm, taker {row.taker_ppm} ppm"
    return RuleLine("FEE_RATES", subject, value, row.version, row.seq)


def scheduled(rules: EngineRules, registry: Registry) -> list[ScheduledLine]:
    """List the rules whose time is to come."""
    lines = []
    for row in rules.scheduled:
        match decode_command(row.command, 0, len(row.command)):
            case SetParameter() as c:
                told = (c.parameter.name, _subject(c.parameter, c.subject_id, registry), str(c.value))
            case SetMarginBrackets() as c:
                told = ("MARGIN_BRACKETS", _symbol(c.symbol_id, registry), f"{len(c.brackets)} brackets")
            case SetFeeRates() as c:
                whom = registry.account(c.account_id) if c.account_id else "its listing"
                told = ("FEE_RATES", f"{whom} in {_symbol(c.symbol_id, registry)}", f"{c.maker_ppm}/{c.taker_ppm} ppm")
            case other:
                raise AssertionError(type(other).__name__)
        lines.append(ScheduledLine(*told, row.version, iso_time(c.effective_ns)))
    return lines


def _subject(parameter: Parameter, subject_id: int, registry: Registry) -> str:
    if not subject_id:
        return "all"
    match RULES[parameter].subject:
        case Subject.ACCOUNT:
            return next((a.name for a in registry.accounts.values() if a.account_id == subject_id), str(subject_id))
        case Subject.FIRM:
            return next((f.name for f in registry.firms.values() if f.firm_id == subject_id), str(subject_id))
        case Subject.SYMBOL:
            return next((i.symbol for i in registry.instruments.values() if i.symbol_id == subject_id), str(subject_id))
        case Subject.SESSION:
            return next((s.comp_id for s in registry.sessions.values() if s.session_id == subject_id), str(subject_id))
        case Subject.NONE:
            return str(subject_id)


def _symbol(symbol_id: int, registry: Registry) -> str:
    return next((i.symbol for i in registry.instruments.values() if i.symbol_id == symbol_id), "all")
