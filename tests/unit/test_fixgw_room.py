"""A disk that is nearly full is a fault, with its directory."""

from __future__ import annotations

import os
from pathlib import Path

from fixgw.room import Room


def test_too_little_room_is_told_with_its_directory(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    size = disk.f_blocks * disk.f_frsize
    assert Room(tmp_path, bytes_min=0).fault == ""
    assert Room(tmp_path, bytes_min=size + 1).fault.startswith(f"no space left in {tmp_path}: ")
