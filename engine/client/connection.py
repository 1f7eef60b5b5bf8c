"""The link to the engine's Unix socket: greeting, whole messages, waiting."""

from __future__ import annotations

import select
import socket
from math import ceil
from pathlib import Path

import msgspec

from engine.api.errors import CursorRefused, LinkError
from engine.api.link import CONTROL_BYTES_MAX, Hello, Refusal, Welcome, encode_message

CONNECT_TIMEOUT_S = 3.0
"""An internal call that takes longer has failed (RES-47)."""

RECONNECT_S_MIN, RECONNECT_S_MAX = 0.05, 1.0
"""First and longest pause between two attempts to reach the engine."""


def _receive_exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise LinkError("the engine closed the link")
        data += part
    return data


def receive_message(connection: socket.socket, bytes_max: int) -> bytes:
    """Wait for one whole message. Raises: LinkError when it is too long or the link ends, OSError."""
    length = int.from_bytes(_receive_exactly(connection, 4), "little")
    if length > bytes_max:
        raise LinkError(f"a message of {length} bytes exceeds {bytes_max}")
    return _receive_exactly(connection, length)


def _in_words(error: Exception) -> str:
    match error:
        case FileNotFoundError() | ConnectionRefusedError():
            return "it does not run"
        case TimeoutError():
            return f"no answer within {CONNECT_TIMEOUT_S:g} s"
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return str(error)


def connect(data: Path, hello: Hello) -> tuple[socket.socket, Welcome]:
    """Open a link and greet.

    Raises: LinkError when the engine is away; CursorRefused when its journal is not the one the cursor belongs to.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    connection.settimeout(CONNECT_TIMEOUT_S)
    try:
        connection.connect(str(data / "engine.sock"))
        connection.sendall(encode_message(hello))
        welcome = msgspec.json.decode(receive_message(connection, CONTROL_BYTES_MAX), type=Welcome)
        check_welcome(welcome)
    except (OSError, msgspec.DecodeError) as error:
        connection.close()
        raise LinkError(f"the engine of {data} cannot be reached: {_in_words(error)}") from error
    except LinkError:
        connection.close()
        raise
    return connection, welcome


def check_welcome(welcome: Welcome) -> None:
    """Look whether the engine took the link. Raises: CursorRefused when it did not."""
    if welcome.refusal is not Refusal.NONE:
        raise CursorRefused(welcome.reason)


def readable(wait_s: float | None, *connections: socket.socket) -> list[socket.socket]:
    """Wait until one of ``connections`` has something to read or has ended; return which.

    Not ``select``, which fails on descriptors above 1023, nor a blocking ``recv``, which the kernel also wakes each
    time the other end has read something.
    """
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll(None if wait_s is None else ceil(wait_s * 1000))}
    return [connection for connection in connections if connection.fileno() in ready]
