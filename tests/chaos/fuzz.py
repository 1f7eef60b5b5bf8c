"""Reliability 20, of the core: hostile frames and hostile commands, in a process of their own, for a panic ends it.

What must hold: a sound frame is answered by one record, which decodes and carries the command as it came; a frame
that is not sound is not taken, and named by its fault; a command that is refused changes nothing; the invariants
hold; a life's records replay to the same state, and its snapshot restores to it. A *life* is a core from the opening
on; it follows from its number alone. ``python -m tests.chaos.fuzz commands LIFE`` goes through one again, one frame at
a time, and its last line is the frame that was being applied.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

from engine.api import commands as c
from engine.api import events as e
from engine.api.wire import HEADER, HEADER_BYTES, crc32c, decode_records, encode_command, encode_frame, number_of
from engine.host.core import Applied, Core, Fault
from tests.chaos.hostile import EVERYDAY, HOSTILE, Foe, Template, everyday, hostile, opening, sealed
from tests.chaos.tally import FAILURES_KEPT, Tally, times
from tests.model import market as m

COMMANDS, FRAMES = 8_000_000, 2_000_000
"""Together the ten million inputs of the plan."""

ROOT = Path(__file__).parents[2]
LIFE_INPUTS = 10_000
BATCH = 200
DECODED_EVERY = 4
CHECKED_EVERY = 25
"""Batches; what costs more is done less often."""

REFUSALS = (
    e.OrderRejected,
    e.CommandRefused,
    e.CancelRejected,
    e.ReplaceRejected,
    e.MassCancelRejected,
    e.StatusReported,
)
STATE = slice(32, -4)
"""A snapshot without the position in the log and the checksum."""

Life = Callable[[int, int, bool], int]


@cache
def templates() -> list[Template]:
    return everyday(EVERYDAY) + hostile(HOSTILE)


@cache
def opened() -> bytes:
    return opening()


# --- commands -------------------------------------------------------------------------------------------


def live_commands(number: int, inputs: int, is_slow: bool) -> int:
    """Send a life's commands. Returns: how many. Raises: AssertionError naming the frame."""
    core, foe = Core.restore(opened()), Foe(templates(), number)
    tried, turn, now_ns, records = 0, 0, m.NOW_NS, bytearray()
    while tried < inputs:
        now_ns += foe.wait_ns()
        frames = foe.batch(core.seq, min(BATCH, inputs - tried))
        if is_slow or turn % CHECKED_EVERY == 1:
            for frame in frames:
                records += apply_alone(core, foe, now_ns, frame, is_slow)
        else:
            records += apply_all(core, foe, now_ns, frames, turn % DECODED_EVERY == 0)
        if turn % CHECKED_EVERY == 0:
            core.check()
        tried, turn = tried + len(frames), turn + 1
    core.check()
    snapshot, again = core.snapshot(), Core.restore(opened())
    assert Core.restore(snapshot).snapshot() == snapshot, "another state is restored"
    replayed = again.replay(bytes(records))
    assert (replayed.consumed, replayed.fault) == (len(records), Fault.NONE), f"replayed otherwise: {replayed}"
    assert again.snapshot() == snapshot, "another state is replayed"
    return tried


def apply_all(core: Core, foe: Foe, now_ns: int, frames: list[bytes], is_decoded: bool) -> bytes:
    """Apply frames together, and let the foe know which orders were accepted. Returns: their records, one for each."""
    ts_ns, crc = core.ts_ns, core.prev_crc
    sent = b"".join(frames)
    applied = core.apply(now_ns, sent)
    assert (applied.consumed, applied.count, applied.fault) == (len(sent), len(frames), Fault.NONE), applied.fault
    at, records = 0, applied.records
    for seq, frame in enumerate(frames, core.seq - len(frames) + 1):
        length, own_crc, number, stamp, before, _, _, command, _, count = HEADER.unpack_from(records, at)
        end, events = at + length, at + HEADER_BYTES + command
        assert (number, before, own_crc) == (seq, crc, crc32c(records[at + 8 : end])), frame.hex()
        assert stamp > ts_ns and count > 0 and records[at + HEADER_BYTES : events] == frame[HEADER_BYTES:], frame.hex()
        if records[events + 2] == number_of(e.OrderAccepted):
            foe.entered.append(seq)
        for _ in range(count):
            events += records[events] | records[events + 1] << 8
        assert events == end, frame.hex()
        at, crc, ts_ns = end, own_crc, stamp + count - 1
    assert at == len(records)
    if is_decoded:
        decode_records(records)
    return records


def apply_alone(core: Core, foe: Foe, now_ns: int, frame: bytes, is_slow: bool) -> bytes:
    """Apply a frame by itself, and look closely: a refusal changes nothing."""
    if is_slow:
        print(core.seq, now_ns, frame.hex(), flush=True)
    before = core.snapshot()
    raw = apply_all(core, foe, now_ns, [frame], is_decoded=True)
    (record,) = decode_records(raw)
    is_refused = len(record.events) == 1 and isinstance(record.events[0], REFUSALS)
    if is_refused and core.snapshot()[STATE] != before[STATE]:
        # Time passes with a refusal, too: ClOrdIDs are forgotten. It may change what time alone changes, and no more.
        waited = Core.restore(before)
        waited.apply(now_ns, encode_frame(0, 0, encode_command(c.AdvanceTime())))
        assert core.snapshot()[STATE] == waited.snapshot()[STATE], f"refused, but changed: {frame.hex()}"
    if is_slow:
        core.check()
        Core.restore(core.snapshot())
    return raw


