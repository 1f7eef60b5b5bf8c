"""Core and model with few steps for each record, so that nearly all work goes on in later ones."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, ExecInst, Side, SymbolStatus
from engine.host.core import Core
from tests.model import invariants
from tests.model import market as m
from tests.model.auction import is_crossed
from tests.model.market import BUY, GTC, LIMIT, SELL
from tests.property.crowds import PRICE, Crowd
from tests.property.twins import Twins

JUMPS_NS = (10**6, 301 * 10**9, 86_400 * 10**9)


@pytest.mark.req("DRV-03", "ORD-02", "ORD-06")
@pytest.mark.parametrize(("seed", "steps_max"), [(1, 16), (2, 16), (3, 24), (4, 40)])
def test_core_and_model_agree_while_work_goes_on(seed: int, steps_max: int) -> None:
    twins, rng = Twins(steps_max=steps_max), Random(seed)
    crowd = Crowd(twins.model)
    for n in range(700):
        if rng.random() < 0.02:
            twins.now_ns += rng.choice(JUMPS_NS)
        twins.send(*crowd.command(rng))
        if n % 7 == 0:
            twins.check()
            invariants.check(twins.model)
        if n % 23 == 0:
            twins.core = Core.restore(twins.core.snapshot())
    for _ in range(2_000):
        if twins.core.next_due_ns != 1:
            break
        twins.send(0, c.AdvanceTime())
    twins.check()
    assert twins.core.next_due_ns != 1, "all work comes to an end"


def enter(twins: Twins, account: int, side: Side, price: int, name: str) -> None:
    order = c.NewOrder(account, m.BTC_USDT, side, LIMIT, GTC, 12_000, price, name)
    assert isinstance(twins.send(m.SESSION_OF[account], order).events[0], e.OrderAccepted)


@pytest.mark.req("TRD-40", "ORD-05")
def test_the_search_for_an_auction_price_goes_on_and_begins_anew_when_the_book_changes() -> None:
    twins = Twins(steps_max=16)
    twins.send(0, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.PRE_OPEN))
    levels = 400
    for n in range(levels):
        enter(twins, m.ALPHA, BUY, PRICE + n, f"b{n}")
        enter(twins, m.BRAVO, SELL, PRICE - n, f"s{n}")
    twins.send(0, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.OPEN))
    market = twins.model.markets[m.BTC_USDT]
    while market.auction is not None and market.auction.netting is not None:
        twins.core = Core.restore(twins.core.snapshot())
        twins.send(0, c.AdvanceTime())
    uncrossed = 0
    for n in range(40):
        auction = market.auction
        assert auction is not None
        if auction.price:
            break
        assert auction.walk is not None and auction.walk.volume > 0
        if n % 2 == 0:
            twins.core = Core.restore(twins.core.snapshot())
        if n in (1, 2):
            twins.send(m.ALPHA_OE, c.CancelOrder(f"c{n}", f"b{levels - 1 - n}"))
            twins.check()
        record = twins.send(0, c.AdvanceTime())
        uncrossed += sum(isinstance(event, e.Uncrossed) for event in record.events)
    assert uncrossed == 1 and n == 5, "three records, and two more because it began anew twice"
    while twins.core.next_due_ns == 1:
        twins.send(0, c.AdvanceTime())
    twins.check()
    assert market.status is SymbolStatus.OPEN


@pytest.mark.req("TRD-40", "RES-97")
@pytest.mark.parametrize("seed", range(60))
def test_the_walk_finds_the_price_that_the_rule_defines_and_nothing_is_left_to_uncross(seed: int) -> None:
    """The model compares all prices by the definition; the core's walk looks at two or four of them."""
    rng, twins = Random(seed), Twins(steps_max=(16, 1_000)[seed % 2])
    market = twins.model.markets[m.BTC_USDT]
    if rng.random() < 0.7:
        twins.send(0, c.SetMark(m.BTC_USDT, PRICE + rng.randrange(-6, 7)))
    twins.send(0, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.PRE_OPEN))
    for n in range(rng.choice([2, 4, 8, 14, 30])):
        account, side = rng.choice([m.ALPHA, m.BRAVO, m.CHARLIE]), rng.choice([BUY, SELL])
        price = PRICE + rng.randrange(-4, 5) + (2 if side is BUY else -2)
        order = c.NewOrder(account, m.BTC_USDT, side, LIMIT, GTC, 12_000 * rng.randrange(1, 4), price, f"o{n}")
        twins.send(m.SESSION_OF[account], order)
    records = [twins.send(0, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.OPEN))]
    while twins.core.next_due_ns == 1:
        if rng.random() < 0.3:
            twins.core = Core.restore(twins.core.snapshot())
        records.append(twins.send(0, c.AdvanceTime()))
    events = [event for record in records for event in record.events]
    uncrossed = [event for event in events if isinstance(event, e.Uncrossed)]
    traded = [event for event in events if isinstance(event, e.Traded)]
    assert len(uncrossed) <= 1 and {trade.last_px for trade in traded} == {u.price for u in uncrossed}
    assert sum(trade.last_qty for trade in traded) == sum(u.volume for u in uncrossed)
    assert market.status is SymbolStatus.OPEN and not is_crossed(market)
    twins.check()


