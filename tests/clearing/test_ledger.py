"""The ledger by itself: exact amounts, the engine's mistakes, and laws that hold for every log."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.batch import Batch
from clearing.errors import BrokenChain, Disagreement, SequenceGap
from clearing.ledger import Ledger
from clearing.ledger.entries import CUSTODY, Entry
from clearing.ledger.pricing import Pricing
from clearing.limits import BATCH_BYTES_MAX, BATCH_RECORDS_MAX
from engine.api.cursor import BEGINNING
from engine.api.enums import OrderState, OrdType, Side, TimeInForce
from engine.api.events import Deposited, OrderAccepted, OrderCanceled, Traded
from engine.api.units import Step
from engine.api.wire import Record, decode_records
from tests.clearing.books import EMPTY, batch_of, fresh_reader
from tests.clearing.market import ACCOUNTS, ALPHA, BRAVO, BTC, BTC_USDT, FEES, MMONE, USDT, Market, trade_pairs

UNIT = 10**8
"""Minor units of one USDT, and of one BTC."""


def post_all(market: Market) -> list[Entry]:
    ledger = Ledger(EMPTY)
    return [ledger.post(record) for record in decode_records(market.log.bytes())]


def posted(entry: Entry, index: int) -> dict[tuple[int, int], int]:
    return {(p.account_id, p.asset_id): p.amount for p in entry.postings if p.event_index == index}


@pytest.mark.req("FEE-01", "FEE-04")
@pytest.mark.parametrize(
    ("ppm", "notional", "quote_decimals", "fee"),
    [
        (1000, 5_000 * UNIT, 8, 5 * UNIT),
        (200, 5_000 * UNIT, 8, 1 * UNIT),
        (1000, 1, 8, 1),  # the smallest charge is one minor unit
        (1000, 1_000, 8, 1),
        (1000, 1_001, 8, 2),  # 1.001 is charged as 2
        (-200, 5_000 * UNIT, 8, -1 * UNIT),
        (-200, 4_999, 8, 0),  # a rebate of 0.9998 is not paid
        (-200, 5_001, 8, -1),  # a rebate of 1.0002 is paid as 1
        (0, 5_000 * UNIT, 8, 0),
        (1000, 10**18, 18, 10**15),
        (1000, 10**13 + 1, 18, 2 * 10**10),  # finer than 8 decimals: up to the next 0.00000001
        (-1000, 10**13 + 1, 18, -(10**10)),
    ],
)
def test_fees_round_toward_positive_infinity_at_eight_decimals(
    ppm: int, notional: int, quote_decimals: int, fee: int
) -> None:
    assert Pricing.of(BTC_USDT, 18, quote_decimals).fee_toward_positive_infinity(notional, ppm) == fee


@pytest.mark.req("TRD-07", "FEE-01")
def test_one_trade_moves_exactly_its_amounts() -> None:
    market = Market(deposits=100_000 * UNIT)
    market.order(ALPHA, Side.SELL, 10_000, 5_000_000)  # 0.1 BTC at 50,000.00
    market.order(BRAVO, Side.BUY, 10_000, 5_000_000)
    entry = post_all(market)[-1]
    assert posted(entry, 1) == {
        (BRAVO, BTC): UNIT // 10,
        (ALPHA, BTC): -UNIT // 10,
        (BRAVO, USDT): -(5_000 * UNIT + 5 * UNIT),
        (ALPHA, USDT): 5_000 * UNIT - 1 * UNIT,
        (FEES, USDT): 6 * UNIT,
    }
    (trade,) = entry.trades
    assert (trade.maker_account_id, trade.taker_account_id, trade.maker_fee, trade.taker_fee) == (
        ALPHA,
        BRAVO,
        1 * UNIT,
        5 * UNIT,
    )


@pytest.mark.req("TRD-07", "FEE-04")
def test_a_rebate_is_credited_to_the_maker() -> None:
    market = Market(msgspec.structs.replace(BTC_USDT, maker_ppm=-100), deposits=100_000 * UNIT)
    market.order(ALPHA, Side.BUY, 10_000, 5_000_000)
    market.order(BRAVO, Side.SELL, 10_000, 5_000_000)
    amounts = posted(post_all(market)[-1], 1)
    assert amounts[ALPHA, USDT] == -(5_000 * UNIT - UNIT // 2)
    assert amounts[BRAVO, USDT] == 5_000 * UNIT - 5 * UNIT
    assert amounts[FEES, USDT] == 5 * UNIT - UNIT // 2


@pytest.mark.req("TRD-07")
def test_fees_that_cancel_out_leave_no_posting() -> None:
    market = Market(msgspec.structs.replace(BTC_USDT, maker_ppm=-1000, taker_ppm=1000), deposits=100_000 * UNIT)
    market.order(ALPHA, Side.SELL, 10_000, 5_000_000)
    market.order(BRAVO, Side.BUY, 10_000, 5_000_000)
    assert (FEES, USDT) not in posted(post_all(market)[-1], 1)


@pytest.mark.req("SET-01", "RES-17", "TRD-07")
def test_a_taker_that_fills_three_makers_settles_each_by_itself() -> None:
    market = Market(deposits=100_000 * UNIT)
    for price in (5_000_002, 5_000_000, 5_000_001):
        market.order(ALPHA if price % 2 else MMONE, Side.SELL, 10_000, price)
    market.order(BRAVO, Side.BUY, 25_000, 5_000_002)
    entry = post_all(market)[-1]
    assert [(t.last_px, t.last_qty) for t in entry.trades] == [
        (5_000_000, 10_000),
        (5_000_001, 10_000),
        (5_000_002, 5_000),
    ]
    assert [t.event_index for t in entry.transactions] == [1, 2, 3]
    assert posted(entry, 3)[BRAVO, USDT] == -(250_000_100_000 + 250_000_100)
    assert entry.orders[-2].state is OrderState.FILLED
    assert (entry.orders[-1].state, entry.orders[-1].leaves) == (OrderState.PARTIAL, 5_000)


@pytest.mark.req("TRD-07")
def test_a_deposit_is_booked_against_custody() -> None:
    market = Market(deposits=7)
    entry = post_all(market)[-1]
    assert posted(entry, 0) == {(MMONE, BTC): 7, (CUSTODY, BTC): -7}
    assert entry.transactions[0].reference == f"ref:{market.log.seq}"


def last_record(market: Market) -> tuple[Ledger, Record]:
    ledger = Ledger(EMPTY)
    *before, last = decode_records(market.log.bytes())
    for record in before:
        ledger.post(record)
    return ledger, last


def with_event(record: Record, index: int, **changes: Any) -> Record:
    events = list(record.events)
    events[index] = msgspec.structs.replace(events[index], **changes)
    return msgspec.structs.replace(record, events=tuple(events))


@pytest.mark.req("FEE-04", "SET-07", "TRD-07", "SET-02")
@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"taker_fee": 5 * UNIT + 1}, "taker_fee"),
        ({"taker_fee": 5 * UNIT - 1}, "taker_fee"),
        ({"maker_fee": 0}, "maker_fee"),
        ({"last_px": 5_000_001}, "last_px"),
        ({"last_qty": 9_999}, "leaves"),
        ({"last_qty": 0}, "last_qty"),
        ({"taker_leaves": 1}, "leaves"),
        ({"maker_leaves": 0}, "leaves"),
        ({"taker_account_id": MMONE}, "account"),
        ({"maker_account_id": BRAVO}, "account"),
        ({"symbol_id": 2}, "symbol_id"),
        ({"taker_side": Side.SELL}, "taker_side"),
        ({"maker_order_id": 1}, "order 1"),
        ({"buyer_released": 5_004 * UNIT}, "buyer_released"),
        ({"buyer_released": 5_006 * UNIT}, "buyer_released"),
    ],
)
def test_a_trade_the_engine_miscalculated_stops_clearing_and_names_the_seq(change: dict[str, int], what: str) -> None:
    market = Market(deposits=100_000 * UNIT)
    market.order(ALPHA, Side.SELL, 20_000, 5_000_000)
    market.order(BRAVO, Side.BUY, 10_000, 5_000_000)
    ledger, record = last_record(market)
    assert isinstance(record.events[1], Traded)
    with pytest.raises(Disagreement, match=what) as caught:
        ledger.post(with_event(record, 1, **change))
    assert caught.value.seq == record.seq == market.log.seq


@pytest.mark.req("SET-07")
def test_a_trade_that_costs_more_than_was_reserved_stops_clearing() -> None:
    market = Market(deposits=100_000 * UNIT)
    market.order(ALPHA, Side.SELL, 20_000, 5_000_000)
    market.order(BRAVO, Side.BUY, 10_000, 5_000_000)
    ledger, record = last_record(market)
    terms = msgspec.structs.replace(record.command, ord_type=OrdType.MARKET, price=0)
    too_little = with_event(with_event(record, 0, reserved=5_000 * UNIT), 1, buyer_released=5_000 * UNIT)
    with pytest.raises(Disagreement, match="covers"):
        ledger.post(msgspec.structs.replace(too_little, command=terms))


@pytest.mark.req("SET-07", "ACC-10")
@pytest.mark.parametrize(("side", "off"), [(Side.BUY, -1), (Side.SELL, -1), (Side.SELL, 1)])
def test_an_order_reserved_wrongly_stops_clearing(side: Side, off: int) -> None:
    market = Market(deposits=100_000 * UNIT)
    market.order(BRAVO, side, 20_000, 5_000_000)
    ledger, record = last_record(market)
    accepted = record.events[0]
    assert isinstance(accepted, OrderAccepted)
    with pytest.raises(Disagreement, match="reserved"):
        ledger.post(with_event(record, 0, reserved=accepted.reserved + off))


@pytest.mark.req("SET-02")
def test_an_order_for_an_unlisted_instrument_stops_clearing() -> None:
    market = Market()
    market.order(BRAVO, Side.BUY, 20_000, 5_000_000)
    ledger, record = last_record(market)
    elsewhere = msgspec.structs.replace(record, command=msgspec.structs.replace(record.command, symbol_id=2))
    with pytest.raises(Disagreement, match="instrument 2"):
        ledger.post(elsewhere)


@pytest.mark.req("ACC-10")
@pytest.mark.parametrize(("field", "off"), [("released", 1), ("released", -1), ("leaves", 1), ("order_id", 1)])
def test_a_cancel_that_releases_something_else_stops_clearing(field: str, off: int) -> None:
    market = Market(deposits=100_000 * UNIT)
    market.cancel(market.order(BRAVO, Side.BUY, 20_000, 5_000_000))
    ledger, record = last_record(market)
    event = record.events[0]
    assert isinstance(event, OrderCanceled)
    with pytest.raises(Disagreement):
        ledger.post(with_event(record, 0, **{field: getattr(event, field) + off}))


@pytest.mark.req("SEQ-05")
def test_a_gap_is_refused_and_a_repetition_ignored() -> None:
    market = trade_pairs(Market(), 5)
    reader = fresh_reader()
    batch = batch_of(market.log.bytes() + market.log.bytes(10), reader)
    assert (batch.first_seq, batch.last_seq, len(batch.trades)) == (1, market.log.seq, 5)
    skipping = fresh_reader()
    with pytest.raises(SequenceGap, match="expected seq 4, found 5"):
        batch_of(b"".join(market.log.records[:3] + market.log.records[4:]), skipping)


@pytest.mark.req("SEQ-09")
def test_a_record_of_another_log_is_refused() -> None:
    one, other = Market(), Market(deposits=5)
    reader = fresh_reader()
    with pytest.raises(BrokenChain, match="seq 13"):
        batch_of(b"".join(one.log.records[:12] + other.log.records[12:]), reader)


def test_a_batch_is_full_at_each_bound() -> None:
    batch = Batch(BEGINNING)
    for seq in range(1, BATCH_RECORDS_MAX + 1):
        assert not batch.is_full
        batch.add(Entry(seq, 0))
    assert batch.is_full
    for size, full in ((BATCH_BYTES_MAX - 1, False), (BATCH_BYTES_MAX, True)):
        batch = Batch(BEGINNING)
        batch.add(Entry(1, 0, 0, size))
        assert batch.is_full is full


def test_an_instrument_finer_than_its_asset_is_refused() -> None:
    with pytest.raises(ValueError, match="finer"):
        Pricing.of(msgspec.structs.replace(BTC_USDT, lot=Step(1, 9)), 8, 18)


orders = st.tuples(
    st.sampled_from(ACCOUNTS),
    st.sampled_from(Side),
    st.integers(1, 5_000),
    st.integers(4_999_990, 5_000_010),
    st.sampled_from([TimeInForce.GOOD_TILL_CANCEL, TimeInForce.IMMEDIATE_OR_CANCEL]),
)
cancels = st.integers(0, 50)
deposits = st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from([USDT, BTC]), st.integers(1, 10**20))


@pytest.mark.req("INV-01", "INV-02", "ACC-10", "TRD-07", "SET-07")
@given(st.lists(orders | cancels | deposits, max_size=60), st.integers(-500, 500), st.integers(500, 2_000))
@settings(max_examples=150, deadline=None)
def test_every_log_balances_conserves_and_agrees_with_the_market(
    steps: list[Any], maker_ppm: int, taker_ppm: int
) -> None:
    market = Market(msgspec.structs.replace(BTC_USDT, maker_ppm=maker_ppm, taker_ppm=taker_ppm))
    for step in steps:
        if isinstance(step, int):
            if market.orders:
                market.cancel(sorted(market.orders)[step % len(market.orders)])
        elif len(step) == 5:
            market.order(*step)
        else:
            market.deposit(*step)
    check_laws(market)


def check_laws(market: Market) -> None:
    ledger = Ledger(EMPTY)
    totals: dict[tuple[int, int], int] = defaultdict(int)
    parts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for record in decode_records(market.log.bytes()):
        entry = ledger.post(record)
        sums: dict[tuple[int, int, int], int] = defaultdict(int)
        for p in entry.postings:
            sums[p.seq, p.event_index, p.asset_id] += p.amount
            totals[p.account_id, p.asset_id] += p.amount
        assert not any(sums.values()), "a ledger transaction is off balance"
        for m in entry.movements:
            parts[m.account_id, m.asset_id][0] += m.available
            parts[m.account_id, m.asset_id][1] += m.locked
        for key, (available, locked) in parts.items():
            assert totals[key] == available + locked
            assert key[0] == CUSTODY or (available >= 0 and locked >= 0)
        for event in record.events:
            if isinstance(event, Deposited):
                deposit: Any = record.command
                assert parts[deposit.account_id, deposit.asset_id][0] == event.available_after
    assert {k: v for k, v in parts.items() if k[0] != CUSTODY and any(v)} == {
        k: v for k, v in market.balances.items() if any(v)
    }
    for asset in (USDT, BTC):
        assert sum(total for (_, posted_asset), total in totals.items() if posted_asset == asset) == 0
    assert ledger.state.orders.keys() == market.orders.keys()
