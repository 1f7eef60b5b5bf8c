"""Plant bugs in a copy of the core, one at a time, and show which test finds each.

``python scripts/mutants.py [--write] [NAME ...]`` takes the bugs of ``mutants.toml``, all or those whose names contain
a NAME. Each is built in a temporary copy of the tree and given to the tests: first to those it names, then to the
core beside its model, then to all other tests of the core. A test that fails, or a core that panics, kills it. The exit
code is 1 if one survives. ``--write`` lists what was found in docs/MUTATIONS.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
LIST = ROOT / "scripts" / "mutants.toml"
REPORT = ROOT / "docs" / "MUTATIONS.md"

FAST_BUILD = {
    "CARGO_INCREMENTAL": "1",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
}
"""Same checks of overflow, less time to build."""

SIDE_BY_SIDE = "tests/property/test_core_equals_model.py"
STAGES = {
    "restore": [f"{SIDE_BY_SIDE}::test_a_restored_core_is_the_same_and_goes_on_the_same"],
    "day": [f"{SIDE_BY_SIDE}::test_a_long_day_ends_with_equal_states"],
    "unit": ["tests/unit/test_core_*.py", "tests/golden"],
    "property": ["tests/property"],
}
CARGO = "cargo test"
STAGE_S = 240
MEMORY_BYTES = 4 << 30
"""A bug that runs wild is stopped, and counts as found."""

RUNNER = """
import sys
import pytest
from hypothesis import Phase, settings

class Witness:
    def pytest_runtest_logstart(self, nodeid, location):
        open(sys.argv[1], "w").write(nodeid)

