"""Asking: one question to the running engine, one answer."""

from __future__ import annotations

from pathlib import Path

from engine.api.errors import LinkError
from engine.api.link import CONTROL_BYTES_MAX, ControlRequest, Hello, encode_message
from engine.client.connection import connect, receive_message


def ask(data: Path, request: ControlRequest) -> bytes:
    """Ask the running engine one question; return its JSON answer. Raises: LinkError."""
    connection, _ = connect(data, Hello("control", "ask"))
    try:
        connection.sendall(encode_message(request))
        return receive_message(connection, CONTROL_BYTES_MAX)
    except OSError as error:
        raise LinkError(f"the engine did not answer: {error}") from error
    finally:
        connection.close()
