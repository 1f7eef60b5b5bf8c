"""The shared fold against the engine itself: after every record it holds what the slow twin holds."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from engine.api import commands as c
from engine.api.cursor import Cursor
from engine.api.enums import Peg, TimeInForce, Trigger
from engine.api.errors import CursorRefused, SnapshotError
from engine.api.events import InstrumentChanged, OrderAccepted, OrderReplaced, Traded
from engine.api.ids import OrderId, SymbolId
from engine.api.parameters import Parameter
from engine.api.segment import SegmentHeader, list_segments
from engine.api.units import Step
from engine.api.wire import HEADER, split_frames
from engine.client import read_journal
from engine.standing import Order, Standing, load
from engine.standing.fold import Fold, Taken
from engine.standing.orders import Orders
from tests.host.journals import write
from tests.model import market as m
from tests.model.state import Order as ModelOrder
from tests.property.twins import Twins


def written(seed: int, count: int) -> tuple[Twins, list[bytes]]:
    """Let a day pass; return what the twins hold at its end, and its records."""
    rng, twins = Random(seed), Twins()
    for _ in range(count):
        twins.write(rng.randrange(2**32))
    records = bytes(twins.records)
    return twins, [records[start:end] for start, end in split_frames(records)[0]]


def as_model(order: Order) -> tuple[object, ...]:
    terms = order.terms
    lasting = terms.expire_time_ns if terms.time_in_force is not TimeInForce.DAY else 0
    trigger = Trigger.LAST if terms.ord_type.is_stop and terms.trigger is Trigger.NONE else terms.trigger
    identity = (order.order_id, order.session_id, terms.account_id, terms.symbol_id, terms.side, terms.ord_type)
    sizes = (terms.order_qty, order.leaves_qty, order.cum_qty, terms.max_floor, terms.price, terms.stop_px)
    rest = (terms.time_in_force, lasting, terms.peg_offset, terms.peg or Peg.NONE, trigger, terms.stp_group)
    states = (order.is_triggered, order.is_suspended, order.state)
    return (*identity, *sizes, *rest, terms.exec_inst, *states, terms.cl_ord_id)


def of_model(twins: Twins, order: ModelOrder) -> tuple[object, ...]:
    lasting = order.expire_time_ns if order.time_in_force is not TimeInForce.DAY else 0
    name = order.latest or order.entered
    assert name is not None
    symbol_id, price = order.market.symbol_id, 0 if order.ord_type.is_stop and not has_limit(order) else order.limit
    identity = (order.order_id, order.source, order.account_id, symbol_id, order.side, order.ord_type)
    sizes = (order.order_qty, order.leaves, order.order_qty - order.leaves, order.max_floor, price, order.stop_px)
    rest = (order.time_in_force, lasting, order.peg_offset, order.peg, order.trigger, order.stp_group)
    states = (order.is_triggered, order.is_outside, order.state)
    return (*identity, *sizes, *rest, order.exec_inst, *states, name.cl_ord_id)


def has_limit(order: ModelOrder) -> bool:
    return order.ord_type.name != "STOP"


@pytest.mark.req("EVT-03", "RPL-10", "ORD-10")
@pytest.mark.parametrize("seed", range(4))
def test_open_orders_are_those_of_the_engine_after_every_record(seed: int) -> None:
    """At every record: a standing that is fed by one twin is the other one's state."""
    rng, twins, standing = Random(seed), Twins(), Standing()
    for record in standing.take(bytes(twins.records)):
        standing.apply(record)
    for _ in range(500):
        at = len(twins.records)
        twins.write(rng.randrange(2**32))
        for record in standing.take(bytes(twins.records[at:])):
            standing.apply(record)
        assert [order_id for order_id, _ in standing.orders.items()] == list(twins.model.open)
        for order_id, order in standing.orders.items():
            assert as_model(order) == of_model(twins, twins.model.open[order_id])
    assert len(standing.orders) > 5


