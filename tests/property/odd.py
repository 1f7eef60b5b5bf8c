"""Commands with something wrong: fields at and over their bounds, unknown ids, spoiled bytes."""

from __future__ import annotations

from random import Random

import msgspec

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import (
    AccountKind,
    ExecInst,
    OrdType,
    Peg,
    SelfTrade,
    SessionKind,
    Side,
    TimeInForce,
    Trigger,
)
from engine.api.instrument import Instrument
from engine.api.units import Step
from engine.api.wire import encode_command
from tests.model import market as m

I64_MAX = 2**63 - 1
I128_MAX = 2**127 - 1


def around(*bounds: int) -> list[int]:
    """Each bound, and its neighbours."""
    return sorted({bound + step for bound in bounds for step in (-1, 0, 1)})


ACCOUNTS = [m.ALPHA, m.BRAVO_F, m.ALPHA_M, 0, m.FEES, m.BTC_PNL, 999, c.UNRESOLVED]
SYMBOLS = [m.BTC_USDT, m.BTC_PERP, 0, 7, 9, c.UNRESOLVED]
SOURCES = [0, 0, m.ALPHA_OE, m.BRAVO_OE, m.ALPHA_DC, m.CHARLIE_2, 99, 0xFFFF_FFFF]
CL_ORD_IDS = ["", *(f"id-{n}" for n in range(9)), "x" * limits.CL_ORD_ID_LENGTH_MAX]
TEXTS = ["", "desk 7", "~" * limits.TEXT_LENGTH_MAX]
NAMES = ["", "NEW", "ALPHA", "USDT", "BTC/USDT", "n" * limits.NAME_LENGTH_MAX]
AMOUNTS = [-1, 0, 1, 10**12, limits.ASSET_UNITS_MAX * 10**8, limits.ASSET_UNITS_MAX * 10**8 + 1, I128_MAX]
PRICES = [-1, 0, 1, 9_000, 11_000, 50_000_000, I64_MAX, -I64_MAX, *around(limits.PRICE_TICKS_MAX)]
QUANTITIES = [-1, 0, 1, 4, 5, 1_000_000, 1_000_001, I64_MAX, -I64_MAX, *around(limits.ORDER_QTY_LOTS_MAX)]
ORDER_IDS = [0, 1, 70, 2**63, 2**64 - 1]
TIMES = [0, 1, m.NOW_NS, *around(limits.TIMESTAMP_NS_MAX), 2**64 - 1]

ORDER_FIELDS: dict[str, list[object]] = {
    "account_id": [*ACCOUNTS],
    "symbol_id": [*SYMBOLS],
    "ord_type": [*OrdType],
    "time_in_force": [*TimeInForce],
    "order_qty": [*QUANTITIES],
    "price": [*PRICES],
    "cl_ord_id": [*CL_ORD_IDS],
    "text": [*TEXTS],
    "stop_px": [*PRICES],
    "max_floor": [*QUANTITIES],
    "min_qty": [*QUANTITIES],
    "expire_time_ns": [*TIMES],
    "peg_offset": [*around(limits.PRICE_TICKS_MAX, -limits.PRICE_TICKS_MAX, 0), -(2**63)],
    "stp_group": [0, 1, 0xFFFF_FFFF],
    "exec_inst": [ExecInst(flags) for flags in range(16)],
    "trigger": [*Trigger],
    "peg": [*Peg],
    "stp": [*SelfTrade],
}

REPLACE_FIELDS: dict[str, list[object]] = {
    "cl_ord_id": [*CL_ORD_IDS],
    "orig_cl_ord_id": ["", *CL_ORD_IDS],
    "order_qty": [*QUANTITIES],
    "price": [*PRICES],
    "order_id": [*ORDER_IDS],
    "account_id": [*ACCOUNTS],
    "symbol_id": [*SYMBOLS],
    "side": [0, 3, *Side],
    "time_in_force": [0, 1, *TimeInForce],
    "stop_px": [*PRICES],
    "max_floor": [*QUANTITIES],
    "expire_time_ns": [*TIMES],
    "peg_offset": [None, 0, *around(limits.PRICE_TICKS_MAX, -limits.PRICE_TICKS_MAX)],
}

