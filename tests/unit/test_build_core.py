"""How the core is built: trained only with the tool of the compiler's own LLVM, whose files no other can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts import build_core


@pytest.mark.parametrize("version", ["14.0.6", "999.1.0"])
def test_a_tool_of_another_llvm_is_not_taken(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "llvm-profdata"
    other.write_text(f"#!/bin/sh\necho '  Debian LLVM version {version}'\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert build_core.find_profdata() != other


def test_the_tool_of_this_llvm_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rustc").write_text("#!/bin/sh\necho 'LLVM version: 22.1.2'\n")
    (tmp_path / "llvm-profdata").write_text("#!/bin/sh\necho '  LLVM version 22.1.0-rust'\n")
    for tool in tmp_path.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert build_core.find_profdata() == tmp_path / "llvm-profdata"
