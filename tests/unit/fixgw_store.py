"""A QuickFIX session that is never connected: what is sent is stored and numbered, as while a member is away."""

from __future__ import annotations

import itertools
from pathlib import Path

import quickfix as fix

from fixgw.dictionary import DICTIONARY
from fixgw.message_store import StoreFiles

SETTINGS = """[DEFAULT]
ConnectionType=acceptor
BeginString=FIX.4.4
SenderCompID=EXCH-OE
NonStopSession=Y
SocketAcceptPort=1
DataDictionary={dictionary}
FileStorePath={path}
[SESSION]
TargetCompID={comp_id}
"""
comp_ids = (f"MEMBER-{number}" for number in itertools.count(1))


class Silent(fix.Application):  # type: ignore[misc]
    """QuickFIX ends the process when one of these is missing or raises."""

    def onCreate(self, session_id: object) -> None: ...  # noqa: N802
    def onLogon(self, session_id: object) -> None: ...  # noqa: N802
    def onLogout(self, session_id: object) -> None: ...  # noqa: N802
    def toApp(self, message: object, session_id: object) -> None: ...  # noqa: N802
    def toAdmin(self, message: object, session_id: object) -> None: ...  # noqa: N802
    def fromApp(self, message: object, session_id: object) -> None: ...  # noqa: N802
    def fromAdmin(self, message: object, session_id: object) -> None: ...  # noqa: N802


class Store:
    """A session of a real QuickFIX, never connected, that stores what it is given."""

    def __init__(self, directory: Path, comp_id: str | None = None) -> None:
        self.comp_id = comp_id or next(comp_ids)
        settings = directory / "settings.cfg"
        settings.write_text(SETTINGS.format(dictionary=DICTIONARY, path=directory, comp_id=self.comp_id))
        self._settings, self._application = fix.SessionSettings(str(settings)), Silent()
        self._factory = fix.FileStoreFactory(self._settings)
        self._acceptor = fix.ThreadedSocketAcceptor(self._application, self._factory, self._settings)
        self._id = fix.SessionID("FIX.4.4", "EXCH-OE", self.comp_id)
        self.files = StoreFiles(directory, "EXCH-OE", self.comp_id)

    def send(self, text: str) -> None:
        assert fix.Session.sendToTarget(fix.Message(text.replace("|", "\x01"), False), self._id)

    def report(self, seq: int, number: int = 0) -> None:
        self.send(f"35=8|17=1-{seq}-{number}|150=0|20018={seq}|")

    @property
    def session(self) -> fix.Session:
        return fix.Session.lookupSession(self._id)

    def stored(self) -> list[str]:
        """Return all messages in the store, in order, with bars between fields."""
        numbers = [entry.split(b",") for entry in self.files.header.read_bytes().split()]
        body = self.files.body.read_bytes()
        return [body[int(at) : int(at) + int(size)].decode().replace("\x01", "|") for _, at, size in numbers]
