"""The course of the demonstration, and what it finds."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from engine.api.link import EngineBalances
from ops.demo.drop_copy import DropCopyReader
from ops.demo.member import Member
from ops.errors import Unreachable
from ops.processes import PORT_OFFSETS
from ops.watching.inspection import engine_balances

COPIES_S_MAX = 10.0
STOP_S_MAX = 10.0


class DemoOutcome(msgspec.Struct, frozen=True):
    """What the demonstration counted. Latencies are from order to first report, in microseconds."""

    orders: int
    fills: int
    reports: int
    copies: int
    latency_p50_us: int
    latency_p99_us: int
    before: EngineBalances
    after: EngineBalances

    @property
    def is_conserved(self) -> bool:
        """Tell whether every asset's sum over all accounts, fees included, is what it was."""
        return _sums(self.before) == _sums(self.after)


def _sums(balances: EngineBalances) -> dict[int, int]:
    sums: dict[int, int] = {}
    for row in balances.rows:
        sums[row.asset_id] = sums.get(row.asset_id, 0) + int(row.available) + int(row.locked)
    return sums


class _EndRequests:
    """Requests to end this process, by keyboard or signal, turned into an exception once everything can be put away."""

    NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self._came = 0
        self._is_held = True
        self._before = [signal.signal(number, self._take) for number in self.NUMBERS]

    def _take(self, number: int, frame: object) -> None:
        self._came = number
        if not self._is_held:
            self.heed()

    def heed(self) -> None:
        """From here on end at once. Raises: SystemExit, now when a request has come already, or at any time later."""
        self._is_held = False
        if self._came:
            raise SystemExit(128 + self._came)

    def hold(self) -> None:
        """From here on remember requests only."""
        self._is_held = True

    def close(self) -> None:
        """Let signals do what they did before."""
        for number, handler in zip(self.NUMBERS, self._before, strict=True):
            signal.signal(number, handler)


@contextmanager
def fresh_exchange(config: Path) -> Iterator[tuple[Path, int]]:
    """Run an exchange in a temporary directory on free ports; yields the directory and its port base.

    Nothing is left behind, however this process is asked to end. Raises: Unreachable when it does not come up.
    """
    requests = _EndRequests()
    directory = Path(tempfile.mkdtemp(prefix="exchange-demo-"))
    data, log, port_base = directory / "var", directory / "screen.log", free_port_base()
    process = _start(data, log, config, port_base)
    try:
        requests.heed()
        assert process.stdout is not None
        if not any(line.strip() == b"ready" for line in process.stdout):
            raise Unreachable(f"the exchange did not start: {log.read_text().strip()[-500:]}")
        yield data, port_base
    finally:
        requests.hold()
        _end(process)
        shutil.rmtree(directory)
        requests.close()


def _start(data: Path, log: Path, config: Path, port_base: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ops", "run", "--data", str(data), "--config", str(config)]
    with log.open("wb") as errors:
        return subprocess.Popen(
            [*command, "--port-base", str(port_base)],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={key: value for key, value in os.environ.items() if key != "EXCHANGE_DSN"},
            start_new_session=True,  # an interrupt from the keyboard is for this process alone, which ends the other
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port_base() -> int:
    """Find a port base whose ports are all free now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            base = int(probe.getsockname()[1])
        if base + max(PORT_OFFSETS.values()) < 65_536 and all(_is_free(base + o) for o in PORT_OFFSETS.values()):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def trade(data: Path, port_base: int, orders: int, advance: Callable[[], None]) -> DemoOutcome:
    """Let ALPHA and BRAVO trade ``orders`` orders in pairs; ``advance`` is called after each pair."""
    copies = [DropCopyReader(f"{firm}-DC", port_base + PORT_OFFSETS["drop-copy"]) for firm in ("ALPHA", "BRAVO")]
    members = [Member(firm, port_base + PORT_OFFSETS["order-entry"]) for firm in ("ALPHA", "BRAVO")]
    with ExitStack() as logged_on:  # QuickFIX's threads outlive no interpreter
        for copy in copies:
            logged_on.callback(copy.log_out)
            copy.log_on()
        for member in members:
            logged_on.callback(member.log_out)
            member.log_on()
        before = engine_balances(data)
        for pair in range(orders // 2):
            _trade_pair(pair, members[pair % 2], members[1 - pair % 2])
            advance()
        for copy, member in zip(copies, members, strict=True):
            copy.await_count(member.reports, COPIES_S_MAX)
        after = engine_balances(data)
    latencies = sorted(ns for member in members for ns in member.latencies_ns)
    return DemoOutcome(
        orders=len(latencies),
        fills=sum(member.fills for member in members),
        reports=sum(member.reports for member in members),
        copies=sum(len(copy.exec_ids) for copy in copies),
        latency_p50_us=latencies[len(latencies) // 2] // 1000,
        latency_p99_us=latencies[len(latencies) * 99 // 100] // 1000,
        before=before,
        after=after,
    )


def _trade_pair(pair: int, maker: Member, taker: Member) -> None:
    """Let the maker bid (or offer) and the taker take all of it, at a price that wanders; ALPHA mostly buys."""
    price, qty = f"{60_000 + pair % 101 - 50}.{pair % 100:02d}", f"0.{pair % 9 + 1:03d}"
    maker_side, taker_side = ("1", "2") if (maker.comp_id == "ALPHA") == (pair % 4 != 3) else ("2", "1")
    maker.enter(f"m{pair}", maker_side, qty, price)
    taker.enter(f"t{pair}", taker_side, qty, price)
    taker.await_fill()
    maker.await_fill()
