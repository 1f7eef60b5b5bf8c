"""Commands of operations about what there is: assets, firms, accounts, sessions, instruments, and money coming in."""

from __future__ import annotations

from collections.abc import Container, Iterable

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, AccountStatus
from engine.api.instrument import Instrument
from engine.api.rejects import ErrorCode
from tests.model.commands import Refused, refuse_if
from tests.model.parameters import are_fees
from tests.model.replace import Replaces
from tests.model.state import Account, Asset, Market


class Registrations(Replaces):
    """What operations enter."""

    def register(self, command: c.Command) -> None:
        """Add to the registries, or deposit."""
        match command:
            case c.RegisterAsset(asset_id, name, decimals):
                refuse_if(decimals > limits.ASSET_DECIMALS_MAX, ErrorCode.BOUND_EXCEEDED)
                names = (asset.registered.name for asset in self.assets.values())
                check_vacant(self.assets, asset_id, limits.ASSETS_MAX, name, names)
                self.assets[asset_id] = Asset(command)
                self.tell(e.AssetRegistered())
            case c.RegisterFirm(firm_id, name):
                check_vacant(self.firms, firm_id, limits.FIRMS_MAX, name, (f.name for f in self.firms.values()))
                self.firms[firm_id] = command
                self.tell(e.FirmRegistered())
            case c.OpenAccount(account_id, firm_id, kind, name):
                names = (account.opened.name for account in self.accounts.values())
                check_vacant(self.accounts, account_id, limits.ACCOUNTS_MAX, name, names)
                is_owned = firm_id in self.firms if kind.is_member else firm_id == 0
                refuse_if(not is_owned, ErrorCode.UNKNOWN_REFERENCE)
                self.accounts[account_id] = Account(command)
                self.tell(e.AccountOpened())
            case c.RegisterSession(session_id, firm_id, _, comp_id):
                comp_ids = (session.comp_id for session in self.sessions.values())
                check_vacant(self.sessions, session_id, limits.SESSIONS_MAX, comp_id, comp_ids)
                refuse_if(firm_id not in self.firms, ErrorCode.UNKNOWN_REFERENCE)
                self.sessions[session_id] = command
                self.tell(e.SessionRegistered())
            case c.ListInstrument(instrument):
                self.list_instrument(instrument)
            case c.ChangeInstrument(instrument):
                self.change_instrument(instrument)
            case c.DelistInstrument(symbol_id):
                self.delist_instrument(symbol_id)
            case _:
                raise AssertionError(f"not a command of operations: {command}")

    # --- instruments ------------------------------------------------------------------------------------

    def list_instrument(self, i: Instrument) -> None:
        """Open a book, when every notional will be a whole number of quote minor units."""
        symbols = (market.listing.symbol for market in self.markets.values())
        check_vacant(self.markets, i.symbol_id, limits.SYMBOLS_MAX, i.symbol, symbols)
        market = self.checked_listing(i)
        pnl_accounts = {other.listing.pnl_account_id for other in self.markets.values()}
        refuse_if(market.is_perpetual and i.pnl_account_id in pnl_accounts, ErrorCode.BOUND_EXCEEDED)
        self.check_exact(market)
        self.markets[i.symbol_id] = market
        self.tell(e.InstrumentListed())

    def checked_listing(self, i: Instrument) -> Market:
        """Check what a listing refers to, and its bounds. Returns: the market it makes."""
        known = {i.base_asset_id, i.quote_asset_id} <= self.assets.keys() and i.fee_account_id in self.accounts
        known = known and (not i.is_perpetual or i.pnl_account_id in self.accounts)
        refuse_if(not known, ErrorCode.UNKNOWN_REFERENCE)
        is_bounded = (
            i.base_asset_id != i.quote_asset_id
            and self.accounts[i.fee_account_id].kind is AccountKind.SYSTEM
            and min(i.tick.mantissa, i.lot.mantissa) >= 1
            and 1 <= i.min_qty <= i.max_qty <= limits.ORDER_QTY_LOTS_MAX
            and 0 <= i.min_notional <= i.max_notional <= limits.NOTIONAL_MINOR_MAX
            and are_fees(i.maker_ppm, i.taker_ppm)
            and i.band_ppm <= limits.BAND_PPM_MAX
        )
        if i.is_perpetual:
            is_bounded = is_bounded and 1 <= i.max_leverage <= limits.LEVERAGE_MAX
            is_bounded = is_bounded and self.accounts[i.pnl_account_id].kind is AccountKind.CLEARING_PNL
        else:
            is_bounded = is_bounded and i.max_leverage == 0
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)
        base, quote = (self.assets[asset].registered.decimals for asset in (i.base_asset_id, i.quote_asset_id))
        # Fees are multiples of eight decimals, or of one minor unit where there are fewer.
        fee_step = int(10 ** max(0, quote - limits.FEE_DECIMALS))
        return Market(i, i.lot_minor(base), i.tick_lot_minor(quote), fee_step)

    def check_exact(self, market: Market) -> None:
        """Check that lots and notionals are whole numbers of minor units, and not too large."""
        is_exact = 1 <= market.lot_minor <= limits.LOT_MINOR_MAX
        is_exact = is_exact and market.fee_step <= market.tick_lot_minor <= limits.TICK_LOT_MINOR_MAX
        refuse_if(not is_exact, ErrorCode.INEXACT_NOTIONAL)

    def change_instrument(self, i: Instrument) -> None:
        """Change a listing (TBL-04)."""
        market = self.listed(i.symbol_id)
        if market is None:
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        old = market.listing
        refuse_if(identity(i) != identity(old), ErrorCode.BOUND_EXCEEDED)
        new = self.checked_listing(i)
        self.check_exact(new)
        changes_steps = (i.tick, i.lot) != (old.tick, old.lot)
        refuse_if(changes_steps and self.has_open_orders(i.symbol_id), ErrorCode.NOT_EMPTY)
        refuse_if(changes_steps and self.has_positions(i.symbol_id), ErrorCode.NOT_EMPTY)
        market.listing, market.lot_minor, market.tick_lot_minor = i, new.lot_minor, new.tick_lot_minor
        if changes_steps:
            market.mark = market.last_px = 0
            market.lows, market.highs = [], []
        self.tell(e.InstrumentChanged())

    def delist_instrument(self, symbol_id: int) -> None:
        """Cancel a symbol's orders and close it for ever."""
        market = self.listed(symbol_id)
        if market is None:
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        refuse_if(self.has_positions(symbol_id), ErrorCode.NOT_EMPTY)
        market.is_delisted, market.auction = True, None
        self.clear_delisted(market)
        self.tell(e.InstrumentDelisted())

    def has_open_orders(self, symbol_id: int) -> bool:
        return any(order.market.symbol_id == symbol_id for order in self.open.values())

    def has_positions(self, symbol_id: int) -> bool:
        """Tell whether anybody has a position in a perpetual, or a debt from one."""
        positions = (of_account.get(symbol_id) for of_account in self.positions.values())
        return any(p is not None and (p.size or p.debt) for p in positions)

    # --- money ------------------------------------------------------------------------------------------

    def deposit(self, d: c.Deposit) -> None:
        """Credit an account, once per reference."""
        asset = self.assets.get(d.asset_id)
        if asset is None or d.account_id not in self.accounts:
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        room = limits.ASSET_UNITS_MAX * int(10**asset.registered.decimals) - asset.deposited
        is_bounded = 1 <= d.amount <= room and d.deposit_ref != "" and self.takes_money(d.account_id)
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)
        refuse_if(d.deposit_ref in self.deposit_refs, ErrorCode.DUPLICATE_DEPOSIT)
        self.deposit_refs[d.deposit_ref] = None
        asset.deposited += d.amount
        self.available[d.account_id, d.asset_id] += d.amount
        self.tell(e.Deposited(self.available[d.account_id, d.asset_id]))
        self.repay(d.account_id, d.asset_id)

    def transfer(self, t: c.Transfer) -> None:
        """Move available funds between two accounts (ACC-02)."""
        accounts = (t.from_account_id, t.to_account_id)
        known = t.asset_id in self.assets and all(account in self.accounts for account in accounts)
        refuse_if(not known, ErrorCode.UNKNOWN_REFERENCE)
        is_bounded = accounts[0] != accounts[1] and t.amount >= 1 and all(map(self.takes_money, accounts))
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)
        is_suspended = self.accounts[t.from_account_id].status is AccountStatus.SUSPENDED
        refuse_if(is_suspended, ErrorCode.ACCOUNT_SUSPENDED)
        payer, payee = ((account, t.asset_id) for account in accounts)
        refuse_if(t.amount > self.free_to_leave(*payer), ErrorCode.INSUFFICIENT_BALANCE)
        self.available[payer] -= t.amount
        self.available[payee] += t.amount
        self.tell(e.Transferred(self.available[payer], self.available[payee]))
        self.repay(*payee)

    def takes_money(self, account_id: int) -> bool:
        """Tell whether operations may move money into or out of an account."""
        account = self.accounts[account_id]
        return account.kind is not AccountKind.CLEARING_PNL and account.status is not AccountStatus.CLOSED


def identity(i: Instrument) -> tuple[object, ...]:
    """What of a listing never changes."""
    return i.symbol, i.kind, i.base_asset_id, i.quote_asset_id, i.pnl_account_id


def check_vacant(known: Container[int], number: int, number_max: int, name: str, names: Iterable[str]) -> None:
    """Refuse an id or a name that is out of bounds or taken."""
    refuse_if(not 1 <= number <= number_max or not name, ErrorCode.BOUND_EXCEEDED)
    refuse_if(number in known or name in names, ErrorCode.ALREADY_REGISTERED)
