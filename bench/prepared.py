"""Workloads as frames, drawn once and kept in the user's cache directory.

A file is named by a hash of its size and of the sources that draw and encode it, so that a change of either draws
anew. Beside it lies a JSON file with what was drawn; the frames count only if that is there.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from bench.workload import Sent, Shape, Size, Workload
from engine.api.wire import encode_command, encode_frame

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("bench/prepared.py", "bench/workload.py", "bench/plain_book.py", "bench/sample_market.py", "engine/api/*.py")


class Prepared(msgspec.Struct, frozen=True):
    """A workload ready to be applied: all that comes first, then the commands that are measured."""

    size: Size
    shape: Shape
    opening_commands: int
    opening: bytes
    load: bytes


class _Drawn(msgspec.Struct, frozen=True):
    shape: Shape
    opening_commands: int
    opening_bytes: int


def prepare(size: Size) -> Prepared:
    """Read a workload from the cache, or draw it. Cost: about 10 microseconds a command, the first time."""
    path = cache_directory() / f"workload-{_key(size)}.frames"
    told = path.with_suffix(".json")
    if not told.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"drawing {size.commands} commands into {path}", file=sys.stderr, flush=True)
        with path.open("wb") as file:
            drawn = _draw(size, file)
        told.write_bytes(msgspec.json.encode(drawn))
    drawn = msgspec.json.decode(told.read_bytes(), type=_Drawn)
    drawn.shape.check(size)
    with path.open("rb") as file:
        opening = file.read(drawn.opening_bytes)
        return Prepared(size, drawn.shape, drawn.opening_commands, opening, file.read())


def cache_directory() -> Path:
    """Name the directory where drawn workloads are kept; it may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exchange-bench"


def frames_of(sent: Iterable[Sent], first: int = 1) -> Iterable[bytes]:
    """Encode commands as their sources send them, numbered from ``first``."""
    return (encode_frame(source, n, encode_command(command)) for n, (source, command) in enumerate(sent, first))


def _key(size: Size) -> str:
    digest = hashlib.sha256(msgspec.json.encode(size))
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _draw(size: Size, file: BinaryIO) -> _Drawn:
    workload = Workload(size)
    opening_commands = _write(frames_of(workload.opening()), file)
    opening_bytes = file.tell()
    assert _write(frames_of(workload.load(), opening_commands + 1), file) == size.commands
    return _Drawn(workload.shape(), opening_commands, opening_bytes)


def _write(frames: Iterable[bytes], file: BinaryIO) -> int:
    """Write all frames; return how many. The file's own buffer gathers them."""
    return sum(1 for frame in frames if file.write(frame))
