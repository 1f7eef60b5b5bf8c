"""Commands of operations to a running exchange: one each, and what became of it."""

from __future__ import annotations

from pathlib import Path

from engine.api.commands import Command, OpenAccount
from engine.api.events import CommandRefused, MassCancelRejected
from engine.api.instrument import Instrument
from engine.api.registry import Registry
from engine.api.rejects import describe
from engine.api.wire import Record, encode_command
from engine.client import submit_and_wait
from engine.standing import load_registry
from ops.directory import journal_of
from ops.errors import CheckFailed

ANSWER_S_MAX = 10.0
"""How long a command of operations is waited for."""


def command_engine(data: Path, command: Command) -> Record:
    """Submit one command and return its record. Raises: CheckFailed when it was refused, LinkError."""
    (record,) = submit_and_wait(data, "operations", [encode_command(command)], ANSWER_S_MAX)
    for event in record.events:
        if isinstance(event, CommandRefused | MassCancelRejected):
            raise CheckFailed(f"the engine refused it: {describe(event.code)}")
    return record


def registry_of(data: Path) -> Registry:
    """Read what has been registered. Raises: Unreachable when there is no journal."""
    return load_registry(journal_of(data).parent)


def instrument_of(registry: Registry, symbol: str) -> Instrument:
    """Find a listed instrument by its symbol. Raises: CheckFailed naming those there are."""
    for instrument in registry.instruments.values():
        if instrument.symbol == symbol:
            return instrument
    known = ", ".join(sorted(i.symbol for i in registry.instruments.values()))
    raise CheckFailed(f"no instrument is called {symbol}; there are {known}")


def account_of(registry: Registry, name: str) -> OpenAccount:
    """Find an account by its name. Raises: CheckFailed."""
    for account in registry.accounts.values():
        if account.name == name:
            return account
    raise CheckFailed(f"no account is called {name}")
