"""QuickFIX's acceptor, with the sessions of one role and their stores."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import quickfix as fix

from fixgw.dictionary import DICTIONARY
from fixgw.errors import GatewayError
from fixgw.write_deadline import bound_writes

LOGOUT_S_MAX = 5.0
"""How long members have to answer our Logout when the process stops; QuickFIX takes up to a second to send it."""


class Acceptor:
    """Listens on the loopback port. Holds on to what QuickFIX is given: it keeps no reference itself.

    Raises: GatewayError when QuickFIX refuses the settings.
    """

    def __init__(self, application: fix.Application, settings: Path, port: int) -> None:
        self._application = application
        self._port = port
        try:
            self._settings = fix.SessionSettings(str(settings))
            self._stores = fix.FileStoreFactory(self._settings)
            self._acceptor = fix.ThreadedSocketAcceptor(application, self._stores, self._settings)
        except fix.FIXException as error:
            raise GatewayError(f"QuickFIX refuses {settings}, or a store it names: {error}") from error

    def start(self) -> None:
        """Let members in."""
        self._acceptor.start()
        bound_writes(self._port)

    @staticmethod
    def log_out(sessions: list[Any]) -> None:
        """Log members out, and give them LOGOUT_S_MAX to answer."""
        for session in sessions:
            session.logout("the exchange is stopping")
        deadline = time.monotonic() + LOGOUT_S_MAX
        while any(session.isLoggedOn() for session in sessions) and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self) -> None:
        """Close the connections and the port."""
        self._acceptor.stop(True)


def session_settings(template: str, port: int, directory: Path, venue_comp_id: str, comp_ids: Iterable[str]) -> str:
    """Complete the template ``sessions.cfg`` with port, paths and one section for each CompID."""
    lines = [
        f"SocketAcceptPort={port}",
        f"FileStorePath={directory}",
        f"DataDictionary={DICTIONARY}",
        f"SenderCompID={venue_comp_id}",
    ]
    for comp_id in comp_ids:
        lines += ["", "[SESSION]", f"TargetCompID={comp_id}"]
    return template.rstrip() + "\n" + "\n".join(lines) + "\n"
