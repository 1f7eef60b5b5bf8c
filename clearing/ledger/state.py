"""What a ledger knows: scales of assets, terms of instruments, open orders, positions and loans. Nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from clearing.errors import Disagreement
from clearing.ledger.entries import FeeRule, Loan, Order, Position
from clearing.ledger.fee_rules import FeeRules
from clearing.ledger.pricing import Pricing
from clearing.ledger.scales import Scales
from engine.api.ids import AccountId, AssetId, OrderId, Seq, SymbolId
from engine.api.instrument import Instrument


class Books(msgspec.Struct, frozen=True):
    """What a ledger must know to go on: read back from PostgreSQL at start. ``lenders`` are by asset."""

    decimals: Mapping[AssetId, int]
    instruments: Iterable[Instrument]
    open_orders: Iterable[Order]
    positions: Iterable[Position] = ()
    loans: Iterable[Loan] = ()
    lenders: Mapping[AssetId, AccountId] = {}
    fee_rules: Iterable[FeeRule] = ()


class LedgerState:
    """The state every part of the ledger works on."""

    def __init__(self, books: Books) -> None:
        self.scales = Scales(dict(books.decimals), {})
        self.pricing: dict[SymbolId, Pricing] = {}
        self.orders: dict[OrderId, Order] = {order.order_id: order for order in books.open_orders}
        self.positions = {(p.account_id, p.symbol_id): p for p in books.positions}
        self.loans = {(loan.account_id, loan.asset_id): loan.amount for loan in books.loans}
        self.lenders: dict[AssetId, AccountId] = dict(books.lenders)
        self.fee_rules = FeeRules(books.fee_rules, books.instruments)
        for instrument in books.instruments:
            self.list_instrument(Seq(0), instrument)

    def list_instrument(self, seq: Seq, instrument: Instrument) -> None:
        """Take over a listing. One that changes gets new scales: rows before it are written with the old ones."""
        decimals, symbol_id = self.scales.decimals, instrument.symbol_id
        try:
            base, quote = decimals[instrument.base_asset_id], decimals[instrument.quote_asset_id]
            self.pricing[symbol_id] = Pricing.of(instrument, base, quote)
        except (KeyError, ValueError) as error:
            raise Disagreement(seq, f"instrument {instrument.symbol}", "listed", error) from error
        instruments = {**self.scales.instruments, symbol_id: instrument}
        if symbol_id in self.scales.instruments:
            self.scales = Scales(decimals, instruments)
        else:
            self.scales.instruments[symbol_id] = instrument

    def open_order(self, seq: Seq, order_id: OrderId) -> Order:
        """Find an open order. Raises: Disagreement."""
        order = self.orders.get(order_id)
        if order is None:
            raise Disagreement(seq, f"order {order_id}", "open", "not open")
        return order

    def priced(self, seq: Seq, symbol_id: SymbolId) -> Pricing:
        """Find the constants of an instrument. Raises: Disagreement."""
        pricing = self.pricing.get(symbol_id)
        if pricing is None:
            raise Disagreement(seq, f"instrument {symbol_id}", "listed", "unknown")
        return pricing


def agree(seq: Seq, what: str, engine: object, clearing: object) -> None:
    """Compare what the engine says with clearing's own calculation. Raises: Disagreement."""
    if engine != clearing:
        raise Disagreement(seq, what, engine, clearing)
