"""What each account pays: clearing's own table of fee rates, kept from the commands that set them."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from clearing.ledger.entries import FeeRule
from engine.api.ids import ABSENT, AccountId, SymbolId
from engine.api.instrument import Instrument
from engine.api.units import TimestampNs


class FeeRules:
    """Rates by account and symbol. Rules whose time is to come wait; they hold by time, then as the log has them."""

    def __init__(self, rules: Iterable[FeeRule], listed: Iterable[Instrument]) -> None:
        self._waiting = sorted(rules, key=_when)
        self._rates: dict[tuple[int, int], tuple[int, int]] = {
            (ABSENT, i.symbol_id): (i.maker_ppm, i.taker_ppm) for i in listed
        }

    def add(self, rule: FeeRule) -> None:
        """Let a rule hold from its time on."""
        insort(self._waiting, rule, key=_when)

    def settle(self, ts_ns: TimestampNs) -> None:
        """Let the rules hold whose time has come."""
        while self._waiting and self._waiting[0].effective_ns <= ts_ns:
            rule = self._waiting.pop(0)
            self._rates.pop((rule.account_id, rule.symbol_id), None)
            if not rule.is_unset:
                self._rates[rule.account_id, rule.symbol_id] = rule.maker_ppm, rule.taker_ppm

    def rates(self, account_id: AccountId, symbol_id: SymbolId) -> tuple[int, int]:
        """What an account pays as maker and as taker, in ppm: its own in the symbol, else in all, else as listed."""
        own = self._rates.get((account_id, symbol_id)) or self._rates.get((account_id, ABSENT))
        return own or self._rates[ABSENT, symbol_id]


def _when(rule: FeeRule) -> tuple[TimestampNs, int]:
    return rule.effective_ns, rule.seq
