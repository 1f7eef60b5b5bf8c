"""What members send, drawn so that it meets: few accounts, few prices, several markets."""

from __future__ import annotations

from random import Random

import msgspec

from engine.api import commands as c
from engine.api.enums import (
    ExecInst,
    MarginMode,
    OrdType,
    Peg,
    SelfTrade,
    Side,
    Trigger,
)
from tests.model import market as m
from tests.model.exchange import Exchange, Market, Order
from tests.property import odd

SECOND_NS = 10**9
SPOT_ACCOUNTS = (m.ALPHA, m.BRAVO, m.CHARLIE, m.ALPHA_M, m.BRAVO_M)
FUTURES_ACCOUNTS = (m.ALPHA_F, m.BRAVO_F, m.CHARLIE_F, m.CHARLIE_F, m.ALPHA_F2)
PERPETUALS = (m.BTC_PERP, m.ETH_PERP)
SYMBOLS = (m.BTC_USDT, m.BTC_USDT, m.ETH_PRO, m.ETH_USDT, m.BTC_ETH, *PERPETUALS, *PERPETUALS)
SPOT_QUANTITIES = (10_000, 10_000, 10_001, 15_000, 20_000, 33_333)
PERPETUAL_QUANTITIES = (10, 100, 1_000, 1_000, 1_001, 5_000, 10_000, 30_000)
TIMES_IN_FORCE = (m.GTC, m.GTC, m.GTC, m.DAY, m.GTD, m.IOC, m.FOK)


