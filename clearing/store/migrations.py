"""Numbered migrations: the files of ``schema/``, applied in order, each once, never changed afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from clearing.errors import SchemaChanged

SCHEMA = Path(__file__).parents[1] / "schema"
_NAME = re.compile(r"([0-9]{4})_[a-z_]+\.sql")


class Migration(msgspec.Struct, frozen=True):
    """One file of ``schema/``."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest by which an applied migration is recognized."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(directory: Path = SCHEMA) -> list[Migration]:
    """Read the migrations of this release, in order. Raises: SchemaChanged unless they are numbered 1, 2, 3, ..."""
    migrations = []
    for expected, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        match = _NAME.fullmatch(path.name)
        if match is None or int(match[1]) != expected:
            raise SchemaChanged(f"{path.name} is not migration {expected:04d}")
        migrations.append(Migration(expected, path.name, path.read_text()))
    return migrations


def pending_migrations(migrations: list[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """Select what is still to be applied; ``applied`` maps numbers to digests.

    Raises: SchemaChanged when an applied migration differs from this release, or this release does not have it.
    """
    own = {migration.number: migration for migration in migrations}
    for number, sha256 in sorted(applied.items()):
        migration = own.get(number)
        if migration is None:
            raise SchemaChanged(f"the books have migration {number:04d}, which this release does not")
        if migration.sha256 != sha256:
            raise SchemaChanged(f"{migration.name} is not the file that was applied to the books")
    return [migration for migration in migrations if migration.number not in applied]
