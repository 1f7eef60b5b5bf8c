"""Say plainly what this machine lacks to build the exchange, and how Debian supplies it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path

NEEDS = {
    "Python 3.11 or newer": (sys.version_info >= (3, 11), "python3"),
    "venv": (importlib.util.find_spec("ensurepip") is not None, "python3-venv"),
    "Python.h": ((Path(sysconfig.get_paths()["include"]) / "Python.h").exists(), "python3-dev"),
    "a C++ compiler": (shutil.which(os.environ.get("CXX", "g++")) is not None, "g++"),
    "cargo": (shutil.which("cargo") is not None, "cargo"),
}


def main() -> int:
    """Check every need; print the missing ones."""
    missing = {need: package for need, (met, package) in NEEDS.items() if not met}
    for need in missing:
        print(f"missing: {need}", file=sys.stderr)
    if missing:
        print(f"on Debian: apt-get install {' '.join(missing.values())}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
