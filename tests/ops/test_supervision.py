"""The supervisor: restarts what dies, stops in order, leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.errors import ChildFailed
from ops.processes import PORT_OFFSETS, POSTGRES, PROCESSES
from ops.running.child import ChildSpec
from ops.running.state import ProcessStatus
from ops.running.supervisor import Supervisor
from ops.watching.inspection import DISK_FREE_BYTES_MIN, disk_fault, health
from tests.ops.running import ROOT, Running, command, environment, is_alive
from tests.patience import PATIENCE_S, eventually
from tests.ports import port_block

CHILDREN = (POSTGRES, *(entry.name for entry in PROCESSES))


def test_says_what_listens_where(exchange: Running) -> None:
    assert set(exchange.whereabouts.pids) == set(CHILDREN)
    for name in ("order-entry", "drop-copy", "metrics"):
        port = exchange.port_base + PORT_OFFSETS[name]
        assert f" {port} " in exchange.screen
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    for expected in ("EXCH-OE", "EXCH-DC", "ALPHA, BRAVO, MMONE", "ALPHA-DC, BRAVO-DC, MMONE-DC"):
        assert expected in exchange.screen
    assert max(len(line) for line in exchange.screen.splitlines()) <= 80


def test_ps_tells_which_process_is_which(exchange: Running) -> None:
    for name, expected in (
        ("engine", "-m engine"),
        ("clearing", "-m clearing"),
        ("fixgw-order-entry", "-m fixgw"),
        ("fixgw-drop-copy", "--role drop-copy"),
    ):
        line = Path(f"/proc/{exchange.whereabouts.pids[name]}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        assert expected in line


@pytest.mark.req("SVC-16")
def test_password_of_the_database_is_not_on_any_command_line(exchange: Running) -> None:
    for pid in exchange.whereabouts.pids.values():
        assert b"postgresql://" not in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.req("REC-10", "REC-41", "SEED-34")
@pytest.mark.parametrize("name", CHILDREN)
def test_killed_process_is_started_again_and_named(exchange: Running, name: str) -> None:
    pid = exchange.whereabouts.pids[name]
    os.kill(pid, signal.SIGKILL)
    eventually(f"{name} is started again", lambda: exchange.whereabouts.pids.get(name, pid) != pid)
    assert f"{name} (pid {pid}) ended with signal 9; starting it again in 0.1 s" in exchange.said
    eventually("all is healthy again", lambda: exchange.exchange("status").returncode == 0)


@pytest.mark.req("SVC-17", "SVC-16")
def test_metrics_listen_on_loopback_only(exchange: Running) -> None:
    port = f"{exchange.port_base + PORT_OFFSETS['metrics']:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listeners = {row[1].split(":")[0] for row in rows if row[1].endswith(f":{port}") and row[3] == "0A"}
    assert listeners == {"0100007F"}


def test_second_exchange_on_the_same_directory_is_refused(exchange: Running) -> None:
    done = exchange.exchange("run")
    assert done.returncode == 2
    assert f"another exchange (pid {exchange.process.pid}) runs on {exchange.data}" in done.stderr


def test_taken_port_is_named(exchange: Running, tmp_path: Path) -> None:
    drop_copy = exchange.port_base + PORT_OFFSETS["drop-copy"]
    done = command("run", "--data", tmp_path / "var", "--port-base", drop_copy)
    assert done.returncode == 2
    assert f"port {drop_copy} (order-entry) is taken" in done.stderr
    assert not (tmp_path / "var" / "journal").exists()


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for data in (file, file / "var"):
        done = command("run", "--data", data)
        assert done.returncode == 2 and "--data takes a directory" in done.stderr


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    dsn = f"postgresql://me:secret@127.0.0.1:{port}/books"
    base = port_block()
    done = command("run", "--data", tmp_path / "var", "--port-base", base, "--dsn", dsn)
    assert done.returncode == 3
    assert "PostgreSQL cannot be reached" in done.stderr and str(port) in done.stderr
    assert "secret" not in done.stderr and not (tmp_path / "var" / "journal").exists()


@pytest.mark.req("REC-02")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_in_time(tmp_path: Path, number: signal.Signals) -> None:
    running = Running(tmp_path / "var")
    pids = running.whereabouts.pids
    assert running.stop(number) == 0
    assert not [name for name, pid in pids.items() if is_alive(pid)]
    assert "killed" not in running.said and "ended with" not in running.said
    assert not (running.data / "exchange.json").exists()
    log = (running.data / "log" / "postgres.log").read_text()
    assert "received fast shutdown request" in log and "database system is shut down" in log


@pytest.mark.req("REC-02", "REC-10")
def test_killed_supervisor_leaves_no_orphans(tmp_path: Path) -> None:
    running = Running(tmp_path / "var")
    pids = running.whereabouts.pids
    assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    eventually(f"nothing of {pids} is left", lambda: not any(map(is_alive, pids.values())))
    again = Running(tmp_path / "var")
    assert again.stop() == 0


BEATS = """
import os, sys, time
def beat(state, progress, fault=""):
    line = '{"state":"%s","progress":%d,"fault":"%s"}' % (state, progress, fault)
    os.write(int(sys.argv[-1]), line.encode() + bytes([10]))
