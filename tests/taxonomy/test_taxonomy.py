"""The expansion: what records say in full, in which order, and that it is all there is to know."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountKind
from engine.api.errors import WireError
from engine.api.ids import AssetId
from engine.api.wire import Record, decode_records, encode_frame
from engine.host.core import Core
from taxonomy import EVENT_TYPES, Envelope, Expander, ExpansionError, canonical_json, envelope_id
from tests.model import market as m
from tests.model.exchange import Exchange
from tests.property.strategies import Scribe
from tests.taxonomy.scenario import whole_day

GOLDEN = Path(__file__).parent / "whole_day.jsonl"


@pytest.fixture(scope="module")
def day() -> list[Record]:
    return whole_day()


def expand_all(records: Iterable[Record]) -> list[Envelope]:
    expander = Expander()
    return [envelope for record in records for envelope in expander.expand(record)]


# --- the scenario -----------------------------------------------------------------------------------------


@pytest.mark.req("EVT-01", "EVT-05", "EVT-06", "DET-04")
def test_the_whole_day_expands_to_the_golden_file(day: list[Record]) -> None:
    expanded = b"".join(canonical_json(envelope) + b"\n" for envelope in expand_all(day))
    assert expanded.decode().splitlines() == GOLDEN.read_text().splitlines()


@pytest.mark.req("EVT-01", "EVT-02", "RES-44")
def test_every_type_occurs_and_payloads_hold_decimal_text(day: list[Record]) -> None:
    envelopes = expand_all(day)
    assert {envelope.event_type for envelope in envelopes} == EVENT_TYPES
    times = {"effective_time", "expire_time", "expiry_time", "executed_at", "settled_at", "until"}
    for envelope in envelopes:
        for name, value in envelope.payload.items():
            assert isinstance(value, int) == (name in times) or isinstance(value, bool), (envelope.event_type, name)


FIELDS = {
    "OrderSubmitted": "order_id account_id symbol side type price quantity time_in_force",
    "OrderAccepted": "order_id state margin_reserved",
    "OrderRejected": "order_id reason message",
    "OrderPartiallyFilled": "order_id filled_quantity remaining_quantity average_price",
    "OrderFilled": "order_id filled_quantity average_price total_value total_fee",
    "OrderCanceled": "order_id canceled_by reason filled_quantity unfilled_quantity",
    "OrderExpired": "order_id expiry_time filled_quantity",
    "TradeExecuted": "trade_id symbol maker_order_id taker_order_id maker_account_id taker_account_id price quantity"
    " side executed_at",
    "TradeSettled": "trade_id maker_fee taker_fee settled_at",
    "AccountCreated": "account_id account_type external_id",
    "BalanceUpdated": "account_id asset delta balance_after update_reason reference_id",
    "MarginReserved": "account_id amount reason order_id",
    "MarginReleased": "account_id amount reason order_id",
    "PositionOpened": "position_id account_id symbol side size entry_price leverage",
    "PositionUpdated": "position_id size_delta new_size new_avg_price unrealized_pnl",
    "PositionClosed": "position_id close_price realized_pnl total_fees",
    "MarkPriceUpdated": "symbol mark_price index_price funding_rate",
    "CircuitBreakerTriggered": "symbol reason price_change duration",
    "DepositConfirmed": "account_id asset amount tx_id confirmations",
}


@pytest.mark.req("EVT-01")
def test_the_types_of_the_taxonomy_have_exactly_its_fields_at_least(day: list[Record]) -> None:
    for envelope in expand_all(day):
        required = set(FIELDS.get(envelope.event_type, "").split())
        assert required <= envelope.payload.keys(), envelope


PERPETUAL_TRADE = [
    "OrderSubmitted",
    "MarginReserved",
    "OrderAccepted",
    "TradeExecuted",
    "OrderPartiallyFilled",
    "OrderFilled",
    "MarginReleased",
    "MarginReleased",
    "PositionOpened",
    "PositionClosed",
    "PositionOpened",
    "BalanceUpdated",
    "BalanceUpdated",
    "BalanceUpdated",
    "MarginReserved",
    "TradeSettled",
]


@pytest.mark.req("EVT-05", "RES-45")
def test_a_reversal_in_a_perpetual_is_told_in_order(day: list[Record]) -> None:
    """The taker's long position is closed and becomes a short one, within one trade."""
    expander = Expander()
    stories = [[envelope.event_type for envelope in expander.expand(record)] for record in day]
    assert PERPETUAL_TRADE in stories


SPOT_TRADE_AND_REMAINDER = [
    "OrderSubmitted",
    "MarginReserved",
    "OrderAccepted",
    "TradeExecuted",
    "OrderFilled",
    "OrderPartiallyFilled",
    "MarginReleased",
    "MarginReleased",
    "BalanceUpdated",
    "BalanceUpdated",
    "BalanceUpdated",
    "BalanceUpdated",
    "BalanceUpdated",
    "TradeSettled",
    "OrderExpired",
    "MarginReleased",
]


