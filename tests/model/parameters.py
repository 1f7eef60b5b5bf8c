"""Rules that governance sets: what holds now, what was set for later, and what becomes of it (section 12)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import msgspec
from sortedcontainers import SortedDict

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.parameters import MARGIN_BRACKETS, RULES, UNSET, MarginBracket, Parameter, Subject
from engine.api.rejects import ErrorCode
from tests.model.commands import refuse_if
from tests.model.state import MILLION, Account, Market, State

T = TypeVar("T")
Change = c.SetParameter | c.SetMarginBrackets | c.SetFeeRates


@dataclass(frozen=True)
class InForce(Generic[T]):
    """A rule that holds, the version it has, and the record since which it holds; 0, 0 when it was never set."""

    rule: T
    version: int = 0
    seq: int = 0


class Parameters(State):
    """What the rules are."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 0
        self.venue_wide = {parameter: InForce(rule.default) for parameter, rule in RULES.items()}
        self.own: dict[tuple[Parameter, int], InForce[int]] = {}
        self.brackets: dict[int, InForce[tuple[MarginBracket, ...]]] = {0: InForce(MARGIN_BRACKETS)}
        self.fee_rates: dict[tuple[int, int], InForce[tuple[int, int]]] = {}  # by account and symbol, 0 for all others
        self.scheduled: SortedDict[tuple[int, int], Change] = SortedDict()  # by time and version

    # --- what holds -------------------------------------------------------------------------------------

    def parameter(self, parameter: Parameter, subject_id: int = 0) -> int:
        """What a parameter is, for a subject or in general."""
        return (self.own.get((parameter, subject_id)) or self.venue_wide[parameter]).rule

    def brackets_of(self, market: Market) -> tuple[MarginBracket, ...]:
        return (self.brackets.get(market.symbol_id) or self.brackets[0]).rule

    def rates_of(self, account_id: int, market: Market) -> tuple[int, int]:
        """What an account pays as maker and as taker, in ppm: its own in the symbol, else in all, else as listed."""
        i = market.listing
        own = self.fee_rates.get((account_id, market.symbol_id)) or self.fee_rates.get((account_id, 0))
        return own.rule if own else (i.maker_ppm, i.taker_ppm)

    # --- setting ----------------------------------------------------------------------------------------

    def set_rule(self, change: Change) -> None:
        """Let a rule hold at once, or from its time on."""
        self.check_change(change)
        refuse_if(change.effective_ns > limits.TIMESTAMP_NS_MAX, ErrorCode.BOUND_EXCEEDED)
        at_once = change.effective_ns <= self.ts_ns
        is_full = not at_once and len(self.scheduled) >= limits.SCHEDULED_CHANGES_MAX
        of_own = len(self.own) + len(self.fee_rates) + len(self.scheduled)
        refuse_if(is_full or of_own >= limits.OWN_RULES_MAX, ErrorCode.TOO_MANY_CHANGES)
        self.version += 1
        if at_once:
            self.take_effect(change, self.version)
        else:
            self.scheduled[change.effective_ns, self.version] = change
        self.tell(e.ParameterSet(self.version, max(change.effective_ns, self.ts_ns)))

    def settle_changes(self) -> None:
        """Let the rules hold whose time has come, by time and version."""
        while self.scheduled and self.scheduled.keys()[0][0] <= self.ts_ns:
            (_, version), change = self.scheduled.popitem(0)
            self.take_effect(change, version)
            self.tell(e.ParameterTookEffect(version))

    def take_effect(self, change: Change, version: int) -> None:
        match change:
            case c.SetParameter(Parameter.BAND_PPM, symbol_id, band_ppm):
                self.relist(symbol_id, band_ppm=band_ppm)
            case c.SetParameter(parameter, 0, value):
                self.venue_wide[parameter] = InForce(value, version, self.seq)
            case c.SetParameter(parameter, subject_id, value):
                self.own.pop((parameter, subject_id), None)
                if value != UNSET:
                    self.own[parameter, subject_id] = InForce(value, version, self.seq)
            case c.SetMarginBrackets(symbol_id, brackets):
                self.brackets.pop(symbol_id, None)
                if brackets:
                    self.brackets[symbol_id] = InForce(brackets, version, self.seq)
            case c.SetFeeRates(0, symbol_id, maker_ppm, taker_ppm):
                self.relist(symbol_id, maker_ppm=maker_ppm, taker_ppm=taker_ppm)
            case c.SetFeeRates(account_id, symbol_id, maker_ppm, taker_ppm):
                self.fee_rates.pop((account_id, symbol_id), None)
                if not change.is_unset:
                    self.fee_rates[account_id, symbol_id] = InForce((maker_ppm, taker_ppm), version, self.seq)

    def relist(self, symbol_id: int, **terms: int) -> None:
        """Change some terms of a listing."""
        market = self.markets[symbol_id]
        market.listing = msgspec.structs.replace(market.listing, **terms)

    # --- checks -----------------------------------------------------------------------------------------

    def check_change(self, change: Change) -> None:
        """Check that a rule is about something there is, then its bounds."""
        match change:
            case c.SetParameter():
                self.check_parameter(change)
            case c.SetMarginBrackets(symbol_id, brackets):
                is_perpetual = symbol_id == 0 or ((m := self.listed(symbol_id)) is not None and m.is_perpetual)
                refuse_if(not is_perpetual, ErrorCode.UNKNOWN_REFERENCE)
                is_sound = are_sound(brackets) if brackets else symbol_id != 0
                refuse_if(not is_sound, ErrorCode.BOUND_EXCEEDED)
            case c.SetFeeRates(account_id, symbol_id, maker_ppm, taker_ppm):
                known = (account_id == 0 or self.is_member(account_id)) and (symbol_id == 0 or self.listed(symbol_id))
                refuse_if(not known, ErrorCode.UNKNOWN_REFERENCE)
                is_bounded = (maker_ppm, taker_ppm) == (0, 0) if change.is_unset else are_fees(maker_ppm, taker_ppm)
                is_bounded = is_bounded and (account_id != 0 or (symbol_id != 0 and not change.is_unset))
                refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)

    def check_parameter(self, change: c.SetParameter) -> None:
        rule, subject_id = RULES[change.parameter], change.subject_id
        is_own = subject_id != 0
        known = not is_own or rule.subject is Subject.NONE or self.is_subject(rule.subject, subject_id)
        refuse_if(not known, ErrorCode.UNKNOWN_REFERENCE)
        is_listed = change.parameter is Parameter.BAND_PPM
        is_bounded = rule.minimum <= change.value <= rule.maximum
        is_bounded = is_bounded or (change.value == UNSET and is_own and not is_listed)
        is_bounded = is_bounded and not (is_own and rule.subject is Subject.NONE) and (is_own or not is_listed)
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)

    def is_subject(self, subject: Subject, subject_id: int) -> bool:
        """Tell whether there is such an account, firm, symbol or session."""
        match subject:
            case Subject.ACCOUNT:
                return self.is_member(subject_id)
            case Subject.SYMBOL:
                return self.listed(subject_id) is not None
            case Subject.FIRM:
                return subject_id in self.firms
            case _:
                return subject_id in self.sessions

    def is_member(self, account_id: int) -> bool:
        account: Account | None = self.accounts.get(account_id)
        return account is not None and account.kind.is_member


def are_fees(maker_ppm: int, taker_ppm: int) -> bool:
    """Tell whether fees are within bounds, and no maker is paid more than a taker pays."""
    return max(abs(maker_ppm), taker_ppm) <= limits.FEE_PPM_MAX and taker_ppm >= 0 and maker_ppm + taker_ppm >= 0


def are_sound(brackets: tuple[MarginBracket, ...]) -> bool:
    """Tell whether brackets follow one another, and leave a margin between entry and maintenance."""
    *bounded, last = brackets
    pairs = list(pairwise(brackets))
    return (
        last.notional_max == 0
        and all(1 <= row.notional_max <= limits.BRACKET_UNITS_MAX for row in bounded)
        and all(one.notional_max < other.notional_max for one, other in pairwise(bounded))
        and all(one.leverage_max >= other.leverage_max for one, other in pairs)
        and all(one.maintenance_ppm <= other.maintenance_ppm for one, other in pairs)
        and all(1 <= row.leverage_max <= limits.LEVERAGE_MAX for row in brackets)
        and all(row.maintenance_ppm >= 1 and row.maintenance_ppm * row.leverage_max <= MILLION for row in brackets)
    )