"""
"""What the scripts below begin with: they beat as :class:`engine.api.heartbeat.Heartbeat` does."""

BEATING = "while True: beat('ready', 7); time.sleep(0.2)"


def _script(name: str, *lines: str) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-c", "\n".join((BEATS, *lines))))


def _supervisor(tmp_path: Path, announced: list[str]) -> Supervisor:
    return Supervisor(tmp_path, announced.append, lambda: None)


async def _until(is_so: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(eventually, what, is_so)


@pytest.mark.req("REC-03")
async def test_back_off_doubles(tmp_path: Path) -> None:
    announced: list[str] = []
    supervisor = _supervisor(tmp_path, announced)
    await supervisor.start(_script("failing", "beat('ready', 0)", "sys.exit('no such disk')"))
    await _until(lambda: supervisor.states[0].restarts >= 4, "it is started again four times")
    failing = supervisor.states[0]
    await supervisor.stop()
    pauses = [line.rsplit(" in ", 1)[1] for line in announced if "starting it again" in line]
    assert pauses[:4] == ["0.1 s", "0.2 s", "0.4 s", "0.8 s"]
    assert failing.is_failing and not failing.is_sound
    told = f"ended with exit code 1: no such disk (see {tmp_path / 'failing.log'})"
    assert failing.fault in (f"keeps failing: {told}", f"has kept failing, last it {told}")


async def test_process_that_never_comes_up_is_named_with_its_last_words(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, [])
    with pytest.raises(ChildFailed, match=r"mute did not become ready: it ended with exit code 1: no such disk \("):
        await supervisor.start(_script("mute", "raise SystemExit('no such disk')"))
    await supervisor.stop()


async def test_last_words_are_of_this_run(tmp_path: Path) -> None:
    (tmp_path / "mute.log").write_text("words of yesterday\n")
    supervisor = _supervisor(tmp_path, [])
    with pytest.raises(ChildFailed, match=r"it ended with exit code 3 \(see"):
        await supervisor.start(_script("mute", "raise SystemExit(3)"))
    await supervisor.stop()


async def test_a_child_that_fails_after_it_was_ready_keeps_the_exchange_from_being_ready(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, [])
    await supervisor.start(_script("short", "beat('ready', 0)", "sys.exit('books of another journal')"))
    with pytest.raises(ChildFailed, match=r"short ended with exit code 1: books of another journal \(see /"):
        await _until(lambda: supervisor.states[0].restarts, "it has failed")
        await supervisor.until_sound()
    await supervisor.stop()


async def test_a_fault_keeps_the_exchange_from_being_ready_and_is_told(tmp_path: Path) -> None:
    announced: list[str] = []
    supervisor = _supervisor(tmp_path, announced)
    mended = tmp_path / "mended"
    fault = f"'' if os.path.exists({str(mended)!r}) else 'no database'"
    await supervisor.start(_script("faulty", f"while True: beat('ready', 1, {fault}); time.sleep(0.1)"))
    waiting = asyncio.create_task(supervisor.until_sound())
    await _until(lambda: "waiting for faulty: no database" in announced, "it is told")
    assert not waiting.done() and supervisor.states[0].fault == "no database"
    mended.touch()
    await _until(waiting.done, "the exchange is ready")
    await waiting
    assert supervisor.states[0].is_sound
    await supervisor.stop()


@pytest.mark.req("REC-10")
async def test_a_process_whose_loop_hangs_is_shown_and_started_again(tmp_path: Path) -> None:
    announced: list[str] = []
    supervisor = _supervisor(tmp_path, announced)
    await supervisor.start(_script("hanging", BEATING))
    pid = supervisor.pids["hanging"]
    os.kill(pid, signal.SIGSTOP)
    await _until(lambda: supervisor.states[0].status is ProcessStatus.HUNG, "it is shown")
    assert supervisor.states[0].fault.startswith("its loop has been silent for ") and supervisor.pids["hanging"] == pid
    await _until(lambda: supervisor.pids.get("hanging", pid) != pid, "another takes its place")
    await _until(lambda: supervisor.states[0].status is ProcessStatus.READY, "which is ready")
    assert any(line.startswith(f"hanging (pid {pid}) was ended: its loop has been silent for 1") for line in announced)
    await supervisor.stop()


async def test_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    announced: list[str] = []
    supervisor = _supervisor(tmp_path, announced)
    await supervisor.start(_script("stubborn", "import signal; signal.signal(15, signal.SIG_IGN)", BEATING))
    pid = supervisor.pids["stubborn"]
    async with asyncio.timeout(PATIENCE_S):
        await supervisor.stop()
    assert not is_alive(pid)
    assert announced == ["starting stubborn", f"stubborn (pid {pid}) did not stop in time and was killed"]


@pytest.mark.req("REC-02")
async def test_stops_at_any_moment_of_a_restart(tmp_path: Path) -> None:
    line = """echo '{"state":"ready","progress":0}' >&$1"""
    for step in range(40):
        supervisor = _supervisor(tmp_path, [])
        await supervisor.start(ChildSpec("failing", ("/bin/bash", "-c", line)))
        await asyncio.sleep(0.095 + step * 0.001)
        async with asyncio.timeout(PATIENCE_S):
            await supervisor.stop()
        assert not supervisor.pids


def test_an_exchange_starts_without_what_is_not_vital_and_says_how(tmp_path: Path) -> None:
    data = tmp_path / "var"
    (data / "fixgw").mkdir(parents=True)
    (data / "fixgw" / "drop-copy").write_text("no directory")
    failed = command("run", "--data", data, "--port-base", port_block())
    assert failed.returncode == 3
    assert "fixgw-drop-copy did not become ready" in failed.stderr and "--without fixgw-drop-copy" in failed.stderr

    running = Running(data, "--without", "fixgw-drop-copy")
    try:
        assert set(running.whereabouts.pids) == set(CHILDREN) - {"fixgw-drop-copy"}
        assert "EXCH-DC" not in running.screen and running.json("status")["health"] == "healthy"
    finally:
        running.stop()


@pytest.mark.parametrize("name", ["engine", "fixgw-order-entry", "postgres", "breakfast"])
def test_what_is_vital_cannot_be_left_out(tmp_path: Path, name: str) -> None:
    refused = command("run", "--data", tmp_path / "var", "--without", name)
    assert refused.returncode == 2 and f"{name} cannot be left out" in refused.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.req("REC-10", "REC-41")
def test_what_cannot_be_written_keeps_nothing_from_being_started_again(tmp_path: Path) -> None:
    running = Running(tmp_path / "var")
    try:
        (running.data / "exchange.json.tmp").mkdir()
        os.kill(running.whereabouts.pids["fixgw-drop-copy"], signal.SIGKILL)
        eventually("it is started again", lambda: "fixgw-drop-copy is ready again" in running.said)
        assert "exchange.json could not be written: Is a directory" in running.said
        (running.data / "exchange.json.tmp").rmdir()
        eventually("all is healthy again", lambda: running.exchange("status").returncode == 0)
    finally:
        running.stop()


async def test_a_supervisor_that_fails_says_so(tmp_path: Path) -> None:
    news: list[str] = []

    def tell() -> None:
        if any("starting it again" in line for line in news):
            raise RuntimeError("nobody expected this")

    supervisor = Supervisor(tmp_path, news.append, tell)
    await supervisor.start(_script("brief", "beat('ready', 7)"))
    with pytest.raises(RuntimeError, match="nobody expected this"):
        await asyncio.wait_for(supervisor.until_failed(), PATIENCE_S)
    await supervisor.stop()


def test_a_reader_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    data, base = tmp_path / "var", port_block()
    line = [sys.executable, "-m", "ops", "run", "--data", str(data), "--port-base", str(base)]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(line, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=said)
    assert process.stdout is not None
    process.stdout.close()
    try:
        eventually("it is ready", lambda: "nobody reads standard output" in (tmp_path / "said").read_text())
        assert command("status", "--data", data).returncode == 0
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(("left", "is_healthy"), [(-1, False), (0, True)])
def test_a_disk_with_too_little_left_is_a_fault(tmp_path: Path, left: int, is_healthy: bool) -> None:
    fault = disk_fault(DISK_FREE_BYTES_MIN + left, tmp_path)
    assert (fault == "") is is_healthy
    assert health(True, [], frozenset(), fault) == ("healthy" if is_healthy else "degraded")
