"""The compiled core and its slow twin, driven by the same commands."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api.commands import NewOrder
from engine.api.enums import TimeInForce
from engine.api.events import Traded
from engine.api.wire import HEADER, Record, encode_frame
from engine.host.core import Core, Fault
from tests.model import invariants
from tests.model.market import FULL_OPENING, NOW_NS, frame
from tests.property.strategies import Sent, scripts, seeds
from tests.property.twins import Twins

OPENING_FRAMES = [frame(0, command, n) for n, command in enumerate(FULL_OPENING, 1)]


def frames_of(script: list[Sent]) -> list[bytes]:
    return [encode_frame(sent.source, n, sent.raw) for n, sent in enumerate(script, 100)]


@pytest.mark.req("DRV-03", "DRV-10", "DET-01", "ORD-01", "ORD-06", "INV-01", "INV-06", "DRV-11")
@settings(max_examples=150, deadline=None)
@given(seeds(size_max=120))
def test_records_and_states_are_equal_after_every_command(script: list[int]) -> None:
    twins = Twins()
    for seed in script:
        twins.write(seed)
        twins.core.check()
    invariants.check(twins.model)
    twins.check()


@pytest.mark.req("DRV-03", "DET-01", "ORD-02", "INV-01", "INV-06")
@pytest.mark.parametrize("start", range(4))
def test_a_long_day_ends_with_equal_states(start: int) -> None:
    rng, twins = Random(start), Twins()
    for n in range(1_500):
        record = twins.write(rng.randrange(2**32))
        check_all_or_none(record)
        if n % 50 == 0:
            twins.check()
            invariants.check(twins.model)
    twins.check()


def check_all_or_none(record: Record) -> None:
    """A FOK order is filled or not touched, and an order with a minimum gets at least that."""
    order = record.command
    if not isinstance(order, NewOrder):
        return
    trades = [t for t in record.events if isinstance(t, Traded) and t.taker_order_id == record.seq]
    if trades and order.time_in_force is TimeInForce.FILL_OR_KILL:
        assert trades[-1].taker_leaves == 0
    if trades:
        assert sum(trade.last_qty for trade in trades) >= order.min_qty


@pytest.mark.req("DET-01", "REC-11", "RPL-01")
@settings(max_examples=40, deadline=None)
@given(scripts(), st.integers(0, 60), st.integers(0, 2**64 - 1))
def test_a_restored_core_is_the_same_and_goes_on_the_same(script: list[Sent], cut: int, hash_seed: int) -> None:
    original = Core()
    original.apply(NOW_NS, b"".join(OPENING_FRAMES))
    frames = frames_of(script)
    before = original.apply(NOW_NS, b"".join(frames[:cut]))
    restored = Core.restore(original.snapshot(), hash_seed)
    restored.check()
    assert restored.digest() == original.digest()
    assert (restored.seq, restored.ts_ns, restored.prev_crc) == (original.seq, original.ts_ns, original.prev_crc)
    rest = b"".join(frames[cut:])
    later_ns = NOW_NS + sum(max(0, sent.wait_ns) for sent in script)
    assert restored.apply(later_ns, rest, before.count) == original.apply(later_ns, rest, before.count)
    assert restored.digest() == original.digest()
    assert restored.balances() == original.balances()


@pytest.mark.req("DET-01", "DET-21", "RPL-01")
@settings(max_examples=40, deadline=None)
@given(seeds(size_max=60), st.integers(1, 2000))
def test_replay_gives_the_same_state(script: list[int], chunk: int) -> None:
    twins = Twins()
    for seed in script:
        twins.write(seed)
    replayed, rest, count = Core(hash_seed=1), b"", 0
    for start in range(0, len(twins.records), chunk):
        rest += twins.records[start : start + chunk]
        progress = replayed.replay(rest)
        assert progress.fault is Fault.NONE
        rest, count = rest[progress.consumed :], count + progress.count
    assert (rest, count) == (b"", twins.core.seq)
    assert replayed.digest() == twins.core.digest()


@pytest.mark.req("DRV-03", "DET-01")
@settings(max_examples=40, deadline=None)
@given(scripts(), st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_borders_of_chunks_and_batches_change_nothing_but_batch_index(script: list[Sent], sizes: list[int]) -> None:
    stream = b"".join(OPENING_FRAMES + frames_of(script))
    whole, parts = Core(), Core()
    expected = whole.apply(NOW_NS, stream).records
    records, rest, at, turn = b"", b"", 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        rest += stream[at : at + size]
        applied = parts.apply(NOW_NS, rest)
        records += applied.records
        rest, at, turn = rest[applied.consumed :], at + size, turn + 1
    assert rest == b""
    assert without_batch(records) == without_batch(expected)
    assert parts.balances() == whole.balances()


def without_batch(records: bytes) -> list[bytes]:
    """Take batch_index, and the CRCs it goes into, out of records."""
    bare, at = [], 0
    while at < len(records):
        length, _, *stamp = HEADER.unpack_from(records, at)
        stamp[2] = stamp[6] = 0
        bare.append(HEADER.pack(length, 0, *stamp) + records[at + HEADER.size : at + length])
        at += length
    return bare
