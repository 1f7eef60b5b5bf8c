"""The measure for the gateway: a bare QuickFIX acceptor in Python that only echoes a report.

The same engine, settings, store and dictionary as the gateway has, one raw string per report, no exchange
behind it: ``python -m bench.bare_acceptor PORT DIRECTORY SETTINGS``.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import quickfix as fix


class Echo(fix.Application):  # type: ignore[misc]
    """Answer every application message with one ExecutionReport."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def onCreate(self, session_id: fix.SessionID) -> None:  # noqa: N802
        """Do nothing."""

    onLogon = onLogout = onCreate  # noqa: N815

    def toAdmin(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802
        """Do nothing."""

    fromAdmin = toApp = toAdmin  # noqa: N815

    def fromApp(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802
        """Echo a report of the length and fields of a real one."""
        fields = dict(part.partition("=")[::2] for part in message.toString().split("\x01"))
        self._count += 1
        body = (
            f"35=8\x0137=018bcfe5-687b-7800-8000-{self._count:012d}\x0117=1-{self._count}-0\x01150=0\x0139=0\x01"
            f"11={fields['11']}\x011=ALPHA\x0155={fields['55']}\x0154=1\x0138=0.001\x0140=2\x0144=30000\x0159=1\x01"
            f"151=0.001\x0114=0\x016=0\x0160={fields['60']}\x01636=N\x0120018={self._count}\x01"
        )
        text = f"8=FIX.4.4\x019={len(body)}\x01{body}10=000\x01"
        fix.Session.sendToTarget(fix.Message(text, False), session_id)


def main() -> None:
    """Serve until standard input ends."""
    settings = fix.SessionSettings(sys.argv[1])
    application = Echo()
    store = fix.FileStoreFactory(settings)
    log = fix.ScreenLogFactory(False, False, False)
    acceptor = fix.ThreadedSocketAcceptor(application, store, settings, log)
    acceptor.start()
    print("ready", flush=True)
    threading.Thread(target=sys.stdin.read, daemon=True).run()
    acceptor.stop()


if __name__ == "__main__":
    assert Path(sys.argv[1]).exists(), "the settings file must exist"
    main()
