"""Keeps Python's state of a QuickFIX thread alive between callbacks.

A thread that Python did not start gets a thread state for each callback and loses it when the callback returns:
a stack is mapped and unmapped for every message. Holding one more reference keeps it for the thread's life.
Cost: without it about 10 us a message (bench: gateway).
"""

from __future__ import annotations

import ctypes
import threading

_ensure = ctypes.pythonapi.PyGILState_Ensure
_release = ctypes.pythonapi.PyGILState_Release
_release.restype = None

_HELD = 0
"""PyGILState_LOCKED: the calling thread held the interpreter already."""


class CallbackThreads:
    """The threads whose state is held, one for each CompID that is logged on."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def hold(self, comp_id: str) -> None:
        """Keep the calling thread's state until :meth:`let_go` is called for ``comp_id`` on the same thread."""
        ident = threading.get_ident()
        if self._held.get(comp_id) != ident:
            self._held[comp_id] = ident
            _ensure()

    def let_go(self, comp_id: str) -> None:
        """Give the state up again; another thread than the one that held it leaves it to the process."""
        if self._held.pop(comp_id, 0) == threading.get_ident():
            _release(_HELD)
