"""Commands per second of the core, of the core behind its journal, of its slow twin, and of a plain Python book.

Frames are handed over as an engine reads them from one link, LINK_READ_BYTES at a time: some 2,800 commands. What
only computes is measured in processor time, which on a machine left alone is the time that passes; what waits for a
disk is measured in time that passes.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.conditions import Stopwatch
from bench.plain_book import Order, PlainBook
from bench.prepared import Prepared
from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import Side, TimeInForce
from engine.api.limits import LINK_READ_BYTES
from engine.api.wire import HEADER, HEADER_BYTES, decode_command, number_of, split_frames
from engine.host import journal, recovery
from engine.host.core import Core, Fault
from engine.host.disk import Disk
from tests.model.exchange import Exchange
from tests.model.snapshot import digest

NOW_NS = 1_790_000_000_000_000_000

LINKS = 8
"""Gateways that keep the engine busy: each turn of its loop takes LINK_READ_BYTES from every one, and syncs once."""

TRADED = number_of(e.Traded)
REFUSALS = tuple(map(number_of, (e.OrderRejected, e.CancelRejected, e.ReplaceRejected, e.CommandRefused)))


def opened(prepared: Prepared) -> tuple[Core, bytes]:
    """Return a core that has seen the opening, and the records of that."""
    core = Core()
    return core, b"".join(batches(core, prepared.opening))


def batches(core: Core, frames: bytes) -> Iterator[bytes]:
    """Apply whole frames as they would come from a link; yields the records of each batch."""
    stream, at = memoryview(frames), 0
    while at < len(stream):
        applied = core.apply(NOW_NS, stream[at : at + LINK_READ_BYTES])
        assert applied.fault is Fault.NONE and applied.consumed
        yield applied.records
        at += applied.consumed


def recorded(prepared: Prepared) -> tuple[Core, list[bytes]]:
    """Apply a whole workload; return the core and all records, batch by batch."""
    core, opening = opened(prepared)
    return core, [opening, *batches(core, prepared.load)]


def apply(prepared: Prepared) -> float:
    """Apply a workload, every batch's records taken and dropped; return the seconds after its opening."""
    core, _ = opened(prepared)
    with Stopwatch() as watch:
        for records in batches(core, prepared.load):
            del records
    return watch.seconds


def replay(records: list[bytes]) -> float:
    """Replay all records, batch by batch, on an empty core and return the seconds."""
    core = Core()
    with Stopwatch() as watch:
        for batch in records:
            replayed = core.replay(batch)
            assert replayed.consumed == len(batch)
    return watch.seconds


def journaled(prepared: Prepared, load: bytes) -> float:
    """Apply ``load`` after the opening, each turn's records written and synced before the next; return the seconds.

    A turn takes what :data:`LINKS` busy links bring, as the engine's loop does.
    """
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        disk = Disk()
        recovered = recovery.recover(directory, directory / "snapshots", disk)
        core, writer = recovered.core, journal.Journal(directory, recovered.tail, disk)
        for records in batches(core, prepared.opening):
            writer.append(records, core.seq, core.prev_crc)
        started = time.perf_counter()
        turn: list[bytes] = []
        for records in batches(core, load):
            turn.append(records)
            if len(turn) == LINKS:
                writer.append(b"".join(turn), core.seq, core.prev_crc)
                turn.clear()
        if turn:
            writer.append(b"".join(turn), core.seq, core.prev_crc)
        seconds = time.perf_counter() - started
        writer.close()
        return seconds
    finally:
        shutil.rmtree(directory)


def model(prepared: Prepared, load: list[bytes]) -> float:
    """Apply ``load`` after the opening to the slow twin and return the seconds; its state must be the core's."""
    twin, core, opening = Exchange(), Core(), frames_in(prepared.opening)
    for frame in opening:
        twin.apply(NOW_NS, frame)
    with Stopwatch() as watch:
        for frame in load:
            twin.apply(NOW_NS, frame)
    for frame in (*opening, *load):
        core.apply(NOW_NS, frame)
    assert core.digest() == digest(twin)
    return watch.seconds


def plain_book(prepared: Prepared, load: list[bytes]) -> tuple[float, int]:
    """Feed ``load``, decoded beforehand, to a plain book; return the seconds and the number of trades."""
    book = PlainBook()
    for order_id, command in enumerate(decoded(frames_in(prepared.opening)), 1):
        if isinstance(command, c.NewOrder):
            feed(book, order_id, command)
    commands = decoded(load)
    trades = 0
    with Stopwatch() as watch:
        for order_id, command in enumerate(commands, prepared.opening_commands + 1):
            trades += feed(book, order_id, command)
    return watch.seconds, trades


def feed(book: PlainBook, order_id: int, command: c.Command) -> int:
    """Give one command of a workload to a plain book; return the number of trades."""
    match command:
        case c.ReplaceOrder():
            return len(book.replace(command.order_id, command.order_qty, command.price))
        case c.CancelOrder():
            book.cancel(command.order_id)
            return 0
        case c.NewOrder():
            qty, is_buy = command.order_qty, command.side is Side.BUY
            order = Order(order_id, command.account_id, is_buy, qty, qty, command.price)
            return len(book.enter(order, command.time_in_force is TimeInForce.GOOD_TILL_CANCEL))
    raise AssertionError(f"not a command of a workload: {command}")


def decoded(frames: list[bytes]) -> list[c.Command]:
    """Decode the commands of frames."""
    return [decode_command(frame, HEADER_BYTES) for frame in frames]


def frames_in(buffer: bytes) -> list[bytes]:
    """Cut a buffer into its frames."""
    spans, rest = split_frames(buffer)
    assert rest == len(buffer)
    return [buffer[start:end] for start, end in spans]


def head(frames: bytes, count: int) -> bytes:
    """Return the first ``count`` frames of a buffer."""
    at = 0
    for _ in range(count):
        at += int.from_bytes(frames[at : at + 4], "little")
    return frames[:at]


def check_records(prepared: Prepared, core: Core, records: list[bytes]) -> tuple[int, int]:
    """Assert that the core made of a workload what was drawn, and nothing was refused.

    Returns: commands that traded, and trades.
    """
    trading = trades = 0
    for buffer in records:
        at = 0
        while at < len(buffer):
            length, *_, command_bytes, _, count = HEADER.unpack_from(buffer, at)
            event, traded = at + HEADER_BYTES + command_bytes, 0
            for _ in range(count):
                kind = buffer[event + 2]
                assert kind not in REFUSALS, f"a command of the workload was refused: event of type {kind}"
                traded += kind == TRADED
                event += buffer[event] | buffer[event + 1] << 8
            trades += traded
            trading += traded > 0
            at += length
    shape = prepared.shape
    assert (trading, trades) == (shape.trading_commands, shape.trades), f"{trading}, {trades} are not those of {shape}"
    assert core.open_orders == shape.open_orders_at_end
    core.check()
    return trading, trades
