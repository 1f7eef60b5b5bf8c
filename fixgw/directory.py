"""What the log has registered, looked up the way members name things."""

from __future__ import annotations

from itertools import islice

import msgspec

from engine.api.ids import THE_EXCHANGE, AccountId, FirmId, OrderId, SessionId, SymbolId
from engine.api.instrument import Instrument
from engine.api.registry import Registry


class Market(msgspec.Struct, frozen=True):
    """An instrument with what its reports need of its quote asset."""

    instrument: Instrument
    quote: str
    quote_decimals: int
    tick_lot_minor: int


class Directory:
    """Markets by number and symbol, accounts by firm and name, sessions by number. The desk's thread turns its pages.

    Others may read single entries meanwhile.
    """

    def __init__(self) -> None:
        self._registry = Registry()
        self.account_ids: dict[tuple[FirmId, str], AccountId] = {}
        self.markets: dict[SymbolId, Market] = {}
        self.symbols: dict[str, Market] = {}

    def open(self, registry: Registry) -> None:
        """Look things up in the registrations of a standing from now on."""
        self._registry = registry
        self.update()

    def update(self) -> None:
        """Take in what was registered or changed. Cost: of what is new, and of all instruments."""
        registry = self._registry
        for account in islice(registry.accounts.values(), len(self.account_ids), None):
            self.account_ids[account.firm_id, account.name] = account.account_id
        for symbol_id, instrument in registry.instruments.items():
            market = self.markets.get(symbol_id)
            if market is None or market.instrument is not instrument:
                self.markets[symbol_id] = self.symbols[instrument.symbol] = self._market(instrument)

    def market_of(self, symbol_id: SymbolId, order_id: OrderId) -> Market:
        """Return the listing an order was entered under: its ticks and lots are counted in that."""
        if symbol_id in self._registry.former:
            return self._market(self._registry.listing_of(symbol_id, order_id))
        return self.markets[symbol_id]

    def _market(self, instrument: Instrument) -> Market:
        quote = self._registry.assets[instrument.quote_asset_id]
        return Market(instrument, quote.name, quote.decimals, instrument.tick_lot_minor(quote.decimals))

    def account(self, account_id: AccountId) -> str:
        """Name an account, empty when there is none."""
        account = self._registry.accounts.get(account_id)
        return account.name if account else ""

    def comp_id(self, session_id: SessionId) -> str:
        """Name a session that was registered."""
        return self._registry.sessions[session_id].comp_id

    def firm_of(self, session_id: SessionId) -> FirmId:
        """Return the firm a session belongs to, the exchange for operations and unknown sessions."""
        session = self._registry.sessions.get(session_id)
        return session.firm_id if session else THE_EXCHANGE
