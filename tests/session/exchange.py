"""A real exchange for tests: engine and gateways as processes on free ports, in a directory of their own."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bcrypt
import msgspec

from engine.api.link import BalanceRow, ControlRequest, EngineBalances, EngineStatus
from engine.api.wire import encode_command
from engine.client import ask, submit_and_wait
from tests.patience import PATIENCE_S
from tests.ports import port_block
from tests.session.client import Client
from venue.configuration import load_venue
from venue.registration import check_accepted, expected_commands

ROOT = Path(__file__).resolve().parents[2]

_CPUCLOCK_SCHED = 2
"""Linux: with the complement of a pid above it, the clock of that process' time on a processor."""


class Child:
    """A process of the exchange that has said ``ready``."""

    def __init__(self, command: list[str], log: Path, inherited: tuple[int, ...] = ()) -> None:
        self.log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                pass_fds=inherited,
            )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if readable else ""
        if line != "ready\n":
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{command} said {line!r}, not ready:\n{log.read_text()[-3000:]}")

    def cpu_ns(self) -> int:
        """Return the processor time of its threads, ended ones too: the load of the machine does not change it."""
        return time.clock_gettime_ns((~self.process.pid << 3) | _CPUCLOCK_SCHED)

    def kill(self) -> None:
        """Kill it where it stands."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        return self.process.poll() is None


class Exchange:
    """Engine, order entry and drop copy, each of which can be killed and started again."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="exch-"))
        self.data, self.config = self.directory / "var", self.directory / "config"
        self.data.mkdir()
        shutil.copytree(ROOT / "config", self.config)
        self._use_quick_passwords()
        base = port_block()
        self.ports = {"order-entry": base, "drop-copy": base + 1}
        self.engine: Child | None = None
        self.gateways: dict[str, Child] = {}

    def _use_quick_passwords(self) -> None:
        """Hash every password at bcrypt's least cost, and give ALPHA a second order-entry session."""
        text = (self.config / "members.toml").read_text()
        head, firm_2, tail = text.partition("[[firm]]\nfirm_id = 2")
        head += '[[firm.session]]\nsession_id = 13\ncomp_id = "ALPHA-2"\nkind = "order-entry"\npassword_bcrypt = ""\n\n'
        lines, comp_id = [], ""
        for line in (head + firm_2 + tail).splitlines():
            key = line.partition(" ")[0]
            comp_id = line.split('"')[1] if key == "comp_id" else comp_id
            hashed = bcrypt.hashpw(f"dev-{comp_id.lower()}".encode(), bcrypt.gensalt(4)).decode()
            lines.append(f'password_bcrypt = "{hashed}"' if key == "password_bcrypt" else line)
        (self.config / "members.toml").write_text("\n".join(lines) + "\n")

    def start(self) -> Exchange:
        """Start everything and register the venue."""
        self.start_engine()
        self.register()
        for role in self.ports:
            self.start_gateway(role)
        return self

    def start_engine(self) -> None:
        """Start the engine; without syncs, which these tests do not ask about."""
        command = ["-m", "engine", "--data", str(self.data), "--durability", "none"]
        self.engine = Child(command, self.directory / "engine.log")

    def register(self) -> None:
        """Put the configuration into the log."""
        commands = [encode_command(command) for command in expected_commands(load_venue(self.config))]
        check_accepted(submit_and_wait(self.data, "test-genesis", commands, PATIENCE_S))

    def start_gateway(self, role: str, script: list[str] | None = None, heartbeat_fd: int | None = None) -> Child:
        """Start a gateway, or a script that takes the gateway's arguments."""
        where = ["--data", str(self.data), "--config", str(self.config), "--port", str(self.ports[role])]
        beats = [] if heartbeat_fd is None else ["--heartbeat-fd", str(heartbeat_fd)]
        command = [*(script or ["-m", "fixgw"]), "--role", role, *where, *beats]
        child = Child(command, self.directory / f"{role}.log", () if heartbeat_fd is None else (heartbeat_fd,))
        self.gateways[role] = child
        return child

    def client(self, comp_id: str, **options: object) -> Client:
        """Return a member's client, not yet connected; drop copy for names that end in -DC."""
        role, venue = ("drop-copy", "EXCH-DC") if comp_id.endswith("-DC") else ("order-entry", "EXCH-OE")
        return Client(self.ports[role], comp_id, venue, **options)

    def status(self) -> EngineStatus:
        """Ask the engine where it stands."""
        return msgspec.json.decode(ask(self.data, ControlRequest("digest")), type=EngineStatus)

    def balances(self) -> list[BalanceRow]:
        """Ask the engine for all balances."""
        return msgspec.json.decode(ask(self.data, ControlRequest("balances")), type=EngineBalances).rows

    def close(self) -> None:
        """End every process and remove the files."""
        for child in [*self.gateways.values(), self.engine]:
            if child is not None and child.is_running:
                child.kill()
        if not os.environ.get("KEEP_EXCHANGE"):
            shutil.rmtree(self.directory)


def wait_until(condition: object, deadline_s: float = PATIENCE_S) -> None:
    """Poll until ``condition()`` holds. Raises: AssertionError."""
    assert callable(condition)
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
