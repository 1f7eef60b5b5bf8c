"""The ledger of registrations: which assets, firms, accounts and instruments there are."""

from __future__ import annotations

from clearing.ledger.entries import Entry, FeeRule
from clearing.ledger.state import LedgerState
from engine.api.commands import (
    ChangeInstrument,
    ListInstrument,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    SetCollateral,
    SetFeeRates,
)
from engine.api.events import ParameterSet
from engine.api.ids import ABSENT, AccountId
from engine.api.wire import Record

THE_LISTING = AccountId(ABSENT)
"""In place of an account: what everybody pays who has no rates of his own."""


class Registrations:
    """Take over what operations register."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    def registered(self, record: Record, entry: Entry) -> None:
        """Take over a registration."""
        command = record.command
        if isinstance(command, ListInstrument | ChangeInstrument):
            i = command.instrument
            self._rule(
                FeeRule(record.seq, THE_LISTING, i.symbol_id, i.maker_ppm, i.taker_ppm, False, record.ts_ns),
                record,
                entry,
            )
        assert isinstance(
            command, RegisterAsset | RegisterFirm | OpenAccount | ListInstrument | ChangeInstrument | SetCollateral
        )
        match command:
            case RegisterAsset():
                self._state.scales.decimals[command.asset_id] = command.decimals
            case ListInstrument() | ChangeInstrument():
                self._state.list_instrument(record.seq, command.instrument)
            case SetCollateral():
                self._state.lenders[command.asset_id] = command.lending_account_id
        entry.registrations.append(command)

    def set_rule(self, record: Record, event: ParameterSet, entry: Entry) -> None:
        """Take over fee rates that were set; other rules move nothing."""
        r = record.command
        if isinstance(r, SetFeeRates):
            terms = (r.account_id, r.symbol_id, r.maker_ppm, r.taker_ppm, r.is_unset)
            self._rule(FeeRule(record.seq, *terms, event.effective_ns), record, entry)

    def _rule(self, rule: FeeRule, record: Record, entry: Entry) -> None:
        self._state.fee_rules.add(rule)
        self._state.fee_rules.settle(record.ts_ns)
        entry.registrations.append(rule)
