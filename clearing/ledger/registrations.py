"""The ledger of registrations: which assets, firms, accounts and instruments there are."""

from __future__ import annotations

from clearing.ledger.entries import Entry
from clearing.ledger.state import LedgerState
from engine.api.commands import (
    ChangeInstrument,
    ListInstrument,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    SetCollateral,
)
from engine.api.wire import Record


class Registrations:
    """Take over what operations register."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    def registered(self, record: Record, entry: Entry) -> None:
        """Take over a registration."""
        command = record.command
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
