"""Drop copy: the same report, byte for byte, plus who entered the order (rules of engagement, section 12)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.session.client import Client, Received, cancel, order
from tests.session.exchange import Exchange, wait_until

Member = Callable[[str], Client]
NewId = Callable[[], str]

COPY_FIELDS = re.compile(rb"(?<=\x01)(797=Y|20008=[A-Z0-9-]+)\x01")


def without_copy_fields(copy: Received) -> bytes:
    return COPY_FIELDS.sub(b"", copy.body)


@pytest.fixture
def alpha_dc(member: Member) -> Client:
    return member("ALPHA-DC")


@pytest.fixture
def bravo_dc(member: Member) -> Client:
    return member("BRAVO-DC")


@pytest.mark.req("FIX-11")
def test_every_report_of_the_firm_is_copied_byte_for_byte(
    alpha: Client, bravo: Client, alpha_dc: Client, bravo_dc: Client, new_id: NewId
) -> None:
    """Accepted, filled as maker and taker, canceled, expired, rejected twice, a cancel refused: all kinds."""
    first, second, third = new_id(), new_id(), new_id()
    alpha.send("D", order(first, "1", "0.3", "50000", t58="mine"))
    alpha.expect("8", t150="0")
    bravo.send("D", order(new_id(), "2", "0.1", "50000"))
    bravo.expect("8", t150="0")
    bravo.expect("8", t150="F")
    alpha.expect("8", t150="F", t851="1")
    alpha.send("F", cancel(new_id(), t41=first))
    alpha.expect("8", t150="4")
    alpha.send("F", cancel(new_id(), t41=first))
    alpha.expect("9", t102="0")
    alpha.send("D", order(second, "1", "0.3", "50000", t59="3"))
    alpha.expect("8", t150="0")
    alpha.expect("8", t150="C")
    alpha.send("D", order(third, "1", "0.3", "50000.001"))
    alpha.expect("8", t150="8")
    alpha.send("D", order(first, "1", "0.3", "50000"))
    alpha.expect("8", t150="8")
    reports = alpha.received[-8:]
    copies = [alpha_dc.expect() for _ in reports]
    assert [without_copy_fields(copy) for copy in copies] == [report.body for report in reports]
    assert [copy[35] for copy in copies] == [report[35] for report in reports]
    assert all(copy[797] == "Y" and copy[20008] == "ALPHA" for copy in copies)
    assert [bravo_dc.expect("8", t20008="BRAVO")[150] for _ in range(2)] == ["0", "F"]
    alpha_dc.expect_silence(0.1)


def test_a_status_answer_is_not_copied(alpha: Client, alpha_dc: Client) -> None:
    alpha.send("H", {11: "nothing"})
    alpha.expect("8", t150="I")
    alpha_dc.expect_silence(0.2)


def test_two_sessions_of_a_firm_are_told_apart(member: Member, alpha_dc: Client, new_id: NewId) -> None:
    second = member("ALPHA-2")
    second.send("D", order(new_id(), "1", "0.5", "1", t1="NOBODY"))
    second.expect("8", t150="8")
    alpha_dc.expect("8", t20008="ALPHA-2")


@pytest.mark.req("FIX-06", "FIX-11")
def test_what_happened_while_away_comes_on_request_and_nothing_twice(
    exchange: Exchange, alpha: Client, alpha_dc: Client, new_id: NewId
) -> None:
    alpha_dc.drop()
    sent = [new_id() for _ in range(20)]
    for cl_ord_id in sent:
        alpha.send("D", order(cl_ord_id, "1", "0.5", "50000.001"))
        alpha.expect("8", t150="8", t11=cl_ord_id)
    before = len(alpha_dc.received)
    alpha_dc.logon()
    copies = [alpha_dc.expect("8") for _ in sent]
    assert [copy[11] for copy in copies] == sent
    assert all(copy[43] == "Y" and 122 in copy and 97 not in copy for copy in copies)
    alpha_dc.expect_silence(0.2)
    assert len(alpha_dc.received) == before + len(sent)
    assert [without_copy_fields(copy) for copy in copies] == [report.body for report in alpha.received[-len(sent) :]]


def test_drop_copy_takes_no_orders(exchange: Exchange, alpha_dc: Client) -> None:
    seq = exchange.status().seq
    alpha_dc.send("D", order("not-here", "1", "0.5", "40000"))
    alpha_dc.expect("j", t380="3", t379="not-here")
    assert exchange.status().seq == seq


def test_a_refused_reset_loses_no_copy(exchange: Exchange, alpha: Client, alpha_dc: Client, new_id: NewId) -> None:
    """Somebody without the password asks for a reset while the member is away: QuickFIX empties the store."""
    alpha_dc.drop()
    missed = new_id()
    alpha.send("D", order(missed, "1", "0.5", "50000.001"))
    alpha.expect("8", t150="8")
    copies = exchange.data / "fixgw" / "drop-copy" / "FIX.4.4-EXCH-DC-ALPHA-DC.body"
    wait_until(lambda: missed.encode() in copies.read_bytes())
    stranger = exchange.client("ALPHA-DC", password="guess")
    stranger.connect()
    stranger.send("A", {98: 0, 108: 30, 141: "Y", 553: "ALPHA-DC", 554: "guess"})
    assert [message[58] for message in stranger.expect_close()] == ["1030: logon refused"]
    alpha_dc.logon(reset=True)
    repeated = [alpha_dc.expect()]
    while repeated[-1].get(11) != missed:
        repeated.append(alpha_dc.expect())
    assert all(copy[97] == "Y" for copy in repeated)
