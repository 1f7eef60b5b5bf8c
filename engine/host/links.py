"""The engine's Unix socket: who is connected, in which role, and the greeting that settles it."""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path

import msgspec
import structlog

from engine.api.link import GREETING_BYTES_MAX, Hello, Welcome, encode_message

_log = structlog.get_logger()
_PEER = struct.Struct("iII")

GREETING_S_MAX = 2.0
"""A connection that has not greeted by then makes room for others."""

SOCKET_BUFFER_BYTES = 1 << 20
"""Kernel buffer of one link in each direction."""


class Link:
    """One connection. ``inbound`` holds bytes not yet consumed, ``outbound`` bytes not yet taken by the kernel."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
        self.connection = connection
        self.hello: Hello | None = None
        self.inbound = bytearray()
        self.outbound = bytearray()
        self.is_open = True
        self._greet_by = time.monotonic() + GREETING_S_MAX

    @property
    def is_overdue(self) -> bool:
        """Tell whether the link should have greeted by now."""
        return self.hello is None and time.monotonic() > self._greet_by

    @property
    def name(self) -> str:
        """How the operator's screen names the link."""
        return f"{self.hello.role}:{self.hello.name}" if self.hello else "greeting"

    def receive(self, bytes_max: int) -> bool:
        """Take what the kernel has, up to ``bytes_max``. Returns: False once the peer is gone."""
        try:
            data = self.connection.recv(bytes_max)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.inbound += data
        return bool(data)

    def send(self, data: bytes) -> None:
        """Send ``data`` behind what still waits; what the kernel does not take now goes out by :meth:`flush`."""
        if not self.outbound:
            try:
                sent = self.connection.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.is_open = False
                return
            if sent == len(data):
                return
            data = data[sent:]
        self.outbound += data

    def flush(self) -> None:
        """Send what waits, as far as the kernel takes it."""
        try:
            sent = self.connection.send(self.outbound)
        except BlockingIOError:
            return
        except OSError:
            self.is_open = False
            return
        del self.outbound[:sent]

    def take_message(self, bytes_max: int) -> bytes | None:
        """Take one length-prefixed message off ``inbound``. Returns: None until it is whole. Raises: ValueError."""
        if len(self.inbound) < 4:
            return None
        length = int.from_bytes(self.inbound[:4], "little")
        if length > bytes_max:
            raise ValueError(f"a message of {length} bytes exceeds {bytes_max}")
        if len(self.inbound) < 4 + length:
            return None
        body = bytes(self.inbound[4 : 4 + length])
        del self.inbound[: 4 + length]
        return body

    def greet(self) -> Hello | None:
        """Read the greeting. Returns: None until it is whole. Raises: ValueError when it is none."""
        body = self.take_message(GREETING_BYTES_MAX)
        if body is None:
            return None
        self.hello = msgspec.json.decode(body, type=Hello)
        return self.hello

    def welcome(self, welcome: Welcome) -> None:
        """Answer the greeting."""
        self.send(encode_message(welcome))

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        self.connection.close()


def listen(path: Path) -> socket.socket:
    """Listen on a Unix socket only this user can reach; a dead engine's socket file is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def is_trusted(connection: socket.socket) -> bool:
    """Tell whether the peer runs as this user or as root (SO_PEERCRED)."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(raw)
    return uid in (0, os.getuid())
