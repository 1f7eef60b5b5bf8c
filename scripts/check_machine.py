"""Say plainly what this machine lacks to build the exchange, and where it comes from."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

MANIFEST = Path(__file__).resolve().parents[1] / "engine" / "core" / "Cargo.toml"
RUSTUP = "cargo comes from https://rustup.rs"


def cargo_version() -> tuple[int, ...]:
    """Read the version of cargo, (0,) when there is none."""
    if shutil.which("cargo") is None:
        return (0,)
    done = subprocess.run(("cargo", "--version"), capture_output=True, text=True, check=False)
    return _numbers(done.stdout)


def cargo_needed() -> tuple[int, ...]:
    """Read the oldest version that builds the core from its manifest."""
    return _numbers(re.search(r'^rust-version = "(.*)"', MANIFEST.read_text(), re.MULTILINE)[1])  # type: ignore[index]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def main() -> int:
    """Check every need; print the missing ones."""
    cargo = f"cargo {'.'.join(map(str, cargo_needed()))} or newer"
    needs = {
        "Python 3.11 or newer": (sys.version_info >= (3, 11), "apt-get install python3"),
        "venv": (importlib.util.find_spec("ensurepip") is not None, "apt-get install python3-venv"),
        "Python.h": (
            (Path(sysconfig.get_paths()["include"]) / "Python.h").exists(),
            "apt-get install python3-dev",
        ),
        "a C++ compiler": (shutil.which(os.environ.get("CXX", "g++")) is not None, "apt-get install g++"),
        cargo: (cargo_version() >= cargo_needed(), RUSTUP),
    }
    missing = {need: remedy for need, (met, remedy) in needs.items() if not met}
    for need, remedy in missing.items():
        print(f"missing: {need} ({remedy})", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
