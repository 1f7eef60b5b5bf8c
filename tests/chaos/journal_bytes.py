"""Reliability 1, 3 and 4: a crash at every byte, torn sectors, and a flip of every byte, each followed by recovery."""

from __future__ import annotations

import random
from bisect import bisect_right
from pathlib import Path

from engine.api.durable import read_marker
from engine.api.errors import CorruptJournal, Diverged
from engine.api.segment import SEGMENT_HEADER_BYTES
from engine.api.wire import split_frames
from engine.host import recovery, snapshot
from engine.host.core import Core
from engine.host.disk import UnsyncedDisk
from tests.chaos.tally import Tally, spread, times
from tests.host.journals import copy_without_marker, only_segment, open_journal, script, write

ROUNDS = 68
"""Makes a journal of more than 500 commands and 64 KiB."""

FIRST_SEGMENT = "journal-00000000000000000001.seg"
SECTORS = 8
SHORT_SCALE = 0.5


def recover(directory: Path) -> recovery.Recovered:
    return recovery.recover(directory, directory / "snapshots", UnsyncedDisk())


def written(directory: Path, scale: float) -> bytes:
    """Write a journal, shorter in a short form; return its one segment."""
    write(directory, ROUNDS if scale >= SHORT_SCALE else 4)
    return only_segment(directory).read_bytes()


def digests_of(raw: bytes) -> tuple[list[int], list[bytes]]:
    """List where each record of a segment ends, and the digest of the state after 0, 1, 2, ... of them."""
    core, body = Core(), raw[SEGMENT_HEADER_BYTES:]
    spans = split_frames(body)[0]
    digests = [core.digest()]
    for start, end in spans:
        assert core.replay(body[start:end]).count == 1
        digests.append(core.digest())
    return [SEGMENT_HEADER_BYTES + end for _, end in spans], digests


def crash_at_every_byte(scale: float, directory: Path) -> Tally:
    """Cut the journal at each length: it must recover to its last whole record, to the state of a plain replay."""
    tally = Tally()
    raw = written(directory / "whole", scale)
    ends, digests = digests_of(raw)
    whole = 0
    for length in spread(len(raw) + 1, scale):
        while whole < len(ends) and ends[whole] <= length:
            whole += 1
        with tally.trying(length):
            recovered = recover(copy_without_marker(raw[:length], FIRST_SEGMENT, directory / "cut"))
            assert (recovered.core.seq, recovered.core.digest()) == (whole, digests[whole])
    tally.note = f"{len(raw):,} bytes, {len(ends)} records"
    return tally


def torn_tail(scale: float, directory: Path) -> Tally:
    """Replace each subset of the last sectors by zeros, old bytes or noise: no wrong state, nothing synced lost."""
    tally, dice = Tally(), random.Random(3)
    for number in range(times(20, scale)):
        for sector_bytes in (512, 4096):
            synced, torn, digests = two_batches(directory / f"{number}-{sector_bytes}", dice, sector_bytes)
            for name, fill in fills(synced, sector_bytes, dice):
                for choice in spread(1 << SECTORS, scale):
                    raw = synced + tear(torn, sector_bytes, fill, choice)
                    with tally.trying((number, sector_bytes, name, choice)):
                        recovered = recover(copy_without_marker(raw, FIRST_SEGMENT, directory / "torn"))
                        recovered.core.check()
                        assert digests.get(recovered.core.seq) == recovered.core.digest()
    return tally


