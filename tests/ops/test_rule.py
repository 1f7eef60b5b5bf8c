"""``exchange rule`` on an engine that runs: what is set holds and is shown, what cannot be is refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.api.parameters import RULES, Parameter
from tests.ops.running import ROOT, command
from venue.configuration import load_venue
from venue.registration import register

A_CENTURY_ON = "2096-10-02T07:06:40Z"


@pytest.fixture
def registered(engine: Path) -> Path:
    register(engine, load_venue(ROOT / "config"))
    return engine


def rule(data: Path, *words: str, code: int = 0) -> str:
    done = command("rule", *words, "--data", data)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def shown(data: Path, name: str, part: str = "in_force") -> list[dict[str, Any]]:
    done = command("params", name, "--data", data, "--json")
    return list(msgspec.json.decode(done.stdout)[part])


@pytest.mark.req("GOV-04")
def test_a_parameter_is_set_for_the_venue_and_for_a_subject(registered: Path) -> None:
    assert "BREAKER_NS for all: 60000000000 ns, from seq" in rule(registered, "set", "breaker_ns", "60000000000")
    rule(registered, "set", "breaker-ns", "90000000000", "--for", "btc/usdt")

    values = {line["subject"]: line["value"] for line in shown(registered, "breaker_ns")}
    assert values == {"all": "60000000000 ns", "BTC/USDT": "90000000000 ns"}

    rule(registered, "set", "breaker_ns", "unset", "--for", "BTC/USDT")
    assert [line["subject"] for line in shown(registered, "breaker_ns")] == ["all"]


@pytest.mark.req("GOV-04")
@pytest.mark.parametrize("step", [-1, 1])
def test_a_value_out_of_its_bounds_is_refused_with_the_bounds(registered: Path, step: int) -> None:
    bounds = RULES[Parameter.BREAKER_WINDOW_S]
    bound = bounds.minimum if step < 0 else bounds.maximum
    rule(registered, "set", "breaker_window_s", str(bound))

    said = rule(registered, "set", "breaker_window_s", str(bound + step), code=2)

    assert f"{bounds.minimum} to {bounds.maximum} s" in said
    assert shown(registered, "breaker_window_s")[0]["value"] == f"{bound} s"


@pytest.mark.req("GOV-04")
def test_fees_and_brackets_are_set_now_and_for_later(registered: Path) -> None:
    account = "ALPHA"
    told = rule(registered, "fees", "--account", account, "--symbol", "BTC/USDT", "--maker", "-50", "--taker", "100")
    assert f"FEE_RATES for {account} in BTC/USDT: maker -50 ppm, taker 100 ppm" in told
    (rates,) = [line for line in shown(registered, "fee_rates") if line["subject"].startswith(account)]
    assert rates["value"] == "maker -50 ppm, taker 100 ppm"

    told = rule(registered, "brackets", "50000:100:5000", ":20:25000", "--since", A_CENTURY_ON)
    assert f"MARGIN_BRACKETS for all: 50000:100:5000 :20:25000, from {A_CENTURY_ON[:19]}" in told
    (coming,) = shown(registered, "margin_brackets", "scheduled")
    assert (coming["value"], coming["time"][:4]) == ("50000:100:5000 :20:25000", "2096")


@pytest.mark.req("GOV-04")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("set", "breakfast_ns", "1"), 2, "no parameter is called breakfast_ns"),
        (("set", "breaker_ns", "6e10"), 2, "6e10 is no whole number"),
        (("set", "leverage_default", "5", "--for", "ALPHA"), 2, "the venue's alone"),
        (("set", "breaker_ns", "60000000000", "--for", "BTC/EUR"), 1, "no instrument is called BTC/EUR"),
        (("set", "breaker_ns", "60000000000", "--since", "soon"), 2, "soon is no time"),
        (("set", "band_ppm", "1000"), 1, "the engine refused it"),
        (("fees", "--maker", "100", "--taker", "200"), 2, "name --account, --symbol or both"),
        (("fees", "--maker", "100", "--symbol", "BTC/USDT"), 2, "give --maker and --taker"),
        (("fees", "--symbol", "BTC/USDT", "--maker", "-200", "--taker", "100"), 1, "the engine refused it"),
        (("brackets", "unset"), 2, "name a --symbol"),
        (("brackets", "50000:125"), 2, "50000:125 is no bracket"),
        (("brackets", *["1:1:1"] * 9), 2, "9 rows"),
        (("brackets", "50000:10:5000", ":20:6000"), 1, "the engine refused it"),
    ],
)
def test_what_cannot_be_set_is_said(registered: Path, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in rule(registered, *words, code=code)
