"""The model's state as the bytes of a snapshot.

Little-endian; amounts are 128-bit two's complement; a text is its length u8, then its ASCII; a list is its
count u64, then its members::

    magic       b"EXCHSNAP", version u32 = 1
    position    seq u64, event_ts_ns u64 (time of the last event), crc u32 (of the last record)
    assets      list by id: asset_id u32, name text, decimals u8, deposited i128
    firms       list by id: firm_id u32, name text
    accounts    list by id: account_id u32, name text, firm_id u32, kind u8,
                balances list by asset, those that are not zero: asset_id u32, available i128, locked i128
    sessions    list by id: session_id u32, comp_id text, firm_id u32, kind u8
    instruments list by id: symbol_id u32, symbol text, base_asset_id u32, quote_asset_id u32,
                tick_decimals u8, lot_decimals u8, tick i64, lot i64, min_qty i64, max_qty i64,
                min_notional i128, max_notional i128, maker_ppm i32, taker_ppm i32, band_ppm u32, fee_account_id u32
    deposits    list in order of time: deposit_ref text
    orders      list by order_id, open and closed: order_id u64, account_id u32, symbol_id u32, side u8, state u8
    cl_ord_ids  list in order of acceptance, those of orders and of cancels: source u32, order_id u64, cl_ord_id text
    books       for each instrument by id, first the bids, then the asks:
                list in the order they would trade: order_id u64, price i64, order_qty i64, leaves i64
    crc32c      u32, of all bytes before
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from struct import pack

from engine.api.enums import Side
from engine.api.instrument import Instrument
from engine.api.wire import crc32c
from tests.model.exchange import Exchange


def digest(exchange: Exchange) -> bytes:
    """Compute the SHA-256 of the snapshot."""
    return hashlib.sha256(snapshot(exchange)).digest()


def snapshot(x: Exchange) -> bytes:
    """Write the whole state."""
    parts = [
        b"EXCHSNAP",
        pack("<IQQI", 1, x.seq, x.event_ts_ns, x.prev_crc),
        _list(
            pack("<I", a.asset_id) + _text(a.name) + pack("<B", a.decimals) + _amount(x.deposited[a.asset_id])
            for _, a in sorted(x.assets.items())
        ),
        _list(pack("<I", f.firm_id) + _text(f.name) for _, f in sorted(x.firms.items())),
        _list(
            pack("<I", a.account_id) + _text(a.name) + pack("<IB", a.firm_id, a.kind) + _balances(x, a.account_id)
            for _, a in sorted(x.accounts.items())
        ),
        _list(
            pack("<I", s.session_id) + _text(s.comp_id) + pack("<IB", s.firm_id, s.kind)
            for _, s in sorted(x.sessions.items())
        ),
        _list(_instrument(i) for _, i in sorted(x.instruments.items())),
        _list(_text(ref) for ref in x.deposit_refs),
        _list(
            pack("<QIIBB", o.order_id, o.account_id, o.instrument.symbol_id, o.side, o.state) for o in x.orders.values()
        ),
        _list(pack("<IQ", source, o.order_id) + _text(name) for (source, name), o in x.named.items()),
        *(_side(x, symbol_id, side) for symbol_id in sorted(x.instruments) for side in (Side.BUY, Side.SELL)),
    ]
    body = b"".join(parts)
    return body + pack("<I", crc32c(body))


def _list(members: object) -> bytes:
    rows: Collection[bytes] = list(members)  # type: ignore[call-overload]
    return pack("<Q", len(rows)) + b"".join(rows)


def _text(text: str) -> bytes:
    return pack("<B", len(text)) + text.encode("ascii")


def _amount(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def _balances(x: Exchange, account_id: int) -> bytes:
    keys = [(account_id, asset_id) for asset_id in sorted(x.assets)]
    held = [key for key in keys if x.available[key] or x.locked[key]]
    return _list(pack("<I", key[1]) + _amount(x.available[key]) + _amount(x.locked[key]) for key in held)


def _instrument(i: Instrument) -> bytes:
    assets = pack("<II", i.base_asset_id, i.quote_asset_id)
    steps = pack("<BBqq", i.tick.decimals, i.lot.decimals, i.tick.mantissa, i.lot.mantissa)
    sizes = pack("<qq", i.min_qty, i.max_qty) + _amount(i.min_notional) + _amount(i.max_notional)
    fees = pack("<iiII", i.maker_ppm, i.taker_ppm, i.band_ppm, i.fee_account_id)
    return pack("<I", i.symbol_id) + _text(i.symbol) + assets + steps + sizes + fees


def _side(x: Exchange, symbol_id: int, side: Side) -> bytes:
    levels = x.books[symbol_id, side].values()
    return _list(pack("<Qqqq", o.order_id, o.price, o.order_qty, o.leaves) for level in levels for o in level)
