"""A member firm of the demonstration: an ordinary QuickFIX initiator that sends one order at a time."""

from __future__ import annotations

import time
from queue import Empty, Queue
from typing import Any

import quickfix as fix

from ops.errors import Unreachable

REPORT_S_MAX = 10.0
"""A report that takes longer has failed."""

_SETTINGS = """[DEFAULT]
ConnectionType=initiator
SocketConnectHost=127.0.0.1
SocketNodelay=Y
ReconnectInterval=1
HeartBtInt=30
NonStopSession=Y
UseDataDictionary=N
TimestampPrecision=6
[SESSION]
BeginString=FIX.4.4
SenderCompID={comp_id}
TargetCompID=EXCH-OE
SocketConnectPort={port}
"""


class _Application(fix.Application):  # type: ignore[misc]
    """Puts credentials on the Logon and every application message, as a dict, on a queue."""

    def __init__(self, comp_id: str) -> None:
        super().__init__()
        self._comp_id = comp_id
        self.arrivals: Queue[tuple[int, dict[str, str]]] = Queue()

    def onCreate(self, session_id: Any) -> None:
        """Do nothing."""

    def onLogon(self, session_id: Any) -> None:
        """Tell that the session is up."""
        self.arrivals.put((time.perf_counter_ns(), {"35": "A"}))

    def onLogout(self, session_id: Any) -> None:
        """Do nothing."""

    def toAdmin(self, message: Any, session_id: Any) -> None:
        """Add user and password to the Logon."""
        if message.getHeader().getField(35) == "A":
            message.setField(553, self._comp_id)
            message.setField(554, f"dev-{self._comp_id.lower()}")

    def fromAdmin(self, message: Any, session_id: Any) -> None:
        """Do nothing."""

    def toApp(self, message: Any, session_id: Any) -> None:
        """Do nothing."""

    def fromApp(self, message: Any, session_id: Any) -> None:
        """Hand the message over with the time it came."""
        arrived_ns = time.perf_counter_ns()
        self.arrivals.put((arrived_ns, dict(pair.split("=", 1) for pair in message.toString().split("\x01") if pair)))


class Member:
    """One firm's session: orders out, reports in. ``latencies_ns`` is from order to its first report."""

    def __init__(self, comp_id: str, port: int) -> None:
        self.comp_id = comp_id
        self.latencies_ns: list[int] = []
        self.reports = 0
        self.fills = 0
        self._application = _Application(comp_id)
        settings = fix.SessionSettings()
        settings.setFromString(_SETTINGS.format(comp_id=comp_id, port=port))
        self._store = fix.MemoryStoreFactory()
        self._settings = settings
        self._initiator = fix.SocketInitiator(self._application, self._store, settings)
        self._session = fix.SessionID("FIX.4.4", comp_id, "EXCH-OE")

    def log_on(self) -> None:
        """Log on and wait until the exchange answers. Raises: Unreachable."""
        self._initiator.start()
        self._next("A")

    def log_out(self) -> None:
        """End the session."""
        self._initiator.stop()

    def enter(self, cl_ord_id: str, side: str, qty: str, price: str) -> None:
        """Send a limit order for BTC/USDT and wait for its first report. Raises: Unreachable."""
        now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
        fields = f"35=D|11={cl_ord_id}|55=BTC/USDT|54={side}|38={qty}|40=2|44={price}|59=1|60={now}|"
        message = fix.Message(fields.replace("|", "\x01"), False)
        sent_ns = time.perf_counter_ns()
        fix.Session.sendToTarget(message, self._session)
        arrived_ns, report = self.report()
        self.latencies_ns.append(arrived_ns - sent_ns)
        if report.get("11") != cl_ord_id or report.get("150") != "0":
            raise Unreachable(f"{self.comp_id}: order {cl_ord_id} was answered by {report}")

    def await_fill(self) -> None:
        """Wait for the fill of the order sent last. Raises: Unreachable."""
        _, report = self.report()
        if report.get("150") != "F" or report.get("39") != "2":
            raise Unreachable(f"{self.comp_id}: expected a fill, got {report}")

    def report(self) -> tuple[int, dict[str, str]]:
        """Wait for the next ExecutionReport and count it. Raises: Unreachable."""
        arrived_ns, report = self._next("8")
        self.reports += 1
        self.fills += report.get("150") == "F"
        return arrived_ns, report

    def _next(self, msg_type: str) -> tuple[int, dict[str, str]]:
        try:
            arrived_ns, message = self._application.arrivals.get(timeout=REPORT_S_MAX)
        except Empty:
            raise Unreachable(f"{self.comp_id}: nothing came within {REPORT_S_MAX:g} s") from None
        if message["35"] != msg_type:
            raise Unreachable(f"{self.comp_id}: expected 35={msg_type}, got {message}")
        return arrived_ns, message
