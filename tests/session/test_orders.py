"""Conversations about orders: what a member sends, what it is answered (rules of engagement, sections 5 to 8, 11)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fixgw.desk import TURN_MAX
from tests.session.client import Client, Received, cancel, order
from tests.session.exchange import Exchange

Member = Callable[[str], Client]
NewId = Callable[[], str]

ALWAYS = {37, 17, 150, 39, 11, 55, 54, 38, 40, 59, 151, 14, 6, 60, 1, 20018}
ON_TRADE = {31, 32, 880, 527, 851, 75, 136, 137, 138, 139, 381}


def enter(member: Client, cl_ord_id: str, side: str, qty: str, price: str | None, **changes: str) -> Received:
    member.send("D", order(cl_ord_id, side, qty, price, **changes))
    return member.expect("8", t150="0", t39="0", t11=cl_ord_id)


def leave(member: Client, cl_ord_id: str, request: str) -> None:
    member.send("F", cancel(request, t41=cl_ord_id))
    member.expect("8", t150="4", t11=request, t41=cl_ord_id)


@pytest.mark.req("ORD-03", "ORD-04", "FIX-24", "FIX-25")
def test_an_accepted_order_is_confirmed_with_all_its_terms(alpha: Client, new_id: NewId) -> None:
    cl_ord_id = new_id()
    report = enter(alpha, cl_ord_id, "1", "0.5", "40000", t58="hello", t1="ALPHA")
    assert ALWAYS | {44, 636, 58} <= set(report)
    assert report[37] != "NONE" and report[37][14] == "7"
    told = {tag: report[tag] for tag in (1, 55, 54, 38, 40, 44, 59, 151, 14, 6, 636, 58)}
    assert told == {
        1: "ALPHA", 55: "BTC/USDT", 54: "1", 38: "0.5", 40: "2", 44: "40000", 59: "1",
        151: "0.5", 14: "0", 6: "0", 636: "Y", 58: "hello",
    }  # fmt: skip
    epoch, seq, number = report[17].split("-")
    assert seq == report[20018] and number == "0" and int(epoch) > 0
    assert len(report[60]) == len(report[52]) == len("20260101-00:00:00.000000")
    leave(alpha, cl_ord_id, new_id())


@pytest.mark.req("ORD-05", "TRD-03", "TRD-05", "FIX-23", "FIX-25")
def test_a_fill_reaches_both_sides_at_the_makers_price(alpha: Client, bravo: Client, new_id: NewId) -> None:
    maker, taker = new_id(), new_id()
    accepted = enter(bravo, maker, "2", "0.5", "50000")
    alpha.send("D", order(taker, "1", "0.2", "50010"))
    alpha.expect("8", t150="0", t11=taker)
    taken = alpha.expect("8", t150="F", t39="2", t11=taker, t31="50000", t32="0.2", t14="0.2", t151="0", t6="50000")
    made = bravo.expect("8", t150="F", t39="1", t11=maker, t31="50000", t32="0.2", t14="0.2", t151="0.3", t6="50000")
    assert set(taken) & set(made) >= ALWAYS | ON_TRADE
    assert taken[880] == made[880] and taken[17] != made[17] and taken[20018] == made[20018]
    assert (taken[851], made[851], taken[381]) == ("2", "1", "10000")
    assert (taken[137], made[137], taken[138], taken[139]) == ("10", "2", "USDT", "4")
    assert made[37] == accepted[37]
    leave(bravo, maker, new_id())


@pytest.mark.req("FIX-25")
def test_the_average_price_of_two_fills_is_exact_to_the_ledgers_scale(
    alpha: Client, bravo: Client, new_id: NewId
) -> None:
    enter(bravo, new_id(), "2", "0.1", "50000")
    enter(bravo, new_id(), "2", "0.2", "50000.01")
    alpha.send("D", order(new_id(), "1", "0.3", "50001"))
    alpha.expect("8", t150="0")
    assert alpha.expect("8", t150="F", t39="1")[6] == "50000"
    assert alpha.expect("8", t150="F", t39="2")[6] == "50000.00666667"


@pytest.mark.req("RES-05", "ORD-13")
def test_the_rest_of_an_ioc_order_expires(alpha: Client, bravo: Client, new_id: NewId) -> None:
    maker, taker = new_id(), new_id()
    enter(bravo, maker, "2", "0.1", "50000")
    bravo.drain()
    alpha.send("D", order(taker, "1", "0.3", "50000", t59="3"))
    alpha.expect("8", t150="0", t59="3")
    alpha.expect("8", t150="F", t39="1", t151="0.2")
    alpha.expect("8", t150="C", t39="C", t14="0.1", t151="0", t20016="1017")


@pytest.mark.req("RES-05")
def test_a_fok_order_that_cannot_be_filled_expires_untouched(alpha: Client, bravo: Client, new_id: NewId) -> None:
    maker = new_id()
    enter(bravo, maker, "2", "0.1", "50000")
    alpha.send("D", order(new_id(), "1", "0.3", "50000", t59="4"))
    alpha.expect("8", t150="0")
    gone = alpha.expect("8", t150="C", t39="C", t14="0", t151="0", t20016="1014")
    assert gone[58] == "1014: FOK not fillable"
    bravo.expect_silence(0.2)
    leave(bravo, maker, new_id())


@pytest.mark.req("ORD-15", "RES-09")
def test_a_market_order_without_a_time_in_force_is_ioc(alpha: Client, bravo: Client, new_id: NewId) -> None:
    maker = new_id()
    enter(bravo, maker, "2", "0.1", "50000")
    alpha.send("D", order(new_id(), "1", "0.1", None))
    accepted = alpha.expect("8", t150="0", t40="1", t59="3")
    assert 44 not in accepted
    alpha.expect("8", t150="F", t39="2", t31="50000")
    alpha.send("D", order(new_id(), "1", "0.1", None))
    alpha.expect("8", t150="0")
    alpha.expect("8", t150="C", t39="C", t20016="1018")


@pytest.mark.req("ORD-08")
def test_self_trade_cancels_the_aggressor_unasked(alpha: Client, new_id: NewId) -> None:
    resting, aggressor = new_id(), new_id()
    enter(alpha, resting, "2", "0.1", "50000")
    enter(alpha, aggressor, "1", "0.1", "50000")
    report = alpha.expect("8", t150="4", t39="4", t11=aggressor, t378="99", t20016="1015")
    assert 41 not in report
    leave(alpha, resting, new_id())


@pytest.mark.req("ORD-09", "FIX-25")
def test_a_cancel_is_answered_once_and_names_both_ids(alpha: Client, new_id: NewId) -> None:
    cl_ord_id, request = new_id(), new_id()
    enter(alpha, cl_ord_id, "1", "0.5", "40000")
    alpha.send("F", cancel(request, t41=cl_ord_id, t55="BTC/USDT", t54="1"))
    report = alpha.expect("8", t150="4", t39="4", t11=request, t41=cl_ord_id, t14="0", t151="0")
    assert 378 not in report and 20016 not in report
    alpha.expect_silence(0.2)


def test_order_id_wins_over_the_client_id(alpha: Client, new_id: NewId) -> None:
    accepted = enter(alpha, new_id(), "1", "0.5", "40000")
    alpha.send("F", cancel(new_id(), t37=accepted[37], t41="somebody-else"))
    alpha.expect("8", t150="4", t41=accepted[11])


def test_another_session_of_the_firm_may_cancel_and_both_are_told(alpha: Client, member: Member, new_id: NewId) -> None:
    second = member("ALPHA-2")
    accepted, request = enter(alpha, new_id(), "1", "0.5", "40000"), new_id()
    second.send("F", cancel(request, t37=accepted[37]))
    asked = second.expect("8", t150="4", t11=request, t41=accepted[11])
    told = alpha.expect("8", t150="4", t11=request, t41=accepted[11])
    assert asked.body == told.body


def test_a_session_without_a_default_account_must_name_one(member: Member, new_id: NewId) -> None:
    second = member("ALPHA-2")
    second.send("D", order(new_id(), "1", "0.5", "40000"))
    second.expect("8", t150="8", t103="15", t20016="1031")
    cl_ord_id = new_id()
    enter(second, cl_ord_id, "1", "0.5", "40000", t1="ALPHA")
    leave(second, cl_ord_id, new_id())


@pytest.mark.req("RES-10")
def test_a_cancel_of_an_order_that_is_gone_names_its_real_state(alpha: Client, bravo: Client, new_id: NewId) -> None:
    cl_ord_id, request = new_id(), new_id()
    enter(alpha, cl_ord_id, "1", "0.1", "50000")
    enter(bravo, new_id(), "2", "0.1", "50000")
    alpha.expect("8", t150="F", t39="2")
    alpha.send("F", cancel(request, t41=cl_ord_id))
    answer = alpha.expect("9", t39="2", t102="0", t434="1", t11=request, t41=cl_ord_id, t20016="1004")
    assert answer[37] != "NONE" and {60, 58, 20018} <= set(answer)


@pytest.mark.parametrize("named", [{"t41": "never-sent"}, {"t37": "no-order-id"}])
def test_a_cancel_of_an_unknown_order_finds_none(alpha: Client, new_id: NewId, named: dict[str, str]) -> None:
    alpha.send("F", cancel(new_id(), **named))
    alpha.expect("9", t37="NONE", t39="8", t102="1", t20016="1005", t41=named.get("t41", "NONE"))


def test_a_firm_cannot_see_or_cancel_anothers_order(alpha: Client, bravo: Client, new_id: NewId) -> None:
    cl_ord_id = new_id()
    accepted = enter(alpha, cl_ord_id, "1", "0.5", "40000")
    bravo.send("F", cancel(new_id(), t37=accepted[37]))
    bravo.expect("9", t37="NONE", t39="8", t102="1")
    bravo.send("H", {37: accepted[37], 54: "1", 55: "BTC/USDT"})
    bravo.expect("8", t150="I", t39="8", t37="NONE", t103="5")
    alpha.expect_silence(0.2)
    leave(alpha, cl_ord_id, new_id())


@pytest.mark.req("FIX-26")
def test_a_status_request_repeats_the_last_report(alpha: Client, new_id: NewId) -> None:
    cl_ord_id, request = new_id(), new_id()
    accepted = enter(alpha, cl_ord_id, "1", "0.5", "40000")
    alpha.send("H", {11: cl_ord_id, 55: "BTC/USDT", 54: "1", 790: request})
    alpha.expect("8", t150="I", t39="0", t17=accepted[17], t37=accepted[37], t790=request, t151="0.5")
    leave(alpha, cl_ord_id, new_id())
    alpha.send("H", {37: accepted[37]})
    alpha.expect("8", t150="I", t39="4", t11=cl_ord_id, t151="0")


def test_a_status_request_for_an_unknown_order_says_so(alpha: Client, new_id: NewId) -> None:
    cl_ord_id = new_id()
    alpha.send("H", {11: cl_ord_id, 55: "BTC/USDT", 54: "1"})
    alpha.expect("8", t150="I", t39="8", t103="5", t37="NONE", t11=cl_ord_id, t20016="1005")


@pytest.mark.req("FIX-26")
def test_a_duplicate_is_rejected_and_names_the_original(alpha: Client, new_id: NewId, exchange: Exchange) -> None:
    cl_ord_id = new_id()
    accepted = enter(alpha, cl_ord_id, "1", "0.5", "40000")
    alpha.send("D", order(cl_ord_id, "2", "0.1", "60000"))
    alpha.expect("8", t150="8", t39="8", t103="6", t20016="1006", t198=accepted[37], t37="NONE", t54="2")
    open_orders = exchange.status().open_orders
    alpha.send("D", order(cl_ord_id, "1", "0.5", "40000"), header={97: "Y"})
    alpha.expect("8", t150="I", t39="0", t17=accepted[17], t11=cl_ord_id)
    assert exchange.status().open_orders == open_orders
    leave(alpha, cl_ord_id, new_id())


@pytest.mark.req("FIX-26")
def test_a_copy_of_an_order_that_never_arrived_is_an_order(alpha: Client, new_id: NewId) -> None:
    cl_ord_id = new_id()
    alpha.send("D", order(cl_ord_id, "1", "0.5", "40000"), header={97: "Y"})
    alpha.expect("8", t150="0", t11=cl_ord_id)
    leave(alpha, cl_ord_id, new_id())


def test_a_copy_that_comes_too_late_is_answered_by_the_orders_state(alpha: Client, new_id: NewId) -> None:
    cl_ord_id = new_id()
    accepted = enter(alpha, cl_ord_id, "1", "0.5", "40000")
    alpha.send("D", order(cl_ord_id, "1", "0.5", "40000", t60="20200101-00:00:00"), header={97: "Y"})
    alpha.expect("8", t150="I", t39="0", t17=accepted[17])
    alpha.send("D", order(new_id(), "1", "0.5", "40000", t60="20200101-00:00:00"), header={97: "Y"})
    alpha.expect("8", t150="I", t39="8", t103="5")
    leave(alpha, cl_ord_id, new_id())


@pytest.mark.req("RES-07")
def test_bursts_of_two_members_are_answered_in_order(alpha: Client, bravo: Client, new_id: NewId) -> None:
    """Several times what the desk takes at one turn, from two threads of QuickFIX."""
    sent = {member: [new_id() for _ in range(5 * TURN_MAX)] for member in (alpha, bravo)}
    for member, ids in sent.items():
        burst = b"".join(
            member.encode("D", order(cl_ord_id, "1", "0.001", "30000"), member.next_out + n)
            for n, cl_ord_id in enumerate(ids)
        )
        member.next_out += len(ids)
        member.send_raw(burst)
    for member, ids in sent.items():
        assert [member.expect("8", t150="0")[11] for _ in ids] == ids
    for member, ids in sent.items():
        for cl_ord_id in ids:
            leave(member, cl_ord_id, new_id())
