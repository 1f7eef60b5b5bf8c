"""``exchange params``: the rules in force, since when, and those whose time is to come."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from engine.api.link import BracketsRow, ControlRequest, EngineRules, FeeRatesRow, ParameterRow
from engine.api.parameters import RULES, Parameter
from engine.api.registry import Registry
from engine.api.wire import decode_command
from engine.client import ask
from engine.standing import load_registry
from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, out, show_json, show_line, show_table
from ops.directory import journal_of
from ops.steering import with_engine
from ops.telling.rules import (
    RuleCommand,
    listing_terms,
    parameter_subject,
    rule_name,
    rule_subject,
    rule_value,
    symbol_or_all,
)
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


class ListingLine(msgspec.Struct, frozen=True):
    """The rules that are part of a listing."""

    symbol: str
    terms: str


@clear_faults
def params(
    name: Annotated[str, typer.Argument(metavar="[PART]", help="Only rules with this in their name.")] = "",
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Show the rules in force, of a running exchange: value, version, the record they hold since; what is scheduled;
    and the rules that are part of each listing.

    Version 0 is what holds until a rule is set.
    """
    rules = engine_rules(data)
    registry = load_registry(journal_of(data).parent)
    lines = [line for line in in_force(rules, registry) if name.upper() in line.rule]
    coming = [line for line in scheduled(rules, registry) if name.upper() in line.rule]
    listings = [ListingLine(i.symbol, listing_terms(i, registry)) for i in registry.instruments.values()]
    if as_json:
        parts = {"in_force": lines, "scheduled": coming, "listings": listings}
        show_json({"seq": rules.seq, "version": rules.version, **parts})
        return
    title = f"rules at seq {rules.seq}, version {rules.version}; matching by rules {rules.rules_version}"
    columns = ("rule", "for", "value>", "version>", "since seq>")
    show_table(title, columns, [msgspec.structs.astuple(line) for line in lines])
    if coming:
        columns = ("rule", "for", "value>", "version>", "from")
        show_table("scheduled", columns, [msgspec.structs.astuple(line) for line in coming])
    else:
        out.print("nothing is scheduled")
    for listing in listings:
        show_line(f"{listing.symbol}: {listing.terms}")


def engine_rules(data: Path) -> EngineRules:
    """Ask the engine for its rules. Raises: Unreachable, LinkError."""
    with with_engine(data):
        return msgspec.json.decode(ask(data, ControlRequest("rules")), type=EngineRules)


def in_force(rules: EngineRules, registry: Registry) -> list[RuleLine]:
    """List every rule that holds: parameters, margin brackets, fee rates of accounts. Bands are part of listings."""
    return [
        *(_parameter(row, registry) for row in rules.parameters if row.parameter != Parameter.BAND_PPM.name),
        *(_brackets(row, registry) for row in rules.brackets),
        *(_fee_rates(row, registry) for row in rules.fee_rates),
    ]


def _parameter(row: ParameterRow, registry: Registry) -> RuleLine:
    parameter = Parameter[row.parameter]
    value = f"{row.value} {RULES[parameter].unit}"
    return RuleLine(row.parameter, parameter_subject(parameter, row.subject_id, registry), value, row.version, row.seq)


def _brackets(row: BracketsRow, registry: Registry) -> RuleLine:
    value = f"{len(row.brackets)} brackets, {row.brackets[0].leverage_max}x to {row.brackets[-1].leverage_max}x"
    return RuleLine("MARGIN_BRACKETS", symbol_or_all(row.symbol_id, registry), value, row.version, row.seq)


def _fee_rates(row: FeeRatesRow, registry: Registry) -> RuleLine:
    subject = f"{registry.account(row.account_id)} in {symbol_or_all(row.symbol_id, registry)}"
    value = f"maker {row.maker_ppm} ppm, taker {row.taker_ppm} ppm"
    return RuleLine("FEE_RATES", subject, value, row.version, row.seq)


def scheduled(rules: EngineRules, registry: Registry) -> list[ScheduledLine]:
    """List the rules whose time is to come."""
    lines = []
    for row in rules.scheduled:
        command = decode_command(row.command, 0, len(row.command))
        assert isinstance(command, RuleCommand)
        told = rule_name(command), rule_subject(command, registry), rule_value(command)
        lines.append(ScheduledLine(*told, row.version, iso_time(command.effective_ns)))
    return lines
