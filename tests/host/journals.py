"""Journals to break: every kind of command, in batches, written by the real writer."""

from __future__ import annotations

from pathlib import Path

from engine.api import commands as c
from engine.api.enums import AccountKind, InstrumentKind, OrdType, SessionKind, Side, TimeInForce
from engine.api.instrument import Instrument
from engine.api.units import Step
from engine.api.wire import encode_command, encode_frame
from engine.host import journal, recovery
from engine.host.core import Core
from engine.host.disk import Disk, UnsyncedDisk

GTC, IOC, FOK = TimeInForce.GOOD_TILL_CANCEL, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL
NOW_NS = 1_790_000_000_000_000_000
BTC_USDT = Instrument(
    symbol_id=1,
    symbol="BTC/USDT",
    kind=InstrumentKind.SPOT,
    base_asset_id=2,
    quote_asset_id=1,
    tick=Step(1, 2),
    lot=Step(1, 5),
    min_qty=1,
    max_qty=10**9,
    min_notional=10 * 10**8,
    max_notional=5_000_000 * 10**8,
    maker_ppm=200,
    taker_ppm=1000,
    band_ppm=100_000,
    fee_account_id=1,
)

REGISTRATIONS: list[c.Command] = [
    c.RegisterAsset(1, "USDT", 8),
    c.RegisterAsset(2, "BTC", 8),
    c.RegisterFirm(1, "ALPHA"),
    c.RegisterFirm(2, "BRAVO"),
    c.OpenAccount(1, 0, AccountKind.SYSTEM, "EXCHANGE-FEES"),
    c.OpenAccount(101, 1, AccountKind.SPOT, "ALPHA"),
    c.OpenAccount(102, 2, AccountKind.SPOT, "BRAVO"),
    c.RegisterSession(11, 1, SessionKind.ORDER_ENTRY, "ALPHA"),
    c.RegisterSession(21, 2, SessionKind.ORDER_ENTRY, "BRAVO"),
    c.ListInstrument(BTC_USDT),
    c.Deposit(101, 1, 10**14, "opening:101:USDT"),
    c.Deposit(102, 2, 10**10, "opening:102:BTC"),
]


def order(account: int, side: Side, qty: int, price: int, cl_ord_id: str, tif: TimeInForce = GTC) -> c.NewOrder:
    """Make a limit order in BTC/USDT; ``qty`` lots, ``price`` ticks."""
    return c.NewOrder(account, 1, side, OrdType.LIMIT, tif, qty, price, cl_ord_id)


def trading(rounds: int) -> list[tuple[int, c.Command]]:
    """Make ``rounds`` of every kind of order command, each with its source."""
    out: list[tuple[int, c.Command]] = []
    for n in range(rounds):
        out += [
            (21, order(102, Side.SELL, 1000, 5_000_000, f"s{n}")),
            (11, order(101, Side.BUY, 400, 5_000_000, f"b{n}")),
            (11, order(101, Side.BUY, 500, 4_900_000, f"r{n}")),
            (11, c.CancelOrder(f"c{n}", f"r{n}")),
            (11, order(101, Side.BUY, 5000, 5_000_000, f"f{n}", FOK)),
            (21, c.RequestOrderStatus(f"s{n}")),
            (11, c.RefuseOrder(101, 49, 50, 49, 1007, 44, f"x{n}", "BTC/USDT", "1", "0.001", "")),
            (11, order(101, Side.BUY, 600, 5_000_000, f"i{n}", IOC)),
        ]
    return out


def frames(commands: list[tuple[int, c.Command]], first: int = 1) -> list[bytes]:
    """Encode commands as frames, numbered from ``first``."""
    return [encode_frame(source, n, encode_command(command)) for n, (source, command) in enumerate(commands, first)]


def script(rounds: int) -> list[bytes]:
    """Encode registrations and ``rounds`` of trading."""
    return frames([(0, command) for command in REGISTRATIONS] + trading(rounds))


def open_journal(directory: Path, disk: Disk | None = None) -> tuple[Core, journal.Journal]:
    """Recover the journal in ``directory`` without lock or snapshots, and begin to write."""
    disk = disk or UnsyncedDisk()
    directory.mkdir(parents=True, exist_ok=True)
    recovered = recovery.recover(directory, directory / "snapshots", disk)
    return recovered.core, journal.Journal(directory, recovered.tail, disk)


def write(directory: Path, rounds: int, batch: int = 7, disk: Disk | None = None) -> Core:
    """Write a journal of ``rounds`` in batches of ``batch`` commands; return the core that wrote it."""
    core, writer = open_journal(directory, disk)
    sent = script(rounds)
    for start in range(0, len(sent), batch):
        applied = core.apply(NOW_NS + start, b"".join(sent[start : start + batch]), 0)
        writer.append(bytes(applied.records), core.seq, core.prev_crc)
    writer.close()
    return core


def only_segment(directory: Path) -> Path:
    """Return the one segment of a journal."""
    (path,) = directory.glob("journal-*.seg")
    return path


def copy_without_marker(raw: bytes, name: str, to: Path) -> Path:
    """Lay ``raw`` as the only segment of a fresh directory, as after a power cut that lost the marker."""
    to.mkdir(parents=True, exist_ok=True)
    for old in to.iterdir():
        old.unlink()
    (to / name).write_bytes(raw)
    return to
