"""What every account is worth at the marks, reckoned from the events alone: nothing is believed that can be added up.

Cash is what was paid in, moved, and paid for trades and fees. A perpetual is worth its size at the mark, less all that
was ever paid for it. A loan is worth nothing to him who has it: it comes with the same in cash. Only where one
position's collateral ends and the next one's begins is taken from what the exchange says: the margin of isolated ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, InstrumentKind, MarginState, Side
from engine.api.instrument import Instrument

USDT = 1
"""The asset all is valued in."""


class Perp(NamedTuple):
    """What an account has in a perpetual: lots, all that was ever paid for them, and what stands behind them alone."""

    size: int = 0
    paid: int = 0
    is_isolated: bool = False
    margin: int = 0
    cost: int = 0
    debt: int = 0


@dataclass
class Sheet:
    """One account's books: cash by asset, perpetuals by symbol."""

    cash: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    perps: dict[int, Perp] = field(default_factory=dict)


class Auditor:
    """Keeps the books of all accounts, in the only way that needs no trust."""

    def __init__(self, listings: Mapping[int, Instrument]) -> None:
        self.listings = listings
        self.worth = {symbol: tick_lot_minor(listing) for symbol, listing in listings.items()}
        self.spot = {k.base_asset_id: k for k in listings.values() if k.kind is InstrumentKind.SPOT}
        self.sheets: defaultdict[int, Sheet] = defaultdict(Sheet)
        self.marks: dict[int, int] = {}
        self.restricted: set[int] = set()
        """Accounts that operations keep from something."""
        self.changed: set[int] = set()
        """Accounts that are worth something else than when somebody looked last."""

    def copy(self) -> Auditor:
        """Begin again from here, apart."""
        copied = Auditor(self.listings)
        for account, sheet in self.sheets.items():
            copied.sheets[account] = Sheet(sheet.cash.copy(), sheet.perps.copy())
        copied.marks = dict(self.marks)
        return copied

    # --- from the events --------------------------------------------------------------------------------

    def hear(self, command: c.Command, events: tuple[e.Event, ...]) -> None:
        """Book what the events of one command say."""
        for event in events:
            match event:
                case e.Traded():
                    self.book_trade(event)
                case e.PositionChanged():
                    self.book_position(event)
                case e.Deposited():
                    assert isinstance(command, c.Deposit)
                    self.pay(command.account_id, command.asset_id, command.amount)
                case e.Transferred():
                    assert isinstance(command, c.Transfer)
                    self.pay(command.from_account_id, command.asset_id, -command.amount)
                    self.pay(command.to_account_id, command.asset_id, command.amount)
                case e.AccountStatusSet():
                    assert isinstance(command, c.SetAccountStatus)
                    self.restrict(command.account_id, command.status is not AccountStatus.ACTIVE)
                case e.MarginStateSet():
                    assert isinstance(command, c.SetMarginState)
                    self.restrict(command.account_id, command.state is not MarginState.NORMAL)
                case e.MarkSet():
                    assert isinstance(command, c.SetMark)
                    self.marks[command.symbol_id] = command.price
                    self.changed.update(self.sheets)

    def restrict(self, account: int, is_restricted: bool) -> None:
        """Note that an account may not do all it could; being free of one thing does not free it of another."""
        if is_restricted:
            self.restricted.add(account)

    def pay(self, account: int, asset: int, amount: int) -> None:
        """Book cash."""
        self.sheets[account].cash[asset] += amount
        self.changed.add(account)

    def book_trade(self, trade: e.Traded) -> None:
        """Book both sides of a trade, and its fees."""
        listing = self.listings[trade.symbol_id]
        value = trade.last_px * trade.last_qty * self.worth[trade.symbol_id]
        is_buyer = trade.taker_side is Side.BUY
        for account, fee, buys in (
            (trade.taker_account_id, trade.taker_fee, is_buyer),
            (trade.maker_account_id, trade.maker_fee, not is_buyer),
        ):
            lots, paid = (trade.last_qty, value) if buys else (-trade.last_qty, -value)
            self.pay(account, listing.quote_asset_id, -fee)
            self.pay(listing.fee_account_id, listing.quote_asset_id, fee)
            if listing.kind is InstrumentKind.PERPETUAL:
                perps = self.sheets[account].perps
                held = perps.get(trade.symbol_id, Perp())
                perps[trade.symbol_id] = held._replace(size=held.size + lots, paid=held.paid + paid)
            else:
                self.pay(account, listing.quote_asset_id, -paid)
                self.pay(account, listing.base_asset_id, lots * lot_minor(listing))

    def book_position(self, told: e.PositionChanged) -> None:
        """Note what stands behind a position alone. Raises: AssertionError when its size is not that of its trades."""
        perps = self.sheets[told.account_id].perps
        held = perps.get(told.symbol_id, Perp())
        perps[told.symbol_id] = Perp(held.size, held.paid, told.is_isolated, told.margin, told.cost, told.debt)
        assert told.size == held.size, f"{told} after trades of {held.size} lots"
        self.changed.add(told.account_id)

    # --- what it is worth -------------------------------------------------------------------------------

    def held(self, account: int, symbol: int) -> Perp:
        """Tell what an account has in a perpetual."""
        return self.sheets[account].perps.get(symbol, Perp())

    def cash(self, account: int, asset: int) -> int:
        """Tell what an account has of an asset, less what it owes of it."""
        return self.sheets[account].cash.get(asset, 0)

    def equity(self, account: int) -> int:
        """Value all an account has, in minor units of USDT."""
        sheet = self.sheets[account]
        total = sum(amount if asset == USDT else self.valued(asset, amount) for asset, amount in sheet.cash.items())
        for symbol, held in sheet.perps.items():
            total += held.size * self.marks[symbol] * self.worth[symbol] - held.paid
        return total

    def valued(self, asset: int, amount: int) -> int:
        """Value an amount of a base asset at the mark of its spot market, rounded down."""
        listing = self.spot[asset]
        return amount * self.marks[listing.symbol_id] * self.worth[listing.symbol_id] // lot_minor(listing)

    def pockets(self, account: int) -> dict[int, int]:
        """Value an account pocket by pocket: each isolated position under its symbol, the rest under 0.

        An isolated position that is lost takes its own margin with it and no more; so each pocket ends for itself.
        """
        pockets = {0: self.equity(account)}
        for symbol, held in self.sheets[account].perps.items():
            if held.is_isolated:
                unrealized = held.size * self.marks[symbol] * self.worth[symbol] - held.cost
                pockets[symbol] = held.margin - held.debt + unrealized
                pockets[0] -= pockets[symbol]
        return pockets

    def exposures(self, account: int) -> dict[int, int]:
        """Value the positions behind which each pocket stands, and what is held or owed in a base asset."""
        exposed: defaultdict[int, int] = defaultdict(int)
        sheet = self.sheets[account]
        for symbol, held in sheet.perps.items():
            if held.size:
                exposed[symbol if held.is_isolated else 0] += abs(held.size) * self.marks[symbol] * self.worth[symbol]
        for asset, amount in sheet.cash.items():
            if asset != USDT and amount:
                exposed[0] += abs(self.valued(asset, amount))
        return exposed


def tick_lot_minor(listing: Instrument) -> int:
    """Worth of one lot at one tick, in minor units of the quote asset: USDT has eight decimals."""
    decimals = listing.tick.decimals + listing.lot.decimals
    return listing.tick.mantissa * listing.lot.mantissa * scaled(8 - decimals)


def lot_minor(listing: Instrument) -> int:
    """Minor units of the base asset in a lot: BTC has eight decimals."""
    return listing.lot.mantissa * scaled(8 - listing.lot.decimals)


def scaled(decimals: int) -> int:
    """Ten to a power that is not negative."""
    return int(10**decimals)
