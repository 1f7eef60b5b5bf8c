"""The gateway as a process: find out what was sent, fold the log, then let members in."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import quickfix as fix
import structlog

from engine.client import CommandLink, Follower
from fixgw.application import Application
from fixgw.desk import Desk
from fixgw.dictionary import DICTIONARY
from fixgw.drop_copy import copy_body, drop_copy_route, order_entry_route, report_body
from fixgw.errors import GatewayError
from fixgw.inbound import Inbound, Sender
from fixgw.logon import Credentials
from fixgw.order_chain import OrderChain
from fixgw.outbound import Writer
from fixgw.registry import Registry
from fixgw.sent import StoreFiles, Watermark
from fixgw.sessions import Outlet
from fixgw.stall import bound_writes
from venue.members import VENUE_COMP_IDS, Members, load_members

SWITCH_INTERVAL_S = 0.005
"""How long a thread may keep the interpreter when another waits (bench: gateway)."""

GC_THRESHOLD = 100_000
"""New objects between two searches for cycles: orders and reports have none."""

LOGOUT_S_MAX = 2.5
"""How long members have to answer our Logout when the process stops."""

_log = structlog.get_logger()


class Config(msgspec.Struct, frozen=True):
    """Which role this process has, where its files are, and the loopback port QuickFIX listens on."""

    role: Literal["order-entry", "drop-copy"]
    data: Path
    config: Path
    port: int


class Process:
    """A gateway. :meth:`run` returns when :meth:`stop` was called; any fault leaves as an exception."""

    def __init__(
        self,
        acceptor: object,
        application: Application,
        keep: object,
        outlets: dict[int, Outlet],
        follower: Follower,
        writer: Writer,
        desk: Desk,
        link: CommandLink | None,
        stopping: threading.Event,
        config: Config,
        directory: Path,
    ) -> None:
        self._acceptor: fix.ThreadedSocketAcceptor = acceptor
        self._application = application
        self._keep = keep
        self._outlets = outlets
        self._follower = follower
        self._writer = writer
        self._desk = desk
        self._link = link
        self._stopping = stopping
        self._port = config.port
        self._stopped_cleanly = directory / "stopped-cleanly"

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until stopped; ``ready`` is called once members may log on."""
        for outlet in self._outlets.values():
            outlet.recover()
        try:
            self._catch_up()
            self._expect_what_is_not_in_the_log()
            if not self._stopping.is_set():
                self._acceptor.start()
                bound_writes(self._port)
                self._desk.start(self._application.take_up)
                ready()
            self._stopping.wait()
            if self._desk.fault is not None:
                raise self._desk.fault
        finally:
            self._close()

    def stop(self) -> None:
        """End :meth:`run`; safe to call from a signal handler."""
        self._stopping.set()

    def _catch_up(self) -> None:
        """Fold the log without searching for cycles: everything made here stays."""
        gc.disable()
        first, began = b"", time.monotonic()
        while not self._follower.epoch and not self._stopping.is_set():
            first = self._follower.read(0.2)
        self._writer.epoch = self._follower.epoch
        self._desk.catch_up(first, self._stopping.is_set)
        gc.freeze()
        gc.enable()
        _log.info("caught_up", next_seq=self._follower.next_seq, seconds=round(time.monotonic() - began, 2))

    def _expect_what_is_not_in_the_log(self) -> None:
        """Ask members again for what a killed gateway had received and not yet passed on."""
        if self._stopped_cleanly.exists():
            self._stopped_cleanly.unlink()
            return
        if self._link is None:
            return
        for number, outlet in self._outlets.items():
            session = fix.Session.lookupSession(outlet.session_id)
            expected = outlet.expected_after(*self._desk.last_taken.get(number, (0, 0)))
            if expected < session.getExpectedTargetNum():
                session.setNextTargetMsgSeqNum(expected)

    def _close(self) -> None:
        """Log members out, then stop everything that may still write."""
        sessions = [fix.Session.lookupSession(outlet.session_id) for outlet in self._outlets.values()]
        for session in sessions:
            session.logout("the exchange is stopping")
        deadline = time.monotonic() + LOGOUT_S_MAX
        while any(session.isLoggedOn() for session in sessions) and time.monotonic() < deadline:
            time.sleep(0.02)
        self._desk.stop()
        self._acceptor.stop(True)
        if self._link is not None:
            self._link.close()
        for outlet in self._outlets.values():
            outlet.close()
        if self._desk.fault is None and not self._desk.has_unanswered:
            self._stopped_cleanly.touch()