class Members:
    """Makes one command after another, with an eye on the exchange as the model has it."""

    def __init__(self, model: Exchange) -> None:
        self.model = model
        self.rng = Random()
        self.wait_ns = 0

    @property
    def seq(self) -> int:
        """Number of the record the command will be."""
        return self.model.seq + 1

    def name(self) -> str:
        """A ClOrdID, rarely one that was used already, which may be forgotten."""
        if self.chance(0.03):
            return self.rng.choice(odd.CL_ORD_IDS)
        if self.chance(0.03) and self.model.named:
            return self.rng.choice([name for _, name in self.model.named])
        if self.chance(0.03):
            return f"n{self.rng.randrange(1 + self.seq)}"
        return f"n{self.seq}"

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    # --- orders -----------------------------------------------------------------------------------------

    def order(self) -> tuple[int, c.Command]:
        order = self.any_order()
        source = m.SESSION_OF[order.account_id]
        if self.chance(0.03):
            source = self.rng.choice([0, m.CHARLIE_2])
        if self.chance(0.02):
            order = msgspec.structs.replace(order, exec_inst=order.exec_inst | ExecInst.LIQUIDATION)
            source = 0
        return source, order

    def odd_order(self) -> tuple[int, c.Command]:
        order = odd.spoil_fields(self.rng, self.any_order(), odd.ORDER_FIELDS)
        assert isinstance(order, c.NewOrder)
        return m.SESSION_OF.get(order.account_id, m.ALPHA_OE), order

    def price(self, symbol: int) -> int:
        """A price near the mark, rarely near the edges of the band."""
        steps = [-1_000, -999, -500, 500, 999, 1_000] if self.chance(0.06) else [-2, -1, -1, 0, 0, 1, 1, 2]
        return self.present_mark(symbol) + self.rng.choice(steps)

    def present_mark(self, symbol: int) -> int:
        market = self.model.markets.get(symbol)
        return (market.mark if market else 0) or 10_000

    def any_order(self) -> c.NewOrder:
        rng, symbol = self.rng, self.rng.choice(SYMBOLS)
        is_perpetual = symbol in PERPETUALS
        kind = rng.choices([m.LIMIT, m.MARKET, m.STOP, m.STOP_LIMIT, m.PEGGED], [60, 10, 9, 9, 12])[0]
        tif = rng.choice(TIMES_IN_FORCE)
        if kind is m.MARKET:
            tif = rng.choice([m.IOC, m.IOC, m.FOK])
        elif kind is not m.LIMIT and not tif.may_rest:
            tif = m.GTC
        qty = rng.choice(PERPETUAL_QUANTITIES if is_perpetual else SPOT_QUANTITIES)
        if not is_perpetual and self.chance(0.03):
            qty = 900_000
        order = c.NewOrder(
            account_id=rng.choice(FUTURES_ACCOUNTS if is_perpetual else SPOT_ACCOUNTS),
            symbol_id=symbol,
            side=rng.choice([*Side]),
            ord_type=kind,
            time_in_force=tif,
            order_qty=qty,
            price=0 if kind in (m.MARKET, m.STOP) else self.price(symbol),
            cl_ord_id=self.name(),
            poss_resend=self.chance(0.1),
            expire_time_ns=self.expiry() if tif is m.GTD else 0,
            stp_group=rng.choice([0, 0, 1]),
            stp=rng.choice([*SelfTrade]),
        )
        return msgspec.structs.replace(order, **self.terms(order, is_perpetual))

    def terms(self, order: c.NewOrder, is_perpetual: bool) -> dict[str, object]:
        """What an order asks for besides, in keeping with its type."""
        rng, terms = self.rng, dict[str, object]()
        may_rest, qty = order.time_in_force.may_rest, order.order_qty
        is_limit = order.ord_type is OrdType.LIMIT
        if order.ord_type.is_stop:
            terms |= {"stop_px": self.price(order.symbol_id), "trigger": rng.choice([*Trigger])}
        if order.ord_type is OrdType.PEGGED:
            offset = rng.choice([-2, -1, 0, 0, 1, 2])
            slack = rng.choice([0, 2, 5]) * (1 if order.side is Side.BUY else -1)
            terms |= {"peg": rng.choice([*Peg][1:]), "peg_offset": offset, "price": order.price + slack}
        if may_rest and (is_limit or order.ord_type is OrdType.STOP_LIMIT) and self.chance(0.25):
            terms["max_floor"] = rng.choice([qty // 10 + 1, qty // 3 + 1, 4_000, qty])
        if order.time_in_force is m.IOC and self.chance(0.4):
            terms["min_qty"] = rng.choice([1, qty // 2, qty])
        if is_perpetual and order.ord_type is not OrdType.PEGGED and self.chance(0.35):
            terms["exec_inst"] = ExecInst.REDUCE_ONLY
        elif is_limit and may_rest and self.chance(0.25):
            terms["exec_inst"] = rng.choice([ExecInst.POST_ONLY, ExecInst.POST_ONLY | ExecInst.SLIDE])
        return terms

    def expiry(self) -> int:
        return self.model.event_ts_ns + self.rng.choice([0, 1, 5, 50, SECOND_NS, 100 * SECOND_NS, 50_000 * SECOND_NS])

    # --- requests about orders --------------------------------------------------------------------------

    def meant(self) -> tuple[int, Order, int, str]:
        """An order, most likely an open one. Returns: who asks, the order, and how it is named."""
        orders = list((self.model.open if self.chance(0.9) else self.model.orders).values())
        if not orders:
            return m.ALPHA_OE, NO_ORDER, 1, ""
        order = self.rng.choice(orders[-self.rng.choice([5, 20, 400]) :])
        names = [name for (_, name), named in reversed(self.model.named.items()) if named.order is order]
        named = (order.order_id, "") if self.chance(0.6) else (0, self.rng.choice(names))
        is_other = self.chance(0.08)
        source = self.rng.choice([0, m.CHARLIE_2, m.ALPHA_DC, m.BRAVO_OE]) if is_other else order.source
        return source, order, *named

    def cancel(self) -> tuple[int, c.Command]:
        source, order, order_id, orig = self.meant()
        described = (order.account_id, order.market.symbol_id, order.side) if self.chance(0.3) else (0, 0, 0)
        if self.chance(0.05):
            described = (m.BRAVO, 0, 0)
        return source, c.CancelOrder(self.name(), orig, order_id, *described, poss_resend=self.chance(0.1))

    def replace(self) -> tuple[int, c.Command]:
        rng = self.rng
        source, order, order_id, orig = self.meant()
        qty, symbol = order.order_qty, order.market.symbol_id
        request = c.ReplaceOrder(self.name(), rng.choice([qty, qty, qty - 1, qty // 2, qty // 8, qty * 2, 0]))
        request = msgspec.structs.replace(request, orig_cl_ord_id=orig, order_id=order_id)
        changes: dict[str, object] = {}
        if self.chance(0.45) and order.ord_type not in (m.STOP, m.MARKET):
            changes["price"] = self.price(symbol)
        if self.chance(0.4) and order.ord_type.is_stop:
            changes["stop_px"] = self.price(symbol)
        if self.chance(0.25) and order.ord_type in (m.LIMIT, m.STOP_LIMIT):
            changes["max_floor"] = rng.choice([1_000, qty // 3 + 1, request.order_qty, order.max_floor])
        if self.chance(0.5) and order.ord_type is m.PEGGED:
            changes["peg_offset"] = rng.choice([-2, -1, 0, 1, 2])
        if self.chance(0.2):
            tif = rng.choice([m.DAY, m.GTC, m.GTD])
            changes |= {"time_in_force": tif, "expire_time_ns": self.expiry() if tif is m.GTD else 0}
        if self.chance(0.05):
            changes["poss_resend"] = True
        command: object = msgspec.structs.replace(request, **changes)
        if self.chance(0.1):
            command = odd.spoil_fields(rng, command, odd.REPLACE_FIELDS)
        assert isinstance(command, c.ReplaceOrder)
        return source, command

    def mass_cancel(self) -> tuple[int, c.Command]:
        rng, source = self.rng, self.rng.choice(odd.SOURCES)
        if self.chance(0.4):
            session = rng.choice([m.ALPHA_OE, m.BRAVO_OE, m.CHARLIE_OE])
            account = rng.choice([0, *(n for n, owner in m.SESSION_OF.items() if owner == session)])
            return session, c.MassCancel(self.name(), account_id=account, kill=self.chance(0.5))
        return source, c.MassCancel(
            self.name(),
            symbol_id=rng.choice([0, *SYMBOLS, 99]),
            account_id=rng.choice([0, 0, *SPOT_ACCOUNTS, *FUTURES_ACCOUNTS, 999]),
            firm_id=rng.choice([0, 0, 0, 1]),
            of_session=rng.choice([0, 0, m.ALPHA_OE]),
            side=rng.choice([0, 0, *Side]),
            code=rng.choice([0, 0, 1040, 65_535]),
            kill=self.chance(0.1),
        )

    def status(self) -> tuple[int, c.Command]:
        source, _, order_id, name = self.meant()
        return source, c.RequestOrderStatus(name, order_id, "r")

    def kill_switch(self) -> tuple[int, c.Command]:
        session = self.rng.choice([m.ALPHA_OE, m.BRAVO_OE, m.ALPHA_DC, 99])
        return self.rng.choice([0, 0, session, m.BRAVO_OE]), c.SetKillSwitch(session, self.chance(0.2))

    # --- perpetuals -------------------------------------------------------------------------------------

    def leverage(self) -> tuple[int, c.Command]:
        account, symbol = self.position()
        leverage = self.rng.choice([1, 2, 5, 10, 15, 20, 20, 20, 21, 50, 50, 100, 125, 0, 126])
        mode = self.rng.choice([*MarginMode])
        return self.owner(account), c.SetLeverage(account, symbol, leverage, mode)

    def margin(self) -> tuple[int, c.Command]:
        account, symbol = self.position()
        amount = self.rng.choice([-(10**11), -(10**9), -1, 0, 1, 10**9, 10**10, 10**11, 10**15, odd.I128_MAX])
        return self.owner(account), c.AdjustMargin(account, symbol, amount)

    def cover_debt(self) -> tuple[int, c.Command]:
        in_debt = [(n, s) for n, of in self.model.positions.items() for s, p in of.items() if p.debt]
        account, symbol = self.rng.choice(in_debt) if in_debt else self.position()
        payer = self.rng.choice([m.FEES, m.LENDER, m.LENDER, account, m.BTC_PNL, 999])
        return 0, c.CoverDebt(payer, account, symbol, self.rng.choice([0, 1, 10**6, 10**9, 10**11, odd.I128_MAX]))

    def position(self) -> tuple[int, int]:
        if self.chance(0.05):
            return self.rng.choice(odd.ACCOUNTS), self.rng.choice(odd.SYMBOLS)
        return self.rng.choice(FUTURES_ACCOUNTS), self.rng.choice(PERPETUALS)

    def owner(self, account: int) -> int:
        return m.SESSION_OF.get(account, 0) if self.chance(0.8) else self.rng.choice(odd.SOURCES)


NO_MARKET = Market(m.BTC_LISTING, 1, 1, 1)
NO_ORDER = Order(1, 1, m.ALPHA_OE, m.ALPHA, NO_MARKET, Side.BUY, m.LIMIT, m.GTC, 10_000, 10_000, 10_000)
