"""The rules as the core writes them, read back: what ``rules`` is answered with."""

from __future__ import annotations

from struct import Struct
from typing import TypeVar

from engine.api.ids import AccountId, SymbolId
from engine.api.limits import RULES_VERSION
from engine.api.link import BracketsRow, EngineRules, FeeRatesRow, ParameterRow, ScheduledRow
from engine.api.parameters import MarginBracket, Parameter
from engine.host.core import Core

T = TypeVar("T")

_COUNT, _SINCE = Struct("<Q"), Struct("<QQ")
_VALUE, _OWN, _BRACKET, _RATES = Struct("<q"), Struct("<BIq"), Struct("<qBI"), Struct("<IIii")
_SYMBOL = Struct("<I")


def list_rules(core: Core) -> EngineRules:
    """List the rules of a core; their bytes are drawn in ``engine/core/src/state/snapshot.rs``."""
    raw, at = core.rules(), 0

    def take(layout: Struct) -> tuple[int, ...]:
        nonlocal at
        at += layout.size
        return layout.unpack_from(raw, at - layout.size)

    def count() -> range:
        return range(take(_COUNT)[0])

    (version,) = take(_COUNT)
    parameters = [ParameterRow(Parameter(n + 1).name, 0, *take(_VALUE), *take(_SINCE)) for n in count()]
    for _ in count():
        number, subject_id, value = take(_OWN)
        parameters.append(ParameterRow(Parameter(number).name, subject_id, value, *take(_SINCE)))
    brackets = []
    for _ in count():
        (symbol_id,) = take(_SYMBOL)
        rows = [MarginBracket(*take(_BRACKET)) for _ in count()]
        brackets.append(BracketsRow(SymbolId(symbol_id), rows, *take(_SINCE)))
    rates = []
    for _ in count():
        account_id, symbol_id, maker_ppm, taker_ppm = take(_RATES)
        rates.append(FeeRatesRow(AccountId(account_id), SymbolId(symbol_id), maker_ppm, taker_ppm, *take(_SINCE)))
    scheduled = []
    for _ in count():
        number, length = take(_SINCE)
        scheduled.append(ScheduledRow(number, raw[at : at + length]))
        at += length
    assert at == len(raw), "the core wrote more rules than there are"
    return EngineRules(core.seq, RULES_VERSION, version, parameters, brackets, rates, scheduled)