def two_batches(directory: Path, dice: random.Random, sector_bytes: int) -> tuple[bytes, bytes, dict[int, bytes]]:
    """Write a synced batch and one of at least SECTORS sectors; return both, and the states allowed by their seq."""
    core, writer = open_journal(directory)
    sent = script(3 + SECTORS * sector_bytes // 600 + dice.randrange(8))
    split = dice.randrange(14, 30)
    writer.append(core.apply(2 * 10**18, b"".join(sent[:split])).records, core.seq, core.prev_crc)
    synced = only_segment(directory).read_bytes()
    digests: dict[int, bytes] = {core.seq: core.digest()}
    torn = core.apply(2 * 10**18, b"".join(sent[split:])).records
    writer.close()
    again = Core()
    again.replay(synced[SEGMENT_HEADER_BYTES:])
    for start, end in split_frames(torn)[0]:
        again.replay(torn[start:end])
        digests[again.seq] = again.digest()
    return synced, torn, digests


def fills(synced: bytes, sector_bytes: int, dice: random.Random) -> list[tuple[str, bytes]]:
    old = (synced * (sector_bytes // len(synced) + 1))[:sector_bytes]
    return [("zeros", bytes(sector_bytes)), ("old", old), ("noise", dice.randbytes(sector_bytes))]


def tear(torn: bytes, sector_bytes: int, fill: bytes, choice: int) -> bytes:
    """Replace those of the last SECTORS sectors whose bit in ``choice`` is set."""
    sectors = [torn[at : at + sector_bytes] for at in range(0, len(torn), sector_bytes)]
    head, tail = sectors[:-SECTORS], sectors[-SECTORS:]
    return b"".join(head) + b"".join(
        fill[: len(sector)] if choice >> n & 1 else sector for n, sector in enumerate(tail)
    )


def flip_every_byte(scale: float, directory: Path) -> Tally:
    """Flip a bit of each byte of the journal: refused, every time, and the bad record or header named."""
    tally = Tally()
    raw = written(directory / "whole", scale)
    starts = [0] + [SEGMENT_HEADER_BYTES + start for start, _ in split_frames(raw[SEGMENT_HEADER_BYTES:])[0]]
    path = beside_marker(directory / "whole", directory / "flipped")
    for n, at in enumerate(spread(len(raw), scale)):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1 :])
        start = starts[bisect_right(starts, at) - 1]
        with tally.trying(at):
            assert start <= place_of_refusal(path.parent) <= at
            if n % 16 == 0:
                assert start <= place_found_by_verify(path.parent) <= at
    return tally


def chunks_elsewhere(scale: float, directory: Path) -> Tally:
    """Copy chunks within the journal, and from another journal of the same commands: refused, every time."""
    tally, dice = Tally(), random.Random(11)
    raw = written(directory / "whole", scale)
    core, writer = open_journal(directory / "other")
    writer.append(
        core.apply(2 * 10**18, b"".join(script(ROUNDS if scale >= SHORT_SCALE else 4))).records, core.seq, core.prev_crc
    )
    writer.close()
    stale = only_segment(directory / "other").read_bytes()
    assert len(stale) == len(raw)
    path = beside_marker(directory / "whole", directory / "patched")
    while tally.tried < times(20_000, scale):
        size = dice.choice((8, 48, 64, 512))
        at, source = dice.randrange(80, len(raw) - size), dice.randrange(80, len(raw) - size)
        chunk = raw[source : source + size] if tally.tried % 2 else stale[at : at + size]
        if chunk != raw[at : at + size]:
            path.write_bytes(raw[:at] + chunk + raw[at + size :])
            with tally.trying((at, source, size)):
                place_of_refusal(path.parent)
    return tally


def flip_every_byte_of_a_snapshot(scale: float, directory: Path) -> Tally:
    """Flip a bit of each byte of a snapshot: passed over, and the same state from the one before and the journal."""
    tally = Tally()
    core, writer = open_journal(directory)
    sent = script(ROUNDS // 4 if scale >= SHORT_SCALE else 4)
    for n, frame in enumerate(sent, 1):
        writer.append(core.apply(2 * 10**18 + n, frame).records, core.seq, core.prev_crc)
        if n in (len(sent) // 2, len(sent) - 3):
            snapshot.save(directory / "snapshots", core, writer.place, UnsyncedDisk())
    writer.close()
    newest, digest = snapshot.list_snapshots(directory / "snapshots")[-1], core.digest()
    raw = newest.read_bytes()
    for at in spread(len(raw), scale):
        newest.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1 :])
        with tally.trying(at):
            recovered = recover(directory)
            assert (recovered.core.digest(), recovered.snapshot_seq) == (digest, len(sent) // 2)
    return tally


def beside_marker(written_to: Path, directory: Path) -> Path:
    """Make a directory with the other's DURABLE; return where to lay a segment."""
    directory.mkdir()
    (directory / "DURABLE").write_bytes((written_to / "DURABLE").read_bytes())
    assert read_marker(directory).seq
    return directory / FIRST_SEGMENT


def place_of_refusal(directory: Path) -> int:
    """Recover, which must be refused; return the offset named."""
    try:
        recovered = recover(directory)
    except CorruptJournal as refused:
        return refused.offset
    except Diverged:
        return 0
    raise AssertionError(f"recovered to seq {recovered.core.seq}")


def place_found_by_verify(directory: Path) -> int:
    try:
        list(recovery.verify(directory))
    except CorruptJournal as refused:
        return refused.offset
    raise AssertionError("verified")
