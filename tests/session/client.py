"""A member's FIX engine, small enough to be read: plain socket, simplefix for the text, no library session.

It numbers, answers TestRequest and ResendRequest, asks for what it missed and de-duplicates by MsgSeqNum, as an
ordinary engine does, and keeps every application message in the order it counted.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import simplefix

from tests.patience import PATIENCE_S

Fields = Mapping[int | str, str | int]


class Disconnected(AssertionError):
    """The other side closed the connection while something was expected."""


class Received(dict[int, str]):
    """A message by tag; ``raw`` are its bytes."""

    def __init__(self, raw: bytes) -> None:
        pairs = [field.split(b"=", 1) for field in raw.split(b"\x01")[:-1]]
        super().__init__((int(tag), value.decode("latin-1")) for tag, value in pairs)
        self.raw = raw

    @property
    def body(self) -> bytes:
        """The bytes between header and trailer."""
        header = {b"8", b"9", b"35", b"34", b"43", b"49", b"52", b"56", b"97", b"122", b"369"}
        fields = [f for f in self.raw.split(b"\x01")[:-1] if f.split(b"=", 1)[0] not in header | {b"10"}]
        return b"\x01".join(fields) + b"\x01"


def utc_now(shift_s: float = 0.0) -> str:
    """Return a UTCTimestamp with microseconds."""
    return datetime.fromtimestamp(time.time() + shift_s, UTC).strftime("%Y%m%d-%H:%M:%S.%f")


class Client:
    """One CompID's side of a session. The numbers survive :meth:`drop` and :meth:`connect`."""

    def __init__(
        self,
        port: int,
        comp_id: str,
        venue: str = "EXCH-OE",
        password: str | None = None,
        heart_bt_int: int = 30,
        host: str = "127.0.0.1",
    ) -> None:
        self.address = (host, port)
        self.comp_id = comp_id
        self.venue = venue
        self.password = f"dev-{comp_id.lower()}" if password is None else password
        self.heart_bt_int = heart_bt_int
        self.next_out = 1
        self.next_in = 1
        self.received: list[Received] = []
        self.remembered: dict[int, tuple[str, Fields]] = {}
        self.is_paused = False
        self._waiting: list[Received] = []
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._resend_asked = 0

    # --- the connection -----------------------------------------------------------------------------------

    def connect(self) -> Client:
        """Open the connection; nothing is said yet."""
        self._socket = socket.create_connection(self.address, PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer, self._resend_asked, self._waiting = b"", 0, []
        return self

    def drop(self) -> None:
        """Cut the connection without a Logout."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def logon(self, reset: bool = False, fields: Fields | None = None) -> Received:
        """Connect when needed, log on and return the answer."""
        if self._socket is None:
            self.connect()
        extra: dict[int | str, str | int] = {98: 0, 108: self.heart_bt_int, 553: self.comp_id, 554: self.password}
        if reset:
            self.next_out = self.next_in = 1
            extra[141] = "Y"
        self.send("A", {**extra, **(fields or {})})
        return self.expect("A")

    def logout(self) -> Received:
        """Log out in order and close."""
        self.send("5", {})
        answer = self.expect("5")
        self.drop()
        return answer

    # --- sending ------------------------------------------------------------------------------------------

    def send(self, kind: str, fields: Fields, header: Fields | None = None) -> int:
        """Send a message; return its MsgSeqNum."""
        number = self.next_out
        self.next_out += 1
        self.send_raw(self.encode(kind, fields, number, header))
        return number

    def remember(self, kind: str, fields: Fields) -> int:
        """Number a message as sent without sending it: it goes out when the venue asks for it."""
        number = self.next_out
        self.next_out += 1
        self.remembered[number] = (kind, fields)
        return number

    def encode(self, kind: str, fields: Fields, number: int, header: Fields | None = None) -> bytes:
        """Encode a message; a value of None is left out."""
        message = simplefix.FixMessage()
        head = {8: "FIX.4.4", 35: kind, 34: number, 49: self.comp_id, 56: self.venue, 52: utc_now(), **(header or {})}
        for tag, value in head.items():
            message.append_pair(tag, value, header=True)
        for tag, value in fields.items():
            message.append_pair(tag, value)
        return bytes(message.encode())

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._socket is not None, "not connected"
        self._socket.sendall(data)

    # --- receiving ----------------------------------------------------------------------------------------

    def expect(self, kind: str | None = None, **where: str) -> Received:
        """Return the next message of ``kind`` with fields ``t11="..."``, passing over session messages only.

        Raises: AssertionError for another application message; Disconnected.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            message = self.next_message(deadline - time.monotonic())
            if message is None:
                raise AssertionError(f"{self.comp_id}: no {kind} {where} within {PATIENCE_S} s")
            if kind is None or message[35] == kind:
                found = {name: message.get(int(name[1:])) for name in where}
                assert found == where, f"{self.comp_id}: expected {kind} {where}, got {readable(message)}"
                return message
            assert message[35] in "0124", f"{self.comp_id}: expected {kind} {where}, got {readable(message)}"

    def drain(self, seconds: float = 0.05) -> list[Received]:
        """Take whatever has come, until nothing comes for a moment."""
        taken = []
        while (message := self.next_message(seconds)) is not None:
            taken.append(message)
        return taken

    @property
    def is_connected(self) -> bool:
        """Tell whether the connection was opened and not closed by this side."""
        return self._socket is not None

    def expect_silence(self, seconds: float = 0.5) -> None:
        """Check that no application message comes."""
        deadline = time.monotonic() + seconds
        while (message := self.next_message(deadline - time.monotonic())) is not None:
            assert message[35] in "0124", f"{self.comp_id}: unexpected {readable(message)}"

    def expect_close(self, deadline_s: float = PATIENCE_S) -> list[Received]:
        """Wait until the other side closes; return what it said before."""
        said, deadline = [], time.monotonic() + deadline_s
        try:
            while (message := self.next_message(deadline - time.monotonic())) is not None:
                said.append(message)
        except Disconnected:
            self.drop()
            return said
        raise AssertionError(f"{self.comp_id}: not closed within {deadline_s} s")

    def next_message(self, wait_s: float) -> Received | None:
        """Return the next message that counts, None when none came in time. Raises: Disconnected."""
        deadline = time.monotonic() + wait_s
        while True:
            if self._waiting:
                return self._waiting.pop(0)
            if self.is_paused or not self._receive(deadline - time.monotonic()):
                return None

    def _receive(self, wait_s: float) -> bool:
        assert self._socket is not None, "not connected"
        if wait_s <= 0:
            return False
        self._socket.settimeout(wait_s)
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            return False
        except ConnectionError:
            data = b""
        if not data:
            raise Disconnected(f"{self.comp_id}: the other side closed")
        self._buffer += data
        for raw in self._split():
            self._count(Received(raw))
        return True

    def _split(self) -> list[bytes]:
        """Cut whole messages off the buffer, checking their length and sum."""
        messages = []
        while (start := self._buffer.find(b"\x0110=")) >= 0 and len(self._buffer) >= start + 8:
            raw, self._buffer = self._buffer[: start + 8], self._buffer[start + 8 :]
            assert sum(raw[: start + 1]) % 256 == int(raw[start + 4 : start + 7]), f"wrong CheckSum in {raw!r}"
            messages.append(raw)
        return messages

    def _count(self, message: Received) -> None:
        """Do what the session protocol demands, and keep what counts."""
        number, kind = int(message[34]), message[35]
        if kind == "4" and message.get(123) != "Y":
            self.next_in = int(message[36])
            return
        if number > self.next_in:
            if self._resend_asked != self.next_in and kind != "5":
                self._resend_asked = self.next_in
                self.send("2", {7: self.next_in, 16: 0})
            if kind in ("A", "5"):
                self._waiting.append(message)
            return
        if number < self.next_in:
            assert message.get(43) == "Y", f"{self.comp_id}: {number} came again: {readable(message)}"
            return
        self.next_in = int(message[36]) if kind == "4" else number + 1
        if kind == "1":
            self.send("0", {112: message[112]})
        elif kind == "2":
            self._resend(int(message[7]))
        if kind not in "01234A5":
            self.received.append(message)
        self._waiting.append(message)

    def _resend(self, begin: int) -> None:
        """Answer a ResendRequest: what is remembered goes out again, gaps are filled over the rest."""
        copy: Fields = {43: "Y", 122: utc_now()}
        for number in sorted(n for n in self.remembered if n >= begin):
            if begin < number:
                self.send_raw(self.encode("4", {123: "Y", 36: number}, begin, copy))
            kind, fields = self.remembered[number]
            self.send_raw(self.encode(kind, fields, number, copy))
            begin = number + 1
        if begin < self.next_out:
            self.send_raw(self.encode("4", {123: "Y", 36: self.next_out}, begin, copy))


def cancel(cl_ord_id: str, **where: str) -> dict[int | str, str | int]:
    """Return the fields of a cancel; ``t41="..."`` names the order."""
    return {11: cl_ord_id, 60: utc_now(), **{int(name[1:]): value for name, value in where.items()}}


def readable(message: Mapping[int, str]) -> str:
    """Write a message with bars between its fields."""
    return "|".join(f"{tag}={value}" for tag, value in message.items())


def order(cl_ord_id: str, side: str, qty: str, price: str | None, **changes: str | None) -> dict[int | str, str | int]:
    """Return the fields of a limit order (market without a price); ``t59="3"`` changes or adds, None removes."""
    fields: dict[int | str, str | int | None] = {
        11: cl_ord_id,
        55: "BTC/USDT",
        54: side,
        60: utc_now(),
        38: qty,
        40: "1" if price is None else "2",
    }
    if price is not None:
        fields[44] = price
    fields.update({int(name[1:]): value for name, value in changes.items()})
    return {tag: value for tag, value in fields.items() if value is not None}
