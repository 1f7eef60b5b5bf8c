"""A member that trades through everything: reconnects, resends, and remembers every answer it was given.

A plain FIX 4.4 initiator over a socket, with its own sequence numbers and message store, so that what it
asserts owes nothing to the engine under test. Its memory is the oracle: an order it holds an acknowledgement
for must be in the exchange's journal, and no ExecID may reach it twice unless marked as a copy.
"""

from __future__ import annotations

import random
import select
import socket
import threading
import time
from datetime import UTC, datetime

SOH = "\x01"
HEARTBEAT_S = 5
UNANSWERED_MAX = 200
"""A member waits for answers before it sends more orders than this."""


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.%f")


class Member:
    """One CompID with its own thread. ``start``, trade until ``settle``, then ``stop``; faults are collected."""

    def __init__(self, port: int, comp_id: str, target: str, password: str, per_second: float, seed: int) -> None:
        self.comp_id = comp_id
        self._address = ("127.0.0.1", port)
        self._target = target
        self._password = password
        self._pause_s = 1 / per_second if per_second else 0.0
        self._dice = random.Random(seed)
        self._out_seq = 1
        self._in_seq = 1
        self._store: dict[int, tuple[str, str, str]] = {}
        self._socket: socket.socket | None = None
        self._buffer = ""
        self._is_logged_on = False
        self._asked_from = 0
        self._heard = self._spoke = time.monotonic()
        self._next_order = 0
        self._trading = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"member-{comp_id}")
        self.exec_ids: dict[str, str] = {}
        self.acknowledged: dict[str, str] = {}
        """OrderID by ClOrdID of every order with an answer 150=0."""
        self.ord_status: dict[str, str] = {}
        self.refused: set[str] = set()
        self.unanswered: dict[str, float] = {}
        self.open: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self.logons = 0
        self.copies = 0

    def start(self) -> None:
        self._trading.set()
        self._thread.start()

    def settle(self) -> None:
        """Stop sending orders; answers still arrive."""
        self._trading.clear()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    # --- the session --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._converse()
            except (OSError, ConnectionError):
                pass
            except Exception as error:  # the thread must report, not vanish
                self.faults.append(f"{self.comp_id}: {error!r}")
                return
            finally:
                if self._socket is not None:
                    self._socket.close()
                self._socket, self._is_logged_on = None, False
            self._stopping.wait(0.2)

    def _converse(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=2)
        self._buffer, self._asked_from = "", 0
        self._heard = time.monotonic()
        credentials = f"553={self.comp_id}{SOH}554={self._password}{SOH}"
        self._send("A", f"98=0{SOH}108={HEARTBEAT_S}{SOH}{credentials}")
        due = time.monotonic()
        while not self._stopping.is_set():
            readable, _, _ = select.select([self._socket], [], [], 0.002 if self._trading.is_set() else 0.02)
            if readable:
                data = self._socket.recv(65536)
                if not data:
                    raise ConnectionError
                self._heard = time.monotonic()
                self._take(data.decode())
            now = time.monotonic()
            if now - self._heard > 3 * HEARTBEAT_S:
                raise ConnectionError
            if self._is_logged_on and now - self._spoke > HEARTBEAT_S:
                self._send("0", "")
            if self._is_logged_on and self._trading.is_set() and now >= due and len(self.unanswered) < UNANSWERED_MAX:
                self._trade()
                due = max(due + self._pause_s, now - 0.1)

    def _send(self, kind: str, body: str, seq: int | None = None, original: str = "") -> None:
        number = self._out_seq if seq is None else seq
        sent = utc_now()
        if seq is None:
            self._out_seq += 1
            self._store[number] = (kind, body, sent)
        copy = f"43=Y{SOH}122={original}{SOH}" if original else ""
        inner = f"35={kind}{SOH}34={number}{SOH}49={self.comp_id}{SOH}56={self._target}{SOH}52={sent}{SOH}{copy}{body}"
        text = f"8=FIX.4.4{SOH}9={len(inner)}{SOH}{inner}"
        raw = f"{text}10={sum(text.encode()) & 255:03d}{SOH}".encode()
        self._spoke = time.monotonic()
        if self._socket is not None:
            self._socket.sendall(raw)

    def _take(self, data: str) -> None:
        self._buffer += data
        while True:
            at = self._buffer.find(f"{SOH}10=")
            end = self._buffer.find(SOH, at + 4) if at >= 0 else -1
            if end < 0:
                return
            text, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
            self._on_message(dict(part.split("=", 1) for part in text.split(SOH) if part))

    def _on_message(self, m: dict[str, str]) -> None:
        seq, kind, is_copy = int(m["34"]), m["35"], m.get("43") == "Y"
        if kind == "4" and m.get("123") != "Y":
            self._in_seq = int(m["36"])
            return
        if kind == "2":
            self._resend(int(m["7"]), int(m["16"]))
        if kind == "A":
            self._is_logged_on = True
            self.logons += 1
        if seq > self._in_seq:
            self._ask_again()
            return
        if seq < self._in_seq:
            if not is_copy:
                self.faults.append(f"{self.comp_id}: 34={seq} came where {self._in_seq} was expected: {m}")
            return
        self._in_seq = int(m["36"]) if kind == "4" else seq + 1
        if kind == "1":
            self._send("0", f"112={m['112']}{SOH}")
        elif kind == "8":
            self._on_report(m)
        elif kind == "9":
            self._forget(m["11"])
        elif kind in ("3", "j"):
            self._on_refusal(m)

    def _ask_again(self) -> None:
        """Ask for what is missing, once for each gap."""
        if self._asked_from != self._in_seq:
            self._asked_from = self._in_seq
            self._send("2", f"7={self._in_seq}{SOH}16=0{SOH}")

    def _resend(self, begin: int, end: int) -> None:
        last = self._out_seq - 1 if end == 0 else min(end, self._out_seq - 1)
        seq = begin
        while seq <= last:
            kind, body, sent = self._store[seq]
            if kind in "DFH":
                self._send(kind, body, seq, sent)
                seq += 1
                continue
            first = seq
            while seq <= last and self._store[seq][0] not in "DFH":
                seq += 1
            self._send("4", f"123=Y{SOH}36={seq}{SOH}", first, sent)

    # --- trading ------------------------------------------------------------------------------------

    def _trade(self) -> None:
        if self.open and self._dice.random() < 0.3:
            cl_ord_id, side = self.open.pop(self._dice.randrange(len(self.open)))
            body = f"41={cl_ord_id}{SOH}55=BTC/USDT{SOH}54={side}{SOH}38=0.001{SOH}"
            self._order("F", body)
            return
        side = self._dice.choice("12")
        price = 50_000 + self._dice.randrange(-20, 21)
        force = self._dice.choice("1113")
        qty = self._dice.randrange(1, 30)
        body = f"55=BTC/USDT{SOH}54={side}{SOH}38=0.{qty:03d}{SOH}40=2{SOH}44={price}{SOH}59={force}{SOH}"
        cl_ord_id = self._order("D", body)
        if force == "1":
            self.open.append((cl_ord_id, side))

    def _order(self, kind: str, body: str) -> str:
        self._next_order += 1
        cl_ord_id = f"{self.comp_id}-{self._next_order}"
        self.unanswered[cl_ord_id] = time.monotonic()
        self._send(kind, f"11={cl_ord_id}{SOH}{body}60={utc_now()}{SOH}")
        return cl_ord_id

    def _on_report(self, m: dict[str, str]) -> None:
        cl_ord_id, exec_id, kind = m["11"], m["17"], m["150"]
        self._forget(cl_ord_id)
        if kind == "I":
            if m["39"] != "8":
                self.acknowledged[cl_ord_id] = m["37"]
            return
        if m.get("97") == "Y" or m.get("43") == "Y":
            self.copies += 1
        elif exec_id in self.exec_ids:
            self.faults.append(f"{self.comp_id}: ExecID {exec_id} came twice: {m}")
        self.exec_ids[exec_id] = kind
        if kind == "0":
            self.acknowledged[cl_ord_id] = m["37"]
        if kind == "8":
            self.refused.add(cl_ord_id)
        self.ord_status[m["37"]] = m["39"]

    def _on_refusal(self, m: dict[str, str]) -> None:
        if m["35"] == "j" and m.get("379"):
            self._forget(m["379"])
            self.refused.add(m["379"])
            return
        self.faults.append(f"{self.comp_id}: refused: {m}")

    def _forget(self, cl_ord_id: str) -> None:
        self.unanswered.pop(cl_ord_id, None)


class Listener(Member):
    """A drop-copy session: sends nothing, and remembers every ExecID it was given."""

    def __init__(self, port: int, comp_id: str, target: str, password: str) -> None:
        super().__init__(port, comp_id, target, password, 0, 0)

    def start(self) -> None:
        self._thread.start()