@pytest.mark.req("EVT-05")
def test_a_trade_and_the_expiry_of_what_is_left_are_told_in_order(day: list[Record]) -> None:
    expander = Expander()
    told = [expander.expand(record) for record in day]
    (story,) = [envelopes for envelopes in told if [x.event_type for x in envelopes] == SPOT_TRADE_AND_REMAINDER]
    updates = [x.payload for x in story if x.event_type == "BalanceUpdated"]
    assert [(x["account_id"], x["asset"]) for x in updates] == [
        (str(m.ALPHA), "BTC"),
        (str(m.ALPHA), "USDT"),
        (str(m.BRAVO), "BTC"),
        (str(m.BRAVO), "USDT"),
        (str(m.FEES), "USDT"),
    ]


@pytest.mark.req("EVT-03", "EVT-04", "EVT-09", "DET-30")
def test_identifiers_sequences_times_and_causes(day: list[Record]) -> None:
    envelopes = expand_all(day)
    assert [x.sequence for x in envelopes] == list(range(1, len(envelopes) + 1))
    assert len({x.event_id for x in envelopes}) == len(envelopes)
    assert [x.event_id for x in envelopes] == sorted(x.event_id for x in envelopes)
    assert all(before.timestamp < after.timestamp for before, after in itertools.pairwise(envelopes))
    seen, of_entity = set[str](), Counter[str]()
    for x in envelopes:
        assert x.event_id[14] == "7" and x.event_id[19] in "89ab"
        assert x.metadata.causation_id in seen | {x.metadata.correlation_id}, "a cause comes before what it causes"
        seen.add(x.event_id)
        for entity, number in x.metadata.sequences.items():
            of_entity[entity] += 1
            assert number == of_entity[entity], entity
    kinds = {entity.partition(":")[0] for entity in of_entity}
    assert kinds == {"account", "order", "position", "symbol"}


@pytest.mark.req("EVT-04")
def test_a_trade_leads_back_to_its_order(day: list[Record]) -> None:
    by_id = {x.event_id: x for x in expand_all(day)}
    roots = set()
    for x in by_id.values():
        if x.event_type == "TradeSettled":
            trail, at = [], x
            while at.metadata.causation_id in by_id:
                at = by_id[at.metadata.causation_id]
                trail.append(at.event_type)
            assert trail[0] == "TradeExecuted"
            roots.add(tuple(trail[1:]))
    assert roots == {
        ("OrderAccepted", "OrderSubmitted"),
        ("OrderTriggered", "TradeExecuted", "OrderAccepted", "OrderSubmitted"),
        ("AuctionUncrossed",),
    }


# --- the expanded stream alone, and the fold --------------------------------------------------------------


class Reader:
    """Keeps balances from the expanded events alone, as any subscriber could."""

    def __init__(self) -> None:
        self.available: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.locked: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.may_be_negative: set[str] = set()

    def read(self, x: Envelope) -> None:
        payload: dict[str, Any] = x.payload
        if x.event_type == "AccountCreated" and payload["account_type"] == AccountKind.CLEARING_PNL.name:
            self.may_be_negative.add(payload["account_id"])
        if x.event_type not in ("BalanceUpdated", "MarginReserved", "MarginReleased"):
            return
        key = payload["account_id"], payload["asset"]
        if x.event_type == "BalanceUpdated":
            self.available[key] += Decimal(payload["delta"])
            assert self.available[key] + self.locked[key] == Decimal(payload["balance_after"])
        else:
            amount = Decimal(payload["amount"]) * (1 if x.event_type == "MarginReserved" else -1)
            self.available[key] -= amount
            self.locked[key] += amount
        assert self.locked[key] >= 0 and (self.available[key] >= 0 or key[0] in self.may_be_negative), x


