"""The ledger of trades: spot trades exchange base against quote; trades in a perpetual change two positions."""

from __future__ import annotations

from clearing.ledger.entries import TRADE, Entry, LedgerTransaction, Movement, Order, Posting, Trade
from clearing.ledger.orders import Orders
from clearing.ledger.positions import Fill, Positions
from clearing.ledger.pricing import Pricing
from clearing.ledger.state import LedgerState, agree
from engine.api.enums import OrdType, Side
from engine.api.events import Traded
from engine.api.ids import Seq
from engine.api.units import Ticks, TimestampNs
from engine.api.wire import Record


class Matches:
    """Settlement of matches, all or nothing. Source: TRD-07, SET-02, ACC-21, DRV-11."""

    def __init__(self, state: LedgerState, orders: Orders, positions: Positions) -> None:
        self._state = state
        self._orders = orders
        self._positions = positions

    def traded(self, record: Record, index: int, event: Traded, entry: Entry) -> None:
        """Settle a match."""
        seq, ts_ns = record.seq, record.time_of(index)
        taker = self._state.open_order(seq, event.taker_order_id)
        maker = self._state.open_order(seq, event.maker_order_id)
        _check_match(seq, event, taker, maker)
        pricing = self._state.priced(seq, event.symbol_id)
        notional = pricing.notional(event.last_px, event.last_qty)
        taker_fee = pricing.fee_toward_positive_infinity(notional, taker.taker_ppm)
        maker_fee = pricing.fee_toward_positive_infinity(notional, maker.maker_ppm)
        agree(seq, "taker_fee", event.taker_fee, taker_fee)
        # A rebate is at most what the other side pays.
        agree(seq, "maker_fee", event.maker_fee, max(maker_fee, -taker_fee))
        entry.trades.append(_trade(seq, index, ts_ns, event, pricing))
        entry.transactions.append(LedgerTransaction(seq, index, ts_ns, TRADE))
        self._orders.filled(taker, seq, ts_ns, event.last_qty, event.taker_leaves, entry)
        self._orders.filled(maker, seq, ts_ns, event.last_qty, event.maker_leaves, entry)
        if pricing.is_perpetual:
            agree(seq, "buyer_released", event.buyer_released, 0)
            self._positions.await_fills(_fills(event, maker, taker))
            _charge(entry, seq, index, event, pricing)
        else:
            buyer = taker if event.taker_side is Side.BUY else maker
            agree(seq, "buyer_released", event.buyer_released, event.last_qty * buyer.per_lot)
            _exchange(entry, seq, index, event, pricing, notional, pricing.base_amount(event.last_qty))


def _check_match(seq: Seq, t: Traded, taker: Order, maker: Order) -> None:
    """Check a match against both orders. Source: SET-02 validation, TRD-02, TRD-03, TRD-21."""
    ours, theirs = taker.terms, maker.terms
    agree(seq, "taker_side", t.taker_side, ours.side)
    agree(seq, "maker side opposite", False, theirs.side == ours.side)
    agree(seq, "symbol_id", (t.symbol_id, t.symbol_id), (ours.symbol_id, theirs.symbol_id))
    agree(seq, "account ids", (t.taker_account_id, t.maker_account_id), (ours.account_id, theirs.account_id))
    agree(seq, "self-trade", False, ours.account_id == theirs.account_id)
    agree(seq, "last_qty positive", True, t.last_qty > 0)
    leaves = (taker.leaves - t.last_qty, maker.leaves - t.last_qty)
    agree(seq, "leaves", (t.taker_leaves, t.maker_leaves), leaves)
    agree(seq, "leaves not negative", True, min(leaves) >= 0)
    if t.is_auction:
        agree(seq, "last_px within the maker's limit", True, _is_within(maker, t.last_px))
    else:
        agree(seq, "last_px", t.last_px, maker.work_price)
    agree(seq, "prices cross", True, _is_within(taker, t.last_px))


def _is_within(order: Order, last_px: Ticks) -> bool:
    """Tell whether a price is as good as an order's own; a market order has none."""
    if not order.work_price:
        return order.terms.ord_type is OrdType.MARKET
    return order.work_price >= last_px if order.terms.side is Side.BUY else order.work_price <= last_px


def _trade(seq: Seq, index: int, ts_ns: TimestampNs, t: Traded, pricing: Pricing) -> Trade:
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
        pricing.fee_account_id,
    )


def _exchange(entry: Entry, seq: Seq, index: int, t: Traded, pricing: Pricing, notional: int, base: int) -> None:
    """Book both sides of a spot trade and the fees."""
    if t.taker_side is Side.BUY:
        buyer, seller, buyer_fee, seller_fee = t.taker_account_id, t.maker_account_id, t.taker_fee, t.maker_fee
    else:
        buyer, seller, buyer_fee, seller_fee = t.maker_account_id, t.taker_account_id, t.maker_fee, t.taker_fee
    base_asset, quote_asset = pricing.base_asset_id, pricing.quote_asset_id
    cost, proceeds = notional + buyer_fee, notional - seller_fee
    agree(seq, f"buyer_released {t.buyer_released} covers {cost}", True, t.buyer_released >= cost)
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
    _collect(entry, seq, index, t, pricing)


def _charge(entry: Entry, seq: Seq, index: int, t: Traded, pricing: Pricing) -> None:
    """Book the fees of a trade in a perpetual: no more changes hands."""
    for account, fee in ((t.maker_account_id, t.maker_fee), (t.taker_account_id, t.taker_fee)):
        if fee:
            entry.postings.append(Posting(seq, index, account, pricing.quote_asset_id, -fee))
            entry.movements.append(Movement(account, pricing.quote_asset_id, -fee, 0))
    _collect(entry, seq, index, t, pricing)


def _collect(entry: Entry, seq: Seq, index: int, t: Traded, pricing: Pricing) -> None:
    fees = t.maker_fee + t.taker_fee
    if fees:
        entry.postings.append(Posting(seq, index, pricing.fee_account_id, pricing.quote_asset_id, fees))
        entry.movements.append(Movement(pricing.fee_account_id, pricing.quote_asset_id, fees, 0))


def _fills(t: Traded, maker: Order, taker: Order) -> tuple[Fill, Fill]:
    """The two sides of a trade in a perpetual, the maker's first."""

    def side(order: Order, fee: int) -> Fill:
        terms = order.terms
        released = t.last_qty * order.per_lot
        return Fill(terms.account_id, terms.symbol_id, terms.side, t.last_px, t.last_qty, fee, released)

    return side(maker, t.maker_fee), side(taker, t.taker_fee)
