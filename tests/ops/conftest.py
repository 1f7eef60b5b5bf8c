"""One exchange for the tests that only look; those that break things start their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.running import ROOT, Running
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("exchange") / "var")
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "config", tmp_path / "config"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Path]:
    """The data directory of an engine that runs alone."""
    data = tmp_path / "var"
    data.mkdir()
    with (tmp_path / "engine.log").open("wb") as log:
        line = [sys.executable, "-m", "engine", "--data", str(data)]
        process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    yield data
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    process.stdout.close()
