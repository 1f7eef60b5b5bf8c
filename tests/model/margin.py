"""Reservations and loans: what an order locks, and what a MARGIN account borrows to lock it (section 4)."""

from __future__ import annotations

from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, InstrumentKind, OrdType, SymbolStatus
from engine.api.parameters import Parameter
from engine.api.rejects import ErrorCode
from tests.model.commands import Refused, refuse_if
from tests.model.names import Names
from tests.model.state import BUY, MILLION, Order, ceil_div


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
        return (ceil_div(worth, leverage) if market.is_perpetual else worth) + fee

    def margin_price(self, order: Order) -> int:
        """``m``: the price at which a lot is margined; a perpetual sell may trade above its limit."""
        market = order.market
        if order.side is BUY or not order.limit:
            return order.limit
        is_continuous = market.status in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY) and not market.in_hand
        if is_continuous and not order.is_waiting_stop and order.ord_type is not OrdType.PEGGED:
            return max(order.limit, market.best(BUY))
        return market.moved(BUY, max(order.limit, order.stop_px, market.mark))

    # --- is there enough --------------------------------------------------------------------------------

    def check_funds(self, order: Order, held: int = 0) -> int:
        """Check that an order's reservation can be had; ``held`` is locked for it already. Returns: what to borrow."""
        account_id, asset_id = order.reserved_in
        free = self.available[account_id, asset_id] + held
        kind = self.accounts[account_id].kind
        if kind is AccountKind.FUTURES:
            free -= self.unrealized_loss(account_id, asset_id)
        if order.reserved == 0 or order.reserved <= free:
            return 0
        refuse_if(kind is not AccountKind.MARGIN, ErrorCode.INSUFFICIENT_BALANCE)
        lacking = order.reserved - free
        self.check_loan(account_id, asset_id, lacking, order.market.listing.quote_asset_id)
        return lacking

    def unrealized_loss(self, account_id: int, asset_id: int) -> int:
        """What the cross positions with this quote asset have lost by their marks, profits set against losses."""
        positions = self.positions[account_id].values() if account_id in self.positions else ()
        in_asset = [p for p in positions if p.market.listing.quote_asset_id == asset_id]
        lost = sum(p.cost - p.market.notional(p.market.mark, p.size) for p in in_asset if not p.is_isolated)
        return max(0, lost)

    def check_loan(self, account_id: int, asset_id: int, amount: int, quote_id: int) -> None:
        """Check that a MARGIN account may borrow."""
        lender = self.assets[asset_id].lending_account_id
        refuse_if(not lender or self.available[lender, asset_id] < amount, ErrorCode.INSUFFICIENT_BALANCE)
        equity = loans = 0
        for asset in self.assets:
            key = account_id, asset
            net = self.available[key] + self.locked[key] - self.loans[key]
            loan = self.loans[key] + (amount if asset == asset_id else 0)
            equity += self.collateral(asset, net, quote_id) if net > 0 else -self.claim(asset, -net, quote_id)
            loans += self.claim(asset, loan, quote_id)
        is_covered = loans <= (self.parameter(Parameter.MARGIN_ACCOUNT_LEVERAGE_MAX) - 1) * equity
        refuse_if(not is_covered, ErrorCode.INSUFFICIENT_BALANCE)

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
        amount = min(self.loans[key], self.available[key])
        if amount == 0:
            return
        asset = self.assets[asset_id]
        self.available[key] -= amount
        self.loans[key] -= amount
        asset.lent -= amount
        self.available[asset.lending_account_id, asset_id] += amount
        self.tell(e.Repaid(account_id, asset_id, amount, self.loans[key]))

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

    def free_after_losses(self, account_id: int, asset_id: int) -> int:
        """What may leave an account: available, in a FUTURES account less losses, in a MARGIN account without loans."""
        kind = self.accounts[account_id].kind
        if kind is AccountKind.MARGIN and any(self.loans[account_id, asset] for asset in self.assets):
            return 0
        lost = self.unrealized_loss(account_id, asset_id) if kind is AccountKind.FUTURES else 0
        return self.available[account_id, asset_id] - lost
