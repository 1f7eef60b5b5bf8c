"""Frames, records, replay and snapshots: what is sound, and what each fault does."""

from __future__ import annotations

import random

import google_crc32c
import pytest

from engine.api import commands as c
from engine.api.errors import SnapshotError
from engine.api.limits import BATCH_COMMANDS_MAX, COMMAND_BYTES_MAX, RECORD_BYTES_MAX
from engine.api.wire import HEADER, decode_records, encode_command, encode_frame
from engine.host.core import Core, Fault, crc32c
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_OE, BRAVO, BUY, NOW_NS, SELL, Market, frame

HEADER_FIELDS = (
    *("length", "crc", "seq", "ts_ns", "prev_crc", "source"),
    *("source_seq", "command_length", "batch_index", "count"),
)
SOUND = frame(0, c.RegisterFirm(9, "NINE"), 5)
STATUS = frame(ALPHA_OE, c.RequestOrderStatus("a"))


def sealed(raw: bytes, **fields: int) -> bytes:
    """Change header fields and seal the frame with a right CRC."""
    names = (
        "length",
        "crc",
        "seq",
        "ts_ns",
        "prev_crc",
        "source",
        "source_seq",
        "command_length",
        "batch_index",
        "count",
    )
    values = dict(zip(names, HEADER.unpack_from(raw), strict=True)) | fields
    body = HEADER.pack(*values.values())[8:] + raw[HEADER.size :]
    return HEADER.pack(*values.values())[:4] + crc32c(body).to_bytes(4, "little") + body


@pytest.mark.req("REC-30")
def test_crc32c_is_that_of_the_other_processes() -> None:
    generator = random.Random(1)
    for length in [*range(70), 1000, 4097]:
        data = generator.randbytes(length)
        assert crc32c(data) == google_crc32c.value(data)


def test_what_a_core_needs_from_a_frame_it_copies_to_the_record() -> None:
    core = Core()
    applied = core.apply(NOW_NS, SOUND, 3)
    (record,) = decode_records(applied.records)
    assert (record.seq, record.ts_ns, record.source, record.source_seq) == (1, NOW_NS, 0, 5)
    assert record.command == c.RegisterFirm(9, "NINE")
    header = HEADER.unpack_from(applied.records)
    assert header[4] == 0 and header[8] == 3
    assert core.prev_crc == header[1]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(kind: type) -> None:
    assert Core().apply(NOW_NS, kind(SOUND)).count == 1


def test_an_incomplete_frame_is_left() -> None:
    core = Core()
    for cut in range(len(SOUND)):
        applied = core.apply(NOW_NS, SOUND + SOUND[:cut])
        assert (applied.consumed, applied.count, applied.fault) == (len(SOUND), 1, Fault.NONE)


@pytest.mark.parametrize(
    ("fault", "bad"),
    [
        (Fault.BAD_LENGTH, (47).to_bytes(4, "little")),
        (Fault.BAD_LENGTH, (48 + COMMAND_BYTES_MAX + 1).to_bytes(4, "little")),
        (Fault.BAD_LENGTH, b"\xff\xff\xff\xff"),
        (Fault.BAD_LENGTH, sealed(SOUND, command_length=11)),
        (Fault.BAD_LENGTH, sealed(SOUND, command_length=13)),
        (Fault.BAD_CRC, SOUND[:-1] + b"X"),
        (Fault.BAD_CRC, SOUND[:4] + b"\0\0\0\0" + SOUND[8:]),
        (Fault.BAD_HEADER, sealed(SOUND, seq=1)),
        (Fault.BAD_HEADER, sealed(SOUND, ts_ns=1)),
        (Fault.BAD_HEADER, sealed(SOUND, prev_crc=1)),
        (Fault.BAD_HEADER, sealed(SOUND, batch_index=1)),
        (Fault.BAD_HEADER, sealed(SOUND, count=1)),
    ],
)
def test_an_unsound_frame_stops_with_a_fault_after_those_before_it(fault: Fault, bad: bytes) -> None:
    core = Core()
    applied = core.apply(NOW_NS, SOUND + bad + SOUND)
    assert (applied.consumed, applied.count, applied.fault) == (len(SOUND), 1, fault)
    assert core.seq == 1


def test_the_largest_command_is_looked_at() -> None:
    applied = Core().apply(NOW_NS, encode_frame(0, 1, b"\x01" * COMMAND_BYTES_MAX))
    assert (applied.count, applied.fault) == (1, Fault.NONE)


def test_a_batch_ends_at_its_limit() -> None:
    core = Core()
    applied = core.apply(NOW_NS, STATUS * 3, BATCH_COMMANDS_MAX - 2)
    assert (applied.count, applied.consumed, applied.fault) == (2, 2 * len(STATUS), Fault.NONE)
    assert core.apply(NOW_NS, STATUS, BATCH_COMMANDS_MAX).count == 0


@pytest.mark.req("DRV-10")
def test_time_rises_whatever_the_clock_does() -> None:
    core = Core()
    times = [decode_records(core.apply(now, SOUND).records)[0].ts_ns for now in (5, 5, 3, 100, 0)]
    assert times == [5, 6, 7, 100, 101]
    assert core.ts_ns == 101


@pytest.fixture(scope="module")
def traded() -> Market:
    market = Market()
    for turn in range(20):
        market.limit((ALPHA, BRAVO)[turn % 2], (BUY, SELL)[turn % 2], 20_000 + turn, 10_000, f"o{turn}")
    return market