_STEPS = [
    Step(mantissa, decimals)
    for mantissa in (1, 5, 0, -1, *around(limits.TICK_LOT_MINOR_MAX), I64_MAX)
    for decimals in (0, 2, 4, 8, 19, 255)
]
_PPM = [-1, 0, 1, 1000, *around(limits.FEE_PPM_MAX, -limits.FEE_PPM_MAX)]
_ASSETS = [m.USDT, m.BTC, m.ETH, 0, 9]
LISTING_FIELDS: dict[str, list[object]] = {
    "symbol_id": [1, 0, *around(limits.SYMBOLS_MAX)],
    "symbol": [*NAMES],
    "base_asset_id": [*_ASSETS],
    "quote_asset_id": [*_ASSETS],
    "tick": [*_STEPS],
    "lot": [*_STEPS],
    "min_qty": [0, 1, 2, *around(limits.ORDER_QTY_LOTS_MAX)],
    "max_qty": [0, 1, 2, *around(limits.ORDER_QTY_LOTS_MAX)],
    "min_notional": [-1, 0, 1, *around(limits.NOTIONAL_MINOR_MAX)],
    "max_notional": [-1, 0, 1, *around(limits.NOTIONAL_MINOR_MAX)],
    "maker_ppm": [*_PPM],
    "taker_ppm": [*_PPM],
    "band_ppm": [0, *around(limits.BAND_PPM_MAX)],
    "fee_account_id": [m.FEES, m.ALPHA, m.BTC_PNL, 0],
    "max_leverage": [0, 1, *around(limits.LEVERAGE_MAX)],
}


def spoil_fields(rng: Random, record: object, fields: dict[str, list[object]]) -> object:
    """Change one or two fields of a command to something odd."""
    names = rng.sample(sorted(fields), rng.randint(1, 2))
    return msgspec.structs.replace(record, **{name: rng.choice(fields[name]) for name in names})  # type: ignore[type-var]


def listing(rng: Random) -> Instrument:
    """A listing of a new symbol that is in order, or has fields at or over their bounds."""
    sound = msgspec.structs.replace(rng.choice(m.ALL_LISTINGS), symbol_id=rng.choice([7, 8]), symbol="NEW")
    if sound.is_perpetual:
        sound = msgspec.structs.replace(sound, pnl_account_id=rng.choice([m.BTC_PNL, 5, 0, m.FEES]))
    odd = spoil_fields(rng, sound, LISTING_FIELDS) if rng.random() < 0.7 else sound
    assert isinstance(odd, Instrument)
    return odd


def registration(rng: Random) -> c.Command:
    """Something operations register, good and bad."""
    number = rng.choice([1, 5, 104, 0, *around(limits.FIRMS_MAX, limits.SESSIONS_MAX, limits.ACCOUNTS_MAX)])
    firm, name = rng.choice([0, 1, 2, 9]), rng.choice(NAMES)
    match rng.randrange(7):
        case 0:
            asset_id = rng.choice([1, 4, 5, 0, *around(limits.ASSETS_MAX)])
            return c.RegisterAsset(asset_id, name, rng.choice([0, 18, 19, 255]))
        case 1:
            return c.RegisterFirm(number, name)
        case 2:
            return c.OpenAccount(number, firm, rng.choice([*AccountKind]), name)
        case 3:
            return c.RegisterSession(number, firm, rng.choice([*SessionKind]), name)
        case _:
            return c.ListInstrument(listing(rng))


def deposit(rng: Random) -> c.Command:
    """A deposit, maybe the second one of its reference, or too large."""
    ref = rng.choice(["", "d1", "d2", "d3", "d4", "d" * limits.DEPOSIT_REF_LENGTH_MAX])
    account = rng.choice([*m.SESSION_OF, *ACCOUNTS])
    return c.Deposit(account, rng.choice([m.USDT, m.USDT, m.BTC, m.ETH, 9]), rng.choice(AMOUNTS), ref)


def request(rng: Random) -> c.Command:
    """A status request or a cancel of what mostly is not there, or a refusal."""
    name, order_id, text = rng.choice(CL_ORD_IDS), rng.choice(ORDER_IDS), rng.choice(TEXTS)
    account, symbol = rng.choice([0, *ACCOUNTS]), rng.choice([0, *SYMBOLS])
    match rng.randrange(3):
        case 0:
            return c.RequestOrderStatus(rng.choice(["", name]), order_id, text)
        case 1:
            orig = rng.choice(["", *CL_ORD_IDS])
            return c.CancelOrder(name, orig, order_id, account, symbol, rng.choice([0, 3, *Side]), rng.random() < 0.5)
        case _:
            octets = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
            code = rng.choice([1007, 1008, 65_535])
            free = ("0.5", "", "1e" * rng.randrange(127))
            return c.RefuseOrder(account, *octets, code, 44, name, *free, text)


def spoil_bytes(rng: Random, command: c.Command) -> bytes:
    """Change a byte of a command, cut it off or add to it."""
    raw = bytearray(encode_command(command))
    at = rng.randrange(len(raw))
    match rng.randrange(4):
        case 0:
            del raw[at:]
        case 1:
            raw += rng.randbytes(rng.randint(1, 8))
        case _:
            raw[at] = rng.choice([0, 1, 2, 255, rng.randrange(256)])
    return bytes(raw)
