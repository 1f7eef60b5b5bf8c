"""The ledger of trades: spot trades exchange base against quote; trades in a perpetual change two positions."""

from __future__ import annotations

from clearing.entries import PNL, TRADE, Entry, LedgerTransaction, Movement, Order, Posting, Trade
from clearing.errors import Disagreement
from clearing.orders import Orders
from clearing.perpetuals import Fill, check_change, settle_fill, take_over
from clearing.pricing import Pricing
from clearing.state import agree
from engine.api.enums import OrdType, PositionReason, Side
from engine.api.events import PositionChanged, Traded
from engine.api.wire import Record


class Trades(Orders):
    """Settlement of matches, all or nothing. Source: TRD-07, SET-02, ACC-21, DRV-11."""

    _due: tuple[Fill, ...] = ()
    """Fills in a perpetual whose positions the engine must tell next, in this order."""

    def traded(self, record: Record, index: int, event: Traded, entry: Entry) -> None:
        """Settle a match."""
        seq, ts_ns = record.seq, record.ts_ns + index
        taker, maker = self.open_order(seq, event.taker_order_id), self.open_order(seq, event.maker_order_id)
        _check_match(seq, event, taker, maker)
        pricing = self.priced(seq, event.symbol_id)
        notional = pricing.notional(event.last_px, event.last_qty)
        agree(seq, "taker_fee", event.taker_fee, pricing.fee_toward_positive_infinity(notional, pricing.taker_ppm))
        agree(seq, "maker_fee", event.maker_fee, pricing.fee_toward_positive_infinity(notional, pricing.maker_ppm))
        entry.trades.append(_trade(seq, index, ts_ns, event, pricing))
        entry.transactions.append(LedgerTransaction(seq, index, ts_ns, TRADE))
        self._fill(entry, taker, seq, ts_ns, event.last_qty, event.taker_leaves)
        self._fill(entry, maker, seq, ts_ns, event.last_qty, event.maker_leaves)
        if pricing.is_perpetual:
            agree(seq, "buyer_released", event.buyer_released, 0)
            self._due = _fills(event, maker, taker)
            _charge(entry, seq, index, event, pricing)
        else:
            buyer = taker if event.taker_side is Side.BUY else maker
            agree(seq, "buyer_released", event.buyer_released, event.last_qty * buyer.per_lot)
            _exchange(entry, seq, index, event, pricing, notional, pricing.base_amount(event.last_qty))

    def _fill(self, entry: Entry, order: Order, seq: int, ts_ns: int, last_qty: int, leaves: int) -> None:
        after = order.filled(seq, ts_ns, last_qty, leaves, last_qty * order.per_lot)
        if leaves:
            self.orders[order.order_id] = after
        else:
            agree(seq, f"locked of filled order {order.order_id}", 0, after.locked)
            del self.orders[order.order_id]
        entry.orders.append(after)

    # --- positions

    def position_changed(self, record: Record, index: int, event: PositionChanged, entry: Entry) -> None:
        """Book a change of a position: what was realized, and what its margin locks."""
        seq = record.seq
        pricing = self.priced(seq, event.symbol_id)
        agree(seq, f"instrument {event.symbol_id} is a perpetual", True, pricing.is_perpetual)
        before = self.positions.get((event.account_id, event.symbol_id))
        if event.reason is PositionReason.TRADE:
            change = settle_fill(seq, self._next_due(seq, event), before, event, pricing)
        else:
            change = check_change(record, before, event)
        after = take_over(seq, event)
        self.positions[event.account_id, event.symbol_id] = after
        entry.position_changes.append(change.told(seq, index, record.ts_ns + index, event, after))
        gained, locked = change.gained, change.locked
        quote = pricing.quote_asset_id
        if gained or locked:
            entry.movements.append(Movement(event.account_id, quote, gained - locked, locked))
        if gained:
            entry.transactions.append(LedgerTransaction(seq, index, record.ts_ns + index, PNL))
            entry.postings += (
                Posting(seq, index, event.account_id, quote, gained),
                Posting(seq, index, pricing.pnl_account_id, quote, -gained),
            )
            entry.movements.append(Movement(pricing.pnl_account_id, quote, -gained, 0))

    def _next_due(self, seq: int, event: PositionChanged) -> Fill:
        if not self._due:
            raise Disagreement(seq, f"a trade of account {event.account_id}", "before its position", "none")
        due, self._due = self._due[0], self._due[1:]
        agree(seq, "position", (event.account_id, event.symbol_id), (due.account_id, due.symbol_id))
        return due

    def check_nothing_due(self, seq: int) -> None:
        """Check that both positions of a trade were told. Raises: Disagreement."""
        if self._due:
            raise Disagreement(seq, f"position of account {self._due[0].account_id}", "not told", "due")


def _check_match(seq: int, t: Traded, taker: Order, maker: Order) -> None:
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


def _is_within(order: Order, last_px: int) -> bool:
    """Tell whether a price is as good as an order's own; a market order has none."""
    if not order.work_price:
        return order.terms.ord_type is OrdType.MARKET
    return order.work_price >= last_px if order.terms.side is Side.BUY else order.work_price <= last_px


def _trade(seq: int, index: int, ts_ns: int, t: Traded, pricing: Pricing) -> Trade:
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


def _exchange(entry: Entry, seq: int, index: int, t: Traded, pricing: Pricing, notional: int, base: int) -> None:
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


def _charge(entry: Entry, seq: int, index: int, t: Traded, pricing: Pricing) -> None:
    """Book the fees of a trade in a perpetual: no more changes hands."""
    for account, fee in ((t.maker_account_id, t.maker_fee), (t.taker_account_id, t.taker_fee)):
        if fee:
            entry.postings.append(Posting(seq, index, account, pricing.quote_asset_id, -fee))
            entry.movements.append(Movement(account, pricing.quote_asset_id, -fee, 0))
    _collect(entry, seq, index, t, pricing)


def _collect(entry: Entry, seq: int, index: int, t: Traded, pricing: Pricing) -> None:
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
