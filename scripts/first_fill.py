"""The first fill: two members trade over FIX 4.4 with nothing but a socket and simplefix.

Start the exchange with ``make run``, then in a second terminal: ``.venv/bin/python scripts/first_fill.py``
"""

from __future__ import annotations

import argparse
import selectors
import socket
import sys
import time
import tomllib
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import simplefix

ANSWER_S_MAX = 10
CONFIG = Path(__file__).resolve().parents[1] / "config" / "exchange.toml"
SESSIONS = selectors.DefaultSelector()
"""Every session that is up. All are read while one is waited for: the exchange hangs up on a reader that stalls."""


class Session:
    """A FIX session over a socket: enough to log on, send orders and read reports."""

    def __init__(self, port: int, comp_id: str, target: str) -> None:
        self.comp_id = comp_id
        self._target = target
        self._next_seq = 1
        self._parser = simplefix.FixParser()
        self._arrived: deque[simplefix.FixMessage] = deque()
        self._socket = connect(port)
        SESSIONS.register(self._socket, selectors.EVENT_READ, self)
        # 98: no encryption; 108: a heartbeat every 30 s; 141: begin again at 1 on both sides.
        self.send("A", (98, 0), (108, 30), (141, "Y"), (553, comp_id), (554, f"dev-{comp_id.lower()}"))
        self.expect("A")

    def send(self, msg_type: str, *fields: tuple[int, object]) -> None:
        """Send one message; the header is filled in, BodyLength and CheckSum are simplefix's work."""
        message = simplefix.FixMessage()
        header = ((8, "FIX.4.4"), (35, msg_type), (49, self.comp_id), (56, self._target), (34, self._next_seq))
        for tag, value in (*header, (52, utc_now()), *fields):
            message.append_pair(tag, value)
        self._socket.sendall(message.encode())
        self._next_seq += 1

    def expect(self, msg_type: str, **wanted: str) -> simplefix.FixMessage:
        """Read until a message of ``msg_type`` comes whose tags are as wanted, such as ``t150="F"``."""
        while True:
            while not self._arrived:
                read_sessions()
            message = self._arrived.popleft()
            if text(message, 35) == msg_type and all(text(message, int(k[1:])) == v for k, v in wanted.items()):
                return message
            if text(message, 35) in ("3", "5", "j") or text(message, 150) == "8":
                raise SystemExit(f"{self.comp_id}: refused: {text(message, 58)}")

    def read(self) -> None:
        """Take in what has arrived. 97=Y marks a copy of an earlier report, sent because the Logon began at 1 again."""
        try:
            data = self._socket.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            raise SystemExit(f"{self.comp_id}: the exchange closed the connection")
        self._parser.append_buffer(data)
        while (message := self._parser.get_message()) is not None:
            if text(message, 97) != "Y":
                self._arrived.append(message)

    def order(self, cl_ord_id: str, side: int, qty: str, price: str) -> None:
        """Send a good-till-cancel limit order for BTC/USDT: side 1 buys, 2 sells."""
        terms = ((54, side), (38, qty), (40, 2), (44, price), (59, 1), (60, utc_now()))
        self.send("D", (11, cl_ord_id), (55, "BTC/USDT"), *terms)

    def log_out(self) -> None:
        """End the session politely."""
        self.send("5")
        self.expect("5")
        SESSIONS.unregister(self._socket)
        self._socket.close()


def connect(port: int) -> socket.socket:
    """Connect to the exchange, or say that there is none."""
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX)
    except ConnectionRefusedError:
        print(f"nothing listens on 127.0.0.1:{port}: start the exchange with make run", file=sys.stderr)
        raise SystemExit(3) from None


def read_sessions() -> None:
    """Wait until something arrives on any session, and take it in."""
    ready = SESSIONS.select(ANSWER_S_MAX)
    if not ready:
        raise SystemExit(f"no answer within {ANSWER_S_MAX} s")
    for key, _ in ready:
        key.data.read()


def text(message: simplefix.FixMessage, tag: int) -> str:
    """Read a tag as text, empty when absent."""
    return (message.get(tag) or b"").decode("ascii")


def utc_now() -> str:
    """Write the time as FIX wants it."""
    return datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.%f")


def show(who: str, message: simplefix.FixMessage) -> None:
    """Print the tags of an ExecutionReport that tell the story."""
    tags = (150, 39, 11, 37, 17, 54, 38, 31, 32, 14, 151)
    print(f"{who:<9}", " ".join(f"{tag}={text(message, tag)}" for tag in tags if text(message, tag)))


def main() -> None:
    """Let BRAVO offer, ALPHA buy, and print what each and their drop copies are told."""
    configured = tomllib.loads(CONFIG.read_text())["port_base"]
    parser = argparse.ArgumentParser(description="The first fill, over FIX 4.4.")
    parser.add_argument("--port-base", type=int, default=configured)
    port = parser.parse_args().port_base
    alpha, bravo = (Session(port, comp_id, "EXCH-OE") for comp_id in ("ALPHA", "BRAVO"))
    copies = [Session(port + 1, comp_id, "EXCH-DC") for comp_id in ("ALPHA-DC", "BRAVO-DC")]
    unique = time.time_ns()
    offer, bid = f"offer-{unique}", f"bid-{unique}"

    bravo.order(offer, side=2, qty="0.5", price="60000.00")
    show("BRAVO", bravo.expect("8", t11=offer, t150="0"))
    alpha.order(bid, side=1, qty="0.5", price="60000.00")
    show("ALPHA", alpha.expect("8", t11=bid, t150="0"))
    show("ALPHA", alpha.expect("8", t11=bid, t150="F"))
    show("BRAVO", bravo.expect("8", t11=offer, t150="F"))
    for copy, cl_ord_id in zip(copies, (bid, offer), strict=True):
        show(copy.comp_id, copy.expect("8", t11=cl_ord_id, t150="0"))
        show(copy.comp_id, copy.expect("8", t11=cl_ord_id, t150="F"))
    for session in (alpha, bravo, *copies):
        session.log_out()


if __name__ == "__main__":
    main()
