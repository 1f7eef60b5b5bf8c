"""A whole exchange under test: ``exchange run`` as an operator starts it, and the command beside it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from ops.directory import Whereabouts
from tests.patience import PATIENCE_S
from tests.ports import port_block

ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    """Return the environment without a DSN, so that each exchange has its own PostgreSQL, nor a terminal's width."""
    return {key: value for key, value in os.environ.items() if key not in ("EXCHANGE_DSN", "COLUMNS")}


def command(*arguments: object, columns: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the ``exchange`` command to its end, on a screen of so many ``columns`` if any."""
    screen = {"COLUMNS": str(columns)} if columns else {}
    line = [sys.executable, "-m", "ops", *map(str, arguments)]
    return subprocess.run(
        line, cwd=ROOT, env=environment() | screen, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended but was not reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Running:
    """An ``exchange run`` that has printed ``ready``."""

    def __init__(self, data: Path, *arguments: object) -> None:
        self.data = data
        self.port_base = port_block()
        self.errors = data.with_suffix(".err")
        line = [sys.executable, "-m", "ops", "run", "--data", str(data), "--port-base", str(self.port_base)]
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*line, *map(str, arguments)],
                cwd=ROOT,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.screen = self._read_until_ready()

    def _read_until_ready(self) -> str:
        assert self.process.stdout is not None
        deadline, screen = time.monotonic() + PATIENCE_S, ""
        while not screen.endswith("\nready\n"):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 65_536).decode() if readable else ""
            if not part:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"never ready: {screen}{self.said}")
            screen += part
        return screen

    @property
    def said(self) -> str:
        """What it has announced so far."""
        return self.errors.read_text()

    @property
    def whereabouts(self) -> Whereabouts:
        return msgspec.json.decode((self.data / "exchange.json").read_bytes(), type=Whereabouts)

    def exchange(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a subcommand on this exchange."""
        return command(*arguments, "--data", self.data)

    def json(self, *arguments: object) -> Any:
        """Run a subcommand and decode what it says to programs."""
        done = self.exchange(*arguments, "--json")
        assert done.stdout, done.stderr
        return msgspec.json.decode(done.stdout)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it; return its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code