class Run:
    """A random run, expanded record by record and compared with the engine."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.core, self.model, self.expander, self.reader = Core(), Exchange(), Expander(), Reader()
        self.scribe = Scribe(self.model)
        self.now_ns = m.NOW_NS
        for command in m.FULL_OPENING:
            self.step(m.frame(0, command))

    def play(self, steps: int) -> None:
        for _ in range(steps):
            sent = self.scribe.write(self.rng.getrandbits(32))
            self.now_ns += sent.wait_ns
            self.step(encode_frame(sent.source, 1, sent.raw))

    def step(self, frame: bytes) -> None:
        raw = self.core.apply(self.now_ns, frame).records
        assert self.model.apply(self.now_ns, frame) == raw
        (record,) = decode_records(raw)
        for envelope in self.expander.expand(record):
            self.reader.read(envelope)
        self.compare()

    def compare(self) -> None:
        rebuilt, model = self.expander.rebuilt, self.model
        held = {key: b for key, b in rebuilt.balances.items() if b.available or b.locked or b.loan}
        assert sorted((*key, b.available, b.locked) for key, b in held.items()) == self.core.balances()
        assert {k: b.loan for k, b in held.items() if b.loan} == {k: v for k, v in model.loans.items() if v}
        assert {
            k: (o.account_id, o.side, o.order_qty, o.leaves, o.cum_qty, o.per_lot) for k, o in rebuilt.orders.items()
        } == {
            k: (o.account_id, o.side, o.order_qty, o.leaves, o.order_qty - o.leaves, o.per_lot)
            for k, o in model.open.items()
        }
        positions = {
            (account_id, symbol_id): (p.is_isolated, p.size, p.cost, p.margin, p.extra, p.debt)
            for account_id, of_account in model.positions.items()
            for symbol_id, p in of_account.items()
        }
        own = {k: (p.is_isolated, p.size, p.cost, p.margin, p.extra, p.debt) for k, p in rebuilt.positions.items()}
        # A position without a trade or command has told nothing yet.
        assert own == {k: p for k, p in positions.items() if k in own}
        assert not any(any(p) for k, p in positions.items() if k not in own)


@pytest.mark.req("RES-15", "EVT-03", "EVT-11", "INV-01")
@pytest.mark.parametrize("seed", range(6))
def test_events_alone_rebuild_balances_orders_and_positions(seed: int) -> None:
    run = Run(seed)
    run.play(250)
    own = {
        (str(account), run.expander.rebuilt.assets[AssetId(asset)].name): (available, locked, asset)
        for account, asset, available, locked in run.core.balances()
    }
    for key, (available, locked, asset) in own.items():
        scale = Decimal(10) ** run.expander.rebuilt.assets[AssetId(asset)].decimals
        assert run.reader.available[key] * scale == available
        assert run.reader.locked[key] * scale == locked


@pytest.mark.req("RES-46", "DET-01")
def test_expanding_twice_gives_the_same_bytes(day: list[Record]) -> None:
    assert list(map(canonical_json, expand_all(day))) == list(map(canonical_json, expand_all(day)))


# --- what does not follow ---------------------------------------------------------------------------------


class Unheard(msgspec.Struct, frozen=True):
    """An event of a later release."""


@pytest.mark.req("EVT-03")
def test_an_event_of_unknown_type_is_a_fault(day: list[Record]) -> None:
    record = msgspec.structs.replace(day[0], events=(Unheard(),))
    with pytest.raises(ExpansionError, match="seq 1: Unheard"):
        Expander().expand(record)


def first_with(day: list[Record], kind: type) -> tuple[Expander, Record, int]:
    """An expander just before the first record with an event of this kind, the record, and the event's place."""
    expander = Expander()
    for record in day:
        for index, event in enumerate(record.events):
            if isinstance(event, kind):
                return expander, record, index
        expander.expand(record)
    raise AssertionError(kind)


@pytest.mark.req("RES-15")
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (e.Deposited, "available_after"),
        (e.OrderAccepted, "reserved"),
        (e.Traded, "buyer_released"),
        (e.Traded, "maker_leaves"),
        (e.OrderCanceled, "released"),
        (e.OrderExpired, "leaves"),
        (e.OrderRestated, "released"),
        (e.OrderReplaced, "leaves"),
        (e.PositionChanged, "margin"),
        (e.Borrowed, "loan"),
        (e.Repaid, "loan"),
        (e.Transferred, "to_available"),
        (e.DebtCovered, "payer_available"),
    ],
)
def test_a_figure_that_does_not_follow_is_a_fault(day: list[Record], kind: type, field: str) -> None:
    expander, record, index = first_with(day, kind)
    event: Any = record.events[index]
    wrong = msgspec.structs.replace(event, **{field: getattr(event, field) + 1})
    changed = msgspec.structs.replace(record, events=(*record.events[:index], wrong, *record.events[index + 1 :]))
    with pytest.raises(ExpansionError, match=f"seq {record.seq}"):
        expander.expand(changed)


def test_a_record_that_was_left_out_is_noticed(day: list[Record]) -> None:
    expander = Expander()
    accepted = next(record for record in day if isinstance(record.command, c.NewOrder))
    with pytest.raises(ExpansionError, match="is not open"):
        for record in day:
            if record is not accepted:
                expander.expand(record)


@pytest.mark.req("DET-30")
def test_identifiers_hold_the_largest_numbers_and_refuse_larger() -> None:
    top = envelope_id(m.NOW_NS, 2**44 - 1, 2**26 - 1, 15)
    assert top.replace("-", "")[12:] == "7fff" + "b" + "f" * 15
    for seq, index in ((2**44, 0), (0, 2**26)):
        with pytest.raises(WireError):
            envelope_id(m.NOW_NS, seq, index, 3)