settings.register_profile("mutants", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutants")
sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", *sys.argv[2:]], [Witness()]))
"""
"""Runs tests in a fixed order with fixed examples, does not shrink, and leaves the name of the last one begun."""


class Mutant(msgspec.Struct, frozen=True):
    """A bug: a text of one file of the core that occurs once, another in its place, and the tests to ask first."""

    name: str
    breaks: str
    file: str
    old: str
    new: str
    first: str

    @property
    def stages(self) -> list[list[str]]:
        """Tests in the order they are asked; an empty list is the core's own."""
        stages = [STAGES["day"], STAGES["unit"], STAGES["property"], []]
        if self.first == "cargo":
            return [[], *stages[:-1]]
        named = self.first if "/" in self.first else f"tests/unit/test_core_{self.first}.py"
        return [STAGES.get(self.first, [named]), *stages]


class Verdict(msgspec.Struct, frozen=True):
    """The test that found a bug, "" if none did."""

    mutant: Mutant
    found_by: str
    took_s: float


def read_mutants(names: Sequence[str] = ()) -> list[Mutant]:
    """Read the bugs, all or those whose names contain one of ``names``. Raises: msgspec.ValidationError."""
    mutants = msgspec.convert(tomllib.loads(LIST.read_text())["mutant"], list[Mutant])
    return [mutant for mutant in mutants if not names or any(name in mutant.name for name in names)]


class Workshop:
    """A copy of the tree to break."""

    def __init__(self, directory: Path) -> None:
        self.tree = directory / "tree"
        self.target = directory / "target"
        self.last = directory / "last"
        for part in ("engine", "tests"):
            ignored = shutil.ignore_patterns("target", "__pycache__", ".hypothesis")
            shutil.copytree(ROOT / part, self.tree / part, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", self.tree)
        (self.library,) = (self.tree / "engine" / "_core").glob("*.so")
        self.sources = self.tree / "engine" / "core" / "src"

    def cargo(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Let cargo do something in the copy."""
        line = ["cargo", *arguments, "--release", "--quiet", "--manifest-path", "engine/core/Cargo.toml"]
        environment = {**os.environ, **FAST_BUILD, "CARGO_TARGET_DIR": str(self.target)}
        return subprocess.run(line, cwd=self.tree, env=environment, capture_output=True, text=True, check=False)

    def build(self) -> None:
        """Build the core and put it where the tests find it. Raises: RuntimeError with the compiler's words."""
        built = self.cargo("build")
        if built.returncode:
            raise RuntimeError(built.stderr)
        (library,) = (self.target / "release").glob("*.so")
        shutil.copy(library, self.library)

    def find(self, tests: list[str]) -> str:
        """Run tests. Returns: the first that fails, "" if none does."""
        if not tests:
            return CARGO if self.cargo("test", "--lib").returncode else ""
        paths = [str(path) for test in tests for path in self.expand(test)]
        line = [sys.executable, "-c", RUNNER, str(self.last), *paths]
        try:
            done = subprocess.run(
                line, cwd=self.tree, capture_output=True, preexec_fn=bound_memory, timeout=STAGE_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{self.last.read_text()} (does not end)"
        if done.returncode not in (0, 1) and done.returncode >= 0:
            raise RuntimeError(done.stdout.decode())
        return self.last.read_text() if done.returncode else ""

    def expand(self, test: str) -> list[Path | str]:
        """Find the files a pattern means."""
        return sorted(self.tree.glob(test)) if "*" in test else [test]

    def judge(self, mutant: Mutant) -> Verdict:
        """Plant a bug, ask the tests, and take it out again."""
        began, path = time.monotonic(), self.sources / mutant.file
        sound = path.read_text()
        if sound.count(mutant.old) != 1:
            raise RuntimeError(f"{mutant.name}: the text to replace occurs {sound.count(mutant.old)} times")
        path.write_text(sound.replace(mutant.old, mutant.new))
        try:
            self.build()
            found_by = next(filter(None, map(self.find, mutant.stages)), "")
        finally:
            path.write_text(sound)
        return Verdict(mutant, found_by, time.monotonic() - began)


def bound_memory() -> None:
    """Let this process have no more memory than a bug should."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main() -> int:
    """Judge the bugs named."""
    parser = argparse.ArgumentParser(description="Plant bugs in the core and show which test finds each.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--write", action="store_true", help="list what was found in docs/MUTATIONS.md")
    arguments = parser.parse_args()
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        workshop = Workshop(Path(directory))
        workshop.build()
        for tests in ([], STAGES["unit"], STAGES["property"]):
            broken = workshop.find(tests)
            if broken:
                sys.exit(f"without any bug, {broken} fails")
        for mutant in read_mutants(arguments.names):
            verdict = workshop.judge(mutant)
            word = f"killed by {verdict.found_by}" if verdict.found_by else "SURVIVED"
            print(f"{verdict.took_s:5.0f} s  {mutant.name:<46} {word}", flush=True)
            verdicts.append(verdict)
    survivors = [verdict for verdict in verdicts if not verdict.found_by]
    print(f"{len(verdicts) - len(survivors)} / {len(verdicts)} killed")
    if arguments.write and not arguments.names:
        REPORT.write_text(report(verdicts))
    return bool(survivors)


def report(verdicts: list[Verdict]) -> str:
    """Write the table of bugs and the tests that found them."""
    head = f"""# Mutations: planted bugs, and the tests that find them

`make mutants` plants each of these bugs in a copy of the core, builds it, and runs the core's tests until one fails.
{len(verdicts)} bugs, {sum(bool(verdict.found_by) for verdict in verdicts)} found. The list is
[`scripts/mutants.toml`](../scripts/mutants.toml); this page is written by `python scripts/mutants.py --write`.

| bug | what it breaks | file | found first by |
|---|---|---|---|
"""
    rows = [
        f"| {v.mutant.name} | {v.mutant.breaks} | `{v.mutant.file}` | {shown(v.found_by)} |"
        for v in sorted(verdicts, key=lambda verdict: verdict.mutant.file)
    ]
    return head + "\n".join(rows) + "\n"


def shown(found_by: str) -> str:
    """Write a test's name without the folder and the file's ending."""
    if not found_by:
        return "**nothing**"
    return f"`{found_by.removeprefix('tests/').replace('.py::', ': ').replace('|', '¦')}`"


if __name__ == "__main__":
    sys.exit(main())
