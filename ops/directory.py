"""The data directory of an exchange: who holds it, and where its parts are reached."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

from ops.errors import AlreadyRunning, Refused, Unreachable

SOCKET_PATH_BYTES_MAX = 107
"""Linux takes no longer path for a Unix socket."""


class Whereabouts(msgspec.Struct, frozen=True):
    """``exchange.json``: what a running exchange tells the other commands."""

    dsn: str
    config: str
    ports: dict[str, int]
    supervisor_pid: int
    pids: dict[str, int]
    started: str


PARTS = ("log", "journal", "snapshots", "fixgw", "postgres")
"""Directories within the data directory."""


def hold(data: Path) -> int:
    """Take ``data`` for this supervisor; the hold goes with the process. Raises: AlreadyRunning, Refused."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Refused(f"{data} is, or lies in, a file: --data takes a directory") from None
    for part in PARTS:
        if (data / part).exists() and not (data / part).is_dir():
            raise Refused(f"{data / part} is a file, and the exchange keeps a directory there: move it away")
    if len(bytes(data.resolve() / "engine.sock")) > SOCKET_PATH_BYTES_MAX:
        raise Refused(f"{data}: too long a path for the engine's socket; choose a shorter --data")
    fd = os.open(data / "exchange.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(fd, 20).decode().strip()
        os.close(fd)
        raise AlreadyRunning(f"another exchange (pid {pid}) runs on {data}") from None
    os.truncate(fd, 0)
    os.write(fd, str(os.getpid()).encode())
    data.chmod(0o700)
    (data / "log").mkdir(mode=0o700, exist_ok=True)
    return fd


def is_held(data: Path) -> bool:
    """Tell whether an exchange runs on ``data``."""
    try:
        fd = os.open(data / "exchange.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def write_whereabouts(data: Path, whereabouts: Whereabouts) -> None:
    """Publish where the exchange on ``data`` is reached; readers see the old file or the new one."""
    temporary = data / "exchange.json.tmp"
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(whereabouts)))
    temporary.chmod(0o600)
    temporary.rename(data / "exchange.json")


def read_whereabouts(data: Path) -> Whereabouts:
    """Read where the exchange on ``data`` is reached. Raises: Unreachable when none runs there."""
    existing(data)
    file = data / "exchange.json"
    if not is_held(data) or not file.exists():
        raise Unreachable(f"no exchange runs on {data}: start one with exchange run --data {data}")
    return msgspec.json.decode(file.read_bytes(), type=Whereabouts)


def existing(data: Path) -> Path:
    """Return ``data``. Raises: Unreachable when there is no such data directory."""
    if not data.is_dir():
        raise Unreachable(f"no data directory at {data}")
    return data


def journal_of(data: Path) -> Path:
    """Return the journal of ``data``. Raises: Unreachable when there is none."""
    journal = existing(data) / "journal"
    if not any(journal.glob("journal-*.seg")):
        raise Unreachable(f"no journal in {data}")
    return journal
