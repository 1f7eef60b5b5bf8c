"""Rules that governance sets, in words: for whom, and what."""

from __future__ import annotations

from engine.api.commands import SetFeeRates, SetMarginBrackets, SetParameter
from engine.api.ids import AccountId, FirmId, SessionId, SymbolId
from engine.api.instrument import Instrument
from engine.api.parameters import RULES, UNSET, Parameter, Subject
from engine.api.registry import Registry
from ops.telling.words import words

RuleCommand = SetParameter | SetMarginBrackets | SetFeeRates


def rule_name(command: RuleCommand) -> str:
    """Name the rule that a command sets, as ``exchange params`` does."""
    match command:
        case SetParameter():
            return Parameter(command.parameter).name
        case SetMarginBrackets():
            return "MARGIN_BRACKETS"
        case SetFeeRates():
            return "FEE_RATES"


def rule_subject(command: RuleCommand, registry: Registry) -> str:
    """Name for whom a command sets a rule."""
    match command:
        case SetParameter():
            return parameter_subject(Parameter(command.parameter), command.subject_id, registry)
        case SetMarginBrackets():
            return symbol_or_all(command.symbol_id, registry)
        case SetFeeRates():
            whom = registry.account(command.account_id) if command.account_id else "its listing"
            return f"{whom} in {symbol_or_all(command.symbol_id, registry)}"


def rule_value(command: RuleCommand) -> str:
    """Write what a command sets, with its unit."""
    match command:
        case SetParameter():
            taken_away = command.value == UNSET
            return "none of its own" if taken_away else f"{command.value} {RULES[Parameter(command.parameter)].unit}"
        case SetMarginBrackets():
            rows = [f"{row.notional_max or ''}:{row.leverage_max}:{row.maintenance_ppm}" for row in command.brackets]
            return " ".join(rows) or "none of its own"
        case SetFeeRates():
            rates = f"maker {command.maker_ppm} ppm, taker {command.taker_ppm} ppm"
            return "none of its own" if command.is_unset else rates


def listing_terms(listed: Instrument, registry: Registry) -> str:
    """Write every rule that is part of a listing."""
    low, high = (registry.amount(minor, listed.quote_asset_id) for minor in (listed.min_notional, listed.max_notional))
    kind = f"perpetual up to {listed.max_leverage}x, " if listed.is_perpetual else ""
    return (
        f"{kind}tick {listed.tick}, lot {listed.lot}, qty {listed.format_qty(listed.min_qty)} to"
        f" {listed.format_qty(listed.max_qty)}, notional {low} to {high}, band {listed.band_ppm} ppm,"
        f" maker {listed.maker_ppm} ppm, taker {listed.taker_ppm} ppm, {words(listed.matching.name)}"
    )


def parameter_subject(parameter: Parameter, subject_id: int, registry: Registry) -> str:
    """Name the subject of a parameter; 0 is all there are."""
    if not subject_id:
        return "all"
    match RULES[parameter].subject:
        case Subject.ACCOUNT:
            return registry.account(AccountId(subject_id))
        case Subject.FIRM:
            firm = registry.firms.get(FirmId(subject_id))
            return firm.name if firm else f"firm {subject_id}"
        case Subject.SYMBOL:
            return symbol_or_all(SymbolId(subject_id), registry)
        case Subject.SESSION:
            return registry.source(SessionId(subject_id))
        case Subject.NONE:
            return str(subject_id)


def symbol_or_all(symbol_id: SymbolId, registry: Registry) -> str:
    """Name an instrument; 0 is all there are."""
    instrument = registry.instruments.get(symbol_id)
    return instrument.symbol if instrument else f"symbol {symbol_id}" if symbol_id else "all"
