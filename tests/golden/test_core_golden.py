"""A fixed script of commands whose every byte must stay as it was.

The commands are those of the exchange when it traded spot only, with limit and market orders: what was journaled
then must replay to the same records for ever, so ``RECORDS_SHA256`` never changes. ``STATE_SHA256`` is that of the
snapshot, whose version may rise.
"""

from __future__ import annotations

import hashlib

import pytest

from engine.api import commands as c
from engine.api.rejects import ErrorCode
from engine.api.wire import decode_records, encode_command, encode_frame
from engine.host.core import Core
from tests.model import snapshot
from tests.model.exchange import Exchange
from tests.model.market import (
    ALPHA,
    ALPHA_OE,
    BRAVO,
    BRAVO_OE,
    BTC_ETH,
    BTC_USDT,
    BUY,
    CHARLIE,
    CHARLIE_OE,
    ETH_USDT,
    FOK,
    GTC,
    IOC,
    LIMIT,
    MARKET,
    NOW_NS,
    OPENING,
    SELL,
)

RECORDS_SHA256 = "c61bdfbfeca507aabc7659eb2549ed2fa27eb3e86bf39bcd862afa62f6c1c881"
STATE_SHA256 = "2739a42fa5204ea91b604c9f576b46dc4123e05ec239406a87af109c68424332"

SCRIPT: list[tuple[int, c.Command | bytes]] = [
    *((0, command) for command in OPENING),
    (ALPHA_OE, c.NewOrder(ALPHA, BTC_USDT, SELL, LIMIT, GTC, 20_000, 10_005, "a1", "desk 7")),
    (CHARLIE_OE, c.NewOrder(CHARLIE, BTC_USDT, SELL, LIMIT, GTC, 30_000, 10_005, "c1")),
    (ALPHA_OE, c.NewOrder(ALPHA, BTC_USDT, SELL, LIMIT, GTC, 15_000, 10_001, "a2")),
    (BRAVO_OE, c.NewOrder(BRAVO, BTC_USDT, BUY, LIMIT, GTC, 40_001, 10_005, "b1")),
    (BRAVO_OE, c.NewOrder(BRAVO, BTC_USDT, BUY, LIMIT, GTC, 40_000, 9_990, "b2")),
    (BRAVO_OE, c.NewOrder(BRAVO, BTC_USDT, BUY, LIMIT, GTC, 40_000, 9_990, "b2")),
    (BRAVO_OE, c.NewOrder(BRAVO, BTC_USDT, BUY, LIMIT, GTC, 40_000, 9_990, "b2", poss_resend=True)),
    (BRAVO_OE, c.NewOrder(BRAVO, BTC_USDT, SELL, LIMIT, IOC, 40_000, 9_990, "self")),
    (CHARLIE_OE, c.NewOrder(CHARLIE, BTC_USDT, SELL, LIMIT, IOC, 70_000, 9_990, "ioc")),
    (ALPHA_OE, c.NewOrder(ALPHA, BTC_USDT, BUY, LIMIT, FOK, 30_000, 10_005, "fok")),
    (ALPHA_OE, c.NewOrder(ALPHA, BTC_USDT, BUY, MARKET, IOC, 12_000, 0, "market")),
    (ALPHA_OE, c.NewOrder(ALPHA, ETH_USDT, BUY, MARKET, FOK, 12_000, 0, "nobody")),
    (ALPHA_OE, c.NewOrder(ALPHA, ETH_USDT, SELL, LIMIT, GTC, 7, 3_333, "rebate")),
    (BRAVO_OE, c.NewOrder(BRAVO, ETH_USDT, BUY, MARKET, IOC, 9, 0, "b3")),
    (CHARLIE_OE, c.NewOrder(CHARLIE, BTC_ETH, BUY, LIMIT, GTC, 3, 1_234_567, "c2")),
    (ALPHA_OE, c.NewOrder(ALPHA, BTC_ETH, SELL, LIMIT, GTC, 2, 1_234_567, "a3")),
    (ALPHA_OE, c.NewOrder(ALPHA, BTC_ETH, SELL, LIMIT, GTC, 2, 0, "off tick")),
    (ALPHA_OE, c.CancelOrder("x1", "a1")),
    (CHARLIE_OE, c.CancelOrder("x2", "c1", account_id=CHARLIE, symbol_id=BTC_USDT, side=SELL)),
    (CHARLIE_OE, c.CancelOrder("x3", "c1")),
    (CHARLIE_OE, c.CancelOrder("x4", "nobody")),
    (CHARLIE_OE, c.RequestOrderStatus("x2", ord_status_req_id="r1")),
    (BRAVO_OE, c.RequestOrderStatus("nobody")),
    (ALPHA_OE, c.RefuseOrder(ALPHA, 49, 50, 49, ErrorCode.PRICE_OFF_TICK, 44, "r", "BTC/USDT", "1", "0.001", "t")),
    (0, c.Deposit(ALPHA, 1, 1, "opening:101:1")),
    (ALPHA_OE, c.Deposit(ALPHA, 1, 1, "mine")),
    (ALPHA_OE, b"\x10\x01 not an order"),
    (ALPHA_OE, b"\xf0\x01"),
]


def frames() -> list[bytes]:
    encoded = [(source, raw if isinstance(raw, bytes) else encode_command(raw)) for source, raw in SCRIPT]
    return [encode_frame(source, n, raw) for n, (source, raw) in enumerate(encoded, 1)]


@pytest.mark.req("DET-01", "DET-21")
def test_the_core_still_writes_the_same_bytes() -> None:
    core = Core()
    records = core.apply(NOW_NS, b"".join(frames())).records
    assert len({type(event) for record in decode_records(records) for event in record.events}) == 14
    assert hashlib.sha256(records).hexdigest() == RECORDS_SHA256
    assert core.digest().hex() == STATE_SHA256


@pytest.mark.req("DET-01", "DET-21")
def test_the_model_still_writes_the_same_bytes() -> None:
    model = Exchange()
    records = b"".join(model.apply(NOW_NS, raw, n) for n, raw in enumerate(frames()))
    assert hashlib.sha256(records).hexdigest() == RECORDS_SHA256
    assert snapshot.digest(model).hex() == STATE_SHA256
