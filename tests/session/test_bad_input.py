"""Bad input gets a clear answer and changes nothing: one row for each kind, on the wire, against the real engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest

from engine.api.link import BalanceRow
from tests.session.client import Client, cancel, order, utc_now
from tests.session.exchange import Exchange

NewId = Callable[[], str]

REJECTED = [
    ("unknown symbol", {"t55": "DOGE/USDT"}, {"t103": "1", "t20016": "1001", "t55": "DOGE/USDT"}),
    ("off-tick price", {"t44": "40000.005"}, {"t103": "99", "t20016": "1007", "t44": "40000.005"}),
    ("price of zero", {"t44": "0"}, {"t103": "99", "t20016": "1007"}),
    ("negative price", {"t44": "-40000"}, {"t103": "99", "t20016": "1007"}),
    ("off-lot quantity", {"t38": "0.000015"}, {"t103": "13", "t20016": "1008", "t38": "0.000015"}),
    ("quantity of zero", {"t38": "0"}, {"t103": "13", "t20016": "1008"}),
    ("negative quantity", {"t38": "-0.5"}, {"t103": "13", "t20016": "1008"}),
    ("too many decimals", {"t38": "0.1234567890123"}, {"t103": "13", "t20016": "1008"}),
    ("a number of 400 digits", {"t38": "9" * 400}, {"t103": "13", "t20016": "1008"}),
    ("a quantity no record holds", {"t38": "99999999999999"}, {"t103": "3", "t20016": "1003"}),
    ("a price no record holds", {"t44": "99999999999999"}, {"t103": "3", "t20016": "1003"}),
    ("notional above the limit", {"t38": "1000", "t44": "40000"}, {"t103": "3", "t20016": "1003"}),
    ("unknown account", {"t1": "NOBODY"}, {"t103": "15", "t20016": "1031"}),
    ("another firm's account", {"t1": "BRAVO"}, {"t103": "15", "t20016": "1031"}),
    ("insufficient balance", {"t38": "50", "t44": "40000"}, {"t103": "3", "t20016": "1010"}),
    ("stop order", {"t40": "3", "t99": "41000"}, {"t103": "11", "t20016": "1011", "t20006": "40"}),
    ("day order", {"t59": "0"}, {"t103": "11", "t20016": "1011", "t20006": "59"}),
    ("good till date", {"t59": "6", "t126": "20300101-00:00:00"}, {"t103": "11", "t20006": "59"}),
    ("short sale", {"t54": "5"}, {"t103": "11", "t20016": "1011", "t20006": "54"}),
    ("execution instructions", {"t18": "6"}, {"t103": "11", "t20016": "1011", "t20006": "18"}),
    ("iceberg", {"t111": "0.1"}, {"t103": "11", "t20006": "111"}),
    ("text of 65", {"t58": "x" * 65}, {"t103": "11", "t20016": "1011", "t20006": "58"}),
    ("a ClOrdID with a space", {"t11": "two words"}, {"t103": "11", "t20006": "11", "t11": "two words"}),
    ("a time 61 s ago", {"t60": utc_now(-61.5)}, {"t103": "4", "t20016": "1016"}),
    ("a time an hour ahead", {"t60": utc_now(3600)}, {"t103": "4", "t20016": "1016"}),
]
"""Refused by the exchange: an ExecutionReport with a code, on record."""

NOT_EVEN_FIX = [
    ("exponent quantity", {"t38": "1e5"}, {"t373": "6", "t371": "38"}),
    ("not a number", {"t38": "nan"}, {"t373": "6", "t371": "38"}),
    ("plus sign", {"t44": "+40000"}, {"t373": "6", "t371": "44"}),
    ("missing quantity", {"t38": None}, {"t373": "1", "t371": "38"}),
    ("missing symbol", {"t55": None}, {"t373": "1", "t371": "55"}),
    ("missing time", {"t60": None}, {"t373": "1", "t371": "60"}),
    ("tag nobody knows", {"t9999": "x"}, {"t373": "3", "t371": "9999"}),
    ("tag of another message", {"t102": "1"}, {"t373": "2", "t371": "102"}),
    ("side that does not exist", {"t54": "Z"}, {"t373": "5", "t371": "54"}),
    ("time that is none", {"t60": "yesterday"}, {"t373": "6", "t371": "60"}),
    ("empty value", {"t58": ""}, {"t373": "4", "t371": "58"}),
]
"""Refused by the dictionary: a session Reject, not on record."""

ANSWERED = [
    ("limit order without a price", {"t44": None}, {"t380": "5", "t372": "D"}),
    ("a ClOrdID of 37", {"t11": "x" * 37}, {"t380": "0", "t20016": "1011", "t20006": "11", "t379": "x" * 37}),
    ("a ClOrdID of 8-bit characters", {"t11": "caf\xe9"}, {"t380": "0", "t20016": "1011", "t20006": "11"}),
]
"""Refused before it could be put on record: a BusinessMessageReject."""


class State(msgspec.Struct, frozen=True):
    """What must not change."""

    balances: list[BalanceRow]
    open_orders: int


def state_of(exchange: Exchange) -> State:
    return State(exchange.balances(), exchange.status().open_orders)


@pytest.fixture
def unchanged(exchange: Exchange, alpha: Client, bravo: Client) -> Iterator[None]:
    """Check that the engine's state is as before, and that the other session is alive and was told nothing."""
    before = state_of(exchange)
    yield
    assert state_of(exchange) == before
    alpha.expect_silence(0.02)
    bravo.send("1", {112: "still there"})
    bravo.expect("0", t112="still there")


