"""The model's state as the bytes of a snapshot.

Little-endian; amounts are 128-bit two's complement; a text is its length u8, then its ASCII; a list is its
count u64, then its members::

    magic       b"EXCHSNAP", version u32 = 6
    position    seq u64, event_ts_ns u64 (time of the last event), crc u32 (of the last record), forgotten_ns u64
                (ClOrdIDs spent at or before it are forgotten)
    venue       status u8
    work        steps_max u32, turn u32 (the symbol with which work that was left goes on),
                mass cancels that are not complete, list in order of time: seq u64, firm_id u32, account_id u32,
                symbol_id u32, session_id u32, side u8, is_operations u8, keeps u8, code u16, canceled u32,
                at_account u32, at_order u64; suspensions and their ends that are not complete, list by account:
                account_id u32, at_order u64
    assets      list by id: asset_id u32, name text, decimals u8, deposited i128, weight_ppm u32,
                lending_account_id u32, lent i128
    firms       list by id: firm_id u32, name text
    accounts    list by id: account_id u32, name text, firm_id u32, kind u8, status u8, margin_state u8, tier u8,
                leverage_max u8, position_notional_max i128,
                balances list by asset, those of which any is not zero: asset_id u32, available i128, locked i128,
                loan i128,
                positions list by symbol, all that came into being: symbol_id u32, leverage u8, is_isolated u8,
                size i64, cost i128, margin i128, extra i128, debt i128
    sessions    list by id: session_id u32, comp_id text, firm_id u32, kind u8, blocked u8 (0 not, 1 by
                itself, 2 by operations)
    instruments list by id: symbol_id u32, symbol text, kind u8, matching u8, max_leverage u8, pnl_account_id u32,
                base_asset_id u32, quote_asset_id u32, tick_decimals u8, lot_decimals u8, tick i64, lot i64,
                min_qty i64, max_qty i64, min_notional i128, max_notional i128, maker_ppm i32, taker_ppm i32,
                band_ppm u32, fee_account_id u32, status u8, is_delisted u8, mark i64 (0 none), last_px i64 (0 none),
                breaker_until_ns u64 (0 when not active),
                marks below all later ones of the breaker's window list, then those above all later ones, by time:
                ts_ns u64, price i64,
                pegs: best bid i64, best ask i64, mark i64 (by which they are being priced; 0 none), peg_next u64 u64,
                auction: target status u8 (0: none), is_netting u8, firm_id u32, account_id u32, order_id u64 (up to
                which own orders were gathered; 0 when it is done), group u32, account_id u32 (0: the other), side u8,
                price i64, priority u64, order_id u64 (of the last that was forgotten again; 0 none), price i64
                (0: sought), bid i64, ask i64, last_bid i64, last_ask i64, volume i128, bid_lots i128, ask_lots i128
                (all 0 where it has not begun)
    rules       version u64,
                parameters list by number: value i64, version u64, seq u64 (since when it holds),
                own values list by parameter and subject: parameter u8, subject_id u32, value i64, version u64, seq u64,
                margin brackets list by symbol, 0 first: symbol_id u32, rows list: notional_max i64, leverage_max u8,
                maintenance_ppm u32; version u64, seq u64,
                fee rates list by account and symbol: account_id u32, symbol_id u32, maker_ppm i32, taker_ppm i32,
                version u64, seq u64,
                scheduled list by time and version: version u64, command list of u8
    deposits    list in order of time: deposit_ref text
    orders      list by order_id, open ones and those a ClOrdID names: order_id u64, account_id u32, symbol_id u32,
                side u8, state u8
    cl_ord_ids  list of those not forgotten by source, first those in use by order id, then those spent in their order:
                source u32, order_id u64, is_entered u8 (its order was entered with it), spent_ns u64 (0 while it is
                in use), cl_ord_id text
    open orders for each instrument by id: list of bids in the order they would trade, list of asks likewise,
                list by order_id of those without a place in the book (waiting stops, pegs without a price, orders in
                hand), and the order ids of those in hand, list in order of their turns; each order:
                order_id u64, priority u64, source u32, ord_type u8, time_in_force u8, exec_inst u8,
                trigger u8 (of a stop NONE is kept as LAST; 0 for others), peg u8, stp u8 (DEFAULT is kept as
                AGGRESSIVE), is_triggered u8, is_outside u8, price i64 (at which it works; 0 while it waits),
                limit_px i64 (limit, cap, or worst price of a stop), stop_px i64, order_qty i64, leaves i64,
                display i64 (0 without a place), max_floor i64 (0 none), min_qty i64 (0 none), peg_offset i64,
                taken_off i64,
                expire_time_ns u64 (of a DAY order the midnight; 0 none), stp_group u32, maker_ppm i32,
                taker_ppm i32 (as it was accepted), per_lot i128, traded i128 (sum of price times quantity)
    crc32c      u32, of all bytes before
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from struct import pack

from engine.api.enums import Side
from engine.api.wire import crc32c, encode_command
from tests.model.exchange import Exchange
from tests.model.state import Market, Name, Netting, Order, Walk, Withdrawal


def digest(exchange: Exchange) -> bytes:
    """Compute the SHA-256 of the snapshot."""
    return hashlib.sha256(snapshot(exchange)).digest()


def snapshot(x: Exchange) -> bytes:
    """Write the whole state."""
    body = b"".join(sections(x).values())
    return body + pack("<I", crc32c(body))


def sections(x: Exchange) -> dict[str, bytes]:
    """Write the state section by section, by the names above."""
    markets = [market for _, market in sorted(x.markets.items())]
    return {
        "magic": b"EXCHSNAP" + pack("<I", 6),
        "position": pack("<QQIQ", x.seq, x.event_ts_ns, x.prev_crc, x.forgotten_ns),
        "venue": pack("<B", x.venue),
        "work": pack("<II", x.steps_max, x.turn) + _list(map(_withdrawal, x.withdrawals)) + _moves(x),
        "assets": _list(_asset(x, asset_id) for asset_id in sorted(x.assets)),
        "firms": _list(pack("<I", f.firm_id) + _text(f.name) for _, f in sorted(x.firms.items())),
        "accounts": _list(_account(x, account_id) for account_id in sorted(x.accounts)),
        "sessions": _list(
            pack("<I", s.session_id) + _text(s.comp_id) + pack("<IBB", s.firm_id, s.kind, _blocked(x, s.session_id))
            for _, s in sorted(x.sessions.items())
        ),
        "instruments": _list(_instrument(market) for market in markets),
        **_rules(x),
        "deposits": _list(_text(ref) for ref in x.deposit_refs),
        "orders": _list(
            pack("<QIIBB", o.order_id, o.account_id, o.market.symbol_id, o.side, o.state) for o in x.orders.values()
        ),
        "cl_ord_ids": _list(map(_name, _names(x))),
        **{f"open orders of {market.symbol_id}": _open_orders(x, market) for market in markets},
    }


def _blocked(x: Exchange, session_id: int) -> int:
    return 1 + x.blocked[session_id] if session_id in x.blocked else 0


def _list(members: Iterable[bytes]) -> bytes:
    rows = list(members)
    return pack("<Q", len(rows)) + b"".join(rows)


def _text(text: str) -> bytes:
    return pack("<B", len(text)) + text.encode("ascii")


def _amounts(*values: int) -> bytes:
    return b"".join(value.to_bytes(16, "little", signed=True) for value in values)


def _asset(x: Exchange, asset_id: int) -> bytes:
    asset = x.assets[asset_id]
    named = pack("<I", asset_id) + _text(asset.registered.name) + pack("<B", asset.registered.decimals)
    lending = pack("<II", asset.weight_ppm, asset.lending_account_id)
    return named + _amounts(asset.deposited) + lending + _amounts(asset.lent)


def _withdrawal(w: Withdrawal) -> bytes:
    scope = pack("<QIIIIBB", w.seq, w.firm_id, w.account_id, w.symbol_id, w.session_id, w.side, w.is_operations)
    return scope + pack("<BHIIQ", w.keeps, w.code, w.canceled, w.at_account, w.at_order)


def _moves(x: Exchange) -> bytes:
    return _list(pack("<IQ", account_id, at_order) for account_id, at_order in sorted(x.moves.items()))


def _account(x: Exchange, account_id: int) -> bytes:
    a = x.accounts[account_id]
    named = pack("<I", account_id) + _text(a.opened.name)
    standing = pack("<IBBBBB", a.firm_id, a.kind, a.status, a.margin_state, a.tier, a.leverage_max)
    balances = []
    for asset_id in sorted(x.assets):
        key = account_id, asset_id
        amounts = (x.available[key], x.locked[key], x.loans[key])
        if any(amounts):
            balances.append(pack("<I", asset_id) + _amounts(*amounts))
    positions = [
        pack("<IBBq", symbol_id, p.leverage, p.is_isolated, p.size) + _amounts(p.cost, p.margin, p.extra, p.debt)
        for symbol_id, p in sorted(x.positions[account_id].items())
    ]
    return named + standing + _amounts(a.position_notional_max) + _list(balances) + _list(positions)


def _instrument(market: Market) -> bytes:
    i = market.listing
    kinds = pack("<BBBI", i.kind, i.matching, i.max_leverage, i.pnl_account_id)
    assets = pack("<II", i.base_asset_id, i.quote_asset_id)
    steps = pack("<BBqq", i.tick.decimals, i.lot.decimals, i.tick.mantissa, i.lot.mantissa)
    sizes = pack("<qq", i.min_qty, i.max_qty) + _amounts(i.min_notional, i.max_notional)
    fees = pack("<iiII", i.maker_ppm, i.taker_ppm, i.band_ppm, i.fee_account_id)
    prices = pack("<BBqq", market.status, market.is_delisted, market.mark, market.last_px)
    breaker = pack("<Q", market.breaker_until_ns)
    window = b"".join(_list(pack("<Qq", *mark) for mark in marks) for marks in (market.lows, market.highs))
    return (
        pack("<I", i.symbol_id)
        + _text(i.symbol)
        + kinds
        + assets
        + steps
        + sizes
        + fees
        + prices
        + breaker
        + window
        + _work(market)
    )


def _work(market: Market) -> bytes:
    pegs = pack("<qqqQQ", *market.peg_references, *market.peg_next)
    auction = market.auction
    if auction is None:
        return pegs + bytes(139)
    w = auction.walk or Walk(0, 0, 0, 0, 0)
    n = auction.netting or Netting()
    netting = pack("<BBIIQ", auction.target, auction.netting is not None, n.firm_id, n.account_id, n.order_id)
    netting += pack("<IIBqQQ", *n.forgotten)
    prices = netting + pack("<q4q", auction.price, w.bid, w.ask, w.last_bid, w.last_ask)
    return pegs + prices + _amounts(w.volume, w.bid_lots, w.ask_lots)


def _open_orders(x: Exchange, market: Market) -> bytes:
    sides = [[o for queue in market.books[side].values() for o in queue] for side in Side]
    waiting = [o for o in x.open.values() if o.market is market and not o.is_placed]
    in_hand = pack("<B", market.has_begun) + _list(pack("<Q", order.order_id) for order in market.in_hand)
    return b"".join(_list(map(_order, orders)) for orders in (*sides, waiting)) + in_hand


def _names(x: Exchange) -> list[Name]:
    in_use = [name for name in x.named.values() if not name.spent_ns]
    in_use.sort(key=lambda name: (name.order.order_id, name.order.entered is not name))
    spent = [name for queue in x.spent.values() for name in queue]
    return sorted([*in_use, *spent], key=lambda name: name.source)


def _name(name: Name) -> bytes:
    is_entered = name.order.entered is name
    return pack("<IQBQ", name.source, name.order.order_id, is_entered, name.spent_ns) + _text(name.cl_ord_id)


def _rules(x: Exchange) -> dict[str, bytes]:
    own = sorted((p, s, held) for (p, s), held in x.own.items())
    rates = [(*key, *held.rule, held.version, held.seq) for key, held in sorted(x.fee_rates.items())]
    scheduled = [(version, encode_command(change)) for (_, version), change in x.scheduled.items()]
    return {
        "version of the rules": pack("<Q", x.version),
        "parameters": _list(pack("<qQQ", p.rule, p.version, p.seq) for _, p in sorted(x.venue_wide.items())),
        "own parameters": _list(pack("<BIqQQ", p, s, held.rule, held.version, held.seq) for p, s, held in own),
        "margin brackets": _list(
            pack("<I", symbol_id)
            + _list(pack("<qBI", row.notional_max, row.leverage_max, row.maintenance_ppm) for row in held.rule)
            + pack("<QQ", held.version, held.seq)
            for symbol_id, held in sorted(x.brackets.items())
        ),
        "fee rates": _list(pack("<IIiiQQ", *row) for row in rates),
        "scheduled": _list(pack("<QQ", version, len(raw)) + raw for version, raw in scheduled),
    }


def _order(o: Order) -> bytes:
    kinds = (o.ord_type, o.time_in_force, o.exec_inst, o.trigger, o.peg, o.stp, o.is_triggered, o.is_outside)
    prices = (o.price, o.limit, o.stop_px)
    sizes = (o.order_qty, o.leaves, o.display, o.max_floor, o.min_qty)
    times = pack("<qqQIii", o.peg_offset, o.taken_off, o.expire_time_ns, o.stp_group, o.maker_ppm, o.taker_ppm)
    return (
        pack("<QQI8B3q5q", o.order_id, o.priority, o.source, *kinds, *prices, *sizes)
        + times
        + _amounts(o.per_lot, o.traded)
    )
