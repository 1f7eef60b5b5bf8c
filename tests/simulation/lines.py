"""Links between clients and the engine: real sockets, but bytes cross when the world lets them, in pieces.

A line may be cut at any byte; what has crossed by then has crossed.
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from random import Random

import msgspec

from engine.api.errors import LinkError
from engine.api.link import Hello, Welcome, encode_message
from engine.client.connection import check_welcome


class Line:
    """A client's end of a link: what :mod:`engine.client` needs of a socket, and what the world does to it."""

    def __init__(self, path: Path, rng: Random) -> None:
        self._rng = rng
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._waiting = bytearray()
        self.is_cut = False
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise LinkError(f"the engine is away: {error.strerror}") from error

    # --- as a socket ------------------------------------------------------------------------------------

    def sendall(self, data: bytes) -> None:
        if self.is_cut:
            raise BrokenPipeError
        self._waiting += data

    def recv(self, count: int) -> bytes:
        return self._socket.recv(min(count, self._rng.choice((1, 48, 300, 4_000, count, count))))

    def fileno(self) -> int:
        return self._socket.fileno()

    def settimeout(self, _: float | None) -> None:
        """Never waits anyway."""

    def shutdown(self, _: int = socket.SHUT_RDWR) -> None:
        self.cut()

    def close(self) -> None:
        self.is_cut = True
        self._socket.close()

    # --- as a cable -------------------------------------------------------------------------------------

    def pass_bytes(self, all_of_it: bool = False) -> int:
        """Let some bytes cross; return how many."""
        if self.is_cut or not self._waiting:
            return 0
        some = len(self._waiting) if all_of_it else self._rng.choice((1, 47, 200, 1_000, 10**6, 10**6))
        try:
            sent = self._socket.send(self._waiting[:some])
        except BlockingIOError:
            return 0
        except OSError:
            self.cut()
            return 0
        del self._waiting[:sent]
        return sent

    def cut(self) -> None:
        """Cut it where it is: what waits is lost."""
        self.is_cut = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def has_ended(self) -> bool:
        """Tell whether the line is cut or the engine gone."""
        if self.is_cut:
            return True
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True


class _Dial:
    """A greeting under way."""

    def __init__(self, line: Line, hello: Hello) -> None:
        self.line = line
        self._answer = b""
        line.sendall(encode_message(hello))

    def progress(self) -> Welcome | None:
        """Move some bytes of the greeting either way. Raises: OSError, LinkError when the line has ended."""
        self.line.pass_bytes()
        while True:
            wanted = 4 if len(self._answer) < 4 else 4 + int.from_bytes(self._answer[:4], "little")
            if len(self._answer) == wanted:
                return msgspec.json.decode(self._answer[4:], type=Welcome)
            try:
                part = self.line.recv(wanted - len(self._answer))
            except BlockingIOError:
                return None
            if not part:
                raise LinkError("the line ended")
            self._answer += part


class Switchboard:
    """Makes the links. A call does a little of it at a time, and says LinkError until it is made."""

    def __init__(self, path: Path, rng: Random) -> None:
        self._path = path
        self._rng = rng
        self._dials: dict[str, _Dial] = {}

    def connect(self, _data: Path, hello: Hello) -> tuple[Line, Welcome]:
        """Stand in for the client's own way to connect; every follower has a name of its own."""
        return self.dial(f"{hello.role}:{hello.name}", hello)

    def dial(self, who: str, hello: Hello) -> tuple[Line, Welcome]:
        """Go on making the link of ``who``. Raises: LinkError until it stands, and when it is refused."""
        dial = self._dials.get(who)
        if dial is None:
            dial = self._dials[who] = _Dial(Line(self._path, self._rng), hello)
        try:
            welcome = dial.progress()
        except (OSError, LinkError) as error:
            self.forget(who)
            raise LinkError(f"the greeting broke off: {error}") from error
        if welcome is None:
            raise LinkError("not connected yet")
        del self._dials[who]
        try:
            check_welcome(welcome)
        except LinkError:
            dial.line.close()
            raise
        return dial.line, welcome

    def forget(self, who: str) -> None:
        """Give up a greeting under way."""
        dial = self._dials.pop(who, None)
        if dial:
            dial.line.close()
