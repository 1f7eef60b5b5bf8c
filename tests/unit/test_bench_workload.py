"""The workload the core is measured with: what it says, the same every time, and matched alike by a plain book."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import throughput
from bench.plain_book import Trade
from bench.prepared import Prepared, frames_of
from bench.workload import SHARES, Shape, Size, Workload
from engine.api import commands as c
from engine.api import events as e
from engine.api.wire import HEADER_BYTES, decode_command, decode_records

ROOT = Path(__file__).resolve().parents[2]
SMALL = Size(commands=20_000)
CROWD = Size(commands=5_000, symbols=7, accounts=100, resting=60)


def draw(size: Size) -> tuple[Prepared, list[Trade]]:
    workload = Workload(size)
    opening = list(frames_of(workload.opening()))
    load, trades = [], []
    for frame in frames_of(workload.load(), len(opening) + 1):
        load.append(frame)
        trades += workload.trades
    return Prepared(size, workload.shape(), len(opening), b"".join(opening), b"".join(load)), trades


@pytest.fixture(scope="module")
def small() -> tuple[Prepared, list[Trade]]:
    return draw(SMALL)


def test_the_workload_is_what_it_says(small: tuple[Prepared, list[Trade]]) -> None:
    prepared, _ = small
    prepared.shape.check(SMALL)
    kinds = [type(command) for command in throughput.decoded(throughput.frames_in(prepared.load))]
    gtc, ioc, cancel, replace = (SMALL.commands * percent // 100 for percent in SHARES)
    assert prepared.shape.kinds == (gtc, ioc, cancel, replace)
    assert [kinds.count(kind) for kind in (c.NewOrder, c.CancelOrder, c.ReplaceOrder)] == [gtc + ioc, cancel, replace]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": (2_000, 600, 1_200, 16_200)},
        {"trading_commands": 900},
        {"trading_commands": 1_500},
        {"resting": 900},
        {"levels": 900},
    ],
)
def test_a_workload_of_another_shape_is_noticed(small: tuple[Prepared, list[Trade]], wrong: dict[str, object]) -> None:
    fields = {name: getattr(small[0].shape, name) for name in Shape.__struct_fields__}
    with pytest.raises(AssertionError):
        Shape(**{**fields, **wrong}).check(SMALL)


def test_most_replaces_change_the_price_alone(small: tuple[Prepared, list[Trade]]) -> None:
    quantities: dict[int, int] = {}
    kept = replaced = 0
    commands = throughput.decoded(throughput.frames_in(small[0].opening + small[0].load))
    for order_id, command in enumerate(commands, 1):
        if isinstance(command, c.NewOrder):
            quantities[order_id] = command.order_qty
        elif isinstance(command, c.ReplaceOrder):
            replaced += 1
            kept += quantities[command.order_id] == command.order_qty
            quantities[command.order_id] = command.order_qty
    assert replaced * 94 < kept * 100 < replaced * 98


def test_cl_ord_ids_are_short_and_never_used_twice(small: tuple[Prepared, list[Trade]]) -> None:
    frames = throughput.frames_in(small[0].load)
    names = [decode_command(frame, HEADER_BYTES).cl_ord_id for frame in frames]  # type: ignore[union-attr]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 12


def test_the_same_seed_draws_the_same_bytes_under_another_hash_seed() -> None:
    program = (
        "import hashlib; from bench.prepared import frames_of; from bench.workload import *;"
        f"w = Workload({SMALL!r}); d = hashlib.sha256(b''.join(frames_of(w.opening())));"
        "d.update(b''.join(frames_of(w.load()))); print(d.hexdigest(), w.shape())"
    )
    told = {_run(program, hash_seed) for hash_seed in ("1", "2")}
    assert len(told) == 1


def _run(program: str, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def test_another_seed_draws_another_workload() -> None:
    digests = {hashlib.sha256(draw(Size(1_000, seed=seed))[0].load).digest() for seed in (1, 2)}
    assert len(digests) == 2


@pytest.mark.req("ORD-06", "TRD-03")
@pytest.mark.parametrize("size", [SMALL, CROWD], ids=["one book", "seven books"])
def test_the_plain_book_and_the_core_agree_on_every_trade(size: Size) -> None:
    prepared, trades = draw(size)
    core, records = throughput.recorded(prepared)
    events = [event for record in decode_records(b"".join(records)) for event in record.events]
    traded = [
        (event.taker_order_id, event.maker_order_id, event.last_px, event.last_qty)
        for event in events
        if isinstance(event, e.Traded)
    ]
    assert traded == trades
    assert throughput.check_records(prepared, core, records) == (prepared.shape.trading_commands, len(trades))
    if size.symbols == 1:
        load = throughput.frames_in(prepared.load)
        assert throughput.plain_book(prepared, load)[1] == len(trades)
