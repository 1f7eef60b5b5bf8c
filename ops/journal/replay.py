"""Replay: every command executed again by a new process, each record compared byte for byte (DET-21)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from engine.api.errors import Diverged, EngineError
from engine.client import read_journal
from engine.host.core import Core, Fault
from ops.errors import CheckFailed


class ReplayOutcome(msgspec.Struct, frozen=True):
    """How a replay ended: ``state_sha256`` is the digest of the core's state after record ``seq``."""

    seq: int
    state_sha256: str
    elapsed_ms: int
    diverged_at: int = 0


def replay_in_fresh_process(directory: Path) -> ReplayOutcome:
    """Replay the journal in ``directory`` with another hash seed, time zone and locale.

    Raises: Diverged with the seq; CheckFailed when the process could not finish.
    """
    environment = {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    command = (sys.executable, "-m", "ops.journal.replay", str(directory.resolve()))
    path = ":".join(entry or str(Path.cwd()) for entry in sys.path)
    done = subprocess.run(
        command,
        env={**environment, "PYTHONPATH": path},
        cwd=tempfile.gettempdir(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise CheckFailed(f"the journal could not be executed again: {' '.join(last)}")
    outcome = msgspec.json.decode(done.stdout, type=ReplayOutcome)
    if outcome.diverged_at:
        raise Diverged(outcome.diverged_at)
    return outcome


def replay(directory: Path) -> ReplayOutcome:
    """Execute every command of the journal from an empty core. Raises: EngineError when it does not read back."""
    started = time.monotonic()
    core, seq = Core(), 0
    for chunk in read_journal(directory, is_checked=False):
        done = core.replay(chunk)
        seq += done.count
        if done.fault is Fault.DIVERGED:
            return ReplayOutcome(seq, "", _ms_since(started), diverged_at=seq + 1)
        if done.fault:
            raise EngineError(f"the record after seq {seq} is not sound: {done.fault.name}")
    return ReplayOutcome(seq, core.digest().hex(), _ms_since(started))


def _ms_since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


if __name__ == "__main__":
    try:
        ended = replay(Path(sys.argv[1]))
    except EngineError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(msgspec.json.encode(ended))
