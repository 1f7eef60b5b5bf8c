"""Inputs nobody should send: sound frames with commands changed field by field, and frames that are not sound.

Everything is made from templates, so that millions of them cost little more than a copy each: a scribe writes a few
thousand everyday commands once, and each input is one of them with a name of its own, mostly meant for an order
entered just before, and in half of all cases spoiled.
"""

from __future__ import annotations

from functools import cache
from random import Random
from struct import Struct
from typing import NamedTuple

import msgspec

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import (
    AccountKind,
    AccountStatus,
    MarginMode,
    MarginState,
    Matching,
    SelfTrade,
    Side,
    SymbolStatus,
    TimeInForce,
    VenueStatus,
)
from engine.api.messages.declare import COMMANDS
from engine.api.messages.layout import Layout
from engine.api.units import Step
from engine.api.wire import HEADER_BYTES, crc32c, encode_command, encode_frame, number_of
from engine.host.core import Core, Fault
from tests.model import market as m
from tests.property import odd
from tests.property.members import FUTURES_ACCOUNTS, SPOT_ACCOUNTS
from tests.property.strategies import WEIGHTS, Scribe, opened

U64 = Struct("<Q")
HUGE, VAST = 4, 5
SPOT_HUGE, PERP_HUGE, PERP_HUGE_PRO = 7, 8, 9
SIZES = (1, 2, 10**3, 10**6, 10**7, 10**9, 10**12 - 1, 10**12)
HUGE_SYMBOLS = (SPOT_HUGE, PERP_HUGE, PERP_HUGE, PERP_HUGE_PRO)
EVERYDAY, HOSTILE = 3_000, 1_500
RARER = {"venue_status": 0.1, "account_status": 0.3, "margin_state": 0.3, "kill_switch": 0.3, "mass_cancel": 0.5}
"""What keeps everybody out, so that there is a market most of the time."""


