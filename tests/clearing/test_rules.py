"""Rules that governance sets, booked a second time: whose rates an order pays, at once and when a time has come."""

from __future__ import annotations

import pytest

from clearing.reconcile import compare_books
from engine.api import commands as c
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.ids import AccountId, SymbolId
from engine.api.parameters import Parameter
from engine.api.units import Lots, Ticks, TimestampNs
from tests.clearing.books import query
from tests.clearing.core_market import CoreMarket
from tests.clearing.market import log_of
from tests.clearing.test_everything import settle_rest
from tests.model import market as m

SECOND_NS = 1_000_000_000
LOTS, TICKS = 20_000, 10_000
NOBODY, EVERY_SYMBOL, SPOT = AccountId(0), SymbolId(0), SymbolId(m.BTC_USDT)


class Governed(CoreMarket):
    """A market whose rates change while ALPHA rests sells and BRAVO takes them."""

    def __init__(self) -> None:
        super().__init__(seed=0)

    def operate(self, command: c.Command) -> None:
        self.now_ns += 1
        self.send(m.frame(c.OPERATIONS, command))

    def set_rates(self, account: AccountId, symbol: SymbolId, maker: int, taker: int, at_ns: int = 0) -> None:
        self.operate(c.SetFeeRates(account, symbol, maker, taker, TimestampNs(at_ns)))

    def enter(self, account: AccountId, side: Side, symbol: SymbolId = SPOT) -> None:
        terms = (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL, Lots(LOTS), Ticks(TICKS))
        self.operate(c.NewOrder(account, symbol, side, *terms, f"g{len(self.records)}"))

    def trade(self) -> None:
        self.enter(m.ALPHA, Side.SELL)
        self.enter(m.BRAVO, Side.BUY)


@pytest.mark.req("FEE-01", "TRD-07", "SEQ-09", "DRV-05")
async def test_every_order_pays_the_rates_it_was_accepted_under(dsn: str) -> None:
    """Clearing starts again after every step, so that what it knows of rules comes from the books."""
    market, paid = Governed(), []

    async def settle() -> None:
        await settle_rest(dsn, market.records)
        outcome = await compare_books(dsn, log_of(market.records), market.balances())
        assert outcome.is_clean, outcome.differences

    async def note() -> None:
        await settle()
        sql = "SELECT maker_fee, taker_fee, price * quantity AS worth FROM clearing.trades ORDER BY seq DESC LIMIT 1"
        ((maker, taker, worth),) = await query(dsn, sql)
        paid.append((int(maker / worth * 1_000_000), int(taker / worth * 1_000_000)))

    await settle()
    market.enter(m.ALPHA, Side.SELL)
    await settle()
    market.set_rates(NOBODY, m.BTC_USDT, 300, 2_000)
    await settle()
    market.enter(m.BRAVO, Side.BUY)
    await note()
    market.set_rates(m.BRAVO, m.BTC_USDT, 10, 20)
    market.set_rates(m.ALPHA, EVERY_SYMBOL, 50, 60)
    await settle()
    market.trade()
    await note()
    market.set_rates(m.ALPHA, m.BTC_USDT, -500, 500, market.now_ns + 10 * SECOND_NS)
    market.operate(c.SetFeeRates(m.BRAVO, m.BTC_USDT, 0, 0, TimestampNs(0), is_unset=True))
    await settle()
    market.trade()
    await note()
    market.now_ns += 10 * SECOND_NS
    market.trade()
    await note()
    market.set_rates(m.BRAVO, m.BTC_USDT, 10, 20)
    market.trade()
    await note()
    listed, own, later = (m.BTC_LISTING.maker_ppm, 2_000), (50, 20), (50, 2_000)
    assert paid == [listed, own, later, (-500, 2_000), (-20, 20)]


@pytest.mark.req("RES-27", "RES-21")
async def test_positions_begin_with_the_leverage_that_governance_has_set(dsn: str) -> None:
    market = Governed()
    market.operate(c.SetParameter(Parameter.LEVERAGE_DEFAULT, 0, 20, TimestampNs(0)))
    await settle_rest(dsn, market.records)
    market.enter(m.ALPHA_F, Side.SELL, m.BTC_PERP)
    await settle_rest(dsn, market.records)
    market.operate(c.SetParameter(Parameter.LEVERAGE_DEFAULT, 0, 10, TimestampNs(0)))
    market.enter(m.ALPHA_F, Side.SELL, m.BTC_PERP)
    market.enter(m.BRAVO_F, Side.SELL, m.BTC_PERP)
    await settle_rest(dsn, market.records)
    begun, goes_on, other = await query(dsn, "SELECT locked FROM clearing.orders WHERE state = 0 ORDER BY order_id")
    assert begun["locked"] == goes_on["locked"] < other["locked"]
