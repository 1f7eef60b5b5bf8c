"""Reservations, fees and settlement with their exact numbers. Amounts are minor units: 10**-8 USDT, 10**-8 BTC."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import TimeInForce
from engine.api.rejects import ErrorCode
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BTC, BUY, ETH, FEES, FOK, IOC, SELL, USDT, Market

QTY = 20_000
USDT_OPENING, BTC_OPENING, ETH_OPENING = 10**14, 10**10, 10**21


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.mark.req("RES-21", "DRV-12")
def test_a_buy_reserves_quote_with_the_worst_case_fee(market: Market) -> None:
    (order,) = market.limit(ALPHA, BUY, QTY, 10_001, "a")
    # One lot at 10,001 ticks is worth 100,010; 1000 ppm of that is 100.01, rounded up for every lot.
    assert isinstance(order, e.OrderAccepted) and order.reserved == QTY * (100_010 + 101)
    assert market.balance(ALPHA, USDT) == (USDT_OPENING - order.reserved, order.reserved)


@pytest.mark.req("RES-21")
def test_a_sell_reserves_base(market: Market) -> None:
    (order,) = market.limit(ALPHA, SELL, QTY, 10_001, "a")
    assert isinstance(order, e.OrderAccepted) and order.reserved == QTY * 1000
    assert market.balance(ALPHA, BTC) == (BTC_OPENING - order.reserved, order.reserved)


@pytest.mark.req("FEE-01", "FEE-04", "TRD-05", "TRD-07")
def test_a_trade_moves_exactly_price_quantity_and_both_fees(market: Market) -> None:
    market.limit(ALPHA, SELL, QTY, 10_001, "maker")
    _, trade = market.limit(BRAVO, BUY, QTY, 10_005, "taker")
    assert isinstance(trade, e.Traded)
    notional, taker_fee, maker_fee = 2_000_200_000, 2_000_200, 400_040
    assert (trade.taker_fee, trade.maker_fee) == (taker_fee, maker_fee)
    assert trade.buyer_released == QTY * (100_050 + 101)
    assert market.balance(BRAVO, USDT) == (USDT_OPENING - notional - taker_fee, 0)
    assert market.balance(BRAVO, BTC) == (BTC_OPENING + QTY * 1000, 0)
    assert market.balance(ALPHA, USDT) == (USDT_OPENING + notional - maker_fee, 0)
    assert market.balance(ALPHA, BTC) == (BTC_OPENING - QTY * 1000, 0)
    assert market.balance(FEES, USDT) == (taker_fee + maker_fee, 0)


@pytest.mark.req("FEE-04", "RES-65")
def test_a_fee_is_rounded_up_once_for_the_whole_trade(market: Market) -> None:
    market.limit(ALPHA, BUY, 10_001, 10_001, "maker")
    _, trade = market.limit(BRAVO, SELL, 10_001, 10_001, "taker")
    assert isinstance(trade, e.Traded)
    # Notional 1,000,200,010: 1000 ppm are 1,000,200.01, 200 ppm are 200,040.002.
    assert (trade.taker_fee, trade.maker_fee) == (1_000_201, 200_041)


@pytest.mark.req("FEE-04", "FEE-14")
def test_a_rebate_is_rounded_down_in_size_and_paid_from_the_takers_fee(market: Market) -> None:
    order = c.NewOrder(ALPHA, m.ETH_USDT, SELL, m.LIMIT, m.GTC, 7, 3_333, "maker")
    market.send(m.ALPHA_OE, order)
    taker = c.NewOrder(BRAVO, m.ETH_USDT, BUY, m.LIMIT, m.GTC, 7, 3_333, "taker")
    _, trade = market.send(m.BRAVO_OE, taker)
    assert isinstance(trade, e.Traded)
    # Notional 7 * 3,333 * 100 = 2,333,100: -100 ppm are -233.31, 333 ppm are 776.9223.
    assert (trade.maker_fee, trade.taker_fee) == (-233, 777)
    assert market.balance(FEES, USDT) == (777 - 233, 0)
    assert market.balance(ALPHA, USDT) == (USDT_OPENING + 2_333_100 + 233, 0)


@pytest.mark.req("FEE-04", "DET-02")
def test_fees_of_an_asset_with_18_decimals_round_at_the_eighth(market: Market) -> None:
    market.send(m.ALPHA_OE, c.NewOrder(ALPHA, m.BTC_ETH, SELL, m.LIMIT, m.GTC, 3, 1_234_567, "maker"))
    _, trade = market.send(m.BRAVO_OE, c.NewOrder(BRAVO, m.BTC_ETH, BUY, m.LIMIT, m.GTC, 3, 1_234_567, "taker"))
    assert isinstance(trade, e.Traded)
    notional = 3 * 1_234_567 * 10**10
    assert (trade.maker_fee, trade.taker_fee) == (286 * 10**10, 74_071 * 10**10)
    assert 285 * 10**10 < notional * 77 / 10**6 < 286 * 10**10
    assert 74_070 * 10**10 < notional * 19_999 / 10**6 < 74_071 * 10**10
    assert market.balance(ALPHA, ETH) == (ETH_OPENING + notional - trade.maker_fee, 0)


@pytest.mark.req("RES-65", "ORD-20")
def test_locked_is_always_leaves_times_the_reservation_per_lot(market: Market) -> None:
    market.limit(ALPHA, BUY, 3 * QTY, 10_001, "maker")
    market.limit(BRAVO, SELL, QTY, 10_001, "taker")
    assert market.balance(ALPHA, USDT)[1] == 2 * QTY * 100_111


@pytest.mark.req("ORD-09", "RES-65")
def test_canceling_gives_back_what_is_still_locked(market: Market) -> None:
    market.limit(ALPHA, BUY, 3 * QTY, 10_001, "maker")
    market.limit(BRAVO, SELL, QTY, 10_001, "taker")
    (canceled,) = market.send(m.ALPHA_OE, c.CancelOrder("x", "maker"))
    assert isinstance(canceled, e.OrderCanceled)
    assert (canceled.leaves, canceled.released, canceled.code) == (2 * QTY, 2 * QTY * 100_111, ErrorCode.USER_REQUESTED)
    assert market.balance(ALPHA, USDT) == (USDT_OPENING - 2_000_200_000 - 400_040, 0)


@pytest.mark.req("RES-09", "RES-65")
@pytest.mark.parametrize("tif", [IOC, FOK])
def test_a_market_buy_gives_back_all_it_did_not_pay(market: Market, tif: TimeInForce) -> None:
    market.limit(ALPHA, SELL, QTY, 10_000, "maker")
    market.market(BRAVO, BUY, QTY, "taker", tif)
    assert market.balance(BRAVO, USDT) == (USDT_OPENING - 2_000_000_000 - 2_000_000, 0)


@pytest.mark.req("ORD-01", "RES-21")
def test_an_order_may_use_the_last_minor_unit_and_not_one_more(market: Market) -> None:
    available = 12_345 * 100_111
    poor = Market(tuple(k for k in m.OPENING if not isinstance(k, c.Deposit)))
    poor.send(0, c.Deposit(ALPHA, USDT, available, "d"))
    (rejected,) = poor.limit(ALPHA, BUY, 12_346, 10_001, "too much")
    assert rejected == e.OrderRejected(0, ErrorCode.INSUFFICIENT_BALANCE)
    (order,) = poor.limit(ALPHA, BUY, 12_345, 10_001, "all")
    assert isinstance(order, e.OrderAccepted)
    assert poor.balance(ALPHA, USDT) == (0, available)


@pytest.mark.req("REC-33")
def test_a_deposit_is_credited_once(market: Market) -> None:
    deposit = c.Deposit(ALPHA, USDT, 5, "chain:tx:0")
    assert market.send(0, deposit) == (e.Deposited(USDT_OPENING + 5),)
    assert market.send(0, deposit) == (e.CommandRefused(ErrorCode.DUPLICATE_DEPOSIT),)
    assert market.balance(ALPHA, USDT) == (USDT_OPENING + 5, 0)


@pytest.mark.req("INV-01", "TRD-21")
def test_the_sum_of_all_balances_is_what_was_deposited(market: Market) -> None:
    for turn in range(30):
        market.limit(
            (ALPHA, BRAVO)[turn % 2], (BUY, SELL)[turn // 2 % 2], QTY + 7 * turn, 10_000 + turn % 5, f"o{turn}"
        )
    totals: Counter[int] = Counter()
    for _, asset, available, locked in market.core.balances():
        totals[asset] += available + locked
    assert totals == {USDT: 3 * USDT_OPENING, BTC: 3 * BTC_OPENING, ETH: 3 * ETH_OPENING}
