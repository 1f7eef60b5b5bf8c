"""Reliability 8 and 10: a replay elsewhere gives the same states, and how long a restart takes.

Run as ``python -m tests.chaos.replaying JOURNAL EVERY`` it prints the digest after every EVERY records.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from bench.restart import start, write_journal
from engine.client import read_journal
from engine.host.core import Core
from tests.chaos.tally import Tally, times
from tests.host.running import ROOT

COMMANDS = 200_000
CHECKPOINTS = 40
SURROUNDINGS = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "4294967295", "TZ": "America/St_Johns", "LC_ALL": "POSIX", "PYTHONUTF8": "0"},
)

WITH_SNAPSHOT_S_MAX = 10.0
"""Engine crash to matching again (TBL-28)."""

RECORDS_PER_S_MIN = 55_556
"""Rate of a replay (TBL-27)."""


def digests(journal: Path, every: int) -> list[str]:
    """Digest the state after every ``every`` records, and at the end."""
    core, seq = Core(), 0
    found: list[str] = []
    while True:
        chunks = read_journal(journal, seq + 1, None)
        for chunk in chunks:
            assert not core.replay(chunk[: _bytes_to(chunk, core.seq, seq + every)]).fault
            if core.seq == seq + every:
                break
        if core.seq == seq:
            return found
        seq = core.seq
        found.append(core.digest().hex())


def _bytes_to(chunk: bytes, after_seq: int, to_seq: int) -> int:
    """Count the bytes of a chunk's records up to ``to_seq``."""
    at = 0
    while at < len(chunk) and after_seq < to_seq:
        at += int.from_bytes(chunk[at : at + 4], "little")
        after_seq += 1
    return at


def replay_elsewhere(scale: float, directory: Path) -> Tally:
    """Replay in new processes with other hash seed, time zone and locale: equal at every checkpoint."""
    tally = Tally()
    count = times(COMMANDS, scale)
    every = max(1, count // CHECKPOINTS)
    write_journal(directory, count)
    expected = digests(directory / "journal", every)
    for surrounding in SURROUNDINGS:
        line = [sys.executable, "-m", "tests.chaos.replaying", str(directory / "journal"), str(every)]
        done = subprocess.run(line, cwd=ROOT, env={**os.environ, **surrounding}, capture_output=True, check=False)
        found = json.loads(done.stdout or b"[]")
        for number, digest in enumerate(expected):
            with tally.trying((surrounding, number)):
                assert found[number] == digest, done.stderr.decode()[-300:]
    tally.note = f"{count:,} commands"
    return tally


def replay_through_snapshots(scale: float, directory: Path) -> Tally:
    """Replay, but through a snapshot at random points: equal at the end, byte for byte."""
    tally, dice = Tally(), random.Random(8)
    count = max(100, times(COMMANDS // 20, scale))
    write_journal(directory, count)
    whole = b"".join(read_journal(directory / "journal"))
    core = Core()
    core.replay(whole)
    expected = core.snapshot()
    for _ in range(times(1000, scale)):
        seq = dice.randrange(1, count)
        with tally.trying(seq):
            at = _bytes_to(whole, 0, seq)
            first = Core()
            first.replay(whole[:at])
            again = Core.restore(first.snapshot(), hash_seed=dice.randrange(1 << 64))
            assert not again.replay(whole[at:]).fault
            assert again.snapshot() == expected
    tally.note = f"{count:,} commands"
    return tally


def time_to_serve(scale: float, directory: Path) -> Tally:
    """Start an engine on a long journal, without and with a snapshot."""
    tally = Tally()
    count = times(10_000_000, min(1.0, scale / 5))
    write_journal(directory, count)
    with tally.trying("without snapshot"):
        whole_s = start(directory, signal.SIGTERM)  # a clean stop leaves a snapshot
        assert whole_s <= WITH_SNAPSHOT_S_MAX + count / RECORDS_PER_S_MIN, f"{whole_s:.1f} s"
    with tally.trying("with snapshot"):
        snapshot_s = start(directory, signal.SIGKILL)
        assert snapshot_s <= WITH_SNAPSHOT_S_MAX, f"{snapshot_s:.1f} s"
    tally.note = f"{count:,} commands: {whole_s:.1f} s without, {snapshot_s:.1f} s with a snapshot"
    return tally


if __name__ == "__main__":
    print(json.dumps(digests(Path(sys.argv[1]), int(sys.argv[2]))))
