"""The README as written: its commands run, its links lead somewhere, its settings connect."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.app import app
from tests.patience import PATIENCE_S
from tests.ports import port_block

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
SHELL_BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COPIED = (
    "Makefile",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "config",
    "scripts",
    "spec",
    "engine",
    "fixgw",
    "clearing",
    "ops",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree on free ports, set up already: its stamps are newer than all they stand for."""
    copy = tmp_path_factory.mktemp("readme")
    for name in COPIED:
        source = ROOT / name
        ignored = shutil.ignore_patterns("target", "__pycache__")
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy(source, copy / name)
    (copy / ".venv").symlink_to(sys.prefix)
    (copy / ".stamps").mkdir()
    for stamp in ("venv", "quickfix", "maturin", "install", "dev"):
        (copy / ".stamps" / stamp).touch()
    config = copy / "config" / "exchange.toml"
    config.write_text(config.read_text().replace("9880", str(port_block())))
    return copy


def shell(block: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("EXCHANGE_DSN", "MAKEFLAGS")}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture(scope="module")
def first_run(checkout: Path) -> Iterator[float]:
    """The first block, running; the seconds it took until ``ready``."""
    began = time.monotonic()
    environment = {key: value for key, value in os.environ.items() if key not in ("EXCHANGE_DSN", "MAKEFLAGS")}
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", SHELL_BLOCKS[0]],
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert any(line == "ready\n" for line in process.stdout)
    yield time.monotonic() - began
    os.killpg(process.pid, signal.SIGINT)
    process.wait(PATIENCE_S)
    process.stdout.close()


def test_blocks_are_those_a_newcomer_runs() -> None:
    assert [block.strip().splitlines() for block in SHELL_BLOCKS] == [
        ["make run"],
        [".venv/bin/python scripts/first_fill.py"],
        [".venv/bin/exchange account show ALPHA", ".venv/bin/exchange reconcile"],
        ["make demo"],
    ]


def test_first_fill_and_balances_as_written(checkout: Path, first_run: float) -> None:
    fill = shell(SHELL_BLOCKS[1], checkout)
    assert fill.returncode == 0, fill.stdout + fill.stderr
    lines = [line.split() for line in fill.stdout.splitlines()]
    printed = re.findall(r"^    (\S+) +150=(\S)", README, re.MULTILINE)
    assert [(who, kind.removeprefix("150=")) for who, kind, *_ in lines][: len(printed)] == printed
    by_who: dict[str, set[str]] = {}
    for who, *fields in lines:
        by_who.setdefault(who, set()).update(field for field in fields if field.startswith("17="))
    assert by_who["ALPHA"] == by_who["ALPHA-DC"] and by_who["BRAVO"] == by_who["BRAVO-DC"]
    balances = shell(SHELL_BLOCKS[2], checkout)
    assert balances.returncode == 0, balances.stdout + balances.stderr
    assert "100.5" in balances.stdout and "969970" in balances.stdout and "no difference" in balances.stdout


def test_first_fill_runs_again_from_anywhere(checkout: Path, first_run: float, tmp_path: Path) -> None:
    again = shell(f"{sys.executable} {checkout}/scripts/first_fill.py", tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr


def test_first_fill_says_that_nothing_listens(tmp_path: Path) -> None:
    base = port_block()
    done = shell(f"{sys.executable} {ROOT}/scripts/first_fill.py --port-base {base}", tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"nothing listens on 127.0.0.1:{base}: start the exchange with make run\n"


def test_demo_as_written(checkout: Path) -> None:
    demo = shell(SHELL_BLOCKS[3], checkout)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "all agree" in demo.stderr


def test_second_make_run_is_ready_in_five_seconds(checkout: Path, first_run: float) -> None:
    """Set-up that is done already costs nothing: make itself finds nothing to do."""
    plan = shell("make --dry-run setup", checkout)
    assert plan.returncode == 0, plan.stderr
    assert "pip" not in plan.stdout and "maturin" not in plan.stdout


@pytest.mark.parametrize(
    "document", sorted(p.relative_to(ROOT) for p in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))), ids=str
)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", (ROOT / document).read_text())
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert not [link for link in inside if not (ROOT / document.parent / link).exists()]


def test_commands_of_the_table_exist() -> None:
    for line in re.findall(r"^\| `exchange ([a-z ]+?)(?: [A-Z]+)?`", README, re.MULTILINE):
        assert CliRunner().invoke(app, [*line.split(), "--help"]).exit_code == 0, line
