"""No report is lost and none comes twice: kill -9 of the gateway and the engine, resets, long absence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.api.wire import decode_records
from engine.client import read_journal
from tests.session.client import Client, Disconnected, Received, cancel, order
from tests.session.exchange import Exchange, wait_until


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """An exchange of its own for each test: these kill processes."""
    venue = Exchange()
    try:
        yield venue.start()
    finally:
        venue.close()


def enter(member: Client, cl_ord_id: str, qty: str = "0.5", price: str = "40000") -> Received:
    member.send("D", order(cl_ord_id, "1", qty, price))
    return member.expect("8", t150="0", t11=cl_ord_id)


def exec_ids(messages: list[Received]) -> list[str]:
    return [message[17] for message in messages if message[35] == "8"]


def sent_to(exchange: Exchange, comp_id: str) -> bytes:
    """Read how far the gateway has noted that reports were stored: a moment after a member has them."""
    return (exchange.data / "fixgw" / "order-entry" / f"{comp_id}.sent").read_bytes()[16:24]


@pytest.mark.req("FIX-06", "ORD-19")
@pytest.mark.parametrize("role", ["order-entry", "drop-copy"])
def test_a_killed_gateway_delivers_the_rest_and_nothing_twice(exchange: Exchange, role: str) -> None:
    """Fifty orders before the kill, fifty fills after it; one side reads them only when all has happened."""
    alpha, bravo, copies = exchange.client("ALPHA"), exchange.client("BRAVO"), exchange.client("ALPHA-DC")
    for member in (alpha, bravo, copies):
        member.logon()
    for number in range(50):
        enter(alpha, f"a{number}", "0.01", "50000")
    exchange.gateways[role].kill()
    if role == "order-entry":
        alpha.drop()
        bravo.drop()
        exchange.start_gateway(role)
        bravo.logon()
    for number in range(50):
        bravo.send("D", order(f"b{number}", "2", "0.01", "50000"))
        bravo.expect("8", t150="0", t11=f"b{number}")
        bravo.expect("8", t150="F", t11=f"b{number}")
    if role == "order-entry":
        alpha.logon()
    else:
        for number in range(50):
            alpha.expect("8", t150="F", t11=f"a{number}")
        copies.drop()
        exchange.start_gateway(role)
        copies.logon()
    reader = alpha if role == "order-entry" else copies
    wait_for_reports(reader, 100)
    reader.expect_silence(0.3)
    seen = exec_ids(reader.received)
    assert len(seen) == len(set(seen)) == 100
    assert not any(97 in message for message in reader.received)
    positions = [(int(message[20018]), int(message[17].split("-")[2])) for message in reader.received]
    assert positions == sorted(positions)


def wait_for_reports(member: Client, count: int) -> None:
    wait_until(lambda: member.drain(0.1) is not None and len(member.received) >= count)


@pytest.mark.req("FIX-06", "ORD-19")
def test_reports_between_the_engine_and_the_store_are_not_lost_by_kills(exchange: Exchange) -> None:
    """Kill under load, again and again: every acknowledged order is acknowledged once."""
    alpha = exchange.client("ALPHA")
    alpha.logon()
    sent = 0
    for _ in range(5):
        stop = threading.Timer(0.15, exchange.gateways["order-entry"].kill)
        stop.start()
        try:
            while True:
                alpha.send("D", order(f"k{sent}", "1", "0.0005", "40000"))
                sent += 1
                alpha.drain(0.0005)
        except (OSError, Disconnected):
            alpha.drop()
        stop.join()
        exchange.start_gateway("order-entry")
        alpha.logon()
        alpha.drain(0.3)
    seen = exec_ids(alpha.received)
    assert len(seen) == len(set(seen)) > 50
    assert not any(97 in message for message in alpha.received)
    accepted = [message[11] for message in alpha.received if message[150] == "0"]
    assert len(accepted) == exchange.status().open_orders


@pytest.mark.req("FIX-07", "FIX-26")
def test_after_a_reset_unseen_reports_come_again_marked(exchange: Exchange) -> None:
    alpha, bravo = exchange.client("ALPHA"), exchange.client("BRAVO")
    alpha.logon()
    bravo.logon()
    at = sent_to(exchange, "ALPHA")
    accepted = enter(alpha, "a1", "0.5", "50000")
    wait_until(lambda: sent_to(exchange, "ALPHA") != at)
    alpha.drop()
    at = sent_to(exchange, "ALPHA")
    bravo.send("D", order("b1", "2", "0.2", "50000"))
    bravo.expect("8", t150="0")
    bravo.expect("8", t150="F")
    wait_until(lambda: sent_to(exchange, "ALPHA") != at)
    answer = alpha.logon(reset=True)
    assert answer[34] == "1"
    again = alpha.expect("8", t150="0", t97="Y")
    assert again[17] == accepted[17] and again.body == accepted.body
    fill = alpha.expect("8", t150="F", t97="Y", t32="0.2")
    assert 43 not in fill and (again[34], fill[34]) == ("2", "3")
    alpha.send("F", cancel("a2", t41="a1"))
    live = alpha.expect("8", t150="4")
    assert 97 not in live
    alpha.expect_silence(0.2)


@pytest.mark.req("FIX-07")
def test_a_gateway_killed_in_the_middle_of_a_recovery_goes_on_with_it(exchange: Exchange) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    before = [enter(alpha, f"a{number}", "0.001")[17] for number in range(200)]
    alpha.drop()
    alpha.logon(reset=True)
    exchange.gateways["order-entry"].kill()
    alpha.drop()
    exchange.start_gateway("order-entry")
    alpha.next_out = max(alpha.next_out, 2)
    alpha.received.clear()
    alpha.logon(reset=True)
    wait_for_reports(alpha, 200)
    alpha.expect_silence(0.3)
    assert [message[17] for message in alpha.received] == before
    assert all(message[97] == "Y" for message in alpha.received)


def test_reports_seen_long_ago_do_not_come_again(exchange: Exchange) -> None:
    """Three heartbeat intervals after a report the member has surely had it, while it stayed connected."""
    alpha = exchange.client("ALPHA", heart_bt_int=5)
    alpha.logon()
    enter(alpha, "old")
    for _ in range(17):
        alpha.drain(1.0)
        alpha.send("0", {})
    enter(alpha, "new")
    alpha.drop()
    alpha.logon(reset=True)
    alpha.expect("8", t97="Y", t11="new")
    alpha.expect_silence(0.3)


@pytest.mark.req("FIX-30")
def test_without_the_engine_every_request_is_answered_and_none_is_lost(exchange: Exchange) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    enter(alpha, "a1")
    assert exchange.engine is not None
    exchange.engine.kill()
    alpha.send("D", order("in-time", "1", "0.5", "40000"))

    def is_away() -> bool:
        alpha.send("H", {11: "a1"})
        answer = alpha.next_message(0.2)
        return answer is not None and answer[35] == "j" and answer[380] == "4" and answer[379] == "a1"

    wait_until(is_away)
    alpha.send("D", order("too-late", "1", "0.5", "40000"))
    alpha.expect("j", t380="4", t379="too-late", t372="D")
    exchange.start_engine()
    alpha.expect("8", t150="0", t11="in-time")
    alpha.drain(0.3)
    alpha.send("H", {11: "too-late"})
    alpha.expect("8", t150="I", t39="8", t103="5")
    enter(alpha, "a2")


def test_a_copy_sent_after_a_kill_does_not_enter_twice(exchange: Exchange) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    accepted = enter(alpha, "a1")
    exchange.gateways["order-entry"].kill()
    alpha.drop()
    exchange.start_gateway("order-entry")
    alpha.logon()
    alpha.send("D", order("a1", "1", "0.5", "40000"), header={97: "Y"})
    alpha.expect("8", t150="I", t17=accepted[17])
    assert exchange.status().open_orders == 1


def status_of(member: Client, cl_ord_id: str) -> Received:
    member.send("H", {11: cl_ord_id, 55: "BTC/USDT", 54: "1"})
    return member.expect("8", t150="I")


@pytest.mark.req("FIX-06")
def test_a_restarted_gateway_knows_orders_that_are_open_and_closed_as_before(exchange: Exchange) -> None:
    """It starts after both: what it tells is from the shared fold, ExecID <17> of their last reports included."""
    alpha, bravo = exchange.client("ALPHA"), exchange.client("BRAVO")
    alpha.logon()
    bravo.logon()
    for cl_ord_id in ("open", "filled"):
        enter(alpha, cl_ord_id, "0.3", "50000")
    bravo.send("D", order("b1", "2", "0.1", "50000"))
    alpha.expect("8", t150="F", t11="open")
    bravo.send("D", order("b2", "2", "0.5", "50000"))
    alpha.expect("8", t150="F", t11="open")
    alpha.expect("8", t150="F", t11="filled")
    enter(alpha, "resting", "0.3", "40000")
    before = [status_of(alpha, cl_ord_id) for cl_ord_id in ("open", "filled", "resting")]
    exchange.gateways["order-entry"].stop()
    alpha.drop()
    exchange.start_gateway("order-entry")
    alpha.logon()
    after = [status_of(alpha, cl_ord_id) for cl_ord_id in ("open", "filled", "resting")]
    assert [without_place(report) for report in after] == [without_place(report) for report in before]


def without_place(status: Received) -> dict[int, str]:
    """Return the fields but those of the header and trailer, and what each answer has of its own."""
    return {tag: value for tag, value in status.items() if tag not in (8, 9, 10, 34, 52, 60, 20018)}


@pytest.mark.parametrize("role", ["order-entry", "drop-copy"])
def test_a_gateway_that_is_told_to_stop_says_goodbye(exchange: Exchange, role: str) -> None:
    member = exchange.client("ALPHA" if role == "order-entry" else "ALPHA-DC")
    member.logon()
    with ThreadPoolExecutor(1) as other:
        stopping = other.submit(exchange.gateways[role].stop)
        goodbye = member.expect("5")
        assert goodbye[58] == "the exchange is stopping" and 789 in goodbye
        member.send("5", {})
        assert stopping.result() == 0


def test_a_second_gateway_of_a_role_refuses_to_start(exchange: Exchange) -> None:
    with pytest.raises(AssertionError, match="another gateway holds"):
        exchange.start_gateway("order-entry")


def test_a_member_that_stops_reading_is_cut_and_misses_nothing(exchange: Exchange) -> None:
    """Its socket fills up and QuickFIX blocks; after five seconds the kernel cuts it, and the others go on."""
    lazy, brisk = exchange.client("ALPHA"), exchange.client("BRAVO")
    lazy.logon()
    brisk.logon()
    orders = [lazy.encode("D", order(f"z{n}", "1", "1", "1.001"), lazy.next_out + n) for n in range(60_000)]
    with pytest.raises(ConnectionError):
        lazy.send_raw(b"".join(orders))
    brisk.send("D", order("brisk", "1", "0.001", "40000"))
    wait_until(lambda: [m for m in brisk.drain(0.1) if m.get(11) == "brisk"])
    lazy.drop()
    lazy.next_out = 100_000
    lazy.logon()
    taken = [r for chunk in read_journal(exchange.data / "journal") for r in decode_records(chunk) if r.source == 11]
    wait_until(lambda: lazy.drain(0.1) is not None and len(exec_ids(lazy.received)) >= len(taken))
    lazy.drain(0.3)
    answered_at_once = [message for message in lazy.received if message[35] != "8"]
    assert all(message[35] == "j" and message[380] == "4" for message in answered_at_once)
    reports = exec_ids(lazy.received)
    assert len(set(reports)) == len(reports) == len(taken) > 1000


def lose_orders(exchange: Exchange, alpha: Client, count: int) -> None:
    """Kill the gateway as if QuickFIX had counted ``count`` orders that never became commands; log on again."""
    exchange.gateways["order-entry"].kill()
    alpha.drop()
    for number in range(count):
        alpha.remember("D", order(f"lost{number}", "1", "0.5", "40000"))
    numbers = exchange.data / "fixgw" / "order-entry" / "FIX.4.4-EXCH-OE-ALPHA.seqnums"
    sender, expected = (int(part) for part in numbers.read_text().split(":"))
    numbers.write_text(f"{sender:010d} : {expected + count:010d}")
    exchange.start_gateway("order-entry")
    alpha.logon()


@pytest.mark.req("FIX-06", "ORD-19", "REC-22")
def test_what_a_killed_gateway_had_received_and_not_passed_on_is_asked_for_again(exchange: Exchange) -> None:
    """Three orders QuickFIX counted as received, and no command came of: the member is asked, and they are entered."""
    alpha = exchange.client("ALPHA")
    alpha.logon()
    enter(alpha, "kept")
    lose_orders(exchange, alpha, 3)
    for number in range(3):
        alpha.expect("8", t150="0", t11=f"lost{number}")
    alpha.expect_silence(0.3)
    assert len(exec_ids(alpha.received)) == 4


@pytest.mark.req("FIX-07")
def test_a_member_that_logged_out_in_order_is_told_nothing_again(exchange: Exchange) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    at = sent_to(exchange, "ALPHA")
    enter(alpha, "told")
    wait_until(lambda: sent_to(exchange, "ALPHA") != at)
    alpha.logout()
    alpha.logon(reset=True)
    alpha.expect_silence(0.5)
    assert len(exec_ids(alpha.received)) == 1


@pytest.mark.req("FIX-07")
def test_a_reset_repeats_reports_and_not_answers_to_status_requests(exchange: Exchange) -> None:
    alpha = exchange.client("ALPHA")
    alpha.logon()
    accepted = enter(alpha, "asked")
    alpha.send("H", {11: "asked", 55: "BTC/USDT", 54: "1"})
    alpha.expect("8", t150="I")
    alpha.drop()
    alpha.logon(reset=True)
    alpha.expect("8", t150="0", t97="Y", t17=accepted[17])
    alpha.expect_silence(0.5)


@pytest.mark.req("FIX-06", "ORD-19", "REC-22")
@pytest.mark.parametrize("earlier", [0, 6])
def test_what_was_lost_in_a_session_of_new_numbers_is_asked_for_too(exchange: Exchange, earlier: int) -> None:
    """The log's last record is of an earlier numbering, or there is none: all but the Logon is asked for."""
    alpha = exchange.client("ALPHA")
    alpha.logon()
    for number in range(earlier):
        enter(alpha, f"before{number}")
    alpha.logout()
    alpha.logon(reset=True)
    alpha.drain(0.3)
    lose_orders(exchange, alpha, 9)
    for number in range(9):
        alpha.expect("8", t150="0", t11=f"lost{number}")
