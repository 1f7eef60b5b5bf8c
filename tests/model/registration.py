"""Commands of operations: what exists, what is deposited, and what things are worth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, Side
from engine.api.instrument import Instrument
from engine.api.rejects import ErrorCode
from tests.model.commands import refuse_if

MILLION = 1_000_000


def ceil_div(dividend: int, divisor: int) -> int:
    """Divide toward plus infinity."""
    return -(-dividend // divisor)


class Registrations:
    """What operations have entered, and all balances."""

    def __init__(self) -> None:
        self.assets: dict[int, c.RegisterAsset] = {}
        self.firms: dict[int, c.RegisterFirm] = {}
        self.accounts: dict[int, c.OpenAccount] = {}
        self.sessions: dict[int, c.RegisterSession] = {}
        self.instruments: dict[int, Instrument] = {}
        self.deposit_refs: dict[str, None] = {}
        self.deposited: Counter[int] = Counter()  # by asset
        self.available: defaultdict[tuple[int, int], int] = defaultdict(int)  # by account and asset
        self.locked: defaultdict[tuple[int, int], int] = defaultdict(int)

    def register(self, command: c.Command) -> e.Event:
        """Add to the registries, or deposit."""
        match command:
            case c.RegisterAsset(asset_id, name, decimals):
                refuse_if(decimals > limits.ASSET_DECIMALS_MAX, ErrorCode.BOUND_EXCEEDED)
                check_vacant(self.assets, asset_id, limits.ASSETS_MAX, name, [a.name for a in self.assets.values()])
                self.assets[asset_id] = command
                return e.AssetRegistered()
            case c.RegisterFirm(firm_id, name):
                check_vacant(self.firms, firm_id, limits.FIRMS_MAX, name, [f.name for f in self.firms.values()])
                self.firms[firm_id] = command
                return e.FirmRegistered()
            case c.OpenAccount(account_id, firm_id, kind, name):
                names = [a.name for a in self.accounts.values()]
                check_vacant(self.accounts, account_id, limits.ACCOUNTS_MAX, name, names)
                is_owned = firm_id == 0 if kind is AccountKind.SYSTEM else firm_id in self.firms
                refuse_if(not is_owned, ErrorCode.UNKNOWN_REFERENCE)
                self.accounts[account_id] = command
                return e.AccountOpened()
            case c.RegisterSession(session_id, firm_id, _, comp_id):
                comp_ids = [s.comp_id for s in self.sessions.values()]
                check_vacant(self.sessions, session_id, limits.SESSIONS_MAX, comp_id, comp_ids)
                refuse_if(firm_id not in self.firms, ErrorCode.UNKNOWN_REFERENCE)
                self.sessions[session_id] = command
                return e.SessionRegistered()
            case c.ListInstrument(instrument):
                self.list_instrument(instrument)
                return e.InstrumentListed()
            case c.Deposit():
                return self.deposit(command)
            case _:
                raise AssertionError(f"not a command of operations: {command}")

    def list_instrument(self, i: Instrument) -> None:
        """Open a book, when every notional will be a whole number of quote minor units."""
        symbols = [other.symbol for other in self.instruments.values()]
        check_vacant(self.instruments, i.symbol_id, limits.SYMBOLS_MAX, i.symbol, symbols)
        known = {i.base_asset_id, i.quote_asset_id} <= self.assets.keys() and i.fee_account_id in self.accounts
        refuse_if(not known, ErrorCode.UNKNOWN_REFERENCE)
        is_bounded = (
            i.base_asset_id != i.quote_asset_id
            and self.accounts[i.fee_account_id].kind is AccountKind.SYSTEM
            and min(i.tick.mantissa, i.lot.mantissa) >= 1
            and 1 <= i.min_qty <= i.max_qty <= limits.ORDER_QTY_LOTS_MAX
            and 0 <= i.min_notional <= i.max_notional <= limits.NOTIONAL_MINOR_MAX
            and max(abs(i.maker_ppm), abs(i.taker_ppm)) <= limits.FEE_PPM_MAX
            and i.taker_ppm >= 0
            and i.maker_ppm + i.taker_ppm >= 0
            and i.band_ppm <= limits.BAND_PPM_MAX
        )
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)
        is_exact = 1 <= self.lot_minor(i) <= limits.LOT_MINOR_MAX
        is_exact = is_exact and self.fee_step(i) <= self.tick_lot_minor(i) <= limits.TICK_LOT_MINOR_MAX
        refuse_if(not is_exact, ErrorCode.INEXACT_NOTIONAL)
        self.instruments[i.symbol_id] = i

    def deposit(self, d: c.Deposit) -> e.Deposited:
        """Credit an account, once per reference."""
        known = d.account_id in self.accounts and d.asset_id in self.assets
        refuse_if(not known, ErrorCode.UNKNOWN_REFERENCE)
        most = limits.ASSET_UNITS_MAX * int(10 ** self.assets[d.asset_id].decimals)
        is_bounded = 1 <= d.amount <= most - self.deposited[d.asset_id] and d.deposit_ref != ""
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)
        refuse_if(d.deposit_ref in self.deposit_refs, ErrorCode.DUPLICATE_DEPOSIT)
        self.deposit_refs[d.deposit_ref] = None
        self.deposited[d.asset_id] += d.amount
        self.available[d.account_id, d.asset_id] += d.amount
        return e.Deposited(self.available[d.account_id, d.asset_id])

    def lot_minor(self, i: Instrument) -> int:
        """Base minor units of one lot."""
        return i.lot_minor(self.assets[i.base_asset_id].decimals)

    def tick_lot_minor(self, i: Instrument) -> int:
        """Quote minor units of one lot at one tick."""
        return i.tick_lot_minor(self.assets[i.quote_asset_id].decimals)

    def fee_step(self, i: Instrument) -> int:
        """Quote minor units that a fee is a multiple of: eight decimals, or one unit where there are fewer."""
        finer = max(0, self.assets[i.quote_asset_id].decimals - limits.FEE_DECIMALS)
        return int(10**finer)

    def fee(self, i: Instrument, notional: int, ppm: int) -> int:
        """Fee on a notional, rounded once, toward plus infinity (FEE-04)."""
        return ceil_div(notional * ppm, MILLION * self.fee_step(i)) * self.fee_step(i)

    def per_lot(self, i: Instrument, side: Side, price: int) -> int:
        """What an order locks per lot: base for a sell; quote with the worst-case fee for a buy (RES-21)."""
        if side is Side.SELL:
            return self.lot_minor(i)
        worth = price * self.tick_lot_minor(i)
        return worth + self.fee(i, worth, max(i.maker_ppm, i.taker_ppm, 0))


def check_vacant(known: Container[int], number: int, number_max: int, name: str, names: list[str]) -> None:
    """Refuse an id or a name that is out of bounds or taken."""
    refuse_if(not 1 <= number <= number_max or not name, ErrorCode.BOUND_EXCEEDED)
    refuse_if(number in known or name in names, ErrorCode.ALREADY_REGISTERED)
