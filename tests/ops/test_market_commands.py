"""``exchange market``, ``account`` and ``journal expand`` on an engine that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.api.commands import MassCancel, NewOrder, ReplaceOrder, SetKillSwitch
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.wire import encode_command
from engine.client import submit_and_wait
from taxonomy import EVENT_TYPES
from tests.ops.running import ROOT, command
from tests.patience import PATIENCE_S
from venue.configuration import load_venue
from venue.registration import register

GTC, DAY = TimeInForce.GOOD_TILL_CANCEL, TimeInForce.DAY


@pytest.fixture
def venue(engine: Path) -> Path:
    register(engine, load_venue(ROOT / "config"))
    return engine


def enter(data: Path, order: NewOrder, source: int = 11) -> int:
    (record,) = submit_and_wait(data, "test", [encode_command(order)], PATIENCE_S, source)
    return record.seq


def market(data: Path) -> Any:
    done = command("market", "list", "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout)


@pytest.mark.req("SVC-16", "MAR-10", "MAR-43")
def test_a_market_is_steered_and_listed(venue: Path) -> None:
    for line, said in (
        (("status", "BTC/USDT", "halt"), "BTC/USDT is halt"),
        (("mark", "BTC/USDT", "60000.5"), "seq "),
        (("breaker", "ETH/USDT"), "circuit breaker of ETH/USDT until"),
        (("status", "--venue", "cancel-only"), "seq "),
    ):
        done = command("market", *line, "--data", venue)
        assert (done.returncode, said in done.stdout) == (0, True), done.stdout + done.stderr
    listed = market(venue)
    assert listed["venue"] == "cancel only"
    btc, eth = listed["markets"][:2]
    assert (btc["symbol"], btc["status"], btc["mark"], btc["breaker_until"]) == ("BTC/USDT", "halt", "60000.5", "")
    assert (eth["status"], eth["breaker_until"][-1]) == ("open", "Z")
    assert "BTC/USDT" in command("market", "list", "--data", venue).stdout


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (("market", "mark", "BTC/USDT", "0"), 1, "2005 BOUND_EXCEEDED"),
        (("market", "mark", "BTC/USDT", "1.001"), 2, "more decimals"),
        (("market", "mark", "XRP/USDT", "1"), 1, "no instrument is called XRP/USDT"),
        (("market", "status", "BTC/USDT", "ajar"), 2, "there are pre-open, open, halt"),
        (("market", "status", "open"), 2, "--venue"),
        (("account", "status", "NOBODY", "active"), 1, "no account is called NOBODY"),
        (("account", "status", "ALPHA", "closed"), 1, "2008 NOT_EMPTY"),
        (("account", "status", "EXCHANGE-FEES", "closed"), 1, "2004 UNKNOWN_REFERENCE"),
        (("account", "leverage", "ALPHA", "BTC/USDT", "5"), 2, "BTC/USDT is no perpetual"),
    ],
)
def test_what_is_refused_is_said_in_words(venue: Path, line: tuple[str, ...], code: int, said: str) -> None:
    done = command(*line, "--data", venue)
    assert (done.returncode, said in done.stderr) == (code, True), done.stdout + done.stderr


@pytest.mark.req("SVC-16")
def test_an_account_is_suspended_and_limited(venue: Path) -> None:
    assert command("account", "status", "ALPHA", "suspended", "--data", venue).returncode == 0
    assert command("account", "limits", "ALPHA", "--tier", "2", "--leverage", "5", "--data", venue).returncode == 0
    enter(venue, NewOrder(101, 1, Side.BUY, OrdType.LIMIT, GTC, 1_000, 6_000_000, "late"))
    shown = command("order", "show", "late", "--data", venue).stdout
    assert "1032 ACCOUNT_SUSPENDED" in shown


@pytest.mark.req("RPL-34")
def test_order_show_tells_replaces_and_who_canceled(venue: Path) -> None:
    seq = enter(venue, NewOrder(101, 1, Side.BUY, OrdType.LIMIT, GTC, 100_000, 6_000_000, "a", max_floor=1_000))
    submit_and_wait(venue, "test", [encode_command(ReplaceOrder("b", 50_000, 6_100_000, "a"))], PATIENCE_S, 11)
    submit_and_wait(venue, "test", [encode_command(MassCancel("q", symbol_id=1)), SWITCH], PATIENCE_S, 11)
    rows = msgspec.json.decode(command("order", "show", str(seq), "--data", venue, "--json").stdout)
    story = " | ".join(row["what"] for row in rows)
    steps = (
        "showing 0.01",
        "replace b: OrigClOrdID a",
        "replaced: 0.5 at 61000, 0.5 open",
        "by a mass cancel of ALPHA",
    )
    for expected in steps:
        assert expected in story, story
    assert command("journal", "cat", "--data", venue, "--json").returncode == 0


SWITCH = encode_command(SetKillSwitch(11, False))


@pytest.mark.req("EVT-01", "EVT-06")
def test_journal_expand_prints_the_events_of_the_taxonomy(venue: Path) -> None:
    seq = enter(venue, NewOrder(101, 1, Side.BUY, OrdType.LIMIT, GTC, 100_000, 6_000_000, "a"))
    done = command("journal", "expand", "--from", seq, "--data", venue, "--json")
    assert done.returncode == 0, done.stderr
    envelopes = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert [x["event_type"] for x in envelopes] == ["OrderSubmitted", "MarginReserved", "OrderAccepted"]
    first = command("journal", "expand", "--to", 1, "--data", venue).stdout
    assert "AssetRegistered" in first and len(first.splitlines()) == 1
    assert {x["event_type"] for x in envelopes} <= EVENT_TYPES
