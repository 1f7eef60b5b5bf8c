"""Whether accounts can bear what they trade (section 5, "What an account must bear")."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.api.enums import AccountKind, ExecInst
from tests.model.commands import Refused
from tests.model.positions import Positions, profit
from tests.model.state import Order, Position, sign


@dataclass
class Prior:
    """What an account has traded before, on paper: lots, what it lost by that, and what has moved by asset."""

    lots: int = 0
    lost: int = 0
    base: int = 0
    quote: int = 0


class Solvency(Positions):
    """Nobody gives away what is not theirs."""

    def unable(self, maker: Order, taker: Order, price: int, qty: int) -> Order | None:
        """The one of two that cannot bear a trade, the maker first."""
        return next((order for order in (maker, taker) if not self.bears(order, price, qty, Prior())), None)

    def bears(self, order: Order, price: int, qty: int, prior: Prior) -> bool:
        """Tell whether an order's account can bear a trade after others, which it then belongs to."""
        kind = self.accounts[order.account_id].kind
        if kind is AccountKind.FUTURES:
            return self.bears_position(order, price, qty, prior)
        return kind is not AccountKind.MARGIN or self.bears_loans(order, price, qty, prior)

    def bears_position(self, order: Order, price: int, qty: int, prior: Prior) -> bool:
        market, d = order.market, sign(order.side)
        worse = d * (price - market.mark)
        fee = self.worst_fee(order, market.notional(price, qty))
        p = self.positions[order.account_id].get(market.symbol_id) or Position(market, 1)
        equity, others = self.pocket(order.account_id, p)
        brought = qty * order.per_lot if p.is_isolated else 0
        equity += brought - prior.lost
        size = p.size + prior.lots
        after = equity - market.notional(worse, qty) - fee
        prior.lots, prior.lost = prior.lots + d * qty, prior.lost + market.notional(worse, qty) + fee - brought
        closes, opens = size * d < 0, qty > max(0, -d * size)
        if ExecInst.LIQUIDATION in order.exec_inst:
            return True
        if closes and worse > 0 and equity - market.notional(worse, abs(size)) - fee < others:
            return False
        return not opens or after >= others + self.maintenance(replace(p, size=size + d * qty))

    def pocket(self, account_id: int, p: Position) -> tuple[int, int]:
        """Equity behind a position, and maintenance margin of the other positions it stands behind."""
        if p.is_isolated:
            return p.margin + profit(p) - p.debt, 0
        equity, maintenance = self.cross_standing(account_id, p.market.listing.quote_asset_id)
        return equity, maintenance - self.maintenance(p)

    def bears_loans(self, order: Order, price: int, qty: int, prior: Prior) -> bool:
        market, d = order.market, sign(order.side)
        worth = market.notional(price, 1)
        prior.base += d * qty * market.lot_minor
        prior.quote += (-d * worth - self.worst_fee(order, worth)) * qty
        is_fair = market.mark > 0 and d * (price - market.mark) <= 0
        if is_fair or not any(self.loans[order.account_id, asset] for asset in self.assets):
            return True
        quote = market.listing.quote_asset_id
        moved = {market.listing.base_asset_id: prior.base, quote: prior.quote}
        try:
            return self.equity(order.account_id, moved, quote) >= 0
        except Refused:
            return False

    def worst_fee(self, order: Order, worth: int) -> int:
        return order.market.fee(worth, max(order.maker_ppm, order.taker_ppm, 0))
