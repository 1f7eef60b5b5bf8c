"""Scripts of commands, drawn so that they meet: few accounts, few prices, several markets, time that passes.

A script is a list of seeds. Each makes one command, which may mean an order that came before; so hypothesis can
leave any of them out, and what stays still makes sense.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import msgspec
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api.enums import (
    AccountStatus,
    BreakerReason,
    ExecInst,
    MarginMode,
    MarginState,
    OrdType,
    Peg,
    SelfTrade,
    Side,
    SymbolStatus,
    Trigger,
    VenueStatus,
)
from engine.api.units import Step
from engine.api.wire import encode_command, encode_frame
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
WAITS_NS = (0, 0, 0, 0, 1, 3, -2, 10**6, SECOND_NS, 20 * SECOND_NS, 61 * SECOND_NS, 301 * SECOND_NS, 40_000 * SECOND_NS)
NOBODY_WAITS = (0, 0, 0, 1, 3, -2)


class Sent(NamedTuple):
    """By how much the clock moves (it may step back), who sends, and the bytes of the command."""

    wait_ns: int
    source: int
    raw: bytes


class Scribe:
    """Makes one command after another, with an eye on the exchange as the model has it."""

    def __init__(self, model: Exchange) -> None:
        self.model = model
        self.rng = Random()
        self.wait_ns = 0

    def write(self, seed: int) -> Sent:
        """Make the next command."""
        self.rng = Random(seed)
        self.wait_ns = self.rng.choice(WAITS_NS if self.chance(0.15) else NOBODY_WAITS)
        kinds, weights = zip(*WEIGHTS.items(), strict=True)
        (kind,) = self.rng.choices(kinds, weights)
        source, command = getattr(self, kind)()
        return Sent(self.wait_ns, source, command if isinstance(command, bytes) else encode_command(command))

    @property
    def seq(self) -> int:
        """Number of the record the command will be."""
        return self.model.seq + 1

    def name(self) -> str:
        """A ClOrdID, rarely one that was used already."""
        if self.chance(0.03):
            return self.rng.choice(odd.CL_ORD_IDS)
        if self.chance(0.03) and self.model.named:
            return self.rng.choice([name for _, name in self.model.named])
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
        names = [name for (_, name), named in reversed(self.model.named.items()) if named is order]
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

    # --- operations -------------------------------------------------------------------------------------

    def mark(self) -> tuple[int, c.Command]:
        symbol = self.rng.choice(SYMBOLS)
        moves = [-2, -1, 0, 1, 2, 2, 5] if self.chance(0.7) else [-400, -300, 300, 400]
        if self.chance(0.05):
            moves = [-2_000, -1_001, -1_000, 1_001, 2_000]
        price = self.present_mark(symbol) + self.rng.choice(moves)
        if self.chance(0.02):
            return 0, c.SetMark(symbol, self.rng.choice(odd.PRICES))
        if not 5_000 < price < 20_000:
            price = 10_000
        return 0, c.SetMark(symbol, price)

    def symbol_status(self) -> tuple[int, c.Command]:
        others = [SymbolStatus.PRE_OPEN, SymbolStatus.PRE_OPEN, SymbolStatus.PRE_OPEN, *SymbolStatus]
        status = SymbolStatus.OPEN if self.chance(0.4) else self.rng.choice(others)
        return 0, c.SetSymbolStatus(self.rng.choice([*SYMBOLS, 7]), status)

    def venue_status(self) -> tuple[int, c.Command]:
        return 0, c.SetVenueStatus(VenueStatus.OPEN if self.chance(0.7) else self.rng.choice([*VenueStatus]))

    def breaker(self) -> tuple[int, c.Command]:
        return 0, c.TriggerBreaker(self.rng.choice([*SYMBOLS, 99]), self.rng.choice([*BreakerReason]))

    def repair(self) -> tuple[int, c.Command]:
        """Bring something back to normal, so that there is a market most of the time."""
        x = self.model
        markets = [market for market in x.markets.values() if not market.is_delisted]
        patience = (SymbolStatus.OPEN, SymbolStatus.PRE_OPEN) if self.chance(0.8) else (SymbolStatus.OPEN,)
        repairs: list[c.Command] = [
            *(c.SetSymbolStatus(k.symbol_id, SymbolStatus.OPEN) for k in markets if k.status not in patience),
            *(c.AdvanceTime() for market in markets if market.breaker_until_ns),
            *(c.SetAccountStatus(n, AccountStatus.ACTIVE) for n, a in x.accounts.items() if a.status is SUSPENDED),
            *(c.SetMarginState(n, MarginState.NORMAL) for n, a in x.accounts.items() if a.margin_state),
            *(c.SetKillSwitch(session, False) for session in sorted(x.blocked)),
        ]
        if x.venue is not VenueStatus.OPEN:
            repairs = [c.SetVenueStatus(VenueStatus.OPEN)]
        if not repairs:
            return self.order()
        repair = self.rng.choice(repairs)
        if isinstance(repair, c.AdvanceTime):
            self.wait_ns = 301 * SECOND_NS
        return 0, repair

    def time(self) -> tuple[int, c.Command]:
        return self.rng.choice([0, 0, 0, m.ALPHA_OE]), c.AdvanceTime()

    def account_status(self) -> tuple[int, c.Command]:
        status = AccountStatus.ACTIVE if self.chance(0.7) else self.rng.choice([*AccountStatus])
        return 0, c.SetAccountStatus(self.any_account(), status)

    def account_limits(self) -> tuple[int, c.Command]:
        rng = self.rng
        most = rng.choice([0, 0, 0, 20_000 * 10**8, -1, *odd.around(10**31)])
        tier = rng.choice([1, 2, 3, 4, 4, 0, 5])
        return 0, c.SetAccountLimits(self.any_account(), tier, rng.choice([0, 0, 7, 125, 126]), most)

    def margin_state(self) -> tuple[int, c.Command]:
        state = MarginState.NORMAL if self.chance(0.7) else self.rng.choice([*MarginState])
        return 0, c.SetMarginState(self.any_account(), state)

    def any_account(self) -> int:
        return self.rng.choice([*m.SESSION_OF, *FUTURES_ACCOUNTS, m.FEES, 999])

    def collateral(self) -> tuple[int, c.Command]:
        lender = self.rng.choice([m.LENDER, m.LENDER, m.FEES, 0, m.ALPHA, 999])
        weight = self.rng.choice([0, 500_000, 950_000, 1_000_000, 1_000_001])
        return 0, c.SetCollateral(self.rng.choice([m.USDT, m.BTC, m.ETH, 9]), weight, lender)

    def transfer(self) -> tuple[int, c.Command]:
        rng = self.rng
        accounts = [m.FEES, m.LENDER, m.BTC_PNL, *m.SESSION_OF, 999]
        amount = rng.choice([0, 1, 10**6, 10**8, 10**9, 10**10, 10**11, 10**11, 10**12, odd.I128_MAX])
        asset = rng.choice([m.USDT, m.USDT, m.BTC, 9])
        return 0, c.Transfer(rng.choice(accounts), rng.choice(accounts), asset, amount)

    def change_instrument(self) -> tuple[int, c.Command]:
        listing = self.rng.choice(m.ALL_LISTINGS)
        fields = {k: v for k, v in odd.LISTING_FIELDS.items() if k not in ("symbol_id", "symbol", "tick", "lot")}
        if self.chance(0.3):
            return 0, c.ChangeInstrument(odd.spoil_fields(self.rng, listing, odd.LISTING_FIELDS))  # type: ignore[arg-type]
        if self.chance(0.3):
            return 0, c.ChangeInstrument(odd.spoil_fields(self.rng, listing, fields))  # type: ignore[arg-type]
        if self.chance(0.3):
            listing = self.rng.choice([m.BTC_ETH_LISTING, m.ETH_LISTING, m.ETH_PERP_LISTING])
            return 0, c.ChangeInstrument(msgspec.structs.replace(listing, tick=Step(self.rng.choice([1, 2]), 2)))
        band = self.rng.choice([50_000, 100_000, 200_000])
        return 0, c.ChangeInstrument(msgspec.structs.replace(listing, band_ppm=band))

    def delist(self) -> tuple[int, c.Command]:
        return 0, c.DelistInstrument(self.rng.choice([m.BTC_ETH, m.ETH_PERP, 7, 99]))

    # --- everything else --------------------------------------------------------------------------------

    def registration(self) -> tuple[int, c.Command]:
        return self.rng.choice([0, 0, 0, m.ALPHA_OE]), odd.registration(self.rng)

    def deposit(self) -> tuple[int, c.Command]:
        return self.rng.choice([0, 0, 0, m.ALPHA_OE]), odd.deposit(self.rng)

    def odd_request(self) -> tuple[int, c.Command]:
        return self.rng.choice(odd.SOURCES), odd.request(self.rng)

    def spoiled(self) -> tuple[int, bytes]:
        kind = self.rng.choice([kind for kind in WEIGHTS if kind not in ("spoiled", "noise")])
        source, command = getattr(self, kind)()
        return source, odd.spoil_bytes(self.rng, command)

    def noise(self) -> tuple[int, bytes]:
        return self.rng.choice(odd.SOURCES), self.rng.randbytes(self.rng.randrange(64))


SUSPENDED = AccountStatus.SUSPENDED
NO_MARKET = Market(m.BTC_LISTING, 1, 1, 1)
NO_ORDER = Order(1, m.ALPHA_OE, m.ALPHA, NO_MARKET, Side.BUY, m.LIMIT, m.GTC, 10_000, 10_000, 10_000)

WEIGHTS = {
    "order": 520,
    "repair": 70,
    "odd_order": 25,
    "cancel": 60,
    "replace": 130,
    "mass_cancel": 7,
    "status": 10,
    "kill_switch": 5,
    "leverage": 25,
    "margin": 15,
    "cover_debt": 8,
    "mark": 60,
    "symbol_status": 30,
    "venue_status": 8,
    "breaker": 1,
    "time": 8,
    "account_status": 8,
    "account_limits": 8,
    "margin_state": 8,
    "collateral": 3,
    "transfer": 8,
    "change_instrument": 6,
    "delist": 0.2,
    "registration": 6,
    "deposit": 6,
    "odd_request": 8,
    "spoiled": 15,
    "noise": 3,
}


def write_script(seeds: list[int]) -> list[Sent]:
    """Make the commands of a script that follows :data:`m.FULL_OPENING`."""
    model = opened()
    scribe, script, now_ns = Scribe(model), [], m.NOW_NS
    for seed in seeds:
        sent = scribe.write(seed)
        script.append(sent)
        now_ns += sent.wait_ns
        model.apply(now_ns, encode_frame(sent.source, 1, sent.raw))
    return script


def opened() -> Exchange:
    """A model after :data:`m.FULL_OPENING`."""
    model = Exchange()
    for command in m.FULL_OPENING:
        model.apply(m.NOW_NS, m.frame(0, command))
    return model


def seeds(size_max: int = 120) -> st.SearchStrategy[list[int]]:
    """Seeds of a script."""
    return st.lists(st.integers(0, 2**32 - 1), min_size=size_max // 4, max_size=size_max)


def scripts(size_max: int = 60) -> st.SearchStrategy[list[Sent]]:
    """Commands to follow :data:`m.FULL_OPENING`."""
    return seeds(size_max).map(write_script)
