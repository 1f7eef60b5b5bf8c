"""Which requirements have a passing test: run the suite, or read its last run, and print ID -> tests -> outcome.

Usage: ``python scripts/trace.py [--json FILE] [pytest arguments]``

A test names its requirements with ``@pytest.mark.req("ID", ...)``. The exit code is 1 when a cited requirement
has no passing test.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import defaultdict
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

WORST_FIRST = ("failed", "error", "skipped", "passed")


class Tracer:
    """A pytest plugin that notes each test's requirement IDs and its outcome."""

    def __init__(self) -> None:
        self._ids: dict[str, list[str]] = {}
        self.outcomes: dict[str, dict[str, str]] = defaultdict(dict)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note the IDs of every collected test."""
        for item in items:
            ids = [str(i) for mark in item.iter_markers("req") for i in mark.args]
            self._ids[item.nodeid] = sorted(set(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended; a failing set-up or tear-down counts as an error."""
        if report.when == "call" or report.outcome != "passed":
            outcome = report.outcome if report.when == "call" or report.outcome == "skipped" else "error"
            for requirement in self._ids.get(report.nodeid, ()):
                self.outcomes[requirement][report.nodeid] = outcome


def main() -> int:
    """Run the tests with the tracer and print the table."""
    parser = argparse.ArgumentParser(description="Which requirements have a passing test.")
    parser.add_argument("--json", type=Path, help="also write ID -> test -> outcome to this file")
    arguments, pytest_arguments = parser.parse_known_args()
    tracer = Tracer()
    # Tests that run in several processes are collected there; which requirements they name is looked up here.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        pytest.main(["--collect-only", *pytest_arguments], plugins=[tracer])
    pytest.main(["-p", "no:cacheprovider", *pytest_arguments], plugins=[tracer])
    outcomes = {requirement: tracer.outcomes[requirement] for requirement in sorted(tracer.outcomes, key=natural)}
    if arguments.json:
        arguments.json.write_text(json.dumps(outcomes, indent=1))
    return show(outcomes)


def show(outcomes: dict[str, dict[str, str]]) -> int:
    """Print the table. Returns: 1 when a requirement has a test that failed, or none that passed."""
    table = Table(title="requirements", title_justify="left")
    for column in ("ID", "tests", "outcome", "shown by"):
        table.add_column(column, overflow="fold")
    unproven = 0
    for requirement, tests in outcomes.items():
        worst = min(tests.values(), key=WORST_FIRST.index)
        unproven += worst in ("failed", "error") or "passed" not in tests.values()
        color = "green" if worst == "passed" else "red"
        places = sorted({node.split("[")[0] for node in tests})
        table.add_row(requirement, str(len(tests)), f"[{color}]{worst}[/]", "\n".join(places))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    print(f"{len(outcomes) - unproven} of {len(outcomes)} cited requirements have passing tests only")
    return 1 if unproven or not outcomes else 0


def natural(requirement: str) -> tuple[str, int]:
    """Sort ``ORD-2`` before ``ORD-10``."""
    match = re.fullmatch(r"(.*?)-?(\d+)", requirement)
    return (match[1], int(match[2])) if match else (requirement, 0)


if __name__ == "__main__":
    raise SystemExit(main())
