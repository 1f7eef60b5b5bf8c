"""Configuration refuses what it does not understand, and says where."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from engine.api.commands import ListInstrument, OpenAccount
from engine.api.enums import AccountKind, InstrumentKind, Matching
from venue.configuration import load_venue, refuse_development_credentials
from venue.errors import ConfigError, UnsafeCredentials
from venue.registration import expected_commands

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONFIG, tmp_path / "config"))


def edit(config: Path, file: str, old: str, new: str) -> None:
    text = (config / file).read_text()
    assert old in text
    (config / file).write_text(text.replace(old, new, 1))


@pytest.mark.req("TBL-01", "TBL-02", "TBL-03")
def test_shipped_configuration_is_sound() -> None:
    venue = load_venue(CONFIG)
    assert [i.symbol for i in venue.instruments] == ["BTC/USDT", "ETH/USDT"]
    btc = venue.instruments[0]
    assert (btc.format_price(1), btc.format_qty(1)) == ("0.01", "0.00001")
    assert (btc.min_notional, btc.max_notional) == (10 * 10**8, 5_000_000 * 10**8)
    assert (btc.maker_ppm, btc.taker_ppm, btc.band_ppm) == (200, 1000, 100_000)
    refuse_development_credentials(venue)


@pytest.mark.req("REC-02")
@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("exchange.toml", "port_base", "port_bse", "port_bse"),
        ("exchange.toml", "port_base = 9880", "port_base = 80", "port_base"),
        ("exchange.toml", "port_base = 9880", "port_base = 65526", "port_base"),
        ("exchange.toml", 'durability = "fsync"', 'durability = "maybe"', "durability"),
        ("exchange.toml", 'durability = "fsync"', "durability = ", "line 10"),
        ("instruments.toml", "decimals = 8", "decimals = 19", "asset[0].decimals"),
        ("instruments.toml", "decimals = 8", "decimal = 8", "asset[0]"),
        ("instruments.toml", 'tick = "0.01"', 'tick = "1e-2"', "BTC/USDT: tick"),
        ("instruments.toml", 'tick = "0.01"', "tick = 0.01", "instrument[0].tick"),
        ("instruments.toml", 'lot = "0.00001"', 'lot = "0"', "BTC/USDT: lot"),
        ("instruments.toml", 'lot = "0.00001"', 'lot = "0.0000000001"', "tick times lot"),
        ("instruments.toml", 'min_qty = "0.00001"', 'min_qty = "0.000001"', "BTC/USDT: min_qty"),
        ("instruments.toml", 'min_notional = "10"', 'min_notional = "0.000000001"', "BTC/USDT: min_notional"),
        ("instruments.toml", 'quote = "USDT"', 'quote = "EUR"', "BTC/USDT: quote"),
        ("instruments.toml", "taker_ppm = 1000", "taker_ppm = 20001", "instrument[0].taker_ppm"),
        ("instruments.toml", "symbol_id = 2", "symbol_id = 1", "symbol_id 1"),
        ("instruments.toml", 'symbol = "ETH/USDT"', 'symbol = "BTC/USDT"', "symbol BTC/USDT"),
        ("instruments.toml", "asset_id = 2", "asset_id = 1", "asset_id 1"),
        ("instruments.toml", 'max_qty = "10000"', 'max_qty = "0"', "min_qty"),
        ("members.toml", "account_id = 102", "account_id = 1", "account_id 1"),
        ("members.toml", "comp_id", "comp_idd", "firm[0].session[0]"),
        ("members.toml", 'kind = "SPOT"', 'kind = "SYSTEM"', "firm[0].account[0].kind"),
        ("instruments.toml", "band_ppm = 100000", 'band_ppm = 100000\nkind = "OPTION"', "instrument[0].kind"),
        ("instruments.toml", "band_ppm = 100000", 'band_ppm = 100000\nkind = "PERPETUAL"', "BTC/USDT: max_leverage"),
        ("instruments.toml", "band_ppm = 100000", "band_ppm = 100000\nmax_leverage = 20", "BTC/USDT: max_leverage"),
        ("instruments.toml", "band_ppm = 100000", "band_ppm = 100000\nmax_leverage = 126", "max_leverage"),
        ("instruments.toml", "band_ppm = 100000", 'band_ppm = 100000\nmatching = "LIFO"', "instrument[0].matching"),
    ],
)
def test_bad_key_or_value_names_file_and_key(config: Path, file: str, old: str, new: str, named: str) -> None:
    edit(config, file, old, new)
    with pytest.raises(ConfigError) as caught:
        load_venue(config)
    assert caught.value.file == config / file
    assert named in str(caught.value)


PERPETUAL = """
[[instrument]]
symbol_id = 9
symbol = "ETH/USDT-PERP"
kind = "PERPETUAL"
base = "ETH"
quote = "USDT"
tick = "0.01"
lot = "0.001"
min_qty = "0.001"
max_qty = "1000"
min_notional = "10"
max_notional = "5000000"
maker_ppm = 200
taker_ppm = 500
band_ppm = 100000
matching = "PRO_RATA"
max_leverage = 50
pnl_account = { account_id = 19, name = "ETH/USDT-PERP-PNL" }
"""


@pytest.mark.req("TBL-02", "DRV-11")
def test_a_perpetual_is_listed_with_its_pnl_account_and_futures_accounts_are_opened(config: Path) -> None:
    with (config / "instruments.toml").open("a") as file:
        file.write(PERPETUAL)
    edit(config, "members.toml", 'kind = "SPOT"', 'kind = "FUTURES"')
    venue = load_venue(config)
    listed = venue.instruments[-1]
    assert (listed.kind, listed.matching, listed.max_leverage, listed.pnl_account_id) == (
        InstrumentKind.PERPETUAL,
        Matching.PRO_RATA,
        50,
        19,
    )
    commands = expected_commands(venue)
    opened = {command.name: command.kind for command in commands if isinstance(command, OpenAccount)}
    assert (opened["ETH/USDT-PERP-PNL"], opened["ALPHA"]) == (AccountKind.CLEARING_PNL, AccountKind.FUTURES)
    account = next(c for c in commands if isinstance(c, OpenAccount) and c.account_id == 19)
    listing = next(c for c in commands if isinstance(c, ListInstrument) and c.instrument.symbol_id == 9)
    assert commands.index(account) < commands.index(listing)


def test_a_maker_rebate_is_not_above_the_taker_fee(config: Path) -> None:
    edit(config, "instruments.toml", "maker_ppm = 200", "maker_ppm = -1000")
    assert load_venue(config).instruments[0].maker_ppm == -1000
    edit(config, "instruments.toml", "maker_ppm = -1000", "maker_ppm = -1001")
    with pytest.raises(ConfigError, match="BTC/USDT: maker_ppm -1001 gives back more than taker_ppm 1000 takes in"):
        load_venue(config)


@pytest.mark.parametrize("account_id", [1, 101])
def test_a_pnl_account_is_nobody_elses(config: Path, account_id: int) -> None:
    with (config / "instruments.toml").open("a") as file:
        file.write(PERPETUAL.replace("account_id = 19", f"account_id = {account_id}"))
    with pytest.raises(ConfigError, match=f"account_id {account_id} is"):
        load_venue(config)


@pytest.mark.parametrize("port_base", [1024, 65_525])
def test_port_base_takes_its_bounds(config: Path, port_base: int) -> None:
    edit(config, "exchange.toml", "9880", str(port_base))
    assert load_venue(config).exchange.port_base == port_base


@pytest.mark.parametrize("file", ["exchange.toml", "instruments.toml", "members.toml"])
def test_missing_file_is_named(config: Path, file: str) -> None:
    (config / file).unlink()
    with pytest.raises(ConfigError, match=f"{file}: not found"):
        load_venue(config)


@pytest.mark.req("INV-60", "SVC-16")
@pytest.mark.parametrize("address", ["0.0.0.0", "exchange.example"])
def test_development_credentials_are_refused_beyond_loopback(config: Path, address: str) -> None:
    edit(config, "exchange.toml", 'listen = "127.0.0.1"', f'listen = "{address}"')
    with pytest.raises(UnsafeCredentials, match="development passwords for ALPHA, ALPHA-DC, BRAVO"):
        refuse_development_credentials(load_venue(config))


@pytest.mark.req("INV-60", "SVC-16")
def test_development_credentials_are_refused_when_sessions_admit_others(config: Path) -> None:
    (config / "sessions.cfg").write_text("[DEFAULT]\nAllowedRemoteAddresses=127.0.0.1,192.0.2.7\n")
    with pytest.raises(UnsafeCredentials, match=r"allows 192\.0\.2\.7"):
        refuse_development_credentials(load_venue(config))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (random.Random(1).randbytes(900), "is no text"),
        (b"", r"has no section \[DEFAULT\]"),
        (b"[DEFAULT]\nCheckLatency", "line 2 is neither"),
        (b"[DEFAULT]\nCheckLatency=\0", "line 2 is neither"),
        (b"[DEFAULT]\n[SESSION]\n", "line 2 is neither"),
        (None, "not found"),
    ],
)
@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0"])
def test_a_spoiled_sessions_file_is_named(config: Path, content: bytes | None, reason: str, listen: str) -> None:
    edit(config, "exchange.toml", 'listen = "127.0.0.1"', f'listen = "{listen}"')
    file = config / "sessions.cfg"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"sessions\.cfg: {reason}"):
        refuse_development_credentials(load_venue(config))


@pytest.mark.req("INV-60")
@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_development_credentials_are_taken_on_loopback(config: Path, address: str) -> None:
    edit(config, "exchange.toml", 'listen = "127.0.0.1"', f'listen = "{address}"')
    refuse_development_credentials(load_venue(config))


@pytest.mark.req("INV-60")
def test_other_passwords_are_taken_beyond_loopback(config: Path) -> None:
    import bcrypt

    edit(config, "exchange.toml", 'listen = "127.0.0.1"', 'listen = "192.0.2.1"')
    other = bcrypt.hashpw(b"not in any file", bcrypt.gensalt(4)).decode()
    text = (config / "members.toml").read_text().splitlines()
    lines = [f'password_bcrypt = "{other}"' if line.startswith("password_bcrypt") else line for line in text]
    (config / "members.toml").write_text("\n".join(lines))
    refuse_development_credentials(load_venue(config))