@pytest.mark.req("ORD-02", "FIX-13", "FIX-22", "FIX-30", "TIM-06")
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("changes", "answer"), [row[1:] for row in REJECTED], ids=[row[0] for row in REJECTED])
def test_an_order_that_cannot_be_is_rejected_on_record(
    exchange: Exchange, alpha: Client, new_id: NewId, changes: dict[str, str], answer: dict[str, str]
) -> None:
    seq = exchange.status().seq
    alpha.send("D", order(new_id(), "1", "0.5", "40000", **changes))
    report = alpha.expect("8", t150="8", t39="8", t37="NONE", t14="0", t151="0", **answer)
    assert {17, 11, 58, 60} <= set(report) and report[58].startswith(f"{report[20016]}: ")
    assert exchange.status().seq == seq + 1 == int(report[20018])


@pytest.mark.req("FIX-13", "FIX-22", "ORD-02")
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("changes", "answer"), [row[1:] for row in NOT_EVEN_FIX], ids=[row[0] for row in NOT_EVEN_FIX])
def test_a_message_that_is_not_in_the_dictionary_is_rejected_by_the_session(
    exchange: Exchange, alpha: Client, new_id: NewId, changes: dict[str, str | None], answer: dict[str, str]
) -> None:
    seq = exchange.status().seq
    number = alpha.send("D", order(new_id(), "1", "0.5", "40000", **changes))
    reject = alpha.expect("3", t45=str(number), t372="D", **answer)
    assert reject[58]
    assert exchange.status().seq == seq


@pytest.mark.req("FIX-30", "ORD-02")
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("changes", "answer"), [row[1:] for row in ANSWERED], ids=[row[0] for row in ANSWERED])
def test_what_no_record_can_carry_is_answered_on_the_session(
    exchange: Exchange, alpha: Client, new_id: NewId, changes: dict[str, str | None], answer: dict[str, str]
) -> None:
    seq = exchange.status().seq
    number = alpha.send("D", order(new_id(), "1", "0.5", "40000", **changes))
    reject = alpha.expect("j", t45=str(number), **answer)
    assert reject[58] and reject[379]
    assert exchange.status().seq == seq


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("kind", "fields", "answer"),
    [
        ("F", cancel("c-1"), {"t380": "5", "t379": "c-1"}),
        ("F", cancel("c-2", t41="not an id"), {"t380": "0", "t20006": "41", "t379": "c-2"}),
        ("F", {11: "c-3", 41: "x", 60: "20200101-00:00:00"}, {"t380": "0", "t20016": "1016", "t379": "c-3"}),
        ("H", {54: "1"}, {"t380": "5"}),
        ("H", {11: "a b"}, {"t380": "0", "t20006": "11", "t379": "a b"}),
        ("G", {11: "g-1", 41: "x", 55: "BTC/USDT", 54: "1", 38: "1", 40: "2"}, {"t380": "3", "t379": "g-1"}),
        ("q", {11: "q-1", 530: "7", 60: "20260101-00:00:00"}, {"t380": "3", "t379": "q-1"}),
        ("AF", {584: "s-1", 585: "7"}, {"t380": "3"}),
    ],
)
def test_other_requests_that_cannot_be_are_answered_with_their_id(
    alpha: Client, kind: str, fields: dict[int | str, str | int], answer: dict[str, str]
) -> None:
    number = alpha.send(kind, fields)
    alpha.expect("j", t45=str(number), t372=kind, **answer)


@pytest.mark.usefixtures("unchanged")
def test_a_message_type_of_another_market_is_rejected_by_the_session(alpha: Client) -> None:
    alpha.send("s", {54: "1"})
    alpha.expect("3", t373="11", t372="s")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"t55": "DOGE/USDT"}, {"t102": "1"}),
        ({"t54": "2"}, {"t102": "1"}),
        ({"t1": "BRAVO"}, {"t102": "1"}),
    ],
)
def test_a_cancel_that_contradicts_its_order_finds_none(
    alpha: Client, new_id: NewId, fields: dict[str, str], answer: dict[str, str]
) -> None:
    cl_ord_id = new_id()
    alpha.send("D", order(cl_ord_id, "1", "0.5", "40000"))
    alpha.expect("8", t150="0")
    alpha.send("F", cancel(new_id(), t41=cl_ord_id, **fields))
    alpha.expect("9", **answer)
    alpha.send("F", cancel(new_id(), t41=cl_ord_id))
    alpha.expect("8", t150="4")
