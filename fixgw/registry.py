"""What reports and conversions look up of the log's registrations, indexed the way members name things."""

from __future__ import annotations

import msgspec

from engine.api import registry as log
from engine.api.commands import ChangeInstrument, Command, ListInstrument, OpenAccount
from engine.api.instrument import Instrument


class Market(msgspec.Struct, frozen=True):
    """An instrument with what its reports need of its quote asset."""

    instrument: Instrument
    quote: str
    quote_decimals: int
    tick_lot_minor: int


class Registry(log.Registry):
    """The registrations, with markets by number and symbol, and accounts by firm and name."""

    def __init__(self) -> None:
        self.account_ids: dict[tuple[int, str], int] = {}
        self.markets: dict[int, Market] = {}
        self.symbols: dict[str, Market] = {}
        super().__init__()

    def firm_of(self, session_id: int) -> int:
        """Return the firm a session belongs to, 0 for operations and unknown sessions."""
        session = self.sessions.get(session_id)
        return session.firm_id if session else 0

    def _register(self, command: Command) -> None:
        super()._register(command)
        if isinstance(command, OpenAccount):
            self.account_ids[command.firm_id, command.name] = command.account_id
        elif isinstance(command, ListInstrument | ChangeInstrument):
            self._list(command.instrument)

    def _list(self, instrument: Instrument) -> None:
        quote = self.assets[instrument.quote_asset_id]
        market = Market(instrument, quote.name, quote.decimals, instrument.tick_lot_minor(quote.decimals))
        self.markets[instrument.symbol_id] = market
        self.symbols[instrument.symbol] = market
