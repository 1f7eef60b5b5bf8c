"""One exchange for each module, and its members, logged on when a test asks for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.session.client import Client
from tests.session.exchange import Exchange

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    venue = Exchange()
    try:
        yield venue.start()
    finally:
        venue.close()


@pytest.fixture(scope="module")
def clients(exchange: Exchange) -> Iterator[dict[str, Client]]:
    known: dict[str, Client] = {}
    yield known
    for client in known.values():
        client.drop()


@pytest.fixture
def member(exchange: Exchange, clients: dict[str, Client]) -> Callable[[str], Client]:
    """Return a member that is logged on and has read all it was sent."""

    def ready(comp_id: str) -> Client:
        client = clients.setdefault(comp_id, exchange.client(comp_id))
        if not client.is_connected:
            client.logon()
        client.drain()
        return client

    return ready


@pytest.fixture
def alpha(member: Callable[[str], Client]) -> Client:
    return member("ALPHA")


@pytest.fixture
def bravo(member: Callable[[str], Client]) -> Client:
    return member("BRAVO")


@pytest.fixture
def new_id() -> Callable[[], str]:
    """Return ClOrdIDs nobody has used."""
    return lambda: f"id-{next(_numbers)}"
