"""The gateway as a process: find out what was sent, fold the log, then let members in."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from engine.api.cursor import Cursor
from engine.api.errors import CursorRefused, LinkError
from engine.api.heartbeat import Heartbeat
from engine.api.link import ControlRequest, EngineStatus
from engine.client import Follower, ask
from engine.standing import load, load_registrations
from fixgw.acceptor import Acceptor, session_settings
from fixgw.application import Application
from fixgw.checkpoint import CheckpointFile
from fixgw.delivery import Delivery
from fixgw.desk import Desk
from fixgw.directory import Directory
from fixgw.errors import ForeignStores, GatewayError
from fixgw.inbound.fields import Sender
from fixgw.life import Life
from fixgw.logon import Credentials
from fixgw.message_store import StoreFiles
from fixgw.outlet import Outlet
from fixgw.reporting import Reporting
from fixgw.roles.drop_copy import DropCopy
from fixgw.roles.order_entry import OrderEntry
from fixgw.roles.role import Role
from fixgw.room import Room
from fixgw.session_layer import SessionLayer
from fixgw.watermark import Watermark
from venue.members import VENUE_COMP_IDS, Members, load_members
from venue.sessions_file import SESSIONS_FILE, read_sessions_file

SWITCH_INTERVAL_S = 0.005
"""How long a thread may keep the interpreter when another waits (bench: gateway)."""

REACH_S = 0.1
"""Between two attempts to reach the engine."""

TOLD_S_MAX = 3.0
"""How long a command of the gateway's own may take to its record before it is submitted again."""

GC_THRESHOLD = 100_000
"""New objects between two searches for cycles: orders and reports have none."""


class Config(msgspec.Struct, frozen=True):
    """Which role this process has, where its files are, and the loopback port QuickFIX listens on."""

    role: Literal["order-entry", "drop-copy"]
    data: Path
    config: Path
    port: int
    heartbeat_fd: int | None = None

    @property
    def directory(self) -> Path:
        """Where this role keeps its stores."""
        return self.data / "fixgw" / self.role


class Parts(NamedTuple):
    """What a gateway is made of; ``lock`` is the descriptor that keeps a second one out of the stores."""

    lock: int
    heartbeat: Heartbeat
    life: Life
    directory: Directory
    role: Role
    outlets: list[Outlet]
    delivery: Delivery
    desk: Desk
    acceptor: Acceptor


