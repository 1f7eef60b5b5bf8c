"""An engine under test: the real process, with or without faults planted, and what can be asked of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engine.api.enums import Side
from engine.api.link import ControlRequest, EngineStatus
from engine.api.wire import Record, encode_command
from engine.client import ask, submit_and_wait
from tests.host.faulty_engine import Faults
from tests.host.journals import REGISTRATIONS, order
from tests.patience import PATIENCE_S, eventually

ROOT = Path(__file__).resolve().parents[2]


class FaultyEngine:
    """An engine process in a directory, started anew as often as asked."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data / "engine.log"
        self.sent = 0
        self.process: subprocess.Popen[str]

    def launch(
        self, faults: Faults | None = None, wrapper: Sequence[str] = (), before: Callable[[], None] | None = None
    ) -> bool:
        """Start it, behind ``wrapper`` if given. Returns: True once it serves, False when it ended instead."""
        plan = msgspec.json.encode(faults or Faults()).decode()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "tests.host.faulty_engine", str(self.data), plan],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=before,
            )
        assert self.process.stdout is not None
        if self.process.stdout.readline() == "ready\n":
            return True
        self.process.wait(PATIENCE_S)
        return False

    def start(self, faults: Faults | None = None) -> None:
        assert self.launch(faults), self.log.read_text()[-2000:]

    def end(self, number: int = signal.SIGKILL) -> int:
        """End it and return its exit code; harmless when it has ended."""
        if self.process.poll() is None:
            os.kill(self.pid, number)
        code = self.process.wait(PATIENCE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def register(self, timeout_s: float = PATIENCE_S) -> None:
        """Send the registrations."""
        submit_and_wait(self.data, "test", [encode_command(command) for command in REGISTRATIONS], timeout_s)

    def trade(self, count: int, timeout_s: float = PATIENCE_S) -> Sequence[Record]:
        """Send ``count`` orders that rest; return their records."""
        names = range(self.sent, self.sent + count)
        self.sent += count
        orders = [encode_command(order(101, Side.BUY, 100, 4_000_000, f"o{n}")) for n in names]
        return submit_and_wait(self.data, "test", orders, timeout_s, source=11)

    def set_clock(self, text: str) -> None:
        """Change what its clock shows, as told by ``faulty_engine.clock_of``."""
        (self.data / "clock.new").write_text(text)
        (self.data / "clock.new").rename(self.data / "clock")

    def status(self) -> EngineStatus:
        return msgspec.json.decode(ask(self.data, ControlRequest("digest")), type=EngineStatus)

    def said(self, *words: str) -> bool:
        """Tell whether one line of its log has all of ``words``."""
        return any(all(word in line for word in words) for line in self.log.read_text().splitlines())

    @property
    def pid(self) -> int:
        """The engine itself, also behind strace, which would leave it running when killed."""
        pid = self.process.pid
        if not Path(f"/proc/{pid}/comm").read_text().startswith("strace"):
            return pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def snapshots(self) -> list[str]:
        return sorted(path.name for path in (self.data / "snapshots").glob("*"))


def is_running(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_gone(pid: int) -> None:
    eventually(f"the end of {pid}", lambda: not is_running(pid))


def kill(pid: int) -> None:
    """Kill a process this test has caused to run, if it still does."""
    if is_running(pid):
        os.kill(pid, signal.SIGKILL)
