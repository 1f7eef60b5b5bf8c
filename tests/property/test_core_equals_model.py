"""The compiled core and its slow twin, driven by the same commands."""

from __future__ import annotations

from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api.wire import HEADER, encode_frame
from engine.host.core import Core, Fault
from tests.model import snapshot
from tests.model.exchange import Exchange
from tests.model.market import NOW_NS, OPENING, frame
from tests.property.strategies import scripts

OPENING_FRAMES = [frame(0, command, n) for n, command in enumerate(OPENING, 1)]

Sent = tuple[int, bytes]

scripts_after_opening = scripts(first_seq=len(OPENING) + 1)
clocks = st.lists(st.integers(-2, 3), min_size=1, max_size=7)
"""By how many nanoseconds the clock moves before each command, in turns; it may stand still or step back."""


class Twins:
    """A core and a model that must not differ."""

    def __init__(self) -> None:
        self.core = Core()
        self.model = Exchange()
        self.records = b""
        self.now_ns = NOW_NS
        for raw in OPENING_FRAMES:
            self.apply(raw)

    def apply(self, raw: bytes) -> bytes:
        applied = self.core.apply(self.now_ns, raw, 7)
        assert (applied.consumed, applied.count, applied.fault) == (len(raw), 1, Fault.NONE)
        assert applied.records == self.model.apply(self.now_ns, raw, 7)
        self.records += applied.records
        return applied.records

    def check(self) -> None:
        """Check here too, from the model's numbers, what the core checks by its own."""
        model = self.model
        held = {key: amount for key, amount in model.available.items() if amount or model.locked[key]}
        assert self.core.balances() == sorted((*key, available, model.locked[key]) for key, available in held.items())
        for asset_id, deposited in model.deposited.items():
            in_asset = [available + locked for _, asset, available, locked in self.core.balances() if asset == asset_id]
            assert sum(in_asset) == deposited
        assert self.core.open_orders == sum(order.state.is_open for order in model.orders.values())
        position = (self.core.seq, self.core.ts_ns, self.core.prev_crc)
        assert position == (model.seq, model.event_ts_ns, model.prev_crc)


def frames_of(script: list[Sent]) -> list[bytes]:
    return [encode_frame(source, n, raw) for n, (source, raw) in enumerate(script, 100)]


@pytest.mark.req("DRV-03", "DRV-10", "DET-01", "ORD-01", "ORD-06", "INV-01")
@settings(max_examples=500, deadline=None)
@given(scripts_after_opening, clocks)
def test_records_and_digests_are_equal_after_every_command(script: list[Sent], clock: list[int]) -> None:
    twins = Twins()
    for raw, step_ns in zip(frames_of(script), cycle(clock), strict=False):
        twins.now_ns += step_ns
        twins.apply(raw)
        twins.core.check()
    twins.check()
    assert twins.core.snapshot() == snapshot.snapshot(twins.model)
    assert twins.core.digest() == snapshot.digest(twins.model)


@pytest.mark.req("DET-01", "REC-11", "RPL-01")
@settings(max_examples=50, deadline=None)
@given(scripts_after_opening, st.integers(0, 60), st.integers(0, 2**64 - 1))
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
    assert restored.apply(NOW_NS, rest, before.count) == original.apply(NOW_NS, rest, before.count)
    assert restored.digest() == original.digest()
    assert restored.balances() == original.balances()


@pytest.mark.req("DET-01", "DET-21", "RPL-01")
@settings(max_examples=50, deadline=None)
@given(scripts_after_opening, st.integers(1, 2000))
def test_replay_gives_the_same_state(script: list[Sent], chunk: int) -> None:
    twins = Twins()
    for raw in frames_of(script):
        twins.apply(raw)
    replayed, rest, count = Core(hash_seed=1), b"", 0
    for start in range(0, len(twins.records), chunk):
        rest += twins.records[start : start + chunk]
        progress = replayed.replay(rest)
        assert progress.fault is Fault.NONE
        rest, count = rest[progress.consumed :], count + progress.count
    assert (rest, count) == (b"", twins.core.seq)
    assert replayed.digest() == twins.core.digest()


@pytest.mark.req("DRV-03", "DET-01")
@settings(max_examples=50, deadline=None)
@given(scripts_after_opening, st.lists(st.integers(1, 400), min_size=1, max_size=30))
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
