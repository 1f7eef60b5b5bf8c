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
    said = refusal(exchange)
    # By the checkpoint, or, where the kill came before there was one, by the last stored report.
    assert "another record" in said or "of different histories" in said


@pytest.mark.parametrize("role", ["order-entry", "drop-copy"])
def test_stores_older_than_the_journal_are_refused(exchange: Exchange, role: str) -> None:
    """An older copy would give numbers out again that members have seen: they could not log on without a reset."""
    alpha = exchange.client("ALPHA")
    alpha.logon()
    trade(alpha, 0)
    alpha.drop()
    assert exchange.gateways[role].stop() == 0
    shutil.copytree(exchange.data / "fixgw" / role, exchange.directory / "older")
    exchange.start_gateway(role)
    exchange.gateways[role].kill()
    exchange.start_gateway(role).kill()
    newer = (exchange.data / "fixgw" / role).rename(exchange.directory / "newer")
    shutil.copytree(exchange.directory / "older", exchange.data / "fixgw" / role)
    said = refusal(exchange, role)
    assert "the journal tells of a later start" in said and "older than the journal; restore both" in said
    shutil.rmtree(exchange.data / "fixgw" / role)
    newer.rename(exchange.data / "fixgw" / role)
    exchange.start_gateway(role)


def test_new_stores_are_taken_in_a_journal_that_knows_others(exchange: Exchange) -> None:
    assert exchange.gateways["order-entry"].stop() == 0
    shutil.rmtree(exchange.data / "fixgw" / "order-entry")
    for _ in range(2):
        exchange.start_gateway("order-entry")
        exchange.gateways["order-entry"].kill()


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


@pytest.mark.req("FIX-06", "REC-30")
def test_stores_whose_checkpoint_is_lost_are_refused_and_new_stores_are_told_all(exchange: Exchange) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    trade(alpha, 0)
    exchange.gateways["order-entry"].kill()
    stores = exchange.data / "fixgw" / "order-entry"
    for path in stores.glob("checkpoint*"):
        path.unlink()
    assert "no checkpoint says which of its messages were taken" in refusal(exchange)
    stores.rename(exchange.directory / "moved-away")
    exchange.start_gateway("order-entry")
    alpha = exchange.client("ALPHA")
    alpha.logon()
    for number in range(TRADED):
        alpha.expect("8", t150="0", t11=f"a{number}")


@pytest.mark.req("FIX-06")
def test_a_comp_id_that_is_new_is_told_all_since_its_registration() -> None:
    exchange = Exchange()
    try:
        members = exchange.config / "members.toml"
        text = members.read_text()
        exchange.start_engine()
        exchange.register()
        before, copy, after = text.partition("[[firm.session]]\nsession_id = 12\n")
        members.write_text(before + after.partition("\n\n")[2])
        assert copy and "ALPHA-DC" not in members.read_text()
        for role in exchange.ports:
            exchange.start_gateway(role)
        alpha = exchange.client("ALPHA")
        alpha.logon()
        trade(alpha, 0)
        assert exchange.gateways["drop-copy"].stop() == 0
        members.write_text(text)
        exchange.start_gateway("drop-copy")
        copies = exchange.client("ALPHA-DC")
        copies.logon()
        for number in range(TRADED):
            copies.expect("8", t150="0", t11=f"a{number}")
    finally:
        exchange.close()