def last_record_start(records: bytes) -> int:
    start = 0
    while (end := start + int.from_bytes(records[start : start + 4], "little")) < len(records):
        start = end
    return start


@pytest.mark.req("RPL-01", "DET-01")
def test_replay_takes_whole_records_and_leaves_the_rest(traded: Market) -> None:
    records = traded.records
    start = last_record_start(records)
    core = Core()
    for end in range(start, len(records)):
        progress = core.replay(records[:end] if core.seq == 0 else records[start:end])
        assert progress.fault is Fault.NONE
    assert core.seq == traded.core.seq - 1
    assert core.replay(records[start:]).count == 1
    assert core.digest() == traded.core.digest()


@pytest.mark.req("REC-30", "RPL-01")
@pytest.mark.parametrize(
    ("fault", "fields"),
    [
        (Fault.BAD_SEQ, {"seq": 1}),
        (Fault.BROKEN_CHAIN, {"prev_crc": 1}),
        (Fault.DIVERGED, {"ts_ns": 1}),
        (Fault.DIVERGED, {"ts_ns": 2**64 - 1}),
        (Fault.DIVERGED, {"count": 99}),
        (Fault.DIVERGED, {"source": 99}),
        (Fault.BAD_LENGTH, {"command_length": 2000}),
        (Fault.BAD_LENGTH, {"length": 47}),
    ],
)
def test_a_record_that_does_not_follow_stops_the_replay_at_it(
    traded: Market, fault: Fault, fields: dict[str, int]
) -> None:
    start = last_record_start(traded.records)
    core = Core()
    progress = core.replay(traded.records[:start] + sealed(traded.records[start:], **fields))
    assert (progress.consumed, progress.count, progress.fault) == (start, traded.core.seq - 1, fault)


@pytest.mark.req("REC-30")
def test_a_changed_event_or_a_flipped_bit_is_found(traded: Market) -> None:
    start = last_record_start(traded.records)
    core = Core()
    core.replay(traded.records[:start])
    before = core.digest()
    for at in range(start + 4, len(traded.records)):
        flipped = bytearray(traded.records[start:])
        flipped[at - start] ^= 1
        assert core.replay(bytes(flipped)).fault is Fault.BAD_CRC
    assert core.digest() == before, "nothing was executed"
    changed = traded.records[start:-1] + bytes([traded.records[-1] ^ 1])
    assert core.replay(sealed(changed)).fault is Fault.DIVERGED


@pytest.mark.req("RPL-20")
def test_a_snapshot_with_any_byte_changed_or_missing_is_refused(traded: Market) -> None:
    snapshot = traded.core.snapshot()
    for at in range(len(snapshot)):
        flipped = bytearray(snapshot)
        flipped[at] ^= 0x10
        with pytest.raises(SnapshotError):
            Core.restore(bytes(flipped))
        with pytest.raises(SnapshotError):
            Core.restore(snapshot[:at])


@pytest.mark.req("RPL-20")
def test_a_sealed_snapshot_is_refused_unless_it_restores_to_its_own_bytes(traded: Market) -> None:
    snapshot = traded.core.snapshot()[:-4]
    generator = random.Random(7)
    for at in range(12, len(snapshot)):
        spoiled = bytearray(snapshot)
        spoiled[at] = generator.choice([0, 1, 0x7F, 0xFF, spoiled[at] ^ 0x80])
        try:
            restored = Core.restore(bytes(spoiled) + crc32c(bytes(spoiled)).to_bytes(4, "little"))
        except SnapshotError:
            continue
        restored.check()
        assert restored.snapshot()[:-4] == spoiled


def test_no_bytes_stop_the_core() -> None:
    market, generator = Market(), random.Random(11)
    commands = [
        encode_command(command)
        for command in (
            *m.OPENING[-12:],
            c.NewOrder(ALPHA, m.BTC_USDT, BUY, m.LIMIT, m.GTC, 20_000, 10_000, "id"),
            c.NewOrder(BRAVO, m.BTC_USDT, SELL, m.MARKET, m.IOC, 20_000, 0, "id"),
            c.CancelOrder("x", "id"),
        )
    ]
    for turn in range(20_000):
        raw = bytearray(generator.choice(commands))
        for _ in range(generator.randrange(4)):
            at = generator.randrange(2, len(raw))
            raw[at] = generator.choice([0, 1, 0x31, 0x32, 0x7F, 0x80, 0xFF, generator.randrange(256)])
        source = generator.choice([0, ALPHA_OE, m.BRAVO_OE, 2**32 - 1])
        applied = market.core.apply(NOW_NS, encode_frame(source, turn, bytes(raw)))
        assert applied.fault is Fault.NONE
        if turn % 100 == 0:
            market.core.check()
            market.core.apply(NOW_NS, generator.randbytes(generator.randrange(200)))
    market.core.check()


@pytest.mark.req("REC-30")
def test_a_record_may_say_that_it_is_as_long_as_any_may_be_and_no_longer() -> None:
    core = Core()
    longest = sealed(SOUND, length=RECORD_BYTES_MAX, seq=1, ts_ns=NOW_NS)
    assert (core.replay(longest).fault, core.replay(longest).consumed) == (Fault.NONE, 0)  # the rest is yet to come
    assert core.replay(sealed(SOUND, length=RECORD_BYTES_MAX + 1, seq=1, ts_ns=NOW_NS)).fault is Fault.BAD_LENGTH
