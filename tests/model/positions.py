"""Perpetuals: positions, their margin and their limits (section 8)."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, AccountStatus, MarginMode, MarginState, PositionReason, Side
from engine.api.parameters import Parameter
from engine.api.rejects import ErrorCode
from tests.model.commands import Refused, refuse_if
from tests.model.margin import Margin
from tests.model.state import BUY, MILLION, SELL, Market, Order, Position, ceil_div, half_up, sign

TIER_LEVERAGE = {
    1: Parameter.TIER1_LEVERAGE_MAX,
    2: Parameter.TIER2_LEVERAGE_MAX,
    3: Parameter.TIER3_LEVERAGE_MAX,
    4: Parameter.TIER4_LEVERAGE_MAX,
}
TIER_POSITION = {
    1: Parameter.TIER1_POSITION_MAX,
    2: Parameter.TIER2_POSITION_MAX,
    3: Parameter.TIER3_POSITION_MAX,
    4: Parameter.TIER4_POSITION_MAX,
}


class Positions(Margin):
    """Positions in perpetuals."""

    # --- leverage and brackets --------------------------------------------------------------------------

    def leverage_cap(self, account_id: int, market: Market) -> int:
        """The smallest of what the account's tier, the account itself and the symbol allow."""
        account = self.accounts[account_id]
        own = account.leverage_max or limits.LEVERAGE_MAX
        return min(self.parameter(TIER_LEVERAGE[account.tier]), own, market.listing.max_leverage)

    def leverage(self, account_id: int, market: Market) -> int:
        """The position's leverage, or the one it would begin with."""
        position = self.positions[account_id].get(market.symbol_id)
        return (
            position.leverage
            if position
            else min(self.parameter(Parameter.LEVERAGE_DEFAULT), self.leverage_cap(account_id, market))
        )

    def units(self, market: Market, units: int) -> int:
        """Whole units of the quote asset in minor units."""
        return units * int(10 ** self.assets[market.listing.quote_asset_id].registered.decimals)

    def bracket(self, market: Market, notional: int) -> tuple[int, int]:
        """Leverage allowed and maintenance rate for a position worth ``notional``."""
        brackets = self.brackets_of(market)
        held = (row for row in brackets if row.notional_max and notional <= self.units(market, row.notional_max))
        row = next(held, brackets[-1])
        return row.leverage_max, row.maintenance_ppm

    def begin_position(self, account_id: int, market: Market) -> Position:
        """Find a position, or let it come into being."""
        fresh = Position(market, self.leverage(account_id, market))
        return self.positions[account_id].setdefault(market.symbol_id, fresh)

    def size(self, account_id: int, market: Market) -> int:
        position = self.positions[account_id].get(market.symbol_id)
        return position.size if position else 0

    def closable(self, order: Order) -> int:
        """What an order of this side could close."""
        return max(0, -sign(order.side) * self.size(order.account_id, order.market))

    def open_lots(self, account_id: int, market: Market, side: Side, but: int = 0) -> int:
        """Lots of a side's open orders that are not reduce-only, one order left out."""
        orders = self.open_of[account_id].get(market.symbol_id, {}).values()
        return sum(o.leaves for o in orders if o.side is side and not o.is_reduce_only and o.order_id != but)

    # --- fills ------------------------------------------------------------------------------------------

    def fill(self, order: Order, price: int, qty: int, fee: int) -> None:
        """Settle one side of a trade."""
        market, d = order.market, sign(order.side)
        key = account_id, quote = order.reserved_in
        p = self.positions[account_id][market.symbol_id]
        closing = min(qty, abs(p.size)) if p.size * d < 0 else 0
        closed = half_up(p.cost * closing, abs(p.size)) if closing else 0
        realized = -d * market.notional(price, closing) - closed
        is_borne_by_rest = p.is_isolated and closing < abs(p.size)
        size = p.size + d * qty
        p.extra = p.extra if size * p.size > 0 else 0
        p.cost += d * market.notional(price, qty - closing) - closed
        p.size = size
        released = qty * order.per_lot
        self.locked[key] -= released + p.margin
        pool = released + p.margin + realized - fee
        if not p.is_isolated:
            pool, self.available[key] = pool + self.available[key], 0
        shortfall = max(0, -pool)
        if is_borne_by_rest:
            p.cost, realized = p.cost + shortfall, realized + shortfall
        else:
            p.debt += shortfall
        pool = max(0, pool)
        if p.is_isolated:
            # What its order brought to bear its loss stays with it.
            spare = pool - ceil_div(abs(p.cost), p.leverage)
            p.extra = max(p.extra, min(spare, -profit(p)))
        p.margin = min(ceil_div(abs(p.cost), p.leverage) + p.extra, pool)
        self.available[key] += pool - p.margin
        self.locked[key] += p.margin
        self.available[market.listing.pnl_account_id, quote] -= realized + (0 if is_borne_by_rest else shortfall)
        self.tell_position(account_id, p, PositionReason.TRADE, realized, released)

    # --- limits on entry --------------------------------------------------------------------------------

    def check_position(self, order: Order) -> None:
        """Check what an order that is not reduce-only could lead to; ``order`` itself is left out of what is open."""
        account_id, market = order.account_id, order.market
        self.check_number_of_positions(account_id, market)
        refuse_if(self.has_debt(account_id), ErrorCode.MARGIN_RESTRICTED)
        already_open = self.open_lots(account_id, market, order.side, but=order.order_id)
        lots = sign(order.side) * self.size(account_id, market) + already_open + order.leaves
        refuse_if(lots > limits.POSITION_LOTS_MAX, ErrorCode.EXCEEDS_LIMIT)
        if lots <= 0:
            return
        notional = market.notional(max(self.margin_price(order), market.mark), lots)
        cap = min(self.bracket(market, notional)[0], self.leverage_cap(account_id, market))
        refuse_if(self.leverage(account_id, market) > cap, ErrorCode.LEVERAGE_EXCEEDED)
        account = self.accounts[account_id]
        tier = self.parameter(TIER_POSITION[account.tier])
        refuse_if(tier > 0 and notional > self.units(market, tier), ErrorCode.EXCEEDS_LIMIT)
        own = account.position_notional_max
        refuse_if(own > 0 and notional > own, ErrorCode.EXCEEDS_LIMIT)

    def check_number_of_positions(self, account_id: int, market: Market) -> None:
        held = {p.market for p in self.positions[account_id].values() if p.size or p.debt}
        held |= {o.market for of in self.open_of[account_id].values() for o in of.values() if not o.is_reduce_only}
        most = self.parameter(Parameter.POSITIONS_PER_ACCOUNT_MAX, account_id)
        refuse_if(market not in held and len(held) >= most, ErrorCode.EXCEEDS_LIMIT)

    # --- commands about a position ----------------------------------------------------------------------

    def owner_checked(self, source: int, account_id: int) -> None:
        """Check that a source may command an account's positions."""
        refuse_if(not self.may_act(source), ErrorCode.NOT_AUTHORISED)
        refuse_if(account_id not in self.accounts, ErrorCode.UNKNOWN_REFERENCE)
        refuse_if(not self.acts_for(source, account_id), ErrorCode.NOT_AUTHORISED)

    def set_leverage(self, source: int, command: c.SetLeverage) -> None:
        """Set leverage and margin mode of a position, open or to come (MAR-11, MAR-23)."""
        account_id, leverage = command.account_id, command.leverage
        self.owner_checked(source, account_id)
        account, market = self.accounts[account_id], self.listed(command.symbol_id)
        is_active = account.kind is AccountKind.FUTURES and account.status is AccountStatus.ACTIVE
        if not is_active or market is None or not market.is_perpetual:
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        refuse_if(self.has_debt(account_id), ErrorCode.MARGIN_RESTRICTED)
        buys, sells = (self.open_lots(account_id, market, side) for side in (BUY, SELL))
        size = self.size(account_id, market)
        exposure = max(abs(size), size + buys, sells - size)
        bracket = self.bracket(market, market.notional(market.mark, exposure))[0]
        cap = min(bracket, self.leverage_cap(account_id, market))
        refuse_if(not 1 <= leverage <= cap, ErrorCode.LEVERAGE_EXCEEDED)
        p = self.positions[account_id].get(market.symbol_id) or Position(market, self.leverage(account_id, market))
        is_isolated = command.mode is MarginMode.ISOLATED
        changes_mode, changes_leverage = is_isolated != p.is_isolated, leverage != p.leverage
        in_use = bool(buys or sells)
        refuse_if(changes_mode and (size != 0 or in_use), ErrorCode.NOT_EMPTY)
        refuse_if(changes_leverage and in_use, ErrorCode.NOT_EMPTY)
        key = account_id, market.listing.quote_asset_id
        rise = ceil_div(abs(p.cost), leverage) + p.extra - p.margin
        refuse_if(rise > 0 and rise > self.free_cash(*key), ErrorCode.INSUFFICIENT_BALANCE)
        if leverage > p.leverage and size != 0:
            refuse_if(not self.is_normal(account_id), ErrorCode.MARGIN_RESTRICTED)
            refuse_if(not self.may_raise_leverage(account_id, p, leverage, rise), ErrorCode.MARGIN_RESTRICTED)
        p = self.begin_position(account_id, market)
        p.leverage, p.is_isolated = leverage, is_isolated
        self.add_margin(account_id, p, rise)
        self.tell_position(account_id, p, PositionReason.LEVERAGE)

    def is_normal(self, account_id: int) -> bool:
        """Tell whether nothing restricts what an account does with its margin."""
        account = self.accounts[account_id]
        return account.status is AccountStatus.ACTIVE and account.margin_state is MarginState.NORMAL

    def may_raise_leverage(self, account_id: int, p: Position, leverage: int, rise: int) -> bool:
        """Tell whether the collateral of a position suffices for a higher leverage (MAR-23, RES-95)."""
        if not p.is_isolated:
            equity, maintenance = self.cross_standing(account_id, p.market.listing.quote_asset_id)
            return equity >= 2 * maintenance
        equity, worth = p.margin + rise + profit(p), abs(p.market.notional(p.market.mark, p.size))
        return equity >= max(2 * self.maintenance(p), ceil_div(worth, leverage))

    def cross_standing(self, account_id: int, quote_id: int) -> tuple[int, int]:
        """Equity behind an account's cross positions in a quote asset, and their maintenance margin."""
        positions = [p for p in self.positions[account_id].values() if p.market.listing.quote_asset_id == quote_id]
        cash = self.available[account_id, quote_id] + self.locked[account_id, quote_id]
        cross = [p for p in positions if not p.is_isolated]
        equity = cash - sum(p.margin for p in positions if p.is_isolated) + sum(profit(p) - p.debt for p in cross)
        return equity, sum(self.maintenance(p) for p in cross)

    def maintenance(self, p: Position) -> int:
        """What a position must have behind it to stay open (MAR-02)."""
        worth = abs(p.market.notional(p.market.mark, p.size))
        return ceil_div(self.bracket(p.market, worth)[1] * worth, MILLION)

    def adjust_margin(self, source: int, command: c.AdjustMargin) -> None:
        """Add margin to an isolated position, or take added margin out."""
        account_id, amount = command.account_id, command.amount
        self.owner_checked(source, account_id)
        p = self.positions[account_id].get(command.symbol_id)
        if p is None or p.market.is_delisted or not p.is_isolated or p.size == 0:
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        is_restricted = not self.is_normal(account_id) or self.has_debt(account_id)
        refuse_if(amount < 0 and is_restricted, ErrorCode.MARGIN_RESTRICTED)
        worth = abs(p.market.notional(p.market.mark, p.size))
        spare_at_mark = p.margin + profit(p) - ceil_div(worth, p.leverage)
        removable = min(p.extra, p.margin - self.maintenance(p), spare_at_mark)
        most = self.free_cash(account_id, p.market.listing.quote_asset_id)
        is_covered = 0 < amount <= most or 0 < -amount <= removable
        refuse_if(not is_covered, ErrorCode.INSUFFICIENT_BALANCE)
        p.extra += amount
        self.add_margin(account_id, p, amount)
        self.tell_position(account_id, p, PositionReason.MARGIN)

    def add_margin(self, account_id: int, p: Position, amount: int) -> None:
        """Move margin of a position from available to locked, or back."""
        key = account_id, p.market.listing.quote_asset_id
        p.margin += amount
        self.available[key] -= amount
        self.locked[key] += amount

    def cover_debt(self, command: c.CoverDebt) -> None:
        """Pay a position's debt from an account's available funds (LIQ-34)."""
        known = {command.payer_account_id, command.account_id} <= self.accounts.keys()
        refuse_if(not known, ErrorCode.UNKNOWN_REFERENCE)
        p = self.positions[command.account_id].get(command.symbol_id)
        if p is None:
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        payer, quote = self.accounts[command.payer_account_id], p.market.listing.quote_asset_id
        is_bounded = payer.kind is not AccountKind.CLEARING_PNL and 1 <= command.amount <= p.debt
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)
        key = command.payer_account_id, quote
        refuse_if(command.amount > self.free_cash(*key), ErrorCode.INSUFFICIENT_BALANCE)
        self.available[key] -= command.amount
        self.available[p.market.listing.pnl_account_id, quote] += command.amount
        p.debt -= command.amount
        self.tell(e.DebtCovered(self.available[key]))
        self.tell_position(command.account_id, p, PositionReason.DEBT)


def profit(p: Position) -> int:
    """What a position has gained, or lost, by its mark."""
    return p.market.notional(p.market.mark, p.size) - p.cost
