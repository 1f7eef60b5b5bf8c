"""Registration: the log gets what the configuration says, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine.api.commands import Deposit, RegisterFirm
from engine.api.events import CommandRefused
from engine.api.ids import SymbolId
from engine.api.registry import Registry
from engine.api.wire import Record, decode_records
from engine.client import read_journal
from ops.watching.inspection import engine_balances
from tests.ops.running import ROOT, command
from venue.configuration import load_venue
from venue.errors import ConfigError, DefinitionsDiffer
from venue.registration import expected_commands, register

FIRM = """
[[firm]]
firm_id = 9
name = "NINTH"
[[firm.account]]
account_id = 109
name = "NINTH"
kind = "SPOT"
"""


def records(data: Path) -> list[Record]:
    return [record for chunk in read_journal(data / "journal") for record in decode_records(chunk)]


@pytest.mark.req("REC-33", "RPL-11", "REC-02")
def test_registering_again_changes_nothing(engine: Path, config: Path) -> None:
    venue = load_venue(config)
    assert register(engine, venue) == len(expected_commands(venue)) == 27
    before = engine_balances(engine)
    assert register(engine, venue) == 0
    assert len(records(engine)) == 27
    assert engine_balances(engine) == before
    assert not any(isinstance(event, CommandRefused) for record in records(engine) for event in record.events)
    by_key = {(row.account_id, row.asset_id): row.available for row in before.rows}
    assert by_key[101, 1] == str(1_000_000 * 10**8)
    assert by_key[103, 3] == str(1_000 * 10**18)


@pytest.mark.req("REC-11")
def test_interrupted_registration_is_finished(engine: Path, config: Path) -> None:
    venue = load_venue(config)
    half = msgspec.structs.replace(venue, members=type(venue.members)(firm=venue.members.firm[:1]))
    assert 0 < register(engine, half) < 27
    assert register(engine, venue) == 27 - len(records(engine)[: len(expected_commands(half))])
    assert register(engine, venue) == 0


def test_new_member_is_added_alone(engine: Path, config: Path) -> None:
    register(engine, load_venue(config))
    with (config / "members.toml").open("a") as file:
        file.write(FIRM)
    assert register(engine, load_venue(config)) == 2
    assert records(engine)[-2].command == RegisterFirm(9, "NINTH")


@pytest.mark.req("TBL-04")
def test_changed_definition_is_refused(engine: Path, config: Path) -> None:
    register(engine, load_venue(config))
    text = (config / "instruments.toml").read_text()
    (config / "instruments.toml").write_text(text.replace("taker_ppm = 1000", "taker_ppm = 900", 1))
    with pytest.raises(DefinitionsDiffer, match=r"\n  BTC/USDT taker_ppm: log 1000, file 900\ndo: exchange apply"):
        register(engine, load_venue(config))
    assert len(records(engine)) == 27


@pytest.mark.req("REC-33")
def test_opening_balance_is_credited_once_whatever_the_file_says_later(engine: Path, config: Path) -> None:
    register(engine, load_venue(config))
    text = (config / "members.toml").read_text()
    (config / "members.toml").write_text(text.replace('USDT = "1000000"', 'USDT = "2000000"', 1))
    assert register(engine, load_venue(config)) == 0
    deposits = [r.command for r in records(engine) if isinstance(r.command, Deposit)]
    assert len({d.deposit_ref for d in deposits}) == len(deposits) == 9


@pytest.mark.parametrize(
    ("amount", "named"),
    [
        ("0", "opening.USDT: 0"),
        ("1.000000001", "opening.USDT"),
        ("-1", "opening.USDT"),
        ("1" + "0" * 29, "opening.USDT"),
    ],
)
def test_impossible_opening_balance_is_refused(config: Path, amount: str, named: str) -> None:
    text = (config / "members.toml").read_text()
    (config / "members.toml").write_text(text.replace('USDT = "1000000"', f'USDT = "{amount}"', 1))
    with pytest.raises(ConfigError, match=named):
        expected_commands(load_venue(config))


def test_opening_balance_of_an_unknown_asset_is_refused(config: Path) -> None:
    text = (config / "members.toml").read_text()
    (config / "members.toml").write_text(text.replace('ETH = "1000"', 'DOGE = "1000"', 1))
    with pytest.raises(ConfigError, match=r"account ALPHA: opening\.DOGE"):
        expected_commands(load_venue(config))


@pytest.mark.req("REC-33", "REC-02")
def test_an_opening_balance_that_lies_far_from_its_account_is_not_credited_again(
    engine: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(engine, load_venue(config))
    before = engine_balances(engine).rows
    monkeypatch.setattr("venue.registration.OPENING_RECORDS_MAX", 3)
    assert register(engine, load_venue(config)) > 0
    assert engine_balances(engine).rows == before


@pytest.fixture
def stopped(tmp_path: Path, config: Path) -> Path:
    """The data directory of an exchange that has registered its configuration and does not run."""
    data = tmp_path / "stopped"
    data.mkdir()
    line = [sys.executable, "-m", "engine", "--data", str(data)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        register(data, load_venue(config))
        process.terminate()
    return data


def edit(config: Path, file: str, old: str, new: str) -> None:
    text = (config / file).read_text()
    assert old in text
    (config / file).write_text(text.replace(old, new, 1))


@pytest.mark.req("TBL-04")
def test_apply_shows_the_difference_and_lets_the_log_follow_it(stopped: Path, config: Path) -> None:
    edit(config, "instruments.toml", "taker_ppm = 1000", "taker_ppm = 900")
    edit(config, "instruments.toml", 'max_qty = "10000"', 'max_qty = "5000"')
    with (config / "members.toml").open("a") as file:
        file.write(FIRM)
    line = ("apply", "--data", stopped, "--config", config)
    asked = command(*line)
    assert asked.returncode == 2 and "say --yes" in asked.stderr
    for said in ("BTC/USDT", "taker_ppm", "1000", "900", "max_qty", "10000", "5000", "register firm 9 NINTH"):
        assert said in asked.stdout
    assert len(records(stopped)) == 27
    done = command(*line, "--yes")
    assert done.returncode == 0 and "applied: 3 commands, up to seq 30" in done.stdout, done.stderr
    listed = Registry(records(stopped)).instruments[SymbolId(1)]
    assert (listed.taker_ppm, listed.format_qty(listed.max_qty)) == (900, "5000")
    again = command(*line)
    assert again.returncode == 0 and "the log holds all that the files say" in again.stdout
    assert len(records(stopped)) == 30


def test_apply_names_what_only_the_log_has(stopped: Path, config: Path) -> None:
    members = config / "members.toml"
    kept, firm, rest = members.read_text().partition("[[firm]]")
    first, *others = (kept + firm + rest).split("[[firm]]")
    members.write_text("[[firm]]".join([first, *others[:-1]]))

    done = command("apply", "--data", stopped, "--config", config, "--yes")

    assert done.returncode == 0, done.stderr
    assert "only the log has firm " in done.stdout and "the log holds all that the files say" in done.stdout


def test_apply_refuses_what_no_command_changes(stopped: Path, config: Path) -> None:
    edit(config, "members.toml", 'name = "BRAVO"', 'name = "BRAVA"')
    done = command("apply", "--yes", "--data", stopped, "--config", config)
    assert done.returncode == 2
    assert "no command changes this: put the files back" in done.stderr
    assert "firm 2 name: log BRAVO, file BRAVA" in done.stderr
    assert len(records(stopped)) == 27


def test_apply_needs_a_journal(tmp_path: Path, config: Path) -> None:
    done = command("apply", "--yes", "--data", tmp_path, "--config", config)
    assert done.returncode == 3 and "no journal in" in done.stderr and not list(tmp_path.glob("exchange.lock"))
