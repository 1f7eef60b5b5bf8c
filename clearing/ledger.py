"""The ledger: what every record of the log means to the books. Pure: no clock, no I/O.

It holds what events do not repeat (scales of assets, terms of instruments and open orders) and nothing else.
Each event is recalculated before it is booked; where the engine says otherwise, nothing is booked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from clearing.entries import CUSTODY, DEPOSIT, TRADE, Entry, LedgerTransaction, Movement, Order, Posting, Trade
from clearing.errors import Disagreement
from clearing.pricing import Pricing
from clearing.rows import Scales
from engine.api.commands import Deposit, ListInstrument, NewOrder, OpenAccount, RegisterAsset, RegisterFirm
from engine.api.enums import OrderState, OrdType, Side
from engine.api.events import (
    AccountOpened,
    AssetRegistered,
    Deposited,
    Event,
    FirmRegistered,
    InstrumentListed,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    Traded,
)
from engine.api.instrument import Instrument
from engine.api.wire import Record


class Books(msgspec.Struct, frozen=True):
    """What a ledger must know to go on: read back from PostgreSQL at start."""

    decimals: Mapping[int, int]
    instruments: Iterable[Instrument]
    open_orders: Iterable[Order]


class Ledger:
    """Turn records into entries, in the order of the log.

    Invariant: after a fault the ledger is not to be used again; a new one is made from the books.
    """

    def __init__(self, books: Books) -> None:
        self.decimals: dict[int, int] = dict(books.decimals)
        self.instruments: dict[int, Instrument] = {}
        self.pricing: dict[int, Pricing] = {}
        self.orders: dict[int, Order] = {order.order_id: order for order in books.open_orders}
        for instrument in books.instruments:
            self._list(0, instrument)

    @property
    def scales(self) -> Scales:
        """What the rows of entries are written with."""
        return Scales(self.decimals, self.instruments)

    def post(self, record: Record) -> Entry:
        """Work out what a record means to the books.

        Raises: Disagreement, naming the seq, when an event differs from clearing's own calculation.
        """
        entry = Entry(record.seq, record.ts_ns)
        for index, event in enumerate(record.events):
            book = _BOOKED.get(type(event))
            if book is not None:
                book(self, record, index, event, entry)
        return entry

    # --- registrations and deposits

    def _registered(self, record: Record, index: int, event: Event, entry: Entry) -> None:
        command = record.command
        assert isinstance(command, RegisterAsset | RegisterFirm | OpenAccount | ListInstrument)
        if isinstance(command, RegisterAsset):
            self.decimals[command.asset_id] = command.decimals
        elif isinstance(command, ListInstrument):
            self._list(record.seq, command.instrument)
        entry.registrations.append(command)

    def _list(self, seq: int, instrument: Instrument) -> None:
        try:
            base, quote = self.decimals[instrument.base_asset_id], self.decimals[instrument.quote_asset_id]
            self.pricing[instrument.symbol_id] = Pricing.of(instrument, base, quote)
        except (KeyError, ValueError) as error:
            raise Disagreement(seq, f"instrument {instrument.symbol}", "listed", error) from error
        self.instruments[instrument.symbol_id] = instrument

    def _deposited(self, record: Record, index: int, event: Event, entry: Entry) -> None:
        d = record.command
        assert isinstance(d, Deposit)
        seq, account, asset, amount = record.seq, d.account_id, d.asset_id, d.amount
        _agree(seq, "deposit_positive", True, amount > 0)
        _agree(seq, "deposit_into_custody", False, account == CUSTODY)
        entry.transactions.append(LedgerTransaction(seq, index, record.ts_ns + index, DEPOSIT, d.deposit_ref))
        entry.postings += (Posting(seq, index, account, asset, amount), Posting(seq, index, CUSTODY, asset, -amount))
        entry.movements += (Movement(account, asset, amount, 0), Movement(CUSTODY, asset, -amount, 0))

    # --- orders

    def _accepted(self, record: Record, index: int, event: Event, entry: Entry) -> None:
        terms = record.command
        assert isinstance(terms, NewOrder) and isinstance(event, OrderAccepted)
        seq, ts_ns, reserved = record.seq, record.ts_ns + index, event.reserved
        pricing = self._priced(seq, terms.symbol_id)
        _agree(seq, "order_id", event.order_id, seq)
        if terms.side is Side.SELL:
            asset = pricing.base_asset_id
            _agree(seq, "reserved", reserved, pricing.base_amount(terms.order_qty))
        else:
            asset = pricing.quote_asset_id
            if terms.ord_type is OrdType.LIMIT:
                requirement = pricing.buy_requirement(terms.price, terms.order_qty)
                _agree(seq, f"reserved {reserved} covers {requirement}", True, reserved >= requirement)
        order = Order(
            seq,
            terms,
            record.source,
            ts_ns,
            asset,
            terms.order_qty,
            0,
            reserved,
            OrderState.PENDING,
            None,
            0,
            ts_ns,
            seq,
        )
        self.orders[seq] = order
        entry.orders.append(order)
        entry.movements.append(Movement(terms.account_id, asset, -reserved, reserved))

    def _closed(self, record: Record, index: int, event: Event, entry: Entry) -> None:
        assert isinstance(event, OrderCanceled | OrderExpired)
        seq, released = record.seq, event.released
        order = self._open(seq, event.order_id)
        _agree(seq, "leaves", event.leaves, order.leaves)
        _agree(seq, "released", released, order.locked)
        state = OrderState.CANCELED if isinstance(event, OrderCanceled) else OrderState.EXPIRED
        del self.orders[order.order_id]
        entry.orders.append(order.closed(seq, record.ts_ns + index, state, released, event.code))
        entry.movements.append(Movement(order.terms.account_id, order.locked_asset_id, released, -released))

    def _open(self, seq: int, order_id: int) -> Order:
        order = self.orders.get(order_id)
        if order is None:
            raise Disagreement(seq, f"order {order_id}", "open", "not open")
        return order

    def _priced(self, seq: int, symbol_id: int) -> Pricing:
        pricing = self.pricing.get(symbol_id)
        if pricing is None:
            raise Disagreement(seq, f"instrument {symbol_id}", "listed", "unknown")
        return pricing

    # --- trades

    def _traded(self, record: Record, index: int, event: Event, entry: Entry) -> None:
        assert isinstance(event, Traded)
        seq, ts_ns = record.seq, record.ts_ns + index
        taker, maker = self._open(seq, event.taker_order_id), self._open(seq, event.maker_order_id)
        _check_match(seq, event, taker, maker)
        pricing = self._priced(seq, event.symbol_id)
        notional, base = pricing.notional(event.last_px, event.last_qty), pricing.base_amount(event.last_qty)
        _agree(seq, "taker_fee", event.taker_fee, pricing.fee_toward_positive_infinity(notional, pricing.taker_ppm))
        _agree(seq, "maker_fee", event.maker_fee, pricing.fee_toward_positive_infinity(notional, pricing.maker_ppm))
        buying = event.taker_side is Side.BUY
        released = event.buyer_released
        self._fill(entry, taker, seq, ts_ns, event.last_qty, event.taker_leaves, released if buying else base)
        self._fill(entry, maker, seq, ts_ns, event.last_qty, event.maker_leaves, base if buying else released)
        entry.trades.append(_trade(seq, index, ts_ns, event))
        entry.transactions.append(LedgerTransaction(seq, index, ts_ns, TRADE))
        _exchange(entry, seq, index, event, pricing, notional, base)

    def _fill(
        self, entry: Entry, order: Order, seq: int, ts_ns: int, last_qty: int, leaves: int, released: int
    ) -> None:
        after = order.filled(seq, ts_ns, last_qty, leaves, released)
        if leaves:
            _agree(seq, f"locked of order {order.order_id} not negative", True, after.locked >= 0)
            self.orders[order.order_id] = after
        else:
            _agree(seq, f"locked of filled order {order.order_id}", 0, after.locked)
            del self.orders[order.order_id]
        entry.orders.append(after)


def _agree(seq: int, what: str, engine: object, clearing: object) -> None:
    if engine != clearing:
        raise Disagreement(seq, what, engine, clearing)


def _check_match(seq: int, t: Traded, taker: Order, maker: Order) -> None:
    """Check a match against both orders. Source: SET-02 validation, TRD-02, TRD-03, TRD-21."""
    ours, theirs = taker.terms, maker.terms
    _agree(seq, "taker_side", t.taker_side, ours.side)
    _agree(seq, "maker side opposite", False, theirs.side == ours.side)
    _agree(seq, "symbol_id", (t.symbol_id, t.symbol_id), (ours.symbol_id, theirs.symbol_id))
    _agree(seq, "account ids", (t.taker_account_id, t.maker_account_id), (ours.account_id, theirs.account_id))
    _agree(seq, "self-trade", False, ours.account_id == theirs.account_id)
    _agree(seq, "last_px", t.last_px, theirs.price)
    _agree(seq, "last_qty positive", True, t.last_qty > 0)
    leaves = (taker.leaves - t.last_qty, maker.leaves - t.last_qty)
    _agree(seq, "leaves", (t.taker_leaves, t.maker_leaves), leaves)
    _agree(seq, "leaves not negative", True, min(leaves) >= 0)
    if ours.ord_type is OrdType.LIMIT:
        crossed = ours.price >= t.last_px if ours.side is Side.BUY else ours.price <= t.last_px
        _agree(seq, "prices cross", True, crossed)


def _trade(seq: int, index: int, ts_ns: int, t: Traded) -> Trade:
    return Trade(
        seq,
        index,
        ts_ns,
        t.symbol_id,
        t.maker_order_id,
        t.taker_order_id,
        t.maker_account_id,
        t.taker_account_id,
        t.taker_side,
        t.last_px,
        t.last_qty,
        t.maker_fee,
        t.taker_fee,
    )


def _exchange(entry: Entry, seq: int, index: int, t: Traded, pricing: Pricing, notional: int, base: int) -> None:
    """Book both sides of a trade and the fees, all or nothing. Source: TRD-07, SET-02, ACC-21."""
    if t.taker_side is Side.BUY:
        buyer, seller, buyer_fee, seller_fee = t.taker_account_id, t.maker_account_id, t.taker_fee, t.maker_fee
    else:
        buyer, seller, buyer_fee, seller_fee = t.maker_account_id, t.taker_account_id, t.maker_fee, t.taker_fee
    base_asset, quote_asset, fee_account = pricing.base_asset_id, pricing.quote_asset_id, pricing.fee_account_id
    cost, proceeds, fees = notional + buyer_fee, notional - seller_fee, buyer_fee + seller_fee
    _agree(seq, f"buyer_released {t.buyer_released} covers {cost}", True, t.buyer_released >= cost)
    entry.postings += (
        Posting(seq, index, buyer, base_asset, base),
        Posting(seq, index, seller, base_asset, -base),
        Posting(seq, index, buyer, quote_asset, -cost),
        Posting(seq, index, seller, quote_asset, proceeds),
    )
    entry.movements += (
        Movement(buyer, base_asset, base, 0),
        Movement(seller, base_asset, 0, -base),
        Movement(buyer, quote_asset, t.buyer_released - cost, -t.buyer_released),
        Movement(seller, quote_asset, proceeds, 0),
    )
    if fees:
        entry.postings.append(Posting(seq, index, fee_account, quote_asset, fees))
        entry.movements.append(Movement(fee_account, quote_asset, fees, 0))


_BOOKED: dict[type, Callable[[Ledger, Record, int, Event, Entry], None]] = {
    AssetRegistered: Ledger._registered,
    FirmRegistered: Ledger._registered,
    AccountOpened: Ledger._registered,
    InstrumentListed: Ledger._registered,
    Deposited: Ledger._deposited,
    OrderAccepted: Ledger._accepted,
    OrderCanceled: Ledger._closed,
    OrderExpired: Ledger._closed,
    Traded: Ledger._traded,
}
