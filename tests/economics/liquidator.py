"""The test's own liquidator: after every move of a mark it closes whoever has less than maintenance, at the mark.

It knows nothing of the exchange's margin rules. It counts what an account is worth, and what it would be worth if all
its orders were filled; the house stands on the other side.
"""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, ExecInst, MarginState, Side
from tests.economics.auditor import lot_minor
from tests.economics.world import FUTURES, HOUSE_FUTURES, HOUSE_SPOT, MARGIN, PERP, PERP_2, PERPS, SPOT, USDT, World
from tests.model import market as m

MILLION = 10**6
MAINTENANCE_PPM = 4_000
"""The least maintenance there is (RES-24): 0.4 % of a position."""
FEE_PPM = 1_000
"""More than any taker pays: what closing costs."""
MOVE_PPM = 2_000
"""How far a mark moves between two turns: less than maintenance allows, with the fee of closing."""
LOAN_MAINTENANCE_PPM = 30_000
ROUNDS_MAX = 6
LEAST_LOTS = {SPOT: 100_000, PERP: 10_000, PERP_2: 10_000}
"""The house offers no less, so that the least notional of an order keeps nobody from closing."""
CLOSING = ExecInst.REDUCE_ONLY | ExecInst.LIQUIDATION


class Liquidator:
    """Keeps everybody able to pay, by their own means."""

    def __init__(self, world: World) -> None:
        self.world = world

    def take_turn(self) -> None:
        """Close what could not stand the next move."""
        for account in (*FUTURES, *MARGIN):
            if self.is_short(account, self.loss_of_orders(account)):
                self.cancel_orders(account)
        for account in FUTURES:
            for symbol, worth in self.world.auditor.pockets(account).items():
                if worth < self.maintenance(account, symbol):
                    self.close_pocket(account, symbol)
        for account in MARGIN:
            if self.is_short(account, 0):
                self.close_loans(account)

    def is_short(self, account: int, loss: int) -> bool:
        """Tell whether some pocket of an account could not stand the next move."""
        pockets = self.world.auditor.pockets(account)
        return any(worth - loss < self.maintenance(account, symbol) for symbol, worth in pockets.items())

    def maintenance(self, account: int, pocket: int) -> int:
        """What a pocket needs: of a position, or of all that share the account's cash, open orders filled."""
        rate = LOAN_MAINTENANCE_PPM if account in MARGIN else MAINTENANCE_PPM
        return self.world.auditor.exposures(account).get(pocket, 0) * rate // MILLION

    def loss_of_orders(self, account: int) -> int:
        """What an account would be worth less, and would need more, if all its orders were filled at their prices."""
        audit, loss = self.world.auditor, 0
        for ticket in self.world.tape.open.values():
            symbol = ticket.order.symbol_id
            if ticket.order.account_id == account:
                price = ticket.price or ticket.stop_px or audit.marks[symbol]
                worse = (price - audit.marks[symbol]) * (1 if ticket.order.side is m.BUY else -1)
                need = price * (LOAN_MAINTENANCE_PPM if account in MARGIN else MAINTENANCE_PPM + FEE_PPM) // MILLION
                loss += (max(0, worse) + need + 1) * ticket.leaves * audit.worth[symbol]
        return loss

    def cancel_orders(self, account: int) -> None:
        """Take an account's orders out of the market."""
        if any(ticket.order.account_id == account for ticket in self.world.tape.open.values()):
            self.world.operate(c.MassCancel(self.world.name(), account_id=account))

    def close_pocket(self, account: int, pocket: int) -> None:
        """Close an isolated position, or all that share the account's cash."""
        self.cancel_orders(account)
        for symbol in PERPS:
            held = self.world.auditor.held(account, symbol)
            if held.size and held.is_isolated == bool(pocket) and pocket in (0, symbol):
                self.close_position(account, symbol)

    def close_position(self, account: int, symbol: int) -> None:
        """Close a position at the mark or better; the house stands for what nobody else takes."""
        for _ in range(ROUNDS_MAX):
            size = self.world.auditor.held(account, symbol).size
            if not size:
                return
            side = m.SELL if size > 0 else m.BUY
            self.at_the_mark(account, symbol, side, min(abs(size), 1_000_000), source=c.OPERATIONS, exec_inst=CLOSING)

    def at_the_mark(self, account: int, symbol: int, side: Side, qty: int, **terms: int) -> None:
        """Let an account trade at the mark or better, with the house if need be."""
        house, mark = HOUSE_SPOT if symbol == SPOT else HOUSE_FUTURES, self.world.auditor.marks[symbol]
        other = m.BUY if side is m.SELL else m.SELL
        offered = self.world.enter(house, symbol, other, max(qty, LEAST_LOTS[symbol]), mark)
        self.world.enter(account, symbol, side, qty, mark, tif=m.IOC, **terms)
        order_ids = [event.order_id for event in offered if isinstance(event, e.OrderAccepted)]
        if order_ids and order_ids[0] in self.world.tape.open:
            self.world.operate(c.CancelOrder(self.world.name(), order_id=order_ids[0]))

    def set_free(self, account: int) -> None:
        """Let an account do all it could again."""
        self.world.operate(c.SetAccountStatus(account, AccountStatus.ACTIVE))
        self.world.operate(c.SetMarginState(account, MarginState.NORMAL))
        self.world.auditor.restricted.discard(account)

    def close_loans(self, account: int) -> None:
        """Sell what an account holds of a coin, or buy what it owes, and so pay its loans."""
        self.cancel_orders(account)
        if account in self.world.auditor.restricted:
            self.set_free(account)
        listing = self.world.auditor.listings[SPOT]
        for _ in range(ROUNDS_MAX):
            lots = self.world.auditor.cash(account, listing.base_asset_id) // lot_minor(listing)
            qty = min(abs(lots), 1_000_000)
            if not qty or (self.world.auditor.cash(account, USDT) >= 0 and lots >= 0):
                return
            if lots < 0:
                qty = max(qty, LEAST_LOTS[SPOT])
            self.at_the_mark(account, SPOT, m.SELL if lots > 0 else m.BUY, qty, source=c.OPERATIONS)
