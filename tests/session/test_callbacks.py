"""An exception inside a callback of QuickFIX is logged and answered; the process and its sessions go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.session.client import Client, order
from tests.session.exchange import Exchange

FAULTY = str(Path(__file__).with_name("faulty_gateway.py"))
EXCEPTIONS = ["ValueError", "SystemExit", "KeyboardInterrupt"]


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    venue = Exchange()
    try:
        venue.start_engine()
        venue.register()
        yield venue
    finally:
        venue.close()


def faulty(exchange: Exchange, work: str, exception: str) -> Client:
    """Start the gateway with a bug and return a client that is not yet connected."""
    if "order-entry" in exchange.gateways:
        exchange.gateways["order-entry"].kill()
        exchange.gateways["order-entry"].log.unlink()
    exchange.start_gateway("order-entry", [FAULTY, work, exception])
    return exchange.client("ALPHA")


def trades_on(exchange: Exchange, member: Client, cl_ord_id: str) -> None:
    """Check that the member's session works, that another can log on, and that the bug was hit and logged."""
    member.send("D", order(cl_ord_id, "1", "0.001", "40000"))
    member.expect("8", t150="0", t11=cl_ord_id)
    other = exchange.client("BRAVO")
    other.logon(reset=True)
    other.logout()
    gateway = exchange.gateways["order-entry"]
    assert gateway.is_running and "planted" in gateway.log.read_text()
    member.drop()


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_a_fault_while_a_message_is_taken_is_answered(exchange: Exchange, exception: str) -> None:
    member = faulty(exchange, "message", exception)
    member.logon(reset=True)
    member.drain(0.3)
    seq = exchange.status().seq
    member.send("D", order(f"take-{exception}", "1", "0.001", "40000"))
    member.expect("j", t380="4", t20016="1050", t379=f"take-{exception}", t372="D")
    assert exchange.status().seq == seq
    trades_on(exchange, member, f"take-{exception}")


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_a_fault_while_a_logon_is_checked_refuses_it(exchange: Exchange, exception: str) -> None:
    member = faulty(exchange, "logon", exception)
    member.connect()
    member.send("A", {98: 0, 108: 30, 141: "Y", 553: "ALPHA", 554: "dev-alpha"})
    (said,) = member.expect_close()
    assert said[58] == "1030: logon refused"
    member.logon(reset=True)
    member.drain(0.3)
    trades_on(exchange, member, f"admin-{exception}")


@pytest.mark.parametrize("exception", EXCEPTIONS[:2])
@pytest.mark.parametrize("callback", ["logged_on", "logged_out", "complete"])
def test_a_fault_around_the_session_leaves_it_working(exchange: Exchange, callback: str, exception: str) -> None:
    member = faulty(exchange, callback, exception)
    member.logon(reset=True)
    member.drain(0.3)
    member.logout()
    member.logon(reset=True)
    member.drain(0.3)
    trades_on(exchange, member, f"{callback}-{exception}")