@pytest.mark.req("EVT-03", "RPL-10", "DET-01")
@pytest.mark.parametrize("seed", range(4))
def test_the_compiled_fold_holds_the_same_after_every_record_and_after_a_snapshot(seed: int) -> None:
    twins, records = written(seed, 500)
    standing, fold = Standing(), Fold()
    ended = dict[int, tuple[object, ...]]()
    for n, raw in enumerate(records):
        assert fold.take(raw).consumed == len(raw)
        for record in standing.take(raw):
            for _, _, orders in standing.changes(record):
                ended |= {order.order_id: in_full(order) for order in orders if not order.state.is_open}
        if n % 50 == 0:
            snapshot = fold.snapshot()
            fold = Fold.restore(snapshot)
            assert fold.snapshot() == snapshot
        if n % 10 == 0:
            assert [in_full(o) for _, o in Orders(fold.open_orders()).items()] == [
                in_full(o) for _, o in standing.orders.items()
            ]
        assert fold.markets() == standing.markets.by_symbol
    assert len(ended) > 50
    for order_id in ended.keys() & twins.model.orders.keys():
        found = fold.find(order_id)
        assert found is not None and in_full(found) == ended[order_id]
    again = Standing(fold)
    assert again.registry.instruments == standing.registry.instruments
    assert again.registry.sessions == standing.registry.sessions
    assert (again.accounts.by_id, again.markets.venue) == (standing.accounts.by_id, standing.markets.venue)


@pytest.mark.req("ORD-10", "RPL-20")
@pytest.mark.parametrize("seed", range(4))
def test_closed_orders_are_kept_as_long_as_the_log_may_name_them(seed: int) -> None:
    """At every record; the rules that say how long are set, at once and for a time to come."""
    rng, twins, fold, ended, let_go = Random(seed), Twins(), Fold(), dict[OrderId, tuple[object, ...]](), 0
    standing = Standing()
    for n in range(600):
        at = len(twins.records) if n else 0
        if n % 60 == 0:
            later_ns = twins.now_ns + rng.choice((0, 0, 10**9))
            twins.send(0, c.SetParameter(Parameter.CL_ORD_IDS_SPENT_MAX, 0, rng.choice((1, 3, 20)), later_ns))
            window_ns = rng.choice((10**9, 60 * 10**9))
            twins.send(0, c.SetParameter(Parameter.CL_ORD_ID_WINDOW_NS, 0, window_ns, later_ns))
        twins.write(rng.randrange(2**32))
        fold.take(bytes(twins.records[at:]))
        for record in standing.take(bytes(twins.records[at:])):
            for _, _, orders in standing.changes(record):
                ended |= {order.order_id: in_full(order) for order in orders if not order.state.is_open}
        again = Fold.restore(fold.snapshot())
        assert again.snapshot() == fold.snapshot()
        remembered = {order_id for order_id in ended if order_id in twins.model.orders}
        assert {order_id for order_id in ended if again.find(order_id)} == remembered
        for order_id in remembered:
            for kept in (again.find(order_id), fold.find(order_id)):
                assert kept is not None and in_full(kept) == ended[order_id]
        let_go = len(ended) - len(remembered)
        twins.check()
        if n % 30 == 0:
            fold = again
    assert let_go > 20


@pytest.mark.req("EVT-03", "RPL-10")
def test_a_restored_fold_knows_the_listing_an_order_was_entered_under() -> None:
    twins, fold, standing = Twins(), Fold(), Standing()
    listing = standing_listing = twins.model.markets[m.BTC_USDT].listing
    for tick in ("1", "2"):
        standing_listing = replace(standing_listing, tick=Step.parse(tick))
        assert twins.send(0, c.ChangeInstrument(standing_listing)).events == (InstrumentChanged(),)
    fold.take(bytes(twins.records))
    for record in standing.take(bytes(twins.records)):
        standing.apply(record)
    for registry in (standing.registry, Standing(Fold.restore(fold.snapshot())).registry):
        last = OrderId(fold.cursor.seq)
        listings = [registry.listing_of(m.BTC_USDT, OrderId(number)) for number in (1, last - 1, last, last + 1)]
        ticks = [listing.tick, listing.tick, Step.parse("1"), Step.parse("2")]
        assert [one.tick for one in listings] == ticks