FUTURES = (m.ALPHA_F, m.ALPHA_F2, m.BRAVO_F)


def some_own_orders(rng: Random, total: int) -> Iterator[c.NewOrder]:
    """Orders of few accounts in a perpetual that cross one another, some of them in groups, some reduce-only."""
    for n in range(total):
        account, side, price = rng.choice(FUTURES), rng.choice([BUY, SELL]), PRICE + rng.randrange(-40, 41)
        order = c.NewOrder(account, m.BTC_PERP, side, LIMIT, GTC, rng.randrange(1, 9), price, f"w{n}")
        reduces = ExecInst.REDUCE_ONLY if rng.random() < 0.2 else ExecInst.NONE
        yield msgspec.structs.replace(order, stp_group=rng.choice([0, 1, 2]), exec_inst=reduces)


@pytest.mark.req("RES-97", "ORD-05")
@pytest.mark.parametrize("seed", range(12))
def test_own_orders_are_netted_in_slices_between_which_orders_leave(seed: int) -> None:
    rng, twins = Random(seed), Twins(steps_max=(16, 24)[seed % 2])
    market = twins.model.markets[m.BTC_PERP]
    twins.send(0, c.SetMark(m.BTC_PERP, PRICE))
    for account, side in zip(FUTURES, (SELL, BUY, BUY), strict=True):
        twins.send(0, c.NewOrder(account, m.BTC_PERP, side, LIMIT, GTC, 20, PRICE, f"p{account}"))
    twins.send(0, c.SetSymbolStatus(m.BTC_PERP, SymbolStatus.PRE_OPEN))
    for order in some_own_orders(rng, 160):
        twins.send(0, order)
    twins.send(0, c.SetSymbolStatus(m.BTC_PERP, SymbolStatus.OPEN))
    forgot_in_part, n, pauses = 0, 0, sorted(rng.sample(range(1, 30), 2))
    while twins.core.next_due_ns == 1:
        n += 1
        netting = market.auction and market.auction.netting
        forgot_in_part += bool(netting and any(netting.forgotten) and netting.owned)
        if rng.random() < 0.3:
            twins.core = Core.restore(twins.core.snapshot())
        if rng.random() < 0.3:
            twins.send(0, c.CancelOrder(f"x{twins.core.seq}", f"w{rng.randrange(160)}"))
        if rng.random() < 0.02:
            twins.send(
                0, c.MassCancel(f"y{twins.core.seq}", account_id=rng.choice(FUTURES), side=rng.choice([BUY, SELL]))
            )
        if n in pauses:
            status = AccountStatus.SUSPENDED if pauses.index(n) == 0 else AccountStatus.ACTIVE
            twins.send(0, c.SetAccountStatus(FUTURES[0], status))
        twins.send(0, c.AdvanceTime())
        twins.check()
    assert forgot_in_part, "it stopped amid an owner's orders"
    assert market.status is SymbolStatus.OPEN and not is_crossed(market)
