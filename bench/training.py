"""What the core is trained with when it is built: what is called often then is laid out first.

Two workloads of the benchmark's kind, one book and many symbols, each applied, replayed, folded, and restored from a
snapshot. ``scripts/build_core.py`` runs this with a core that counts, and with the one made of the counts.
"""

from __future__ import annotations

import hashlib

from bench.prepared import frames_of
from bench.workload import Size, Workload
from engine.api.limits import LINK_READ_BYTES
from engine.host.core import Core, walk
from engine.standing.fold import Fold

NOW_NS = 1_790_000_000_000_000_000
SIZES = (Size(150_000), Size(60_000, symbols=200, accounts=5_000, resting=50))


def main() -> None:
    """Run all of it and print the digest of the records and states it came to: those of every sound core."""
    digest = hashlib.sha256()
    for size in SIZES:
        digest.update(_train(size))
    print(digest.hexdigest())


def _train(size: Size) -> bytes:
    workload, core, records = Workload(size), Core(), []
    opening = list(frames_of(workload.opening()))
    stream = b"".join((*opening, *frames_of(workload.load(), len(opening) + 1)))
    at = 0
    while at < len(stream):
        applied = core.apply(NOW_NS, stream[at : at + LINK_READ_BYTES])
        at += applied.consumed
        records.append(applied.records)
    snapshot = core.snapshot()
    assert Core.restore(snapshot).snapshot() == snapshot
    _follow(records)
    return hashlib.sha256(b"".join((*records, snapshot))).digest()


def _follow(records: list[bytes]) -> None:
    """Replay records and fold them, as a start and a follower do."""
    again, fold, at = Core(), Fold(), (0, 0)
    for batch in records:
        assert again.replay(batch).consumed == len(batch)
        fold.take(batch)
        _, *end = walk(batch, *at)
        at = (end[0], end[1])
    Fold.restore(fold.snapshot())


if __name__ == "__main__":
    main()
