"""Build the QuickFIX wheel once, on all cores, and keep it.

QuickFIX 1.16.0 is published as source only: one extension of 54 C++ files, which setuptools compiles one after
the other. This script fetches the source, checks its SHA-256, compiles the files in parallel (the largest
first), strips the result and keeps the wheel under ``$XDG_CACHE_HOME/exchange-wheels`` (``~/.cache`` by
default), so that no machine builds it twice. The last line it prints is the path of the wheel.

Usage: ``python scripts/build_quickfix.py [--install]``
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

VERSION = "1.16.0"
SDIST_SHA256 = "825aceb72cfd69c30fbbf5b380b66f464abe1fe3188374f13d8c9987dd8eb4e9"
BUILD_TOOLS = ("setuptools==80.9.0",)
GLUE = "QuickfixPython.cpp"
"""Generated wrappers: nine tenths of the work and no loop worth optimizing, so -O1 and first in line."""


def wheel_name() -> str:
    """Name the wheel of this interpreter and platform; the name is the key of the cache."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"quickfix-{VERSION}-{tag}-{tag}-{platform}.whl"


def cache_directory() -> Path:
    """Find where built wheels are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exchange-wheels"


def main() -> int:
    """Provide the wheel: from the cache, or by building it."""
    parser = argparse.ArgumentParser(description="Build the QuickFIX wheel once, on all cores, and keep it.")
    parser.add_argument("--install", action="store_true", help="install the wheel into this environment")
    parser.add_argument("--compile-in", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compile_in:
        compile_sdist(arguments.compile_in)
        return 0
    wheel = cache_directory() / wheel_name()
    if not wheel.exists():
        build(wheel)
    if arguments.install:
        pip("install", "--quiet", "--no-deps", str(wheel))
    print(wheel)
    return 0


def build(wheel: Path) -> None:
    """Fetch, compile and store ``wheel``. A build that fails leaves nothing behind in the cache."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="quickfix-") as scratch:
        work = Path(scratch)
        source = fetch(work)
        tools = work / "tools"
        pip("install", "--quiet", "--target", str(tools), *BUILD_TOOLS)
        environment = {**os.environ, "PYTHONPATH": str(tools), "LDFLAGS": "-Wl,--strip-all", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, str(Path(__file__).resolve()), "--compile-in", str(source)]
        subprocess.run(command, check=True, env=environment)
        wheel.parent.mkdir(parents=True, exist_ok=True)
        partial = wheel.with_suffix(f".{os.getpid()}.part")
        shutil.copyfile(next((source / "dist").glob("*.whl")), partial)
        partial.rename(wheel)
    print(f"quickfix {VERSION}: built in {time.monotonic() - started:.0f} s", flush=True)


def fetch(work: Path) -> Path:
    """Download and unpack the source. Raises: SystemExit when its SHA-256 is another."""
    print(f"quickfix {VERSION}: fetching the source", flush=True)
    options = ("--quiet", "--no-deps", "--no-binary", "quickfix", "--dest", str(work))
    pip("download", *options, f"quickfix=={VERSION}")
    archive = work / f"quickfix-{VERSION}.tar.gz"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SDIST_SHA256:
        raise SystemExit(f"{archive.name} has SHA-256 {digest}, expected {SDIST_SHA256}: not built")
    with tarfile.open(archive) as tar:
        # The filter is absent from the first releases of 3.11; the digest above vouches for the content.
        if hasattr(tarfile, "data_filter"):
            tar.extractall(work, filter="data")
        else:
            tar.extractall(work)
    return work / f"quickfix-{VERSION}"


def pip(*arguments: str) -> None:
    """Run pip of this environment."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


def compile_sdist(source: Path) -> None:
    """Run the source's own ``setup.py bdist_wheel`` with a compiler that uses every core."""
    os.chdir(source)
    import setuptools  # noqa: F401  makes distutils importable where the standard library has dropped it

    # isort: split
    from distutils.ccompiler import CCompiler

    CCompiler.compile = compile_in_parallel
    sys.argv = ["setup.py", "--quiet", "bdist_wheel"]
    script = source / "setup.py"
    exec(compile(script.read_text(), str(script), "exec"), {"__name__": "__main__", "__file__": str(script)})


def compile_in_parallel(
    compiler: Any,
    sources: list[str],
    output_dir: str | None = None,
    macros: Any = None,
    include_dirs: Any = None,
    debug: bool = False,
    extra_preargs: Any = None,
    extra_postargs: Any = None,
    depends: Any = None,
) -> list[str]:
    """Compile as ``CCompiler.compile`` does, one thread a core, largest file first, and tell how far it is."""
    setup = compiler._setup_compile(output_dir, macros, include_dirs, sources, depends, extra_postargs)
    _, objects, postargs, preprocessor, outdated = setup
    arguments = compiler._get_cc_args(preprocessor, debug, extra_preargs)
    progress = _Progress(len(outdated))

    def compile_one(item: tuple[str, tuple[str, str]]) -> None:
        target, (path, suffix) = item
        level = "-O1" if Path(path).name == GLUE else "-O2"
        compiler._compile(target, path, suffix, arguments, [*postargs, level, "-g0", "-w"], preprocessor)
        progress.done(path)

    largest_first = sorted(outdated.items(), key=lambda item: -Path(item[1][0]).stat().st_size)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(compile_one, largest_first))
    return list(objects)


class _Progress:
    """Print one line a compiled file."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._count = 0
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def done(self, path: str) -> None:
        with self._lock:
            self._count += 1
            elapsed = time.monotonic() - self._started
            print(f"  [{self._count:2}/{self._total}] {elapsed:4.0f} s  {Path(path).name}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
