"""The supervisor asked how the exchange stands: one GET on loopback."""

from __future__ import annotations

import socket

import msgspec

from ops.directory import Whereabouts
from ops.errors import Unreachable
from ops.watching.inspection import Inspection

ANSWER_S_MAX = 3.0
"""A supervisor whose loop turns answers at once."""


def inquire(whereabouts: Whereabouts) -> Inspection:
    """Ask for ``/status``. Raises: Unreachable when the supervisor does not answer."""
    who = f"the supervisor (pid {whereabouts.supervisor_pid})"
    try:
        answer = _get(whereabouts.ports["metrics"], "/status")
        return msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=Inspection)
    except TimeoutError:
        raise Unreachable(f"{who} has not answered within {ANSWER_S_MAX:g} s: it hangs, and watches nothing") from None
    except (OSError, msgspec.DecodeError) as error:
        raise Unreachable(f"{who} does not answer: {error}") from error


def _get(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer
