"""Who gets in, and what everybody else is told (rules of engagement, sections 1 to 4)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.session.client import Client, Disconnected, Received, order, utc_now
from tests.session.exchange import Exchange, wait_until

Member = Callable[[str], Client]

REFUSED = "1030: logon refused"


def refused(client: Client, fields: dict[int | str, str | int] | None = None) -> list[Received]:
    """Log on, expect to be sent away, and return what was said.

    The number is far ahead, because QuickFIX looks at a number that is too low before it looks at the password.
    """
    client.connect()
    client.next_out = 1000
    logon: dict[int | str, str | int] = {98: 0, 108: client.heart_bt_int, 553: client.comp_id, 554: client.password}
    client.send("A", {**logon, **(fields or {})})
    said = client.expect_close()
    assert all(message[35] == "5" for message in said)
    return said


def refused_with(client: Client, fields: dict[int | str, str | int] | None = None) -> list[str]:
    """Log on, expect to be sent away, and return the texts."""
    return [message[58] for message in refused(client, fields)]


@pytest.mark.req("FIX-03")
def test_a_logon_is_answered_in_kind_and_a_logout_too(exchange: Exchange) -> None:
    client = exchange.client("MMONE")
    answer = client.logon()
    assert (answer[98], answer[108]) == ("0", "30")
    goodbye = client.logout()
    assert goodbye[58] == "Logout" and goodbye[789] == "3"


@pytest.mark.req("FIX-03", "FIX-12")
@pytest.mark.parametrize("fields", [{554: "wrong"}, {553: "BRAVO"}, {553: "BRAVO", 554: "dev-bravo"}, {554: "x" * 500}])
def test_wrong_credentials_all_get_the_same_answer(exchange: Exchange, fields: dict[int | str, str | int]) -> None:
    (said,) = refused(exchange.client("MMONE"), fields)
    assert (said[35], said[58], said[20016]) == ("5", REFUSED, "1030")
    assert 789 not in said
    log = (exchange.directory / "order-entry.log").read_text()
    assert "dev-mmone" not in log and "x" * 100 not in log


@pytest.mark.req("FIX-03")
def test_a_wrong_name_is_as_much_work_as_a_wrong_password(exchange: Exchange) -> None:
    def cpu_ns(fields: dict[int | str, str | int]) -> int:
        before = exchange.gateways["order-entry"].cpu_ns()
        for _ in range(5):
            refused(exchange.client("MMONE", password="wrong"), fields)
        return exchange.gateways["order-entry"].cpu_ns() - before

    assert 0.2 < cpu_ns({553: "NOBODY"}) / cpu_ns({}) < 5


@pytest.mark.req("FIX-03")
def test_a_logon_without_password_is_refused(exchange: Exchange) -> None:
    client = exchange.client("MMONE").connect()
    client.next_out = 1000
    client.send("A", {98: 0, 108: 30})
    (said,) = client.expect_close()
    assert said[58] == REFUSED


@pytest.mark.parametrize("heart_bt_int", [-10, 0, 4, 61, 100_000])
def test_a_heartbeat_interval_out_of_bounds_is_refused(exchange: Exchange, heart_bt_int: int) -> None:
    texts = refused_with(exchange.client("MMONE", heart_bt_int=heart_bt_int))
    assert texts == ["HeartBtInt out of range 5 to 60"]


@pytest.mark.parametrize("heart_bt_int", [5, 60])
def test_a_heartbeat_interval_at_the_bound_is_taken(exchange: Exchange, heart_bt_int: int) -> None:
    client = exchange.client("MMONE", heart_bt_int=heart_bt_int)
    client.logon(reset=True)
    client.logout()


def test_a_reset_needs_number_one(exchange: Exchange) -> None:
    assert refused_with(exchange.client("MMONE"), {141: "Y"}) == ["141=Y requires 34=1"]


@pytest.mark.req("FIX-07")
def test_a_reset_is_echoed_and_starts_both_sides_at_one(exchange: Exchange) -> None:
    client = exchange.client("MMONE")
    answer = client.logon(reset=True)
    assert (answer[34], answer[141]) == ("1", "Y")
    client.logout()


def test_a_number_too_low_is_refused_and_told_what_is_expected(exchange: Exchange) -> None:
    client = exchange.client("MMONE")
    client.logon(reset=True)
    client.send("0", {})
    client.logout()
    client.next_out = 1
    client.connect()
    client.send("A", {98: 0, 108: 30, 553: "MMONE", 554: "dev-mmone"})
    (said,) = client.expect_close()
    assert said[58] == "MsgSeqNum too low, expecting 4 but received 1" and said[789] == "4"


def test_an_unknown_comp_id_is_closed_without_a_word(exchange: Exchange, alpha: Client) -> None:
    assert refused_with(exchange.client("NOBODY", password="x")) == []
    alpha.send("1", {112: "here"})
    alpha.expect("0", t112="here")


def test_an_order_entry_comp_id_cannot_use_the_drop_copy_port(exchange: Exchange) -> None:
    client = Client(exchange.ports["drop-copy"], "ALPHA", "EXCH-DC")
    assert refused_with(client) == []


@pytest.mark.req("FIX-01")
def test_a_second_logon_is_closed_and_the_first_goes_on(exchange: Exchange, alpha: Client) -> None:
    second = exchange.client("ALPHA")
    second.next_out = 500
    second.connect()
    second.send("A", {98: 0, 108: 30, 553: "ALPHA", 554: "dev-alpha"})
    assert second.expect_close() == []
    alpha.send("1", {112: "mine"})
    alpha.expect("0", t112="mine")


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 4096, b"GET / HTTP/1.1\r\n\r\n", b"8=FIX.4.4\x019=x\x01", b"8=FIX.4.4\x01" * 500]
)
def test_garbage_before_logon_disturbs_nobody(exchange: Exchange, alpha: Client, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", exchange.ports["order-entry"])) as stranger:
        stranger.sendall(garbage)
        alpha.send("1", {112: "calm"})
        alpha.expect("0", t112="calm")
        assert exchange.gateways["order-entry"].is_running


def test_garbage_within_a_session_is_passed_over(exchange: Exchange, alpha: Client) -> None:
    seq = exchange.status().seq
    alpha.send_raw(b"\x01\x01noise\xff\xfe")
    broken = alpha.encode("D", order("garbled", "1", "0.5", "40000"), alpha.next_out)
    alpha.send_raw(broken.replace(b"\x0110=", b"\x0110=9"))
    alpha.send("1", {112: "after"})
    alpha.expect("0", t112="after")
    assert exchange.status().seq == seq


def memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def test_a_body_of_100_mb_is_only_a_promise(exchange: Exchange, alpha: Client) -> None:
    """The declared length alone costs nothing; the stranger holds what it really sends, and nothing else happens."""
    pid = exchange.gateways["order-entry"].process.pid
    before = memory_kib(pid)
    with socket.create_connection(("127.0.0.1", exchange.ports["order-entry"])) as stranger:
        stranger.sendall(b"8=FIX.4.4\x019=104857600\x0135=A\x01" + b"58=" + b"x" * 1_000_000)
        alpha.send("1", {112: "light"})
        alpha.expect("0", t112="light")
        assert memory_kib(pid) - before < 32 * 1024


@pytest.mark.req("FIX-04", "TIM-06")
def test_a_sending_time_beyond_a_minute_is_rejected_and_ends_the_session(exchange: Exchange) -> None:
    client = exchange.client("MMONE")
    client.logon(reset=True)
    client.send("D", order("late", "1", "0.5", "40000"), header={52: utc_now(-65)})
    reject, goodbye = client.expect("3", t373="10"), client.expect("5")
    assert reject[58] and goodbye[58] == "Logout"
    client.drop()


@pytest.mark.req("FIX-05")
def test_a_silent_member_is_asked_and_then_cut(exchange: Exchange) -> None:
    client = exchange.client("MMONE", heart_bt_int=5)
    client.logon(reset=True)
    client.send = lambda *_, **__: 0  # type: ignore[method-assign]  # from here on the member never speaks
    kinds = []
    try:
        while message := client.next_message(20):
            kinds.append(message[35])
    except Disconnected:
        pass
    assert "0" in kinds and "1" in kinds
    log = exchange.directory / "order-entry.log"
    wait_until(lambda: "logged_out" in log.read_text().splitlines()[-1])


def test_heartbeats_tell_how_far_we_have_read(exchange: Exchange) -> None:
    client = exchange.client("MMONE")
    client.logon(reset=True)
    client.send("1", {112: "x"})
    assert client.expect("0", t112="x")[369] in ("1", "2")
    client.logout()


def test_a_gap_is_asked_for_and_closed(exchange: Exchange) -> None:
    client = exchange.client("MMONE")
    client.logon(reset=True)
    client.next_out += 3
    client.send("1", {112: "ahead"})
    client.expect("2", t7="2", t16="0")
    client.send("1", {112: "closed"})
    client.expect("0", t112="closed")
    client.logout()
