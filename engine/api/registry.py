"""What the log has registered: assets, firms, accounts, sessions and instruments. A fold; nothing is configured."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.api.commands import (
    OPERATIONS,
    ChangeInstrument,
    Command,
    ListInstrument,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    RegisterSession,
    SetFeeRates,
    SetParameter,
)
from engine.api.events import CommandRefused, ParameterSet, ParameterTookEffect
from engine.api.ids import AccountId, AssetId, FirmId, OrderId, Seq, SessionId, SymbolId
from engine.api.instrument import Instrument
from engine.api.parameters import Parameter
from engine.api.units import format_minor
from engine.api.wire import Record


class Registry:
    """What has been registered so far. Feed it records in order; unknown numbers name themselves.

    One thread applies; others may read single entries.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.assets: dict[AssetId, RegisterAsset] = {}
        self.firms: dict[FirmId, RegisterFirm] = {}
        self.accounts: dict[AccountId, OpenAccount] = {}
        self.sessions: dict[SessionId, RegisterSession] = {}
        self.instruments: dict[SymbolId, Instrument] = {}
        self.former: dict[SymbolId, list[tuple[Seq, Instrument]]] = {}
        """Listings whose tick or lot was changed, each with the last record it was in force for."""
        self._to_come: dict[int, Command] = {}
        """Changes of listings whose time is to come, by the version of their rule."""
        for record in records:
            self.apply(record)

    def apply(self, record: Record) -> None:
        """Take over what a record registered."""
        if self._to_come:
            for event in record.events:
                if isinstance(event, ParameterTookEffect):
                    self._relist(self._to_come.pop(event.version, None))
        if record.source == OPERATIONS and not any(isinstance(event, CommandRefused) for event in record.events):
            self._register(record.seq, record.command)
            if isinstance(record.command, SetParameter | SetFeeRates):
                self._take_rule(record)

    def _take_rule(self, record: Record) -> None:
        """Let a rule change a listing, at once or when its time comes; most rules change none."""
        for event in record.events:
            if isinstance(event, ParameterSet) and event.effective_ns <= record.ts_ns:
                self._relist(record.command)
            elif isinstance(event, ParameterSet):
                self._to_come[event.version] = record.command

    def _relist(self, command: Command | None) -> None:
        match command:
            case SetParameter(Parameter.BAND_PPM, symbol_id, band_ppm):
                self._change(SymbolId(symbol_id), band_ppm=band_ppm)
            case SetFeeRates(0, symbol_id, maker_ppm, taker_ppm):
                self._change(symbol_id, maker_ppm=maker_ppm, taker_ppm=taker_ppm)

    def _change(self, symbol_id: SymbolId, **terms: int) -> None:
        self.instruments[symbol_id] = msgspec.structs.replace(self.instruments[symbol_id], **terms)

    def _register(self, seq: Seq, command: Command) -> None:
        match command:
            case RegisterAsset():
                self.assets[command.asset_id] = command
            case RegisterFirm():
                self.firms[command.firm_id] = command
            case OpenAccount():
                self.accounts[command.account_id] = command
            case RegisterSession():
                self.sessions[command.session_id] = command
            case ListInstrument() | ChangeInstrument():
                self._list(seq, command.instrument)

    def _list(self, seq: Seq, instrument: Instrument) -> None:
        before = self.instruments.get(instrument.symbol_id)
        if before is not None and (before.tick, before.lot) != (instrument.tick, instrument.lot):
            self.former.setdefault(instrument.symbol_id, []).append((seq, before))
        self.instruments[instrument.symbol_id] = instrument

    def listing_of(self, symbol_id: SymbolId, order_id: OrderId) -> Instrument:
        """Return the listing an order was entered under: its ticks and lots are counted in that."""
        for until_seq, instrument in self.former.get(symbol_id, ()):
            if order_id <= until_seq:
                return instrument
        return self.instruments[symbol_id]

    def asset(self, asset_id: AssetId) -> str:
        """Name an asset."""
        return self.assets[asset_id].name if asset_id in self.assets else f"asset {asset_id}"

    def account(self, account_id: AccountId) -> str:
        """Name an account."""
        return self.accounts[account_id].name if account_id in self.accounts else f"account {account_id}"

    def source(self, source: SessionId) -> str:
        """Name who sent a command: a CompID, or operations."""
        if source == 0:
            return "operations"
        return self.sessions[source].comp_id if source in self.sessions else f"session {source}"

    def amount(self, minor: int, asset_id: AssetId) -> str:
        """Write an amount with the name of its asset."""
        if asset_id not in self.assets:
            return f"{minor} minor units of asset {asset_id}"
        return f"{format_minor(minor, self.assets[asset_id].decimals)} {self.assets[asset_id].name}"

    def firm_accounts(self, name: str) -> list[OpenAccount]:
        """List the accounts of the firm called ``name``, or the one account of that name; empty when unknown."""
        firm_ids = {firm.firm_id for firm in self.firms.values() if firm.name == name}
        mine = [a for a in self.accounts.values() if a.firm_id in firm_ids and a.firm_id]
        return mine or [a for a in self.accounts.values() if a.name == name]
