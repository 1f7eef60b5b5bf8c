"""What a crowd sends: so much in so few markets that the steps of a record are used up all the time."""

from __future__ import annotations

from random import Random

from engine.api import commands as c
from engine.api.enums import ExecInst, Peg, SelfTrade, Side, SymbolStatus, Trigger, VenueStatus
from tests.model import market as m
from tests.model.exchange import Exchange

PRICE = 10_000
SPOT = (m.ALPHA, m.BRAVO, m.CHARLIE, m.ALPHA_M)
FUTURES = (m.ALPHA_F, m.BRAVO_F, m.CHARLIE_F, m.ALPHA_F2)
SYMBOLS = (m.BTC_USDT, m.BTC_USDT, m.ETH_PRO, m.BTC_PERP)
LOTS = {m.BTC_USDT: 12_000, m.ETH_PRO: 100, m.BTC_PERP: 10}
"""The smallest everyday quantity of each symbol."""


class Crowd:
    """Makes one command after another."""

    def __init__(self, model: Exchange) -> None:
        self.model = model
        self.count = 0

    def command(self, rng: Random) -> tuple[int, c.Command]:
        """Make the next command. Returns: its source, and the command."""
        self.count += 1
        kinds = (self.order, self.sweep, self.change, self.cancel, self.mass_cancel, self.status, self.time, self.mark)
        return rng.choices(kinds, (66, 7, 8, 4, 1.5, 2.5, 6, 1))[0](rng)

    def order(self, rng: Random, lots: int = 1, **terms: object) -> tuple[int, c.Command]:
        """Make an order of a few lots near the price."""
        symbol = rng.choice(SYMBOLS)
        account = rng.choice(FUTURES if symbol == m.BTC_PERP else SPOT)
        kind = rng.choices([m.LIMIT, m.STOP, m.STOP_LIMIT, m.PEGGED], [70, 10, 8, 12])[0]
        tif = rng.choice([m.GTC, m.GTC, m.GTC, m.DAY, m.GTD])
        qty = LOTS[symbol] * lots * rng.choice([1, 1, 2, 3])
        price = PRICE + rng.randrange(-5, 6)
        asked: dict[str, object] = {"stp_group": rng.choice([0, 0, 1]), "stp": rng.choice([*SelfTrade])}
        if tif is m.GTD:
            asked["expire_time_ns"] = self.model.event_ts_ns + rng.choice([50, 3_000, 10**6, 10**9])
        if kind.is_stop:
            asked |= {"stop_px": PRICE + rng.randrange(-4, 5), "trigger": rng.choice([*Trigger])}
        if kind is m.PEGGED:
            asked |= {"peg": rng.choice([*Peg][1:]), "peg_offset": rng.choice([-1, 0, 1])}
        elif symbol == m.BTC_PERP and rng.random() < 0.25:
            asked["exec_inst"] = ExecInst.REDUCE_ONLY
        elif kind is m.LIMIT and rng.random() < 0.1:
            asked["exec_inst"] = rng.choice([ExecInst.POST_ONLY, ExecInst.POST_ONLY | ExecInst.SLIDE])
        if kind is m.LIMIT and rng.random() < 0.2:
            asked["max_floor"] = max(1, qty // rng.choice([2, 5, 10]))
        asked |= terms
        side = rng.choice([*Side])
        price = 0 if kind is m.STOP else price
        order = c.NewOrder(account, symbol, side, kind, tif, qty, price, f"n{self.count}", **asked)
        return m.SESSION_OF[account], order

    def sweep(self, rng: Random) -> tuple[int, c.Command]:
        """Make an order that takes many others."""
        symbol, side = rng.choice(SYMBOLS), rng.choice([*Side])
        account = rng.choice(FUTURES if symbol == m.BTC_PERP else SPOT)
        qty, tif = LOTS[symbol] * rng.choice([5, 20, 40]), rng.choice([m.IOC, m.FOK, m.GTC])
        min_qty = rng.choice([0, qty // 2, LOTS[symbol] * 4]) if tif is m.IOC else 0
        price = PRICE + (9 if side is Side.BUY else -9)
        return m.SESSION_OF[account], c.NewOrder(
            account,
            symbol,
            side,
            m.LIMIT,
            tif,
            qty,
            price,
            f"n{self.count}",
            min_qty=min_qty,
            stp=rng.choice([*SelfTrade]),
        )

    def meant(self, rng: Random) -> int:
        """Choose an order, most likely one that is open."""
        known = list(self.model.open) or [1]
        in_hand = [order.order_id for market in self.model.markets.values() for order in market.in_hand]
        return rng.choice(in_hand) if in_hand and rng.random() < 0.4 else rng.choice(known)

    def cancel(self, rng: Random) -> tuple[int, c.Command]:
        if rng.random() < 0.2:
            return 0, c.RequestOrderStatus("", self.meant(rng))
        return 0, c.CancelOrder(f"n{self.count}", order_id=self.meant(rng))

    def change(self, rng: Random) -> tuple[int, c.Command]:
        """Replace an order."""
        order_id = self.meant(rng)
        order = self.model.orders.get(order_id)
        qty = order.order_qty if order else 1
        request = c.ReplaceOrder(f"n{self.count}", rng.choice([qty, qty // 2, qty * 2]), order_id=order_id)
        if rng.random() < 0.6:
            changes = {"price": PRICE + rng.randrange(-6, 7)}
            request = c.ReplaceOrder(f"n{self.count}", request.order_qty, order_id=order_id, **changes)
        return 0, request

    def mass_cancel(self, rng: Random) -> tuple[int, c.Command]:
        """Cancel what a session, an account, a symbol or everybody has."""
        symbol, side = rng.choice([0, 0, m.BTC_USDT, m.BTC_PERP]), rng.choice([0, 0, 1, 2])
        if rng.random() < 0.3:
            firm, account = rng.choice([0, 1, 2]), rng.choice([0, 0, m.BRAVO])
            return 0, c.MassCancel(f"n{self.count}", symbol, account, firm_id=firm, side=side, code=1042)
        account = rng.choice([m.ALPHA, m.BRAVO, m.CHARLIE, m.ALPHA_F])
        scope = rng.choice([0, account])
        return m.SESSION_OF[account], c.MassCancel(f"n{self.count}", symbol, scope, side=side)

    def status(self, rng: Random) -> tuple[int, c.Command]:
        """Close, open, or stop a market, or all of them."""
        symbol, choice = rng.choice(SYMBOLS), rng.random()
        if choice < 0.05:
            return 0, c.SetVenueStatus(rng.choice([*VenueStatus]))
        if choice < 0.07:
            return 0, c.DelistInstrument(m.ETH_PRO)
        if self.model.venue is not VenueStatus.OPEN:
            return 0, c.SetVenueStatus(VenueStatus.OPEN)
        closed = [id_ for id_ in SYMBOLS if self.model.markets[id_].status is not SymbolStatus.OPEN]
        if closed and choice < 0.85:
            return 0, c.SetSymbolStatus(closed[0], SymbolStatus.OPEN)
        return 0, c.SetSymbolStatus(symbol, rng.choice([SymbolStatus.PRE_OPEN, SymbolStatus.PRE_OPEN, *SymbolStatus]))

    def time(self, rng: Random) -> tuple[int, c.Command]:
        return 0, c.AdvanceTime()

    def mark(self, rng: Random) -> tuple[int, c.Command]:
        return 0, c.SetMark(rng.choice(SYMBOLS), PRICE + rng.randrange(-3, 4))
