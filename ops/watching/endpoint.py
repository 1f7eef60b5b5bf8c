"""What the supervisor answers on loopback, from its own loop: /metrics, /healthz, and /status for the command."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from ops.errors import PortTaken
from ops.processes import METRICS
from ops.watching.metrics import Metrics
from ops.watching.watch import Watch

REQUEST_BYTES_MAX = 8_192
"""A longer request is not read on."""

REQUEST_S_MAX = 5.0
"""A request that takes longer to come is not waited for, nor is a reader that takes longer with its answer."""

CONNECTIONS_MAX = 64
"""More at a time are closed at once: monitors ask one by one."""

_JSON, _TEXT = "application/json", "text/plain; version=0.0.4; charset=utf-8"


class Endpoint:
    """A small HTTP server. ``/healthz`` answers 200 while members can trade (the body says how well), 503 otherwise."""

    def __init__(self, port: int, watch: Watch) -> None:
        self._port = port
        self._watch = watch
        self._metrics = Metrics(watch)
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def start(self) -> None:
        """Listen. Raises: PortTaken."""
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=REQUEST_BYTES_MAX)
        except OSError as error:
            raise PortTaken(self._port, METRICS.name) from error

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                if self._connections <= CONNECTIONS_MAX:
                    async with asyncio.timeout(REQUEST_S_MAX):
                        request = await reader.readuntil(b"\r\n\r\n")
                        writer.write(self._answer(request))
                        await writer.drain()
        finally:
            self._connections -= 1
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        method, _, rest = request.partition(b" ")
        if method != b"GET":
            return _response("405 Method Not Allowed", _TEXT, b"only GET is answered here\n")
        match rest.partition(b" ")[0].partition(b"?")[0]:
            case b"/metrics":
                return _response("200 OK", _TEXT, self._metrics.text())
            case b"/healthz":
                health = self._watch.inspection().health
                status = "503 Service Unavailable" if health == "unhealthy" else "200 OK"
                return _response(status, _TEXT, f"{health}\n".encode())
            case b"/status":
                return _response("200 OK", _JSON, msgspec.json.encode(self._watch.inspection()))
            case _:
                return _response("404 Not Found", _TEXT, b"there are /metrics, /healthz and /status\n")


def _response(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
