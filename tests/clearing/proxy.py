"""A proxy in front of PostgreSQL that cuts the connection around one message of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from types import TracebackType


class CuttingProxy:
    """Relays messages of both directions and counts them; cuts both connections around number ``cut_at``.

    ``before`` swallows that message; otherwise it is delivered first. After one cut the proxy relays everything.
    Invariant: messages are relayed one at a time, so that the count is the order in which they were sent.
    """

    def __init__(self, server_socket: Path) -> None:
        self._server_socket = server_socket
        self._directory = tempfile.TemporaryDirectory(prefix="exchange-proxy-")
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.count = 0
        self.cut_at = 0
        self.before = False
        self.cuts = 0

    @property
    def host(self) -> str:
        return self._directory.name

    def arm(self, cut_at: int, before: bool) -> None:
        """Count from now on, and cut at message ``cut_at``; 0 never cuts."""
        self.count, self.cut_at, self.before, self.cuts = 0, cut_at, before, 0

    async def __aenter__(self) -> CuttingProxy:
        self._server = await asyncio.start_unix_server(self._accept, Path(self.host) / ".s.PGSQL.5432")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        self._directory.cleanup()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(self._server_socket)
        writers = (writer, server_writer)
        for source, target, from_client in ((reader, server_writer, True), (server_reader, writer, False)):
            task = asyncio.create_task(self._relay(source, target, writers, from_client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _relay(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        from_client: bool,
    ) -> None:
        opening = from_client
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                message = await _read_message(source, opening)
                opening = opening and len(message) == 8  # after SSLRequest and the like the start message follows
                self.count += 1
                cutting = self.count == self.cut_at
                if not (cutting and self.before):
                    target.write(message)
                    await target.drain()
                if cutting:
                    self.cuts += 1
                    break
        for writer in writers:
            writer.close()


async def _read_message(source: asyncio.StreamReader, opening: bool) -> bytes:
    """Read one message: a type byte unless it opens the connection, a length, a body; or the answer to SSLRequest."""
    if opening:
        head = await source.readexactly(4)
        return head + await source.readexactly(int.from_bytes(head, "big") - 4)
    head = await source.readexactly(5)
    return head + await source.readexactly(int.from_bytes(head[1:], "big") - 4)
