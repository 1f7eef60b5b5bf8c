"""Snapshots: the whole state of the core at one seq, so that a restart replays only what came after.

A file ``snapshot-<seq, 20 digits>.snap`` is::

    offset size  field
         0    8  magic              b"EXCHSNAP"
         8    4  version            3
        12    4  crc32c             of bytes 16..96
        16    8  seq                last record in the state
        24    8  journal            identity of the journal,
        32    8  segment_first_seq  segment and
        40    8  offset             byte where record seq + 1 goes
        48    8  length             bytes of the state
        56    4  rules              version of the rules that made the state
        60    4  zero
        64   32  sha256             of the state: the digest of the core
        96    .  state              drawn in engine/core/src/state/snapshot.rs

It restores exactly what the journal would: the restored core must give the same digest, else the file is
passed over for the one before.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from struct import Struct

import msgspec

from engine.api.errors import SnapshotError
from engine.api.limits import RULES_VERSION
from engine.api.wire import crc32c
from engine.host.core import Core
from engine.host.disk import Disk
from engine.host.journal import Place, make_private

SNAPSHOT_EVERY = 1_000_000
"""Records between two snapshots of a running engine (RPL-20)."""

SNAPSHOT_EVERY_NS = 3_600 * 1_000_000_000
"""Exchange time between two snapshots, when fewer records came (RPL-20)."""

SNAPSHOTS_KEPT = 2
"""The newest, and one to fall back on."""

_MAGIC = b"EXCHSNAP"
_VERSION = 3
_PREFIX = Struct("<8sII")
_BODY = Struct("<QQQQQII32s")
_HEADER_BYTES = _PREFIX.size + _BODY.size


class Head(msgspec.Struct, frozen=True):
    """What the head of a snapshot says: the digest that any core must have after record ``seq``."""

    path: Path
    seq: int
    place: Place
    length: int
    rules: int
    digest: bytes


class Restored(msgspec.Struct, frozen=True):
    """A core restored from a snapshot, and where the journal goes on from there."""

    core: Core
    place: Place


def save(directory: Path, core: Core, place: Place, disk: Disk) -> Path:
    """Write a snapshot of ``core`` and drop all but the newest SNAPSHOTS_KEPT. Raises: OSError."""
    path = write(directory, core, place, disk)
    drop_old(directory)
    return path


def write(directory: Path, core: Core, place: Place, disk: Disk) -> Path:
    """Write a snapshot of ``core``, which stands where ``place`` is next. Raises: OSError."""
    make_private(directory)
    state = core.snapshot()
    digest = hashlib.sha256(state).digest()
    place_of_next = (place.journal, place.segment_first_seq, place.offset)
    body = _BODY.pack(core.seq, *place_of_next, len(state), RULES_VERSION, 0, digest)
    path = directory / name_of(core.seq)
    disk.publish(path, _PREFIX.pack(_MAGIC, _VERSION, crc32c(body)) + body, state)
    return path


def drop_old(directory: Path) -> None:
    """Remove all but the newest SNAPSHOTS_KEPT."""
    for old in list_snapshots(directory)[:-SNAPSHOTS_KEPT]:
        old.unlink(missing_ok=True)


def name_of(seq: int) -> str:
    """Name the snapshot of ``seq``."""
    return f"snapshot-{seq:020d}.snap"


def list_snapshots(directory: Path) -> list[Path]:
    """List the snapshots, oldest first."""
    return sorted(directory.glob("snapshot-*.snap"))


def restore_newest(directory: Path, hash_seed: int) -> Restored | None:
    """Restore the newest sound snapshot; pass over bad ones, loudly. Returns: None when there is none."""
    for path in reversed(list_snapshots(directory)):
        try:
            return load(path, hash_seed)
        except SnapshotError as error:
            import structlog  # here: it takes longer than all else a short command imports

            structlog.get_logger().error("snapshot_refused", path=str(path), reason=str(error))
    return None


def load(path: Path, hash_seed: int = 0) -> Restored:
    """Restore one snapshot file. Raises: SnapshotError unless it gives the digest it promises."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"{path.name} cannot be read: {error}") from error
    head = _decode_head(path, raw[:_HEADER_BYTES])
    if head.rules > RULES_VERSION:
        raise SnapshotError(f"{path.name} was made under rules {head.rules}, this release knows {RULES_VERSION} only")
    state = raw[_HEADER_BYTES:]
    if len(state) != head.length or hashlib.sha256(state).digest() != head.digest:
        raise SnapshotError(f"{path.name} does not hold the state it promises")
    core = Core.restore(state, hash_seed)
    # The core gives back exactly these bytes, or it would have refused them.
    if core.seq != head.seq:
        raise SnapshotError(f"{path.name} does not restore to its own digest")
    return Restored(core, head.place)


def read_heads(directory: Path) -> list[Head]:
    """Read the heads of all snapshots that have a sound one, oldest first. Cost: 96 bytes a file."""
    heads = []
    for path in list_snapshots(directory):
        try:
            with path.open("rb") as file:
                heads.append(_decode_head(path, file.read(_HEADER_BYTES)))
        except (OSError, SnapshotError):
            continue
    return heads


def _decode_head(path: Path, raw: bytes) -> Head:
    if len(raw) < _HEADER_BYTES:
        raise SnapshotError(f"{path.name} is too short")
    magic, version, crc = _PREFIX.unpack_from(raw)
    body = raw[_PREFIX.size :]
    if magic != _MAGIC or version != _VERSION or crc32c(body) != crc:
        raise SnapshotError(f"{path.name} has no sound header")
    seq, journal, segment_first_seq, offset, length, rules, _, digest = _BODY.unpack(body)
    return Head(path, seq, Place(journal, segment_first_seq, offset), length, rules, digest)
