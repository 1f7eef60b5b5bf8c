"""A drop-copy client of the demonstration: a socket, simplefix, and a count of distinct ExecIDs."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from datetime import UTC, datetime

import simplefix

from ops.errors import Unreachable


class DropCopyReader:
    """Logs on to drop copy and collects every report, on a thread of its own."""

    def __init__(self, comp_id: str, port: int) -> None:
        self._comp_id = comp_id
        self._next_seq = 1
        self._parser = simplefix.FixParser()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._is_up = threading.Event()
        self.exec_ids: dict[str, str] = {}
        """ExecType of every report received, by ExecID."""
        self._thread = threading.Thread(target=self._read, name=f"copy-{comp_id}", daemon=True)

    def log_on(self) -> None:
        """Log on and wait until the exchange answers. Raises: Unreachable."""
        self._send("A", (98, "0"), (108, "30"), (553, self._comp_id), (554, f"dev-{self._comp_id.lower()}"))
        self._thread.start()
        if not self._is_up.wait(10):
            raise Unreachable(f"{self._comp_id}: no answer to the Logon")

    def await_count(self, count: int, timeout_s: float) -> None:
        """Wait until ``count`` reports have come, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while len(self.exec_ids) < count and time.monotonic() < deadline:
            time.sleep(0.02)

    def log_out(self) -> None:
        """Log out and close the connection."""
        with contextlib.suppress(OSError):
            self._send("5")
            self._socket.shutdown(socket.SHUT_WR)
        if self._thread.ident is not None:
            self._thread.join(5)
        self._socket.close()

    def _send(self, msg_type: str, *fields: tuple[int, str]) -> None:
        message = simplefix.FixMessage()
        now = datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.%f")
        header = (
            (8, "FIX.4.4"),
            (35, msg_type),
            (49, self._comp_id),
            (56, "EXCH-DC"),
            (34, self._next_seq),
            (52, now),
        )
        for tag, value in (*header, *fields):
            message.append_pair(tag, value)
        self._next_seq += 1
        self._socket.sendall(message.encode())

    def _read(self) -> None:
        self._socket.settimeout(None)
        while True:
            try:
                data = self._socket.recv(65_536)
            except OSError:
                return
            if not data:
                return
            self._parser.append_buffer(data)
            while (message := self._parser.get_message()) is not None:
                self._take(message)

    def _take(self, message: simplefix.FixMessage) -> None:
        match message.get(35):
            case b"A":
                self._is_up.set()
            case b"1":
                self._send("0", (112, message.get(112).decode()))
            case b"8":
                self.exec_ids[message.get(17).decode()] = message.get(150).decode()
