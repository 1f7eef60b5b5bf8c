"""Commands of operations to a running exchange: one each, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from engine.api.commands import Command, OpenAccount, RegisterFirm, RegisterSession
from engine.api.errors import LinkError
from engine.api.events import CommandRefused, MassCancelRejected
from engine.api.instrument import Instrument
from engine.api.registry import Registry
from engine.api.rejects import describe
from engine.api.wire import Record, encode_command
from engine.client import submit_and_wait
from engine.standing import load_registry
from ops.directory import existing, is_held, journal_of
from ops.errors import CheckFailed, Unreachable

_Named = TypeVar("_Named")

ANSWER_S_MAX = 10.0
"""How long a command of operations is waited for."""


def command_engine(data: Path, command: Command) -> Record:
    """Submit one command and return its record. Raises: CheckFailed when it was refused, Unreachable, LinkError."""
    with with_engine(data):
        (record,) = submit_and_wait(data, "operations", [encode_command(command)], ANSWER_S_MAX)
    for event in record.events:
        if isinstance(event, CommandRefused | MassCancelRejected):
            raise CheckFailed(f"the engine refused it: {describe(event.code)}")
    return record


@contextmanager
def with_engine(data: Path) -> Iterator[None]:
    """Say what to do when no exchange runs on ``data``. Raises: Unreachable."""
    try:
        yield
    except LinkError as error:
        if is_held(existing(data)):
            raise
        raise Unreachable(f"no exchange runs on {data}: start one with exchange run --data {data}") from error


def registry_of(data: Path) -> Registry:
    """Read what has been registered. Raises: Unreachable when there is no journal."""
    return load_registry(journal_of(data).parent)


def accounts_of(registry: Registry, name: str) -> list[OpenAccount]:
    """Find the accounts of a firm, or the one account, of that name. Raises: CheckFailed naming the firms."""
    names = [firm.name for firm in registry.firms.values()] + [account.name for account in registry.accounts.values()]
    known = _called(name, names)
    if known is None:
        firms = ", ".join(sorted(firm.name for firm in registry.firms.values()))
        raise CheckFailed(f"no firm or account is called {name}; the firms are {firms}")
    return registry.firm_accounts(known)


def instrument_of(registry: Registry, symbol: str) -> Instrument:
    """Find a listed instrument by its symbol. Raises: CheckFailed naming those there are."""
    return _one_of("instrument", {listed.symbol: listed for listed in registry.instruments.values()}, symbol)


def account_of(registry: Registry, name: str) -> OpenAccount:
    """Find an account by its name. Raises: CheckFailed naming those there are."""
    return _one_of("account", {account.name: account for account in registry.accounts.values()}, name)


def firm_of(registry: Registry, name: str) -> RegisterFirm:
    """Find a firm by its name. Raises: CheckFailed naming those there are."""
    return _one_of("firm", {firm.name: firm for firm in registry.firms.values()}, name)


def session_of(registry: Registry, comp_id: str) -> RegisterSession:
    """Find a session by its CompID. Raises: CheckFailed naming those there are."""
    return _one_of("CompID", {session.comp_id: session for session in registry.sessions.values()}, comp_id)


def _one_of(kind: str, known: dict[str, _Named], wanted: str) -> _Named:
    name = _called(wanted, known)
    if name is None:
        raise CheckFailed(f"no {kind} is called {wanted}; there are {', '.join(sorted(known))}")
    return known[name]


def _called(wanted: str, names: Iterable[str]) -> str | None:
    """Find a name, exactly as it is or else in any case; None when there is none, or several in other cases."""
    known = dict.fromkeys(names)
    if wanted in known:
        return wanted
    alike = [name for name in known if name.casefold() == wanted.casefold()]
    return alike[0] if len(alike) == 1 else None
