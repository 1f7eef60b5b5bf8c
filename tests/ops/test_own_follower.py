"""The follower that ARCHITECTURE shows: a package of its own, from the page as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine.api.cursor import Cursor
from engine.api.enums import Side
from engine.api.events import Traded
from engine.api.wire import encode_command
from engine.client import submit_and_wait
from tests.ops.running import ROOT
from tests.ops.test_journal_commands import ALPHA, BRAVO, limit
from tests.patience import PATIENCE_S, eventually
from venue.configuration import load_venue
from venue.registration import register

PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A directory with the package of the page."""
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "tape").mkdir()
    (tmp_path / "tape" / "__init__.py").touch()
    (tmp_path / "tape" / "__main__.py").write_text(source)
    return tmp_path


def lines_of(data: Path) -> list[str]:
    return [line for path in sorted((data / "tape").glob("*.txt")) for line in path.read_text().splitlines()]


def trade(data: Path, name: str) -> None:
    """Let BRAVO sell to ALPHA."""
    for source, account, side in ((BRAVO, 102, Side.SELL), (ALPHA, 101, Side.BUY)):
        order = encode_command(limit(account, side, 20_000, 6_000_000, name))
        (record,) = submit_and_wait(data, "test", [order], PATIENCE_S, source)
    assert any(isinstance(event, Traded) for event in record.events)


def start(recipe: Path, data: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join((str(recipe), str(ROOT)))
    return subprocess.Popen([sys.executable, "-m", "tape", "--data", str(data)], env=os.environ | {"PYTHONPATH": paths})


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.req("SVC-16")
def test_it_writes_every_trade_once_over_restarts(engine: Path, recipe: Path) -> None:
    register(engine, load_venue(ROOT / "config"))
    trade(engine, "first")
    process = start(recipe, engine)
    eventually("the trade is written", lambda: len(lines_of(engine)) == 1)
    process.kill()
    process.wait(PATIENCE_S)
    trade(engine, "second")
    process = start(recipe, engine)
    eventually("the trade is written", lambda: len(lines_of(engine)) == 2)
    stop(process)
    assert len(set(lines_of(engine))) == 2


@pytest.mark.req("SVC-16")
def test_it_is_refused_when_its_cursor_is_of_another_journal(engine: Path, recipe: Path) -> None:
    register(engine, load_venue(ROOT / "config"))
    (engine / "tape").mkdir()
    (engine / "tape" / "cursor.json").write_bytes(msgspec.json.encode(Cursor(1, 0, 1)))
    assert start(recipe, engine).wait(PATIENCE_S) == 1