def build(config: Config) -> Process:
    """Open the stores and wire a gateway together. Raises: GatewayError, ConfigError, OSError."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(GC_THRESHOLD)
    members = load_members(config.config / "members.toml")
    directory = config.data / "fixgw" / config.role
    directory.mkdir(parents=True, exist_ok=True)
    lock = _lock(directory)
    registry, stopping = Registry(), threading.Event()
    chain, writer = OrderChain(registry), Writer(registry)
    is_order_entry = config.role == "order-entry"
    write = report_body(writer) if is_order_entry else copy_body(writer, registry)
    follower = Follower(config.data, f"fixgw-{config.role}", 1)

    def log_seq() -> int:
        return follower.next_seq - 1

    outlets: dict[int, Outlet] = {}
    for session in members.sessions(config.role):
        files = StoreFiles(directory, VENUE_COMP_IDS[config.role], session.comp_id)
        files.repair()
        mark = Watermark(directory / f"{session.comp_id}.sent")
        outlets[session.session_id] = Outlet(VENUE_COMP_IDS[config.role], session.comp_id, files, mark, write, log_seq)
    link = CommandLink(config.data, "fixgw-order-entry") if is_order_entry else None
    route = order_entry_route(outlets) if is_order_entry else drop_copy_route(outlets, registry)
    desk = Desk(follower, chain, route, outlets.values(), link, stopping.set)
    application = Application(
        {outlet.comp_id: outlet for outlet in outlets.values()},
        Credentials(members.sessions(config.role)),
        _senders(members, config.role),
        desk.put,
        Inbound(registry) if is_order_entry else None,
        link,
    )
    acceptor, keep = _acceptor(config, directory, application, members)
    kept = (keep, lock)
    return Process(acceptor, application, kept, outlets, follower, writer, desk, link, stopping, config, directory)


def _senders(members: Members, role: str) -> dict[str, Sender]:
    return {
        session.comp_id: Sender(session.session_id, session.comp_id, firm.firm_id, session.default_account)
        for firm in members.firm
        for session in firm.session
        if session.kind == role
    }


def _lock(directory: Path) -> int:
    """Keep a second gateway of this role out of the stores. Raises: GatewayError."""
    descriptor = os.open(directory / "LOCK", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise GatewayError(f"another gateway holds {directory}") from None
    return descriptor


def _acceptor(
    config: Config, directory: Path, application: Application, members: Members
) -> tuple[object, tuple[object, ...]]:
    """Make the acceptor, its sessions and their stores. QuickFIX keeps no reference to what it is given."""
    path = directory / "sessions.cfg"
    path.write_text(session_settings(config, directory, members))
    with _faults_as_gateway_errors():
        settings = fix.SessionSettings(str(path))
        stores = fix.FileStoreFactory(settings)
        acceptor = fix.ThreadedSocketAcceptor(application, stores, settings)
    return acceptor, (settings, stores)


def session_settings(config: Config, directory: Path, members: Members) -> str:
    """Complete the template ``sessions.cfg`` with port, paths and one section for each CompID."""
    template = (config.config / "sessions.cfg").read_text()
    lines = [
        f"SocketAcceptPort={config.port}",
        f"FileStorePath={directory}",
        f"DataDictionary={DICTIONARY}",
        f"SenderCompID={VENUE_COMP_IDS[config.role]}",
    ]
    for session in members.sessions(config.role):
        lines += ["", "[SESSION]", f"TargetCompID={session.comp_id}"]
    return template.rstrip() + "\n" + "\n".join(lines) + "\n"


@contextlib.contextmanager
def _faults_as_gateway_errors():  # type: ignore[no-untyped-def]
    try:
        yield
    except (fix.ConfigError, fix.RuntimeError) as error:
        raise GatewayError(str(error)) from error
