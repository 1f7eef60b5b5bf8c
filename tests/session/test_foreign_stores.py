"""FIX stores and a journal that do not belong together: the gateway says which, and lets nobody in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.session.client import Client, order
from tests.session.exchange import Exchange

TRADED = 20


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """An exchange of its own for each test: these swap journals."""
    venue = Exchange()
    try:
        yield venue.start()
    finally:
        venue.close()


def trade(member: Client, first: int, count: int = TRADED) -> None:
    for number in range(first, first + count):
        member.send("D", order(f"a{number}", "1", "0.001", "40000"))
        member.expect("8", t150="0", t11=f"a{number}")


def stop(exchange: Exchange) -> None:
    for gateway in exchange.gateways.values():
        gateway.kill()
    assert exchange.engine is not None
    assert exchange.engine.stop() == 0


def save(exchange: Exchange) -> None:
    """Copy what the engine keeps, as a backup does."""
    shutil.copytree(exchange.data, exchange.directory / "backup", ignore=shutil.ignore_patterns("fixgw", "*.sock"))


def restore(exchange: Exchange) -> None:
    """Put the engine's files of the backup under the stores of now."""
    shutil.move(exchange.data / "fixgw", exchange.directory / "fixgw")
    shutil.rmtree(exchange.data)
    shutil.move(exchange.directory / "backup", exchange.data)
    shutil.move(exchange.directory / "fixgw", exchange.data / "fixgw")
    exchange.start_engine()


def refusal(exchange: Exchange, role: str = "order-entry") -> str:
    """Start a gateway that must not come to ``ready``; return why."""
    with pytest.raises(AssertionError) as refused:
        exchange.start_gateway(role)
    said = str(refused.value)
    assert ("gateway_stopped" in said and "fault=ForeignStores" in said) or "fault=OtherHistory" in said
    return said


@pytest.mark.parametrize("role", ["order-entry", "drop-copy"])
def test_a_journal_older_than_the_stores_is_refused(exchange: Exchange, role: str) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    trade(alpha, 0)
    stop(exchange)
    save(exchange)
    exchange.start_engine()
    exchange.start_gateway("order-entry")
    exchange.start_gateway("drop-copy")
    alpha.drop()
    alpha.logon()
    trade(alpha, TRADED)
    stop(exchange)
    restore(exchange)
    assert "older than the stores, restore both from one backup" in refusal(exchange, role)


def test_a_journal_that_went_another_way_is_refused(exchange: Exchange) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    trade(alpha, 0)
    stop(exchange)
    save(exchange)
    exchange.start_engine()
    exchange.start_gateway("order-entry")
    alpha.drop()
    alpha.logon()
    trade(alpha, TRADED)
    stop(exchange)
    restore(exchange)
    shutil.move(exchange.data / "fixgw", exchange.directory / "fixgw")
    exchange.start_gateway("order-entry")
    other = exchange.client("BRAVO")
    other.logon()
    trade(other, 0, 3 * TRADED)
    stop(exchange)
    shutil.rmtree(exchange.data / "fixgw")
    shutil.move(exchange.directory / "fixgw", exchange.data / "fixgw")
    exchange.start_engine()
    assert "another record" in refusal(exchange)


def test_stores_of_another_exchange_are_refused(exchange: Exchange) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    trade(alpha, 0)
    stop(exchange)
    for part in exchange.data.iterdir():
        if part.name != "fixgw":
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    exchange.start_engine()
    exchange.register()
    said = refusal(exchange)
    assert "the FIX stores belong to journal" in said
