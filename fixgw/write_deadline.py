"""A bound on how long one member's connection can hold up the rest.

QuickFIX writes to a socket without a limit of time, with the session locked: a member that stops reading would
stop the desk, and with it everybody's reports. The kernel can end such a connection; QuickFIX offers no way to
ask for it, but a socket takes this option over from the listener it was accepted on.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from fixgw.errors import GatewayError

UNREAD_MS_MAX = 5_000
"""How long a member may leave what was written unread before it is cut (rules of engagement, section 4)."""


def bound_writes(port: int) -> None:
    """Let the kernel cut connections to ``port`` whose peer reads nothing. Raises: GatewayError without a listener."""
    with _listener(port) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS_MAX)


def _listener(port: int) -> socket.socket:
    """Find the listening socket among this process's descriptors; returns a duplicate."""
    for link in Path("/proc/self/fd").iterdir():
        try:
            if not link.is_socket():
                continue
            candidate = socket.socket(fileno=os.dup(int(link.name)))
        except OSError:
            continue
        if _is_listening_on(candidate, port):
            return candidate
        candidate.close()
    raise GatewayError(f"QuickFIX does not listen on port {port}")


def _is_listening_on(candidate: socket.socket, port: int) -> bool:
    if candidate.family != socket.AF_INET or candidate.type != socket.SOCK_STREAM:
        return False
    return bool(candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)) and candidate.getsockname()[1] == port