_SPOT = msgspec.structs.replace(
    m.BTC_ETH_LISTING,
    symbol_id=SPOT_HUGE,
    symbol="VAST/HUGE",
    base_asset_id=VAST,
    quote_asset_id=HUGE,
    tick=Step(1, 12),
    lot=Step(10**6, 0),
    max_qty=limits.ORDER_QTY_LOTS_MAX,
    max_notional=limits.NOTIONAL_MINOR_MAX,
    maker_ppm=-limits.FEE_PPM_MAX,
    taker_ppm=limits.FEE_PPM_MAX,
)
_PERP = msgspec.structs.replace(
    m.BTC_PERP_LISTING,
    symbol_id=PERP_HUGE,
    symbol="HUGE-PERP",
    base_asset_id=VAST,
    quote_asset_id=HUGE,
    tick=Step(1, 12),
    lot=Step(10**6, 0),
    max_qty=limits.ORDER_QTY_LOTS_MAX,
    max_notional=limits.NOTIONAL_MINOR_MAX,
    maker_ppm=limits.FEE_PPM_MAX,
    taker_ppm=limits.FEE_PPM_MAX,
    band_ppm=limits.BAND_PPM_MAX,
    pnl_account_id=5,
)
_PERP_PRO = msgspec.structs.replace(
    _PERP, symbol_id=PERP_HUGE_PRO, symbol="HUGE-PRO", matching=Matching.PRO_RATA, pnl_account_id=6
)
_OWNERS = (*m.SESSION_OF, m.LENDER)
OPENING: tuple[c.Command, ...] = (
    *m.FULL_OPENING,
    c.RegisterAsset(HUGE, "HUGE", limits.ASSET_DECIMALS_MAX),
    c.RegisterAsset(VAST, "VAST", limits.ASSET_DECIMALS_MAX),
    c.OpenAccount(5, 0, AccountKind.CLEARING_PNL, "HUGE-PERP-PNL"),
    c.OpenAccount(6, 0, AccountKind.CLEARING_PNL, "HUGE-PRO-PNL"),
    *(c.ListInstrument(listing) for listing in (_SPOT, _PERP, _PERP_PRO)),
    *(c.SetCollateral(asset, limits.WEIGHT_PPM_MAX, m.LENDER) for asset in (HUGE, VAST)),
    *(
        c.Deposit(account, asset, limits.ASSET_UNITS_MAX // 16 * 10**18, f"huge:{account}:{asset}")
        for account in _OWNERS
        for asset in (HUGE, VAST)
    ),
    *(c.SetAccountLimits(n, 4, 0, 0) for n in (m.ALPHA_F, m.BRAVO_F, m.CHARLIE_F, m.ALPHA_F2)),
    *(
        c.SetLeverage(account, symbol, leverage, mode)
        for account, leverage, mode in (
            (m.ALPHA_F, 5, MarginMode.CROSS),
            (m.BRAVO_F, 1, MarginMode.CROSS),
            (m.CHARLIE_F, 5, MarginMode.ISOLATED),
        )
        for symbol in (PERP_HUGE, PERP_HUGE_PRO)
    ),
    *(c.SetMark(symbol, 10**6) for symbol in (SPOT_HUGE, PERP_HUGE, PERP_HUGE_PRO)),
)
"""The everyday markets, and three in which one lot at one tick is worth as much as it may be."""

REPAIRS: tuple[c.Command, ...] = (
    c.SetVenueStatus(VenueStatus.OPEN),
    *(c.SetSymbolStatus(symbol, SymbolStatus.OPEN) for symbol in range(1, 10)),
    *(c.SetAccountStatus(account, AccountStatus.ACTIVE) for account in m.SESSION_OF),
    *(c.SetMarginState(account, MarginState.NORMAL) for account in m.SESSION_OF),
    *(c.SetKillSwitch(session, False) for session in (m.ALPHA_OE, m.BRAVO_OE, m.CHARLIE_OE, m.CHARLIE_2)),
    *(c.SetMark(listing.symbol_id, 10_000) for listing in m.ALL_LISTINGS),
)
"""What brings the markets back after they were closed, once their breakers are released and old marks forgotten."""
REPAIR_WAIT_NS = 301 * 10**9


def _fields(layout: Layout) -> str:
    """Write the fixed part and the terms of a command as they are declared; ``a`` is an amount of 16 bytes."""
    codes = (field.code for field in (*layout.fixed, *layout.terms))
    return "BB" + "".join({"Qq": "a"}.get(code, int(code[:-1]) * "B" if code.endswith("x") else code) for code in codes)


FIELDS = {number: _fields(known.layout) for number, known in COMMANDS.items()}
_WIDTHS = {"B": 1, "H": 2, "I": 4, "i": 4, "q": 8, "Q": 8, "a": 16}
_ENDS = (0, 1, 2, -1, -2)
_LOTS = (5, 100, 10**4, 10**6, 10**7, 10**9, 2**31, 2**32, 2**53)
_AMOUNTS = (10**9, 10**25, 10**31, 10**34, 10**35, 10**36, 10**38, 2**122, 2**64)
_PLAIN: dict[str, list[int]] = {
    "B": [*range(9), 18, 19, *map(int, (*Side, *TimeInForce)), ord("P"), *SelfTrade, 125, 126, 127, 128, 254, 255],
    "H": [*range(6), 1_023, 1_024, 1_025, 2**15, 2**16 - 1],
    "I": [*range(10), *_OWNERS, *map(int, m.SESSION_OF.values()), m.ALPHA_DC, *odd.around(limits.ACCOUNTS_MAX, 2**31)],
    "i": [*_ENDS, *odd.around(limits.FEE_PPM_MAX, -limits.FEE_PPM_MAX), 2**31 - 1, -(2**31)],
    "q": [*_ENDS, *_LOTS, *odd.around(10**12, -(10**12), 10_000), 2**63 - 1, 1 - 2**63, -(2**63)],
    "Q": [0, 1, *(m.NOW_NS + n * 10**9 for n in (0, 1, 60, 10**5)), *odd.around(limits.TIMESTAMP_NS_MAX), 2**64 - 1],
    "a": [*_ENDS, *_AMOUNTS, *(-n for n in _AMOUNTS), 2**127 - 1, 1 - 2**127, -(2**127)],
}
EXTREMES = {
    code: [(n % (1 << 8 * _WIDTHS[code])).to_bytes(_WIDTHS[code], "little") for n in numbers]
    for code, numbers in _PLAIN.items()
}
"""For each kind of field, what it may hold at, next to and beyond its ends."""

NAMED = frozenset(map(number_of, (c.NewOrder, c.CancelOrder, c.ReplaceOrder, c.MassCancel)))
MEANING = frozenset(map(number_of, (c.CancelOrder, c.ReplaceOrder, c.RequestOrderStatus)))
NAME_BYTES = 8


class Template(NamedTuple):
    """A sound frame, where its fields are, and where its ClOrdID and the order it means stand (0: nowhere)."""

    raw: bytes
    fields: list[tuple[int, int, list[bytes]]]
    name_at: int
    meant_at: int


def template(source: int, raw: bytes) -> Template:
    """Make a template of an encoded command."""
    fields, at = [], HEADER_BYTES
    for code in FIELDS[raw[0]]:
        fields.append((at, at + _WIDTHS[code], EXTREMES[code]))
        at += _WIDTHS[code]
    fields = [field for field in fields if field[1] <= HEADER_BYTES + len(raw)]
    layout = COMMANDS[raw[0]].layout
    terms = sum(field.size for field in layout.terms) if layout.terms and raw[5] & 2 else 0
    name_at = layout.fixed_bytes + terms if raw[0] in NAMED else 0
    meant_at = layout.offset("order_id") if raw[0] in MEANING else 0
    return Template(
        encode_frame(source, 1, raw), fields, name_at and HEADER_BYTES + name_at, meant_at and HEADER_BYTES + meant_at
    )


def named(command: c.Command) -> c.Command:
    """Give a command that has a ClOrdID one of the length of those to come, mostly."""
    if isinstance(command, c.NewOrder | c.CancelOrder | c.ReplaceOrder | c.MassCancel):
        return msgspec.structs.replace(command, cl_ord_id="n" * NAME_BYTES)
    return command


@cache
def repairs() -> list[bytes]:
    """The frames of :data:`REPAIRS`."""
    return [encode_frame(c.OPERATIONS, 1, encode_command(command)) for command in REPAIRS]


def everyday(count: int, seed: int = 20) -> list[Template]:
    """What a scribe writes who has seen a day."""
    scribe, rng = Scribe(opened()), Random(seed)
    for _ in range(200):
        sent = scribe.write(rng.randrange(2**32))
        scribe.model.apply(m.NOW_NS, encode_frame(sent.source, 1, sent.raw))
    kinds = [kind for kind in WEIGHTS if kind not in ("spoiled", "noise", "delist", "time")]
    weights = [WEIGHTS[kind] * RARER.get(kind, 1) for kind in kinds]
    templates: list[Template] = []
    while len(templates) < count:
        scribe.rng = Random(rng.randrange(2**32))
        source, command = getattr(scribe, rng.choices(kinds, weights)[0])()
        is_about_order = isinstance(command, c.CancelOrder | c.ReplaceOrder)
        source = c.OPERATIONS if is_about_order and rng.random() < 0.7 else source
        templates.append(template(source, encode_command(named(command))))
    return templates


def hostile(count: int, seed: int = 21) -> list[Template]:
    """Orders and operations at the ends of what is possible, in the markets where they are worth most."""
    scribe = Scribe(opened())
    rng = scribe.rng = Random(seed)
    made = [huge_request(rng) if n % 6 == 0 else huge_order(rng, scribe.any_order()) for n in range(count)]
    return [template(c.OPERATIONS, encode_command(named(command))) for command in made]


def huge_market(rng: Random) -> tuple[int, int]:
    """Choose an account and a symbol it may trade."""
    symbol = rng.choice(HUGE_SYMBOLS)
    return rng.choice(SPOT_ACCOUNTS if symbol == SPOT_HUGE else FUTURES_ACCOUNTS), symbol


def huge_order(rng: Random, order: c.NewOrder) -> c.NewOrder:
    """Make an everyday order one at the ends."""
    account, symbol = huge_market(rng)
    qty = rng.choice(SIZES)
    changed = msgspec.structs.replace(
        order,
        account_id=account,
        symbol_id=symbol,
        order_qty=qty,
        price=rng.choice(SIZES) if order.price else 0,
        stop_px=rng.choice(SIZES) if order.stop_px else 0,
        max_floor=max(1, qty // rng.choice([1, 3, 1_000])) if order.max_floor else 0,
        min_qty=qty if order.min_qty else 0,
    )
    assert isinstance(changed, c.NewOrder)
    return changed


def huge_request(rng: Random) -> c.Command:
    """Ask for something else in the same markets."""
    account, symbol = huge_market(rng)
    other, amount = rng.choice([*m.SESSION_OF]), rng.choice([1, 10**25, 10**31, 10**34, -(10**31), 10**33])
    requests: list[c.Command] = [
        c.SetMark(symbol, rng.choice(SIZES)),
        c.SetLeverage(account, symbol, rng.choice([1, 2, 5, 10, 20, 125]), rng.choice([*MarginMode])),
        c.AdjustMargin(account, symbol, amount),
        c.CoverDebt(rng.choice([m.LENDER, m.ALPHA]), account, symbol, amount),
        c.Transfer(account, other, rng.choice([HUGE, VAST]), amount),
        c.SetSymbolStatus(symbol, rng.choice([SymbolStatus.PRE_OPEN, SymbolStatus.OPEN])),
        c.ReplaceOrder("r", rng.choice(SIZES), price=rng.choice(SIZES)),
    ]
    return rng.choice(requests)


class Foe:
    """Makes one input after another, by the seed of a life."""

    def __init__(self, templates: list[Template], seed: int) -> None:
        self.random = Random(seed).random
        self.rng = Random(seed + 1)
        self.templates = templates
        self.repairs = repairs()
        self.made = 0
        self.entered: list[int] = []
        self.is_repairing = False

    def frame(self, seq: int) -> bytes:
        """Make a sound frame, whose record will be number ``seq``."""
        random = self.random
        template = self.templates[int(random() * len(self.templates))]
        raw, dice = bytearray(template.raw), random()
        self.made += 1
        if template.name_at and dice < 0.97:
            raw[template.name_at : template.name_at + NAME_BYTES] = b"%08x" % self.made
        if template.meant_at:
            raw[template.meant_at : template.meant_at + 8] = U64.pack(self.meant(seq))
        dice = random()
        while dice < 0.35:
            # Type and version, the first two, less often than the others.
            start, end, values = template.fields[-1 - int(random() * (len(template.fields) - 1.9))]
            raw[start:end] = values[int(random() * len(values))]
            dice += 0.1 + random()
        if random() < 0.04:
            return self.deformed(raw)
        raw[4:8] = crc32c(bytes(raw[8:])).to_bytes(4, "little")
        return bytes(raw)

    def meant(self, seq: int) -> int:
        """Choose an order id: one that was entered lately, or the number of any record."""
        if self.random() < 0.1 or not self.entered:
            return max(0, seq - 1 - int(self.random() * 40))
        return self.entered[-1 - int(self.random() * min(60, len(self.entered)))]

    def deformed(self, raw: bytearray) -> bytes:
        """Give a frame a command of another length, or of noise, or with a byte changed."""
        rng, command = self.rng, raw[HEADER_BYTES:]
        source = int.from_bytes(raw[28:32], "little")
        match rng.randrange(6):
            case 0:
                del command[rng.randrange(len(command) + 1) :]
            case 1:
                command += rng.randbytes(rng.choice([1, 2, 8, 48, 200]))
            case 2:
                command = bytearray(rng.randbytes(rng.randrange(200)))
            case 3:
                command = bytearray(bytes([rng.choice([*FIELDS]), 1])) + rng.randbytes(rng.randrange(150))
            case 4:
                command = (command + rng.randbytes(1_024))[:1_024]
            case _:
                at = rng.randrange(len(command))
                command[at] ^= 1 << rng.randrange(8)
        return encode_frame(rng.choice([source, 0, 11, 99, 2**32 - 1]), rng.getrandbits(64), bytes(command))

    def batch(self, seq: int, size: int) -> list[bytes]:
        """Make frames to be applied together after record ``seq``; now and then the markets are opened again first."""
        frames = self.repairs[:size] if self.is_repairing else []
        seq += len(frames)
        return frames + [self.frame(seq + n) for n in range(1, size - len(frames) + 1)]

    def wait_ns(self) -> int:
        """By how much the clock moves before the next batch; far enough for repairs if that is to begin with them."""
        self.is_repairing = self.random() < 0.4
        if self.is_repairing:
            return REPAIR_WAIT_NS
        return self.rng.choice([0, 0, 0, 1, -5, 10**6, 10**9, 61 * 10**9, 86_400 * 10**9])

    def damaged(self, sound: bytes) -> tuple[bytes, Fault | None]:
        """Make what is no sound frame out of one; ``None``: any fault will do, or waiting for more."""
        rng, raw = self.rng, bytearray(sound)
        match rng.randrange(7):
            case 0:
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
                return bytes(raw), None
            case 1:
                return bytes(raw[: rng.randrange(len(raw))]), Fault.NONE
            case 2:
                lengths = [0, 1, 47, HEADER_BYTES + limits.COMMAND_BYTES_MAX + 1, 2**16, 2**31, 2**32 - 1]
                raw[:4] = rng.choice(lengths).to_bytes(4, "little")
                return bytes(raw), Fault.BAD_LENGTH
            case 3:
                start, end = rng.choice([(8, 16), (16, 24), (24, 28), (42, 44), (44, 48)])
                raw[start:end] = rng.choice([1, 255, 256 ** (end - start) - 1]).to_bytes(end - start, "little")
                return sealed(raw), Fault.BAD_HEADER
            case 4:
                right = len(raw) - HEADER_BYTES
                wrong = rng.choice([n for n in (0, 1, right - 1, right + 1, 1_024, 1_025, 2**16 - 1) if n != right])
                raw[40:42] = max(0, wrong).to_bytes(2, "little")
                return (sealed(raw), Fault.BAD_LENGTH) if wrong >= 0 else (b"\0", Fault.NONE)
            case 5:
                raw[4:8] = rng.choice([bytes(4), b"\xff" * 4, rng.randbytes(4)])
                return bytes(raw), Fault.BAD_CRC if raw[4:8] != sound[4:8] else None
            case _:
                noise = rng.randbytes(rng.choice([1, 3, 4, 47, 48, 49, 200]))
                return noise, None


def sealed(raw: bytearray) -> bytes:
    """Put the CRC right."""
    raw[4:8] = crc32c(bytes(raw[8:])).to_bytes(4, "little")
    return bytes(raw)


def opening() -> bytes:
    """Make the snapshot that every life begins from."""
    core = Core()
    frames = b"".join(m.frame(c.OPERATIONS, command) for command in OPENING)
    applied = core.apply(m.NOW_NS, frames)
    assert applied.count == len(OPENING) and core.open_orders == 0
    return core.snapshot()
