"""The reliability checks in their full form: ``python -m tests.chaos [CHECK ...] [--scale X] [--json]``.

``--scale`` (or ``CHAOS_SCALE``) multiplies the number of tries: 1 is what the reliability plan asks for and takes
about three quarters of an hour on two processors; more is for a night. Each check prints *passed / tried*, and the
exit code is 1 unless all passed. A check is a function of a scale and an empty directory that returns a
:class:`Tally`; to add one, name it in CHECKS.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.chaos.tally import Tally

CHECKS = {
    "1": ("crash at every byte", "journal_bytes.crash_at_every_byte"),
    "2": ("kill -9 under load", "kills.kill_under_load"),
    "3": ("torn tail", "journal_bytes.torn_tail"),
    "4a": ("a flip of every byte", "journal_bytes.flip_every_byte"),
    "4b": ("chunks moved and stale", "journal_bytes.chunks_elsewhere"),
    "4c": ("a flip of every byte of a snapshot", "journal_bytes.flip_every_byte_of_a_snapshot"),
    "5a": ("fsync fails, files and directories", "disk_faults.sync_fails"),
    "5b": ("fsync fails in the kernel (strace)", "disk_faults.sync_fails_in_the_kernel"),
    "6a": ("disk full (RLIMIT_FSIZE)", "disk_faults.disk_full"),
    "6b": ("disk full (tmpfs)", "disk_faults.small_disk"),
    "7a": ("a write that lies", "disk_faults.write_lies"),
    "7b": ("a write that lies in the kernel (strace)", "disk_faults.write_lies_in_the_kernel"),
    "8a": ("replay in other processes", "replaying.replay_elsewhere"),
    "8b": ("replay through a snapshot anywhere", "replaying.replay_through_snapshots"),
    "10": ("time to serve", "replaying.time_to_serve"),
    "11": ("clock", "clock.clock"),
    "1-11": ("simulation, everything at once", "simulated.simulation"),
    "20a": ("hostile frames", "fuzz.hostile_frames"),
    "20b": ("hostile commands", "fuzz.hostile_commands"),
}
"""Number in the reliability plan -> what it is, and its function."""


def main() -> int:
    """Run the named checks, all without a name."""
    parser = argparse.ArgumentParser(prog="chaos", description="Reliability checks, passed / tried.")
    parser.add_argument("names", nargs="*", choices=[*CHECKS, []], metavar="CHECK", help=", ".join(CHECKS))
    parser.add_argument("--scale", type=float, default=float(os.environ.get("CHAOS_SCALE", "1")))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=lambda *_: structlog.ReturnLogger())
    results = {}
    for name in arguments.names or CHECKS:
        began = time.monotonic()
        tally = run(name, arguments.scale)
        results[name] = tally
        if not arguments.json:
            show(name, tally, time.monotonic() - began)
    if arguments.json:
        print(json.dumps({name: vars(tally) for name, tally in results.items()}, indent=2))
    return 0 if all(tally.is_whole or (not tally.tried and tally.note) for tally in results.values()) else 1


def run(name: str, scale: float) -> Tally:
    """Run one check in a directory of its own."""
    module, _, function = CHECKS[name][1].partition(".")
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        tally: Tally = getattr(importlib.import_module(f"tests.chaos.{module}"), function)(scale, directory / "data")
    finally:
        shutil.rmtree(directory)
    return tally


def show(name: str, tally: Tally, took_s: float) -> None:
    """Print a line, and what did not pass."""
    figure = f"{tally.passed:,} / {tally.tried:,}"
    print(f"{name:>4}  {CHECKS[name][0]:<42} {figure:>19}  {took_s:6.0f} s  {tally.note}", flush=True)
    for failure in tally.failures:
        print(f"        {failure}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
