"""The command line: what it imports, where it writes, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.app import COMMANDS, Branch, app
from ops.cli.screen import WIDTH_MIN, known_width
from tests.ops.running import ROOT, Running, command, environment
from tests.patience import PATIENCE_S, eventually

LINES = [
    line
    for name, entry in COMMANDS.items()
    for line in ([[name], *([name, leaf] for leaf in entry.leaves)] if isinstance(entry, Branch) else [[name]])
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_every_command_of_the_table_tells_about_itself(line: list[str]) -> None:
    done = CliRunner().invoke(app, [*line, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage:" in done.stdout and "--help" in done.stdout


def test_the_list_of_commands_is_the_table() -> None:
    said = CliRunner().invoke(app, ["--help"]).stdout
    for name, entry in COMMANDS.items():
        assert f"  {name} " in said and entry.help.split()[0] in said


@pytest.mark.parametrize(
    ("line", "unneeded"),
    [
        (
            ["--help"],
            ("engine", "clearing", "fixgw", "asyncpg", "quickfix", "structlog", "prometheus_client", "rich.table"),
        ),
        (["status", "--help"], ("asyncpg", "quickfix", "structlog", "prometheus_client", "engine.standing", "asyncio")),
        (["run", "--help"], ("asyncpg", "quickfix", "prometheus_client")),
        (["demo", "--help"], ("asyncpg", "quickfix", "prometheus_client")),
        (["market", "list", "--help"], ("asyncpg", "quickfix", "structlog", "prometheus_client")),
        (["order", "show", "--help"], ("asyncpg", "quickfix", "structlog", "prometheus_client")),
        (["journal", "cat", "--help"], ("asyncpg", "quickfix", "structlog", "prometheus_client")),
    ],
)
def test_a_command_imports_only_what_it_needs(line: list[str], unneeded: tuple[str, ...]) -> None:
    script = f"""
import sys
from ops.cli import main
sys.argv[1:] = {line!r}
try:
    main()
except SystemExit:
    pass
print("imported:", *(name for name in {unneeded!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"


def test_a_mistyped_command_is_answered_with_the_one_that_is_meant() -> None:
    done = command("stauts")
    assert done.returncode == 2 and "Did you mean 'status'?" in done.stderr


@pytest.mark.parametrize(
    ("columns", "is_terminal", "width"),
    [
        ("0", False, 0),
        ("0", True, 0),
        ("", False, 0),
        ("19", True, 0),
        ("20", False, 20),
        ("abc", False, 0),
        ("²", False, 0),
    ],
)
def test_a_width_that_shows_nothing_is_unknown(columns: str, is_terminal: bool, width: int) -> None:
    assert known_width(columns, is_terminal) == width and WIDTH_MIN == 20


def test_a_terminal_tells_its_width() -> None:
    assert known_width("", True) >= WIDTH_MIN


def test_closed_streams_change_no_exit_code(exchange: Running) -> None:
    line = f"{sys.executable} -m ops reconcile --data {exchange.data}"
    for closed in (">&-", ">&- 2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(
            f"{line} {closed}", shell=True, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    done = command("reconcile", "--data", exchange.data, columns=0)
    assert "EXCHANGE-FEES" in done.stdout or "ALPHA" in done.stdout


def test_tables_are_shown_whatever_columns_says(exchange: Running) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "ops", "status", "--data", str(exchange.data)],
        cwd=ROOT,
        env=environment() | {"COLUMNS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "fixgw-order-entry" in shown.stdout


@pytest.fixture
def short() -> Iterator[Path]:
    """A temporary directory with a path that leaves room for that of a socket."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.mark.req("SVC-16")
def test_names_and_surroundings_do_not_matter(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("PGPORT", "1"),
        ("PGHOST", "nowhere"),
        ("PGSSLMODE", "require"),
        ("PGSERVICE", "none"),
        ("PGUSER", "x"),
    ):
        monkeypatch.setenv(name, value)
    running = Running(short / "a b&c+d#e%20f,g")
    try:
        for line in (("status",), ("account", "show", "alpha")):
            done = running.exchange(*line)
            assert done.returncode == 0, done.stdout + done.stderr
        assert running.data.stat().st_mode & 0o007 == 0
    finally:
        assert running.stop() == 0


@pytest.mark.parametrize("part", ["log", "journal"])
def test_a_file_where_a_directory_is_kept_is_named(tmp_path: Path, part: str) -> None:
    data = tmp_path / "var"
    data.mkdir()
    (data / part).touch()
    done = command("run", "--data", data)
    assert done.returncode == 2
    assert f"{data / part} is a file, and the exchange keeps a directory there" in done.stderr.replace("\n", " ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["starting", "trading"])
def test_an_interrupted_demonstration_leaves_nothing_behind(short: Path, number: signal.Signals, moment: str) -> None:
    def has_begun() -> bool:
        if moment == "starting":
            return any(short.glob("exchange-demo-*"))
        return any(path.stat().st_size > 50_000 for path in short.glob("exchange-demo-*/var/journal/*.seg"))

    process = subprocess.Popen(
        [sys.executable, "-m", "ops", "demo", "--orders", "100000"],
        cwd=ROOT,
        env=environment() | {"TMPDIR": str(short)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually("it has begun", has_begun)
    os.kill(process.pid, number)
    assert process.wait(PATIENCE_S) == 128 + number
    assert not list(short.iterdir())
    assert str(short) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