class Process:
    """A gateway. :meth:`run` returns when :meth:`stop` was called; any fault leaves as an exception."""

    def __init__(self, config: Config, parts: Parts) -> None:
        self._config = config
        self._parts = parts
        self._heartbeat = parts.heartbeat
        self._stopping = threading.Event()
        self._stopped_cleanly = config.directory / "stopped-cleanly"

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until stopped; ``ready`` is called once members may log on. Raises: GatewayError, EngineError."""
        has_served = False
        try:
            with _without_search_for_cycles():
                self._catch_up()
                self._begin_life()
            if not self._stopping.is_set():
                self._ask_again()
                has_served = True
                self._parts.acceptor.start()
                self._parts.desk.start(ended=self._stopping.set)
                ready()
            self._stopping.wait()
            if self._parts.desk.fault is not None:
                raise self._parts.desk.fault
        finally:
            self._close(has_served)

    def stop(self) -> None:
        """End :meth:`run`; safe to call from a signal handler."""
        self._stopping.set()

    def _catch_up(self) -> None:
        """Go on where the log was told to. Raises: ForeignStores when that is no place in this journal."""
        parts, data, name = self._parts, self._config.data, f"fixgw-{self._config.role}"
        status = self._reach_engine()
        if status is None:
            return
        end = Cursor(status.seq, 0, status.journal)
        start = parts.delivery.recover(end, partial(load_registrations, data))
        try:
            standing = load(data, start, self._heartbeat.starting)
            parts.directory.open(standing.registry)
            parts.delivery.resume(Reporting(standing, parts.directory), status.epoch)
            parts.desk.catch_up(Follower(data, name, standing.cursor), end.seq, self._stopping.is_set)
            if not self._stopping.is_set():
                parts.delivery.check_met(start)
        except CursorRefused as refused:
            raise ForeignStores(f"the FIX stores in {self._config.directory} do not belong here: {refused}") from None

    def _reach_engine(self) -> EngineStatus | None:
        """Wait for the engine; None when the process was stopped meanwhile."""
        while not self._stopping.is_set():
            with suppress(LinkError):
                return msgspec.json.decode(ask(self._config.data, ControlRequest("status")), type=EngineStatus)
            self._heartbeat.waiting(0, "the engine is away")
            self._stopping.wait(REACH_S)
        return None

    def _begin_life(self) -> None:
        """Have this life in the log before anybody is let in; told again when the engine was away meanwhile."""
        if not self._stopping.is_set():
            self._parts.life.begin()
        while not self._is_begun():
            self._tell_of_life()

    def _tell_of_life(self) -> None:
        with suppress(LinkError, OSError):
            self._parts.life.tell(self._config.data)
        told_s = time.monotonic()
        self._parts.desk.follow_until(lambda: self._is_begun() or time.monotonic() > told_s + TOLD_S_MAX)

    def _is_begun(self) -> bool:
        return self._parts.life.is_in_log or self._stopping.is_set()

    def _ask_again(self) -> None:
        if self._stopped_cleanly.exists():
            self._stopped_cleanly.unlink()
        else:
            self._parts.delivery.ask_again()

    def _close(self, has_served: bool) -> None:
        """Log members out, then stop everything that may still write."""
        parts = self._parts
        parts.acceptor.log_out([outlet.session for outlet in parts.outlets])
        parts.desk.stop()
        parts.acceptor.stop()
        parts.role.link.close()
        for outlet in parts.outlets:
            outlet.close()
        if has_served and parts.desk.fault is None and not parts.desk.has_unanswered:
            self._stopped_cleanly.touch()


def build(config: Config) -> Process:
    """Open the stores and wire a gateway together. Raises: GatewayError, ConfigError, OSError."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(GC_THRESHOLD)
    members, directory = load_members(config.config / "members.toml"), Directory()
    config.directory.mkdir(parents=True, exist_ok=True)
    lock, heartbeat = _lock(config.directory), Heartbeat(config.heartbeat_fd)
    senders, life = _senders(members, config.role), Life(config.directory, config.role)
    role = _role(config, senders, directory)
    outlets = _outlets(config, senders, role)
    delivery = Delivery(role, outlets, CheckpointFile(config.directory / "checkpoint"), life)
    desk = Desk(role, outlets, delivery, heartbeat, Room(config.directory))
    session_layer = SessionLayer(outlets, Credentials(members.sessions(config.role)))
    acceptor = Acceptor(Application(session_layer, desk.put), _write_settings(config, senders), config.port)
    return Process(config, Parts(lock, heartbeat, life, directory, role, outlets, delivery, desk, acceptor))


def _senders(members: Members, role: str) -> list[Sender]:
    return [
        Sender(session.session_id, session.comp_id, firm.firm_id, session.default_account)
        for firm in members.firm
        for session in firm.session
        if session.kind == role
    ]


def _role(config: Config, senders: list[Sender], directory: Directory) -> Role:
    match config.role:
        case "order-entry":
            return OrderEntry(config.data, directory)
        case "drop-copy":
            return DropCopy([sender.session_id for sender in senders], directory)


def _outlets(config: Config, senders: list[Sender], role: Role) -> list[Outlet]:
    """Open an outlet for each session, on a store that is mended where a kill left it half written.

    Raises: StoreError.
    """
    outlets = []
    for sender in senders:
        files = StoreFiles(config.directory, VENUE_COMP_IDS[config.role], sender.comp_id)
        mark = Watermark(config.directory / f"{sender.comp_id}.sent")
        files.repair(mark.life)
        outlets.append(Outlet(sender, files, mark, role.text))
    return outlets


def _write_settings(config: Config, senders: list[Sender]) -> Path:
    template = read_sessions_file(config.config)
    venue_comp_id, comp_ids = VENUE_COMP_IDS[config.role], [sender.comp_id for sender in senders]
    path = config.directory / SESSIONS_FILE
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
