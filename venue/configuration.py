"""Configuration: strict records read from TOML. An unknown key or a bad value names its file and key.

``members.toml`` is read by :mod:`venue.members`, which owns its schema.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import bcrypt
import msgspec
from msgspec import Meta

from engine.api import limits
from engine.api.enums import InstrumentKind, Matching
from engine.api.errors import UnitError
from engine.api.ids import ABSENT, AccountId, AssetId, SymbolId
from engine.api.instrument import Instrument
from engine.api.units import Lots, Step, to_minor, to_steps
from venue.errors import ConfigError, UnsafeCredentials
from venue.members import Members, load_members
from venue.sessions_file import SESSIONS_FILE, read_sessions_file
from venue.toml import check_unique, read_toml

PORTS_AFTER_BASE = 10
"""The highest offset from ``port_base`` in use: metrics."""

Name = Annotated[str, Meta(min_length=1, max_length=limits.NAME_LENGTH_MAX, pattern="^[ -~]+$")]
PortBase = Annotated[int, Meta(ge=1024, le=65_535 - PORTS_AFTER_BASE)]
FeePpm = Annotated[int, Meta(ge=-limits.FEE_PPM_MAX, le=limits.FEE_PPM_MAX)]

_Parsed = TypeVar("_Parsed")


class ExchangeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``exchange.toml``. An empty ``dsn`` means the embedded PostgreSQL."""

    port_base: PortBase = 9880
    listen: str = "127.0.0.1"
    durability: Literal["fsync", "none"] = "fsync"
    dsn: str = ""


class SystemAccountConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account of the exchange's own."""

    account_id: Annotated[AccountId, Meta(ge=1, le=limits.ACCOUNTS_MAX)]
    name: Name


class FeesConfig(SystemAccountConfig, frozen=True, forbid_unknown_fields=True):
    """The system account that collects fees."""


class AssetConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An asset; ``decimals`` is its scale in the books."""

    asset_id: Annotated[AssetId, Meta(ge=1, lt=limits.ASSETS_MAX)]
    name: Name
    decimals: Annotated[int, Meta(ge=0, le=limits.ASSET_DECIMALS_MAX)]


class InstrumentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instrument as it is written: decimals are text in units of base and quote.

    A perpetual has ``max_leverage`` and a ``pnl_account`` of its own, the counterpart of all profit and loss in it.
    """

    symbol_id: Annotated[SymbolId, Meta(ge=1, lt=limits.SYMBOLS_MAX)]
    symbol: Name
    base: str
    quote: str
    tick: str
    lot: str
    min_qty: str
    max_qty: str
    min_notional: str
    max_notional: str
    maker_ppm: FeePpm
    taker_ppm: FeePpm
    band_ppm: Annotated[int, Meta(ge=1, le=1_000_000)]
    kind: Literal["SPOT", "PERPETUAL"] = "SPOT"
    matching: Literal["PRICE_TIME", "PRO_RATA"] = "PRICE_TIME"
    max_leverage: Annotated[int, Meta(ge=1, le=limits.LEVERAGE_MAX)] | None = None
    pnl_account: SystemAccountConfig | None = None


class InstrumentsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``instruments.toml``."""

    fees: FeesConfig
    asset: list[AssetConfig]
    instrument: list[InstrumentConfig]


class Venue(msgspec.Struct, frozen=True):
    """Everything the configuration directory says, checked."""

    directory: Path
    exchange: ExchangeConfig
    fees: FeesConfig
    assets: tuple[AssetConfig, ...]
    instruments: tuple[Instrument, ...]
    members: Members
    pnl_accounts: tuple[SystemAccountConfig, ...] = ()


def load_venue(directory: Path) -> Venue:
    """Read a configuration directory. Raises: ConfigError naming file and key."""
    exchange = read_toml(directory / "exchange.toml", ExchangeConfig)
    listing = read_toml(directory / "instruments.toml", InstrumentsConfig)
    members_file, instruments_file = directory / "members.toml", directory / "instruments.toml"
    members = load_members(members_file)
    _check_unique(listing, instruments_file)
    instruments = tuple(to_instrument(i, listing, instruments_file) for i in listing.instrument)
    pnl_accounts = tuple(i.pnl_account for i in listing.instrument if i.pnl_account is not None)
    _check_system_accounts((listing.fees, *pnl_accounts), members, members_file, instruments_file)
    return Venue(directory, exchange, listing.fees, tuple(listing.asset), instruments, members, pnl_accounts)


def _check_system_accounts(
    accounts: tuple[SystemAccountConfig, ...], members: Members, members_file: Path, instruments_file: Path
) -> None:
    """Check that the exchange's own accounts are nobody else's, and each has one use. Raises: ConfigError."""
    check_unique(instruments_file, "account_id", (account.account_id for account in accounts))
    for account_id in (account.account_id for account in accounts):
        if any(a.account_id == account_id for firm in members.firm for a in firm.account):
            raise ConfigError(members_file, f"account_id {account_id} is the exchange's own in {instruments_file}")


def _check_unique(listing: InstrumentsConfig, file: Path) -> None:
    for key, values in (
        ("asset_id", [asset.asset_id for asset in listing.asset]),
        ("asset name", [asset.name for asset in listing.asset]),
        ("symbol_id", [instrument.symbol_id for instrument in listing.instrument]),
        ("symbol", [instrument.symbol for instrument in listing.instrument]),
    ):
        check_unique(file, key, values)


def to_instrument(config: InstrumentConfig, listing: InstrumentsConfig, file: Path) -> Instrument:
    """Express an instrument in ticks, lots and minor units. Raises: ConfigError naming the key."""
    base, quote = _asset(config, "base", listing, file), _asset(config, "quote", listing, file)

    def read(key: str, parse: Callable[[str], _Parsed]) -> _Parsed:
        try:
            return parse(getattr(config, key))
        except UnitError as error:
            raise ConfigError(file, f"instrument {config.symbol}: {key}: {error}") from error

    tick, lot = read("tick", Step.parse), read("lot", Step.parse)
    instrument = Instrument(
        symbol_id=config.symbol_id,
        symbol=config.symbol,
        kind=InstrumentKind[config.kind],
        base_asset_id=base.asset_id,
        quote_asset_id=quote.asset_id,
        tick=tick,
        lot=lot,
        min_qty=read("min_qty", lambda text: Lots(to_steps(text, lot))),
        max_qty=read("max_qty", lambda text: Lots(to_steps(text, lot))),
        min_notional=read("min_notional", lambda text: to_minor(text, quote.decimals)),
        max_notional=read("max_notional", lambda text: to_minor(text, quote.decimals)),
        maker_ppm=config.maker_ppm,
        taker_ppm=config.taker_ppm,
        band_ppm=config.band_ppm,
        fee_account_id=listing.fees.account_id,
        matching=Matching[config.matching],
        max_leverage=config.max_leverage or 0,
        pnl_account_id=config.pnl_account.account_id if config.pnl_account else AccountId(ABSENT),
    )
    if config.maker_ppm + config.taker_ppm < 0:
        rebate = f"maker_ppm {config.maker_ppm} gives back more than taker_ppm {config.taker_ppm} takes in"
        raise ConfigError(file, f"instrument {config.symbol}: {rebate}")
    for key in ("max_leverage", "pnl_account"):
        if (getattr(config, key) is not None) != instrument.is_perpetual:
            raise ConfigError(file, f"instrument {config.symbol}: {key} is for perpetuals, which all have it")
    for key in ("qty", "notional"):
        if not 0 < getattr(instrument, f"min_{key}") <= getattr(instrument, f"max_{key}"):
            raise ConfigError(file, f"instrument {config.symbol}: min_{key} must be above 0 and not above max_{key}")
    if not instrument.tick_lot_minor(quote.decimals):
        raise ConfigError(file, f"instrument {config.symbol}: tick times lot is no whole minor unit of {quote.name}")
    if not instrument.lot_minor(base.decimals):
        raise ConfigError(file, f"instrument {config.symbol}: lot is finer than {base.name}")
    return instrument


def _asset(config: InstrumentConfig, key: str, listing: InstrumentsConfig, file: Path) -> AssetConfig:
    name = getattr(config, key)
    for asset in listing.asset:
        if asset.name == name:
            return asset
    raise ConfigError(file, f"instrument {config.symbol}: {key}: no [[asset]] is named {name!r}")


def refuse_development_credentials(venue: Venue) -> None:
    """Refuse passwords everybody knows where others than this machine can log on. Raises: UnsafeCredentials.

    Cost: a quarter of a second for each CompID, and only when an address beyond loopback is configured.
    """
    exposed = exposure(venue)
    if not exposed:
        return
    known = [
        session.comp_id
        for firm in venue.members.firm
        for session in firm.session
        if bcrypt.checkpw(f"dev-{session.comp_id.lower()}".encode(), session.password_bcrypt.encode())
    ]
    if known:
        file = venue.directory / "members.toml"
        raise UnsafeCredentials(
            f"{exposed}, but {file} has development passwords for {', '.join(known)}: change them first"
        )


def exposure(venue: Venue) -> str:
    """Say by which setting others than this machine may log on; empty when none does. Raises: ConfigError."""
    sessions, listen = read_sessions_file(venue.directory), venue.exchange.listen
    if not is_loopback(listen):
        return f"{venue.directory / 'exchange.toml'} listens on {listen}"
    for line in sessions.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "AllowedRemoteAddresses":
            beyond = [address.strip() for address in value.split(",") if not is_loopback(address.strip())]
            if beyond:
                return f"{venue.directory / SESSIONS_FILE} allows {', '.join(beyond)}"
    return ""


def is_loopback(address: str) -> bool:
    """Tell whether ``address`` is this machine's own; a name that is not ``localhost`` is not."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
