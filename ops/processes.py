"""Every process of the exchange, one entry each: supervision, ports, status, health and metrics are made from it.

A new process is an entry here and a package. Its ``__main__`` takes ``--data``, ``--heartbeat-fd`` and what its entry
adds; its ``process.py`` has a typed ``Config`` and ``build``, and beats from its own loop with the seq it has come to
(:mod:`engine.api.heartbeat`).
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import msgspec

from ops.running.child import ChildSpec
from ops.running.postgres import Postgres
from venue.configuration import Venue
from venue.members import VENUE_COMP_IDS


class Settings(msgspec.Struct, frozen=True):
    """One run of an exchange: the venue as configured, with what the command line overrides.

    ``embedded`` is the PostgreSQL that runs with it, if it has one of its own; ``dsn`` then leads to it.
    """

    data: Path
    venue: Venue
    port_base: int
    dsn: str
    durability: str
    without: frozenset[str] = frozenset()
    """Processes that are left out of this run."""
    embedded: Postgres | None = None

    @property
    def ports(self) -> dict[str, int]:
        """Port of each listener."""
        return {name: self.port_base + offset for name, offset in PORT_OFFSETS.items()}


class Listener(msgspec.Struct, frozen=True):
    """Where members, or monitors, reach a process: ``port_base`` and the offset. ``comp_id`` is whom they log on to."""

    name: str
    offset: int
    comp_id: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A process. Those of one stage start side by side, once all of the stage before are ready.

    ``arguments`` and ``environment`` are its own; ``follows`` tells that its progress is its place in the log, so that
    it can be behind; without a ``vital`` one nobody can trade. At start all must come up, vital or not: who starts an
    exchange is told, and may leave out what is not vital. One that fails later is started again beside the others.
    """

    name: str
    package: str
    stage: int
    arguments: Callable[[Settings], tuple[str, ...]] = lambda settings: ()
    environment: Callable[[Settings], dict[str, str]] = lambda settings: {}
    listener: Listener | None = None
    follows: bool = False
    is_vital: bool = False


def _gateway(role: str, offset: int, is_vital: bool) -> Entry:
    def arguments(settings: Settings) -> tuple[str, ...]:
        config = str(settings.venue.directory.resolve())
        return "--role", role, "--config", config, "--port", str(settings.ports[role])

    listener = Listener(role, offset, VENUE_COMP_IDS[role])
    return Entry(f"fixgw-{role}", "fixgw", 2, arguments, listener=listener, follows=True, is_vital=is_vital)


ENGINE = Entry("engine", "engine", 1, lambda settings: ("--durability", settings.durability), is_vital=True)
"""The one writer. What the configuration registers goes into its log before the next stage starts."""

PROCESSES = (
    ENGINE,
    # The DSN may hold a password, so it is kept off the command line.
    Entry("clearing", "clearing", 2, environment=lambda settings: {"EXCHANGE_DSN": settings.dsn}, follows=True),
    _gateway("order-entry", 0, is_vital=True),
    _gateway("drop-copy", 1, is_vital=False),
)

POSTGRES = "postgres"
"""The embedded PostgreSQL, which is no package of ours; it runs before all others unless there is a DSN."""

METRICS = Listener("metrics", 10)
"""What the supervisor itself answers: /metrics, /healthz, /status."""

LISTENERS = (*(entry.listener for entry in PROCESSES if entry.listener is not None), METRICS)

PORT_OFFSETS = {listener.name: listener.offset for listener in LISTENERS}

VITAL = frozenset(entry.name for entry in PROCESSES if entry.is_vital)

FOLLOWERS = frozenset(entry.name for entry in PROCESSES if entry.follows)


def stages(settings: Settings) -> list[tuple[ChildSpec, ...]]:
    """List what is started side by side, stage after stage: after PostgreSQL, if it is the embedded one, the engine."""
    wanted = [entry for entry in PROCESSES if entry.name not in settings.without]
    ordered = sorted(wanted, key=lambda entry: entry.stage)
    own = [tuple(child_spec(entry, settings) for entry in group) for _, group in groupby(ordered, lambda e: e.stage)]
    return [(postgres_spec(settings.embedded),), *own] if settings.embedded else own


def child_spec(entry: Entry, settings: Settings) -> ChildSpec:
    """Describe how a process is run."""
    argv = (sys.executable, "-m", entry.package, "--data", str(settings.data.resolve()), *entry.arguments(settings))
    return ChildSpec(entry.name, argv, entry.environment(settings))


def postgres_spec(embedded: Postgres) -> ChildSpec:
    """Describe the embedded PostgreSQL as a process; it is stopped fast, and an orphan ends at once."""
    return ChildSpec(
        POSTGRES,
        embedded.argv,
        user=embedded.user,
        probe=embedded.probe,
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGQUIT,
    )
