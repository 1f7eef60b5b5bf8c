"""The gateway as a process: find out what was sent, fold the log, then let members in."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from engine.client import Follower
from fixgw.acceptor import Acceptor, session_settings
from fixgw.application import Application
from fixgw.desk import Desk
from fixgw.errors import GatewayError
from fixgw.inbound.fields import Sender
from fixgw.logon import Credentials
from fixgw.message_store import StoreFiles
from fixgw.outlet import Outlet
from fixgw.registry import Registry
from fixgw.reporting import Reporting
from fixgw.roles.drop_copy import DropCopy
from fixgw.roles.order_entry import OrderEntry
from fixgw.roles.role import Role
from fixgw.session_layer import SessionLayer
from fixgw.watermark import Watermark
from venue.members import VENUE_COMP_IDS, Members, load_members

SWITCH_INTERVAL_S = 0.005
"""How long a thread may keep the interpreter when another waits (bench: gateway)."""

GC_THRESHOLD = 100_000
"""New objects between two searches for cycles: orders and reports have none."""


class Config(msgspec.Struct, frozen=True):
    """Which role this process has, where its files are, and the loopback port QuickFIX listens on."""

    role: Literal["order-entry", "drop-copy"]
    data: Path
    config: Path
    port: int

    @property
    def directory(self) -> Path:
        """Where this role keeps its stores."""
        return self.data / "fixgw" / self.role


class Process:
    """A gateway. :meth:`run` returns when :meth:`stop` was called; any fault leaves as an exception."""

    def __init__(
        self, lock: int, directory: Path, role: Role, outlets: list[Outlet], desk: Desk, acceptor: Acceptor
    ) -> None:
        self._lock = lock
        self._role = role
        self._outlets = outlets
        self._desk = desk
        self._acceptor = acceptor
        self._stopping = threading.Event()
        self._stopped_cleanly = directory / "stopped-cleanly"

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until stopped; ``ready`` is called once members may log on."""
        for outlet in self._outlets:
            outlet.recover()
        try:
            with _without_search_for_cycles():
                self._desk.catch_up(self._stopping.is_set)
            self._ask_again()
            if not self._stopping.is_set():
                self._acceptor.start()
                self._desk.start(ended=self._stopping.set)
                ready()
            self._stopping.wait()
            if self._desk.fault is not None:
                raise self._desk.fault
        finally:
            self._close()

    def stop(self) -> None:
        """End :meth:`run`; safe to call from a signal handler."""
        self._stopping.set()

    def _ask_again(self) -> None:
        if self._stopped_cleanly.exists():
            self._stopped_cleanly.unlink()
        else:
            self._desk.ask_again()

    def _close(self) -> None:
        """Log members out, then stop everything that may still write."""
        self._acceptor.log_out([outlet.session for outlet in self._outlets])
        self._desk.stop()
        self._acceptor.stop()
        self._role.link.close()
        for outlet in self._outlets:
            outlet.close()
        if self._desk.fault is None and not self._desk.has_unanswered:
            self._stopped_cleanly.touch()


def build(config: Config) -> Process:
    """Open the stores and wire a gateway together. Raises: GatewayError, ConfigError, OSError."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(GC_THRESHOLD)
    members, registry = load_members(config.config / "members.toml"), Registry()
    config.directory.mkdir(parents=True, exist_ok=True)
    lock = _lock(config.directory)
    senders = _senders(members, config.role)
    role = _role(config, senders, registry)
    follower = Follower(config.data, f"fixgw-{config.role}")
    outlets = _outlets(config, senders, role, follower)
    desk = Desk(follower, Reporting(registry), role, outlets)
    credentials = Credentials(members.sessions(config.role))
    application = Application(SessionLayer(outlets, credentials), desk.put)
    acceptor = Acceptor(application, _write_settings(config, senders), config.port)
    return Process(lock, config.directory, role, outlets, desk, acceptor)


def _senders(members: Members, role: str) -> list[Sender]:
    return [
        Sender(session.session_id, session.comp_id, firm.firm_id, session.default_account)
        for firm in members.firm
        for session in firm.session
        if session.kind == role
    ]


def _role(config: Config, senders: list[Sender], registry: Registry) -> Role:
    match config.role:
        case "order-entry":
            return OrderEntry(config.data, registry)
        case "drop-copy":
            return DropCopy([sender.session_id for sender in senders], registry)


def _outlets(config: Config, senders: list[Sender], role: Role, follower: Follower) -> list[Outlet]:
    """Open an outlet for each session, on a store that is mended where a kill left it half written."""

    def log_seq() -> int:
        return follower.next_seq - 1

    outlets = []
    for sender in senders:
        files = StoreFiles(config.directory, VENUE_COMP_IDS[config.role], sender.comp_id)
        files.repair()
        mark = Watermark(config.directory / f"{sender.comp_id}.sent")
        outlets.append(Outlet(sender, files, mark, role.text, log_seq))
    return outlets


def _write_settings(config: Config, senders: list[Sender]) -> Path:
    template = (config.config / "sessions.cfg").read_text()
    venue_comp_id, comp_ids = VENUE_COMP_IDS[config.role], [sender.comp_id for sender in senders]
    path = config.directory / "sessions.cfg"
    path.write_text(session_settings(template, config.port, config.directory, venue_comp_id, comp_ids))
    return path


def _lock(directory: Path) -> int:
    """Keep a second gateway of this role out of the stores; the descriptor holds it. Raises: GatewayError."""
    descriptor = os.open(directory / "LOCK", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise GatewayError(f"another gateway holds {directory}") from None
    return descriptor


@contextmanager
def _without_search_for_cycles() -> Iterator[None]:
    """Fold the log without the collector: everything made meanwhile stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