# --- frames ---------------------------------------------------------------------------------------------


def live_frames(number: int, inputs: int, is_slow: bool) -> int:
    """Send frames that are not sound, behind some that are, and records changed behind their checksum."""
    core, foe, rng = Core.restore(opened()), Foe(templates(), number), Random(number + 2)
    for tried in range(inputs):
        sound = foe.batch(core.seq, 1 + (tried % 8 == 0))[:2]
        bad, fault = foe.damaged(sound.pop())
        buffer = b"".join(sound) + bad + (sound[0] if sound else b"")
        if is_slow:
            print(core.seq, m.NOW_NS, buffer.hex(), flush=True)
        if fault is Fault.NONE:
            buffer = buffer[: len(b"".join(sound) + bad)]
        seq, before = core.seq, core.snapshot() if tried % 1_000 == 0 else b""
        applied = core.apply(m.NOW_NS, buffer)
        assert (applied.consumed, applied.count) == (len(b"".join(sound)), len(sound)), buffer.hex()
        assert core.seq == seq + len(sound) and fault in (None, applied.fault), f"{applied.fault!r} {buffer.hex()}"
        assert not before or sound or core.snapshot() == before, buffer.hex()
        if tried % 100 == 0:
            replay_changed(core, rng, is_slow)
    core.check()
    return inputs


def replay_changed(core: Core, rng: Random, is_slow: bool) -> None:
    """Change a record and seal it again: replayed as it is, or found out; nothing behind it is looked at."""
    standing, foe = core.snapshot(), Foe(templates(), rng.getrandbits(32))
    applied: Applied = Core.restore(standing).apply(core.ts_ns, foe.frame(core.seq + 1))
    raw = bytearray(applied.records)
    raw[rng.randrange(8, len(raw))] ^= 1 << rng.randrange(8)
    if is_slow:
        print(core.seq, "replayed", raw.hex(), flush=True)
    replayed = Core.restore(standing).replay(sealed(raw) + applied.records)
    assert (replayed.count, replayed.consumed) in ((0, 0), (1, len(raw))), raw.hex()


LIVES: dict[str, Life] = {"commands": live_commands, "frames": live_frames}


# --- processes ------------------------------------------------------------------------------------------


def hostile_commands(scale: float, directory: Path) -> Tally:
    """Send sound frames with hostile commands."""
    return fuzz("commands", times(COMMANDS, scale))


def hostile_frames(scale: float, directory: Path) -> Tally:
    """Send frames that are not sound."""
    return fuzz("frames", times(FRAMES, scale))


def fuzz(kind: str, inputs: int) -> Tally:
    """Let a child go through lives until that many inputs are tried, and go on in another when one dies of it."""
    tally, life = Tally(), 0
    while tally.tried < inputs and len(tally.failures) < FAILURES_KEPT:
        for done, tried, failure in run(kind, life, inputs - tally.tried):
            tally.tried += tried
            tally.passed += tried - bool(failure)
            if failure:
                tally.failures.append(f"life {done}: {failure}")
            life = done + 1
    tally.note = f"{life:,} lives"
    return tally


def run(kind: str, life: int, inputs: int) -> Iterator[tuple[int, int, str]]:
    """Run lives in a child. Returns: of each its number, how many inputs it had, and what went wrong."""
    line = [sys.executable, "-m", "tests.chaos.fuzz", kind, str(life), str(inputs)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        for told in child.stdout:
            number, tried, failure = json.loads(told)
            yield number, tried, failure
            life = number + 1
    if child.returncode:
        yield life, *post_mortem(kind, life, min(inputs, LIFE_INPUTS))


def post_mortem(kind: str, life: int, inputs: int) -> tuple[int, str]:
    """Go through a life that ended in a panic again. Returns: how many inputs it had, the panic and its frame."""
    line = [sys.executable, "-m", "tests.chaos.fuzz", kind, str(life)]
    environment = {**os.environ, "RUST_BACKTRACE": "0"}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    steps = done.stdout.splitlines()
    panic = " ".join(said for said in done.stderr.splitlines() if said and not said.startswith("note:"))
    if done.returncode != -signal.SIGABRT or not steps:
        return inputs, f"died, but not again: {done.stderr[-300:]}"
    frame = steps[-1].split()[-1]
    return len(steps), f"{panic}; frame {frame}{', on the opening too' if is_fatal_alone(frame) else ''}"


def is_fatal_alone(frame: str) -> bool:
    """Tell whether a frame is fatal to the opening too."""
    line = [sys.executable, "-m", "tests.chaos.fuzz", "alone", frame]
    return subprocess.run(line, cwd=ROOT, capture_output=True, check=False).returncode == -signal.SIGABRT


def main() -> None:
    kind, first, *rest = sys.argv[1:]
    if kind == "alone":
        raw = bytes.fromhex(first)
        Core.restore(opened()).apply(m.NOW_NS, encode_frame(0, 1, raw[HEADER_BYTES:]))
        return
    life, is_slow = int(first), not rest
    inputs = int(rest[0]) if rest else LIFE_INPUTS
    while inputs > 0:
        tried, failure = min(inputs, LIFE_INPUTS), ""
        try:
            LIVES[kind](life, tried, is_slow)
        except Exception as error:  # whatever goes wrong is the finding
            failure = f"{type(error).__name__}: {error}"
        if not is_slow:
            print(json.dumps([life, tried, failure]), flush=True)
        elif failure:
            print(failure, file=sys.stderr)
        life, inputs = life + 1, inputs - tried


if __name__ == "__main__":
    main()
