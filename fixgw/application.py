"""QuickFIX's callbacks. Each is total: an exception that left one would hang the session's thread for ever.

A fault is logged and answered; what the member sent had then no effect. The one exception that passes on purpose
is RejectLogon, which QuickFIX turns into a Logout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import quickfix as fix
import structlog

from fixgw.callback_thread import CallbackThreads
from fixgw.logon import REFUSED
from fixgw.session_layer import SessionLayer

_log = structlog.get_logger()


class Application(fix.Application):  # type: ignore[misc]
    """Binds QuickFIX to the gateway: session messages to the session layer, all others to the desk by ``put``."""

    def __init__(self, session_layer: SessionLayer, put: Callable[[str], None]) -> None:
        super().__init__()
        self._session_layer = session_layer
        self._put = put
        self._threads = CallbackThreads()

    def onCreate(self, session_id: Any) -> None:  # noqa: N802
        """Take note of nothing: sessions are known from the configuration."""

    def onLogon(self, session_id: Any) -> None:  # noqa: N802
        """A member is logged on."""
        try:
            comp_id = _comp_id(session_id)
            self._threads.hold(comp_id)
            self._session_layer.logged_on(comp_id)
        except BaseException:
            _log.exception("callback_failed", callback="onLogon")

    def onLogout(self, session_id: Any) -> None:  # noqa: N802
        """A member is gone, whether it said so or not. QuickFIX holds the session's lock."""
        try:
            comp_id = _comp_id(session_id)
            self._threads.let_go(comp_id)
            self._session_layer.logged_out(comp_id)
        except BaseException:
            _log.exception("callback_failed", callback="onLogout")

    def toAdmin(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Complete a session message of ours. QuickFIX holds the session's lock."""
        try:
            self._session_layer.complete(message, session_id)
        except BaseException:
            _log.exception("callback_failed", callback="toAdmin")

    def toApp(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Let every report pass, live or replayed. QuickFIX holds the session's lock."""

    def fromAdmin(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Look at a session message of a member."""
        refusal = ""
        try:
            refusal = self._session_layer.take(message, session_id)
        except BaseException:
            _log.exception("callback_failed", callback="fromAdmin")
            refusal = REFUSED
        if refusal:
            raise fix.RejectLogon(refusal)

    def fromApp(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Put an application message of a member on the desk."""
        try:
            self._put(message.toString())
        except BaseException:
            _log.exception("callback_failed", callback="fromApp")


def _comp_id(session_id: Any) -> str:
    return str(session_id.getTargetCompID().getValue())