@pytest.mark.req("ORD-10", "RPL-21")
@pytest.mark.parametrize("source", [c.OPERATIONS, m.ALPHA_OE])
def test_a_restored_fold_knows_who_gave_an_open_order_its_latest_cl_ord_id(source: int) -> None:
    """What its owner spends later forgets the ClOrdIDs the owner gave it; one of operations still names it."""
    twins = Twins()
    twins.send(c.OPERATIONS, c.SetParameter(Parameter.CL_ORD_IDS_SPENT_MAX, 0, 1, twins.now_ns))
    order_id = offer(twins, "first")
    twins.send(source, c.ReplaceOrder("more", 30_000, order_id=order_id))
    before, fold = len(twins.records), Fold()
    fold.take(bytes(twins.records))
    fold = Fold.restore(fold.snapshot())
    take_offer(twins, 30_000)
    offer(twins, "second")
    take_offer(twins, 20_000)
    fold.take(bytes(twins.records[before:]))
    fold = Fold.restore(fold.snapshot())
    is_remembered = order_id in twins.model.orders
    assert is_remembered == (source == c.OPERATIONS)
    assert (fold.find(order_id) is not None) == is_remembered


def offer(twins: Twins, cl_ord_id: str) -> OrderId:
    order = c.NewOrder(m.ALPHA, m.BTC_USDT, m.SELL, m.LIMIT, m.GTC, 20_000, 10_000, cl_ord_id)
    (event,) = twins.send(m.ALPHA_OE, order).events
    assert isinstance(event, OrderAccepted)
    return event.order_id


def take_offer(twins: Twins, qty: int) -> None:
    order = c.NewOrder(m.BRAVO, m.BTC_USDT, m.BUY, m.LIMIT, m.GTC, qty, 10_000, str(len(twins.records)))
    told = [event.maker_leaves for event in twins.send(m.BRAVO_OE, order).events if isinstance(event, Traded)]
    assert told == [0]


@pytest.mark.req("RPL-21")
def test_a_snapshot_of_the_fold_that_is_damaged_anywhere_is_refused() -> None:
    _, records = written(2, 60)
    fold = Fold(7)
    fold.take(b"".join(records))
    snapshot = fold.snapshot()
    assert Fold.restore(snapshot).cursor == fold.cursor
    for at in range(0, len(snapshot), 7):
        with pytest.raises(SnapshotError):
            Fold.restore(snapshot[:at] + bytes([snapshot[at] ^ 1]) + snapshot[at + 1 :])
        with pytest.raises(SnapshotError):
            Fold.restore(snapshot[:at])


@pytest.mark.req("SEQ-05")
def test_the_compiled_fold_passes_over_what_it_has_and_stops_at_a_gap() -> None:
    _, records = written(1, 40)
    fold = Fold()
    assert fold.take(b"".join(records[:20]) + records[20][:30]) == Taken(sum(map(len, records[:20])), True)
    assert fold.take(b"".join(records[10:30]), 25) == Taken(sum(map(len, records[10:25])), True)
    assert fold.cursor.seq == 25
    for wrong in (records[26], bytes([records[25][0], *records[25][1:-1], records[25][-1] ^ 1])):
        assert fold.take(wrong) == Taken(0, False)
    assert fold.cursor.seq == 25


def in_full(order: Order) -> tuple[object, ...]:
    return tuple(getattr(order, name) for name in Order.__slots__)


@pytest.mark.req("EVT-03", "RPL-10")
@pytest.mark.parametrize("seed", range(3))
def test_markets_accounts_and_registrations_are_those_of_the_engine(seed: int) -> None:
    twins, records = written(seed, 400)
    standing = fed(records)
    model = twins.model
    assert standing.markets.venue is model.venue
    for symbol_id, market in model.markets.items():
        held = standing.markets.by_symbol[SymbolId(symbol_id)]
        assert (held.status, held.is_delisted) == (market.status, market.is_delisted)
        assert (held.mark, held.last_px) == (market.mark, market.last_px)
        assert held.breaker_until_ns == market.breaker_until_ns
        assert standing.registry.instruments[symbol_id] == market.listing
    for account_id, account in model.accounts.items():
        state = standing.accounts.by_id[account_id]
        assert (state.status, state.margin_state, state.tier) == (account.status, account.margin_state, account.tier)
        assert state.leverage_max == account.leverage_max
        assert state.position_notional_max == account.position_notional_max
    assert standing.registry.sessions == model.sessions


