"""What the log has registered: assets, accounts, sessions, instruments. A fold; nothing here is configured."""

from __future__ import annotations

import msgspec

from engine.api.commands import ListInstrument, OpenAccount, RegisterAsset, RegisterSession
from engine.api.events import AccountOpened, AssetRegistered, InstrumentListed, SessionRegistered
from engine.api.instrument import Instrument
from engine.api.wire import Record


class Asset(msgspec.Struct, frozen=True):
    """An asset and the scale of its books."""

    name: str
    decimals: int


class Market(msgspec.Struct, frozen=True):
    """An instrument with what its reports need of its quote asset."""

    instrument: Instrument
    quote: str
    quote_decimals: int
    tick_lot_minor: int


class Registered(msgspec.Struct, frozen=True):
    """A CompID, its number and its firm."""

    session_id: int
    comp_id: str
    firm_id: int


class Registry:
    """Fold of the registrations. One thread applies; others read single entries."""

    def __init__(self) -> None:
        self.assets: dict[int, Asset] = {}
        self.accounts: dict[int, str] = {}
        self.account_ids: dict[tuple[int, str], int] = {}
        self.sessions: dict[int, Registered] = {}
        self.markets: dict[int, Market] = {}
        self.symbols: dict[str, Market] = {}

    def apply(self, record: Record) -> None:
        """Take over what a record of operations registered."""
        for event in record.events:
            match event, record.command:
                case AssetRegistered(), RegisterAsset() as command:
                    self.assets[command.asset_id] = Asset(command.name, command.decimals)
                case AccountOpened(), OpenAccount() as command:
                    self.accounts[command.account_id] = command.name
                    self.account_ids[command.firm_id, command.name] = command.account_id
                case SessionRegistered(), RegisterSession() as command:
                    entry = Registered(command.session_id, command.comp_id, command.firm_id)
                    self.sessions[command.session_id] = entry
                case InstrumentListed(), ListInstrument() as command:
                    self._list(command.instrument)

    def _list(self, instrument: Instrument) -> None:
        quote = self.assets[instrument.quote_asset_id]
        market = Market(instrument, quote.name, quote.decimals, instrument.tick_lot_minor(quote.decimals))
        self.markets[instrument.symbol_id] = market
        self.symbols[instrument.symbol] = market

    def firm_of(self, session_id: int) -> int:
        """Return the firm a session belongs to, 0 for operations and unknown sessions."""
        entry = self.sessions.get(session_id)
        return entry.firm_id if entry else 0
