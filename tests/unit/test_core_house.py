"""The core's house: each folder knows those before it and none after it, and `unsafe` has one file."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "engine" / "core" / "src"
FOLDERS = ("language", "store", "market", "accounts", "state", "rules", "standing")
"""From the ground up; then come `ffi.rs`, and `lib.rs`, which names them."""

KNOWS = re.compile(r"\bcrate::(\w+)")


def test_every_file_lives_in_a_folder() -> None:
    assert {path.name for path in SOURCES.iterdir()} == {*FOLDERS, "ffi.rs", "lib.rs"}


def test_a_folder_knows_only_those_before_it() -> None:
    for place, folder in enumerate(FOLDERS):
        for path in (SOURCES / folder).rglob("*.rs"):
            shipped = path.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
            assert set(KNOWS.findall(shipped)) <= set(FOLDERS[: place + 1]), path


def test_unsafe_stands_in_one_file() -> None:
    using = {path.name for path in SOURCES.rglob("*.rs") if re.search(r"\bunsafe\b", path.read_text(encoding="utf-8"))}
    assert using == {"ffi.rs"}
    manifest = (ROOT / "engine" / "core" / "Cargo.toml").read_text(encoding="utf-8")
    assert 'unsafe_code = "deny"' in manifest and 'unsafe_op_in_unsafe_fn = "deny"' in manifest