@pytest.mark.req("EVT-03", "ORD-10")
def test_each_change_comes_with_its_orders_as_they_are_after_it() -> None:
    _, records = written(5, 600)
    standing = Standing()
    traded = replaced = 0
    worth: dict[int, tuple[int, int]] = {}
    for raw in records:
        (record,) = standing.take(raw)
        for index, event, orders in standing.changes(record):
            if isinstance(event, Traded):
                traded += 1
                taker, maker = orders
                assert (taker.order_id, maker.order_id) == (event.taker_order_id, event.maker_order_id)
                assert (taker.leaves_qty, maker.leaves_qty) == (event.taker_leaves, event.maker_leaves)
                assert (taker.report, maker.report) == ((record.seq, 2 * index), (record.seq, 2 * index + 1))
                for order in orders:
                    qty, notional = worth.get(order.order_id, (0, 0))
                    worth[order.order_id] = (qty + event.last_qty, notional + event.last_qty * event.last_px)
                    assert (order.cum_qty, order.cum_notional) == worth[order.order_id]
            if isinstance(event, OrderReplaced):
                replaced += 1
                assert orders[0].previous_cl_ord_id and orders[0].previous_cl_ord_id != orders[0].terms.cl_ord_id
    assert traded > 20 and replaced > 10


@pytest.mark.req("ORD-10")
def test_closed_orders_are_found_with_what_they_came_to() -> None:
    twins, records = written(7, 600)
    standing = fed(records)
    closed = [order for order in twins.model.orders.values() if order.order_id not in twins.model.open]
    assert len(closed) > 50
    for order in closed:
        found = standing.find(order.order_id)
        assert found is not None and (found.state, found.leaves_qty) == (order.state, 0)
    assert standing.find(10**9) is None


@pytest.mark.req("SEQ-05")
def test_what_does_not_continue_the_log_is_refused() -> None:
    _, records = written(1, 20)
    standing = fed(records[:10])
    for raw in (records[9], records[11]):
        with pytest.raises(CursorRefused):
            standing.take(raw)
    assert len(standing.take(records[10])) == 1


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path / "journal", 6)
    return tmp_path


@pytest.mark.req("RPL-10", "SEQ-09")
def test_it_is_loaded_to_the_end_or_to_a_cursor(data: Path) -> None:
    whole, reached = load(data), list[int]()
    identity = SegmentHeader.decode(list_segments(data / "journal")[0].read_bytes()).journal
    assert whole.cursor.journal == identity
    (chunk,) = read_journal(data / "journal")
    for start, _ in split_frames(chunk)[0]:
        _, crc, seq, *_ = HEADER.unpack_from(chunk, start)
        standing = load(data, Cursor(seq, crc, identity), reached.append)
        assert standing.cursor == Cursor(seq, crc, identity)
        for record in standing.take(b"".join(read_journal(data / "journal", seq + 1))):
            standing.apply(record)
        assert described(standing) == described(whole)
    assert reached[-1] == whole.cursor.seq


@pytest.mark.req("SEQ-09")
def test_a_cursor_that_does_not_belong_is_refused_with_a_sentence(data: Path) -> None:
    at = load(data).cursor
    for cursor, words in (
        (Cursor(at.seq, at.crc, at.journal ^ 1), "belongs to journal"),
        (Cursor(at.seq + 1, 1, at.journal), f"ends at seq {at.seq}"),
        (Cursor(at.seq, at.crc ^ 1, at.journal), f"another record {at.seq}"),
    ):
        with pytest.raises(CursorRefused, match=words):
            load(data, cursor)


def fed(records: list[bytes]) -> Standing:
    standing = Standing()
    for raw in records:
        for record in standing.take(raw):
            standing.apply(record)
    return standing


def described(standing: Standing) -> list[object]:
    orders = [(*as_model(order), order.cum_notional, order.report) for _, order in standing.orders.items()]
    return [standing.cursor, orders, standing.markets.venue, standing.markets.by_symbol, standing.accounts.by_id]
