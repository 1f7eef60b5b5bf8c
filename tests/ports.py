"""Ports that no other test takes, in this run or in another on the same machine.

They lie below those the kernel gives to outgoing connections, and each block of them is locked while its process runs:
asking the kernel for a free port and binding it later would leave a moment in which somebody else gets it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections import deque
from pathlib import Path

BLOCK_PORTS = 16
"""Ports of one block: an exchange needs the eleven from its base on."""

BLOCKS_MAX = 24
"""Blocks of one process; then the one handed out longest ago is handed out again."""

_FIRST, _END = 20_000, 32_768
_LOCKS = Path(tempfile.gettempdir()) / f"exchange-test-ports-{os.geteuid()}"
_own: deque[int] = deque()
_held: list[int] = []
"""Locked files, open as long as this process runs."""


def port_block() -> int:
    """Return the first of BLOCK_PORTS ports nobody listens on."""
    if len(_own) < BLOCKS_MAX:
        _own.append(_claim())
    else:
        _own.rotate(-1)
    return _own[-1]


def _claim() -> int:
    _LOCKS.mkdir(mode=0o700, exist_ok=True)
    for base in range(_FIRST, _END - BLOCK_PORTS, BLOCK_PORTS):
        lock = os.open(_LOCKS / str(base), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        if _is_locked(lock) and all(_is_free(port) for port in range(base, base + BLOCK_PORTS)):
            _held.append(lock)
            return base
        os.close(lock)
    raise AssertionError("no free ports")


def _is_locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
