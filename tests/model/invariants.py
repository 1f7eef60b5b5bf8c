"""What must be so after every command, recomputed from the model's state the slow way (section 11)."""

from __future__ import annotations

from collections import Counter

from engine.api.enums import AccountKind, SymbolStatus
from tests.model.auction import is_crossed
from tests.model.exchange import Exchange
from tests.model.state import BUY, SELL, Order, rank
from tests.model.stops_and_pegs import peg_price


def check(x: Exchange) -> None:
    """Check everything. Raises: AssertionError."""
    check_balances(x)
    check_locked(x)
    check_positions(x)
    check_orders(x)
    check_books(x)


def check_balances(x: Exchange) -> None:
    """Money is neither made nor lost, and nobody spends what is not there."""
    for asset_id, asset in x.assets.items():
        held = [(key, amount) for book in (x.available, x.locked) for key, amount in book.items() if key[1] == asset_id]
        assert sum(amount for _, amount in held) == asset.deposited, f"asset {asset_id}"
        for (account_id, _), amount in held:
            kind = x.accounts[account_id].kind
            assert amount >= 0 or kind is AccountKind.CLEARING_PNL, f"{account_id} has {amount} of {asset_id}"
        loans = {key: loan for key, loan in x.loans.items() if key[1] == asset_id and loan}
        assert sum(loans.values()) == asset.lent and min(loans.values(), default=0) >= 0
        for key in loans:
            assert x.available[key] == 0, f"{key} owes and has available"


def check_locked(x: Exchange) -> None:
    """What is locked is what open orders have reserved, and the margin of positions."""
    locked: Counter[tuple[int, int]] = Counter()
    for order in x.open.values():
        locked[order.reserved_in] += order.reserved
    for account_id, positions in x.positions.items():
        for p in positions.values():
            locked[account_id, p.market.listing.quote_asset_id] += p.margin
    assert +locked == +Counter(x.locked)


def check_positions(x: Exchange) -> None:
    """Every perpetual is a zero-sum game (DRV-11, INV-06)."""
    for symbol_id, market in x.markets.items():
        if not market.is_perpetual:
            continue
        positions = [of[symbol_id] for of in x.positions.values() if symbol_id in of]
        pnl = x.available[market.listing.pnl_account_id, market.listing.quote_asset_id]
        assert sum(p.size for p in positions) == 0
        assert pnl + sum(p.debt for p in positions) + sum(p.cost for p in positions) == 0
        for p in positions:
            assert min(p.margin, p.extra, p.debt) >= 0
            assert p.size or not (p.cost or p.extra or p.margin)


def check_orders(x: Exchange) -> None:
    """Open orders are where they belong, and closed ones nowhere."""
    assert list(x.open) == sorted(x.open)
    assert list(x.open.values()) == [order for order in x.orders.values() if order.is_open]
    by_account = [order for of in x.open_of.values() for orders in of.values() for order in orders.values()]
    assert sorted(order.order_id for order in by_account) == list(x.open)
    expiring = [(o.expire_time_ns, o.order_id) for o in x.open.values() if o.expire_time_ns]
    assert list(x.expiring) == sorted(expiring)
    assert all(expiry > x.ts_ns for expiry, _ in expiring) or x.next_due_ns <= x.event_ts_ns
    for order in x.open.values():
        check_order(x, order)


def check_order(x: Exchange, order: Order) -> None:
    is_in_hand = order in order.market.in_hand
    assert 0 < order.leaves <= order.order_qty and order.rests | order.is_waiting_stop | is_in_hand | order.is_outside
    assert (order.order_id in order.market.stops) == (order.is_waiting_stop and not order.is_outside)
    assert (order.order_id in order.market.pegs) == order.is_pegged
    assert order.is_in_hand == is_in_hand
    assert order.is_placed == (order.display != 0) == (order.price != 0 and not is_in_hand and not order.is_outside)
    assert order.is_placed or order.is_pegged or order.is_waiting_stop or is_in_hand or order.is_outside
    assert not (order.is_outside and (order.is_placed or is_in_hand))
    if order.is_placed:
        level = order.market.books[order.side][rank(order.side, order.price)]
        assert level.count(order) == 1
        assert rank(order.side, order.price) >= rank(order.side, order.limit)
        assert order.price == order.limit or order.is_pegged
        assert order.display <= order.leaves and (order.max_floor or order.display == order.leaves)
    if order.is_pegged and order.is_placed and x.is_trading(order.market) and not x.has_work(order.market):
        assert order.price == peg_price(order)


def check_books(x: Exchange) -> None:
    """No book is crossed while its market is open, and nothing that was due is left."""
    for market in x.markets.values():
        placed = [order for side in (BUY, SELL) for queue in market.books[side].values() for order in queue]
        assert sorted(o.order_id for o in placed) == [
            o.order_id for o in x.open.values() if o.market is market and o.is_placed
        ]
        assert all(queue for side in (BUY, SELL) for queue in market.books[side].values())
        if market.status in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY):
            assert not is_crossed(market)
        assert market.breaker_until_ns == 0 or market.breaker_until_ns > x.ts_ns
