"""Build the core and install the exchange; the release core is trained where the tools are there (docs/PERFORMANCE.md).

A trained core is built twice: once counting how often each branch is taken by ``bench.training``, once laid out by what
was counted. That wants the ``llvm-profdata`` of the compiler's own LLVM (``rustup component add llvm-tools``); without
it, or with ``CORE_TRAINED=no``, the core is built plainly. Both make the same bytes of the same commands, which is
checked.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "engine" / "core"
TRAINED = CORE / "target" / "trained"
SOURCES = (*sorted(CORE.glob("src/**/*.rs")), CORE / "Cargo.toml", CORE / "Cargo.lock", ROOT / "bench" / "training.py")


def main() -> int:
    """Build and install; say whether the core is trained, or why it is not."""
    parser = argparse.ArgumentParser(description="Build the core and install the exchange.")
    parser.add_argument("--profile", default="release", help="cargo's profile; only the release core is trained")
    parser.add_argument("--extras", help="what else to install")
    arguments = parser.parse_args()
    options = ["--profile", arguments.profile, *(["--extras", arguments.extras] if arguments.extras else [])]
    profdata = find_profdata()
    if arguments.profile != "release" or os.environ.get("CORE_TRAINED") == "no":
        _install(options)
    elif profdata is None:
        _install(options)
        print("the core is built plainly: no llvm-profdata of this compiler (rustup component add llvm-tools)")
    else:
        _install_trained(options, profdata)
        print("the core is trained")
    return 0


def _install_trained(options: list[str], profdata: Path) -> None:
    counts, told = TRAINED / f"{_version()}.profdata", TRAINED / f"{_version()}.digest"
    if not told.exists():
        shutil.rmtree(TRAINED, ignore_errors=True)
        TRAINED.mkdir(parents=True)
        _install(options, f"-Cprofile-generate={TRAINED}", CORE / "target" / "counting")
        digest = _train()
        subprocess.run((profdata, "merge", "-o", counts, *TRAINED.glob("*.profraw")), check=True)
        told.write_text(digest)
    _install(options, f"-Cprofile-use={counts}")
    if _train() != told.read_text():
        raise SystemExit("the trained core makes other records than the one that counted: please report this")


def _install(options: list[str], flags: str = "", target: Path = CORE / "target") -> None:
    """Build with these flags and install."""
    rustflags = f"{os.environ.get('RUSTFLAGS', '')} {flags}".strip()
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)} | ({"RUSTFLAGS": rustflags} if rustflags else {})
    maturin = Path(sys.executable).parent / "maturin"
    subprocess.run((maturin, "develop", "--quiet", *options), cwd=ROOT, env=environment, check=True)


def _train() -> str:
    """Run the training with the installed core; return the digest of what it made."""
    done = subprocess.run((sys.executable, "-m", "bench.training"), cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


def _version() -> str:
    """Name these sources and this compiler."""
    digest = hashlib.sha256(_output("rustc", "-vV").encode())
    for path in SOURCES:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def find_profdata() -> Path | None:
    """Find the tool that merges counts, if it is of the compiler's own LLVM."""
    llvm = re.search(r"^LLVM version: (\d+)", _output("rustc", "-vV"), re.MULTILINE)
    own = sorted(Path(_output("rustc", "--print", "sysroot").strip()).glob("lib/rustlib/*/bin/llvm-profdata"))
    named = shutil.which("llvm-profdata")
    for path in (*own, *([Path(named)] if named else [])):
        version = re.search(r"LLVM version (\d+)", _output(str(path), "merge", "--version"))
        if llvm and version and version[1] == llvm[1]:
            return path
    return None


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    raise SystemExit(main())
