"""Reservations and loans: what an order locks, and what a MARGIN account borrows to lock it (section 4)."""

from __future__ import annotations

from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, InstrumentKind, OrdType, PositionReason, SymbolStatus
from engine.api.parameters import Parameter
from engine.api.rejects import ErrorCode
from tests.model.commands import Refused, refuse_if
from tests.model.names import Names
from tests.model.state import BUY, MILLION, Order, Position, ceil_div, sign


class Margin(Names):
    """Money that is locked, borrowed and paid back."""

    # --- what an order locks for each lot ---------------------------------------------------------------

    def per_lot(self, order: Order, leverage: int) -> int:
        """Minor units to lock for one lot (RES-21): base for a spot sell, else quote with the worst-case fee."""
        market = order.market
        if not order.limit or (market.is_perpetual and order.is_reduce_only):
            return 0
        if not market.is_perpetual and order.side is not BUY:
            return market.lot_minor
        worth = market.notional(self.margin_price(order), 1)
        fee = market.fee(worth, max(order.maker_ppm, order.taker_ppm, 0))
        if not market.is_perpetual:
            return worth + fee
        return ceil_div(worth, leverage) + market.notional(self.open_loss(order), 1) + fee

    def open_loss(self, order: Order) -> int:
        """Ticks that a perpetual order loses at once against the mark, if it trades at its worst price (RES-94)."""
        at_trade = [order.market.mark] + [order.stop_px] * order.is_waiting_stop
        reference = max(at_trade) if order.side is BUY else min(at_trade)
        return max(0, sign(order.side) * (order.limit - reference))

    def margin_price(self, order: Order) -> int:
        """``m``: the price at which a lot is margined; a perpetual sell may trade above its limit."""
        market = order.market
        if order.side is BUY or not order.limit:
            return order.limit
        is_continuous = market.status in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY) and not self.must_wait
        if is_continuous and not order.is_waiting_stop and order.ord_type is not OrdType.PEGGED:
            return max(order.limit, market.best(BUY))
        trigger = order.stop_px if order.is_waiting_stop else 0
        return market.moved(BUY, max(order.limit, trigger, market.mark))

    # --- is there enough --------------------------------------------------------------------------------

    def check_funds(self, order: Order, held: int = 0) -> int:
        """Check that an order's reservation can be had; ``held`` is locked for it already. Returns: what to borrow."""
        account_id, asset_id = order.reserved_in
        lacking = order.reserved - held - self.free_cash(account_id, asset_id)
        if order.reserved == 0 or lacking <= 0:
            return 0
        refuse_if(self.accounts[account_id].kind is not AccountKind.MARGIN, ErrorCode.INSUFFICIENT_BALANCE)
        self.check_loan(order, lacking)
        return lacking

    def free_cash(self, account_id: int, asset_id: int) -> int:
        """What may leave cross margin: available, in a FUTURES account less what its cross positions have lost."""
        is_futures = self.accounts[account_id].kind is AccountKind.FUTURES
        lost = self.unrealized_loss(account_id, asset_id) if is_futures else 0
        return self.available[account_id, asset_id] - lost

    def unrealized_loss(self, account_id: int, asset_id: int) -> int:
        """What the cross positions with this quote asset have lost by their marks, profits set against losses."""
        positions = self.positions[account_id].values() if account_id in self.positions else ()
        in_asset = [p for p in positions if p.market.listing.quote_asset_id == asset_id]
        lost = sum(p.cost - p.market.notional(p.market.mark, p.size) for p in in_asset if not p.is_isolated)
        return max(0, lost)

    def check_loan(self, order: Order, amount: int) -> None:
        """Check that a MARGIN account may borrow for an order: as it stands, and as it would after the trade."""
        account_id, asset_id = order.reserved_in
        quote_id = order.market.listing.quote_asset_id
        lender = self.assets[asset_id].lending_account_id
        refuse_if(not lender or self.available[lender, asset_id] < amount, ErrorCode.INSUFFICIENT_BALANCE)
        self.check_lending_share(account_id, asset_id, amount)
        most = self.parameter(Parameter.MARGIN_ACCOUNT_LEVERAGE_MAX) - 1
        for moved in ({}, self.traded_away(order)):
            equity = self.equity(account_id, moved, quote_id)
            owed = {asset: self.loans[account_id, asset] + amount * (asset == asset_id) for asset in self.assets}
            loans = sum(self.claim(asset, loan, quote_id) for asset, loan in owed.items())
            refuse_if(loans > most * equity, ErrorCode.INSUFFICIENT_BALANCE)

    def check_lending_share(self, account_id: int, asset_id: int, amount: int) -> None:
        """Check that neither account nor firm borrows more than its share of a pool, what is lent included."""
        asset = self.assets[asset_id]
        pool = self.available[asset.lending_account_id, asset_id] + asset.lent
        firm_id = self.accounts[account_id].firm_id
        of_firm = [other for other, account in self.accounts.items() if account.firm_id == firm_id]
        for parameter, subject, borrowers in (
            (Parameter.ACCOUNT_LENDING_SHARE_PPM, account_id, [account_id]),
            (Parameter.FIRM_LENDING_SHARE_PPM, firm_id, of_firm),
        ):
            owed = sum(self.loans[borrower, asset_id] for borrower in borrowers) + amount
            refuse_if(owed * MILLION > pool * self.parameter(parameter, subject), ErrorCode.EXCEEDS_LIMIT)

    def traded_away(self, order: Order) -> dict[int, int]:
        """What an order that trades at its worst price gets and gives, by asset, its worst fee included."""
        market, d = order.market, sign(order.side)
        worth = market.notional(order.limit, 1)
        fee = market.fee(worth, max(order.maker_ppm, order.taker_ppm, 0))
        base, quote = market.listing.base_asset_id, market.listing.quote_asset_id
        return {base: d * market.lot_minor * order.leaves, quote: (-d * worth - fee) * order.leaves}

    def equity(self, account_id: int, moved: dict[int, int], quote_id: int) -> int:
        """What an account owns and owes, in a quote asset, when these amounts have moved."""
        equity = 0
        for asset in self.assets:
            key = account_id, asset
            net = self.available[key] + self.locked[key] - self.loans[key] + moved.get(asset, 0)
            equity += self.collateral(asset, net, quote_id) if net > 0 else -self.claim(asset, -net, quote_id)
        return equity

    def unit(self, asset_id: int, quote_id: int) -> tuple[int, int] | None:
        """Minor units of an asset that make its unit, and what that is worth in the quote asset; None if unknown."""
        if asset_id == quote_id:
            return 1, 1
        for _, market in sorted(self.markets.items()):
            i = market.listing
            prices = (i.base_asset_id, i.quote_asset_id) == (asset_id, quote_id)
            if i.kind is InstrumentKind.SPOT and prices and market.mark and not market.is_delisted:
                return market.lot_minor, market.notional(market.mark, 1)
        return None

    def collateral(self, asset_id: int, net: int, quote_id: int) -> int:
        """What a positive net counts for, rounded down."""
        unit = self.unit(asset_id, quote_id)
        if unit is None:
            return 0
        units = min(net // unit[0], limits.COLLATERAL_MINOR_MAX // unit[1])
        return units * self.assets[asset_id].weight_ppm // MILLION * unit[1]

    def claim(self, asset_id: int, owed: int, quote_id: int) -> int:
        """What a loan or a negative net counts for, rounded up. Raises: Refused when that cannot be told."""
        if owed == 0:
            return 0
        unit = self.unit(asset_id, quote_id)
        worth = ceil_div(owed, unit[0]) * unit[1] if unit else 0
        if unit is None or worth > limits.COLLATERAL_MINOR_MAX:
            raise Refused(ErrorCode.INSUFFICIENT_BALANCE)
        return worth

    def has_debt(self, account_id: int) -> bool:
        """Tell whether an account owes what a position has lost beyond its collateral."""
        return account_id in self.positions and any(p.debt for p in self.positions[account_id].values())

    # --- moving money -----------------------------------------------------------------------------------

    def borrow(self, order: Order, amount: int) -> None:
        """Take a loan that was found good."""
        if amount == 0:
            return
        key = account_id, asset_id = order.reserved_in
        asset = self.assets[asset_id]
        self.available[asset.lending_account_id, asset_id] -= amount
        asset.lent += amount
        self.available[key] += amount
        self.loans[key] += amount
        self.tell(e.Borrowed(account_id, asset_id, amount, self.loans[key]))

    def repay(self, account_id: int, asset_id: int) -> None:
        """Pay back at once what has become available to an account that owes."""
        key = account_id, asset_id
        for _, p in sorted(self.positions[account_id].items()) if account_id in self.positions else ():
            amount = min(p.debt, self.available[key])
            if not p.is_isolated and p.market.listing.quote_asset_id == asset_id and amount:
                self.available[key] -= amount
                self.available[p.market.listing.pnl_account_id, asset_id] += amount
                p.debt -= amount
                self.tell_position(account_id, p, PositionReason.REPAYMENT)
        amount = min(self.loans[key], self.available[key])
        if amount == 0:
            return
        asset = self.assets[asset_id]
        self.available[key] -= amount
        self.loans[key] -= amount
        asset.lent -= amount
        self.available[asset.lending_account_id, asset_id] += amount
        self.tell(e.Repaid(account_id, asset_id, amount, self.loans[key]))

    def tell_position(
        self, account_id: int, p: Position, reason: PositionReason, realized: int = 0, released: int = 0
    ) -> None:
        """Tell a position and the balances beside it."""
        key = account_id, p.market.listing.quote_asset_id
        standing = (p.leverage, p.is_isolated, p.size, p.cost, p.margin, p.extra, p.debt)
        balances = (self.available[key], self.locked[key])
        self.tell(e.PositionChanged(account_id, p.market.symbol_id, reason, *standing, realized, released, *balances))

    def lock(self, order: Order, amount: int) -> None:
        """Move what an order reserves from available to locked, or back."""
        self.available[order.reserved_in] -= amount
        self.locked[order.reserved_in] += amount

    def settle_spot(self, buyer: Order, seller: Order, qty: int, worth: int, fees: tuple[int, int]) -> int:
        """Exchange base against quote. Returns: quote minor units that left the buyer's locked balance."""
        market, i = buyer.market, buyer.market.listing
        base, quote = i.base_asset_id, i.quote_asset_id
        released = qty * buyer.per_lot
        self.locked[buyer.account_id, quote] -= released
        self.available[buyer.account_id, quote] += released - (worth + fees[0])
        self.available[buyer.account_id, base] += qty * market.lot_minor
        self.locked[seller.account_id, base] -= qty * market.lot_minor
        self.available[seller.account_id, quote] += worth - fees[1]
        return released

    def free_to_leave(self, account_id: int, asset_id: int) -> int:
        """What may leave an account: nothing while it owes, else its free cash."""
        has_loan = any(self.loans[account_id, asset] for asset in self.assets)
        return 0 if has_loan or self.has_debt(account_id) else self.free_cash(account_id, asset_id)
