"""What operations define before anything trades: assets, firms, accounts, sessions, instruments."""

from __future__ import annotations

import msgspec

from engine.api.enums import AccountKind, InstrumentKind, Matching, SessionKind
from engine.api.ids import ABSENT, AccountId, AssetId, FirmId, SessionId, SymbolId
from engine.api.instrument import Instrument
from engine.api.messages.codec import Decode, Encode
from engine.api.messages.declare import command, event
from engine.api.messages.layout import VERSION, Layout, struct_of
from engine.api.units import Step


@command(1, "decimals:u8 name:text asset_id:u16 zero:2")
class RegisterAsset(msgspec.Struct, frozen=True):
    """Add an asset to the books; ``decimals`` is its scale there. Event: AssetRegistered."""

    asset_id: AssetId
    name: str
    decimals: int


@event(1)
class AssetRegistered(msgspec.Struct, frozen=True):
    """The asset of the command is in the books."""


@command(2, "name:text zero:1 firm_id:u32")
class RegisterFirm(msgspec.Struct, frozen=True):
    """Admit a member firm. Event: FirmRegistered."""

    firm_id: FirmId
    name: str


@event(2)
class FirmRegistered(msgspec.Struct, frozen=True):
    """The firm of the command is a member."""


@command(3, "kind:u8 name:text account_id:u32 firm_id:u32")
class OpenAccount(msgspec.Struct, frozen=True):
    """Open an account of a firm (the exchange's own accounts have firm 0). Event: AccountOpened."""

    account_id: AccountId
    firm_id: FirmId
    kind: AccountKind
    name: str


@event(3)
class AccountOpened(msgspec.Struct, frozen=True):
    """The account of the command is open."""


@command(4, "kind:u8 comp_id:text session_id:u32 firm_id:u32")
class RegisterSession(msgspec.Struct, frozen=True):
    """Issue a CompID to a firm; its number becomes the ``source`` of what it sends. Event: SessionRegistered."""

    session_id: SessionId
    firm_id: FirmId
    kind: SessionKind
    comp_id: str


@event(4)
class SessionRegistered(msgspec.Struct, frozen=True):
    """The CompID of the command is issued."""


# --- instruments ------------------------------------------------------------------------------------------

_LISTING = (
    "kind:u8 symbol:text symbol_id:u32 base_asset_id:u16 quote_asset_id:u16 tick_decimals:u8 lot_decimals:u8 "
    "matching:u8 max_leverage:u8 tick:i64 lot:i64 min_qty:i64 max_qty:i64 min_notional:i128 max_notional:i128 "
    "maker_ppm:i32 taker_ppm:i32 band_ppm:u32 fee_account_id:u32 terms.pnl_account_id:u32 terms.zero:4"
)
"""The terms are those of a perpetual: it always has them, a spot instrument never."""


def _listing(layout: Layout) -> tuple[Encode, Decode]:
    """Write and read the instrument of a listing, field by field: it is a record of its own."""
    fixed, terms = struct_of(layout.fixed, layout.head), struct_of(layout.terms)

    def encode(message: msgspec.Struct) -> bytes:
        assert isinstance(message, ListInstrument | ChangeInstrument)
        i = message.instrument
        symbol = i.symbol.encode("ascii")
        names = (i.kind, len(symbol), i.symbol_id, i.base_asset_id, i.quote_asset_id)
        steps = (i.tick.decimals, i.lot.decimals, i.matching, i.max_leverage, i.tick.mantissa, i.lot.mantissa)
        notionals = (*_halves(i.min_notional), *_halves(i.max_notional))
        rates = (i.maker_ppm, i.taker_ppm, i.band_ppm, i.fee_account_id)
        head = fixed.pack(layout.number, VERSION, *names, *steps, i.min_qty, i.max_qty, *notionals, *rates)
        return head + (terms.pack(i.pnl_account_id) if i.is_perpetual else b"") + symbol

    def decode(b: bytes, start: int, end: int) -> msgspec.Struct:
        f = fixed.unpack_from(b, start)
        at, pnl_account_id = start + fixed.size, AccountId(ABSENT)
        if f[2] == InstrumentKind.PERPETUAL:
            (pnl_account_id,) = terms.unpack_from(b, at)
            at += terms.size
        symbol, kind = b[at:end].decode("ascii"), InstrumentKind(f[2])
        if len(symbol) != f[3]:
            raise ValueError("text lengths do not add up")
        tick, lot = Step(f[11], f[7]), Step(f[12], f[8])
        min_notional, max_notional = f[16] << 64 | f[15], f[18] << 64 | f[17]
        maker_ppm, taker_ppm, band_ppm, fee_account_id = f[19:]
        instrument = Instrument(
            symbol_id=f[4],
            symbol=symbol,
            kind=kind,
            base_asset_id=f[5],
            quote_asset_id=f[6],
            tick=tick,
            lot=lot,
            min_qty=f[13],
            max_qty=f[14],
            min_notional=min_notional,
            max_notional=max_notional,
            maker_ppm=maker_ppm,
            taker_ppm=taker_ppm,
            band_ppm=band_ppm,
            fee_account_id=fee_account_id,
            matching=Matching(f[9]),
            max_leverage=f[10],
            pnl_account_id=pnl_account_id,
        )
        return layout.record(instrument)

    return encode, decode


def _halves(value: int) -> tuple[int, int]:
    """Split an i128 as its layout has it."""
    return value & (1 << 64) - 1, value >> 64


@command(5, _LISTING, _listing)
class ListInstrument(msgspec.Struct, frozen=True):
    """Open a book. Refused when tick times lot is no whole number of quote minor units. Event: InstrumentListed."""

    instrument: Instrument


@event(5)
class InstrumentListed(msgspec.Struct, frozen=True):
    """The instrument of the command has a book."""


@command(37, _LISTING, _listing)
class ChangeInstrument(msgspec.Struct, frozen=True):
    """Change a listing (TBL-04). Tick, lot and fees need an empty book. Event: InstrumentChanged."""

    instrument: Instrument


@event(40)
class InstrumentChanged(msgspec.Struct, frozen=True):
    """The listing is the command's."""


@command(38, "zero:2 symbol_id:u32")
class DelistInstrument(msgspec.Struct, frozen=True):
    """Cancel a symbol's orders and close it for ever. Events: OrderCanceled*, InstrumentDelisted."""

    symbol_id: SymbolId


@event(41)
class InstrumentDelisted(msgspec.Struct, frozen=True):
    """The symbol takes no more orders."""
