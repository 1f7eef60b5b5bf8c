"""Loans of MARGIN accounts: when they are given, how much, and how they are paid back."""

from __future__ import annotations

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, AccountStatus, InstrumentKind, SymbolStatus
from engine.api.instrument import Instrument
from engine.api.parameters import RULES, Parameter
from engine.api.rejects import ErrorCode as Code
from engine.api.units import Step
from tests.model import market as m
from tests.model.market import ALPHA_M, ALPHA_OE, BRAVO, BRAVO_M, BTC, BTC_USDT, BUY, CHARLIE, ETH, LENDER, SELL, USDT
from tests.unit.floor import LOT, OPENING, USDT_UNIT, Events, Floor, accepted, closed, refusal, those

INSUFFICIENT = Code.INSUFFICIENT_BALANCE
PER_LOT = 100_100
OWN = 30 * USDT_UNIT
"""What a MARGIN account has of its own."""


@pytest.fixture
def floor() -> Floor:
    return Floor()


def borrowed(events: Events) -> list[tuple[int, int, int]]:
    return [(b.asset_id, b.amount, b.loan) for b in those(events, e.Borrowed)]


def lend_everything(floor: Floor) -> None:
    """Let one account have all there is to lend."""
    for parameter in (Parameter.ACCOUNT_LENDING_SHARE_PPM, Parameter.FIRM_LENDING_SHARE_PPM):
        floor.operate(c.SetParameter(parameter, 0, 10**6, 0))


def repaid(events: Events) -> list[tuple[int, int, int]]:
    return [(r.asset_id, r.amount, r.loan) for r in those(events, e.Repaid)]


@pytest.mark.req("MAR-24", "ACC-20")
def test_what_an_order_lacks_is_borrowed_before_it_is_accepted(floor: Floor) -> None:
    events = floor.enter(ALPHA_M, BUY, 50_000, 10_000)
    lacking = 50_000 * PER_LOT - OWN
    assert [type(event) for event in events] == [e.Borrowed, e.OrderAccepted]
    assert borrowed(events) == [(USDT, lacking, lacking)]
    assert floor.balance(ALPHA_M, USDT) == (0, 50_000 * PER_LOT)
    assert floor.balance(LENDER, USDT)[0] == 10**6 * USDT_UNIT - lacking


@pytest.mark.req("MAR-24")
def test_an_order_its_own_funds_suffice_for_borrows_nothing(floor: Floor) -> None:
    most = OWN // PER_LOT
    assert borrowed(floor.enter(ALPHA_M, BUY, most, 10_000)) == []


@pytest.mark.req("MAR-24", "MAR-03")
def test_loans_are_at_most_nine_times_the_equity(floor: Floor) -> None:
    """What is bought counts 0.95 of what is paid, and the fee is gone: both come off the equity after the trade."""
    times = RULES[Parameter.MARGIN_ACCOUNT_LEVERAGE_MAX].default
    most = times * OWN // (PER_LOT + (times - 1) * (PER_LOT - 95_000))
    assert refusal(floor.enter(ALPHA_M, BUY, most + 1, 10_000)) == INSUFFICIENT
    assert accepted(floor.enter(ALPHA_M, BUY, most, 10_000))


@pytest.mark.req("ACC-31", "MAR-24")
def test_collateral_is_valued_by_mark_and_weight(floor: Floor) -> None:
    """One BTC at 50,000 counting 0.95 and 10,000 USDT are worth 57,500, less 0.05 of what is bought with loans, which
    go up to nine times that."""
    lend_everything(floor)
    listing = msgspec.structs.replace(m.BTC_LISTING, maker_ppm=0, taker_ppm=0, max_qty=10**9)
    floor.operate(c.ChangeInstrument(listing))
    floor.now_ns += 100 * 10**9
    floor.mark(5_000_000)
    floor.operate(c.Deposit(ALPHA_M, BTC, 10**8, "btc"))
    floor.operate(c.Deposit(ALPHA_M, USDT, 10_000 * USDT_UNIT - OWN, "usdt"))
    floor.wait(301 * 10**9)
    lots = 727_580
    bought, own = lots / 2, 10_000
    assert bought - own <= 9 * (57_500 - 0.05 * bought) < bought + 10 - own
    assert refusal(floor.enter(ALPHA_M, BUY, lots + 1, 5_000_000)) == INSUFFICIENT
    assert borrowed(floor.enter(ALPHA_M, BUY, lots, 5_000_000)) == [(USDT, 353_790 * USDT_UNIT, 353_790 * USDT_UNIT)]


@pytest.mark.req("MAR-24")
def test_a_sale_borrows_base_and_the_proceeds_are_collateral(floor: Floor) -> None:
    order = floor.enter(ALPHA_M, SELL, LOT, 10_000)
    assert borrowed(order) == [(BTC, LOT * 1_000, LOT * 1_000)]
    sold = floor.enter(BRAVO, BUY, LOT, 10_000)
    assert repaid(sold) == []
    assert floor.balance(ALPHA_M, USDT) == (OWN + LOT * 100_000 - LOT * 20, 0)
    assert floor.balance(ALPHA_M, BTC) == (0, 0)


@pytest.mark.req("MAR-24")
def test_a_short_sale_is_limited_by_equity_too(floor: Floor) -> None:
    """A loan counts at its whole worth: 30 USDT of equity carry 270 USDT of BTC, but for nine times the fee."""
    lend_everything(floor)
    most = 9 * OWN // (100_000 + 9 * 100)
    assert refusal(floor.enter(ALPHA_M, SELL, most + 1, 10_000)) == INSUFFICIENT
    assert accepted(floor.enter(ALPHA_M, SELL, most, 10_000))


@pytest.mark.req("MAR-24", "EVT-05")
@pytest.mark.parametrize("how", ["cancel", "reduce", "deposit", "transfer", "expire"])
def test_whatever_becomes_available_pays_back_at_once(floor: Floor, how: str) -> None:
    order = accepted(floor.enter(ALPHA_M, BUY, 50_000, 10_000, tif=m.DAY))
    loan = 50_000 * PER_LOT - OWN
    freed = {"reduce": 10_000 * PER_LOT, "deposit": 7, "transfer": 8}.get(how, loan)
    events = {
        "cancel": lambda: floor.cancel(order),
        "reduce": lambda: floor.replace(order, 40_000),
        "deposit": lambda: floor.operate(c.Deposit(ALPHA_M, USDT, 7, "d")),
        "transfer": lambda: floor.operate(c.Transfer(CHARLIE, ALPHA_M, USDT, 8)),
        "expire": lambda: floor.wait(86_400 * 10**9),
    }[how]()
    assert repaid(events) == [(USDT, freed, loan - freed)]
    assert isinstance(events[-1], e.Repaid), "right after what raised the balance"
    assert floor.balance(ALPHA_M, USDT)[0] == (OWN if freed == loan else 0)


@pytest.mark.req("MAR-24", "EVT-05")
def test_a_trade_pays_back_makers_before_takers(floor: Floor) -> None:
    floor.enter(ALPHA_M, BUY, 50_000, 10_000)
    floor.enter(BRAVO, SELL, 50_000, 10_000)
    owed = 50_000 * PER_LOT - OWN
    saved = 50_000 * (PER_LOT - 100_000) - 50_000 * 20
    floor.enter(BRAVO_M, SELL, LOT, 10_000)
    events = floor.enter(ALPHA_M, BUY, LOT, 10_000)
    assert floor.balance(ALPHA_M, BTC) == (70_000 * 1_000, 0)
    assert borrowed(events)[0][2] == owed - saved + LOT * PER_LOT
    sold = floor.enter(ALPHA_M, SELL, LOT, 10_000)
    bought = floor.enter(BRAVO_M, BUY, LOT, 10_000)
    told = [(r.account_id, r.asset_id) for r in those(bought, e.Repaid)]
    assert borrowed(sold) == [] and told == [(ALPHA_M, USDT), (BRAVO_M, BTC)]
    assert isinstance(bought[1], e.Traded) and isinstance(bought[2], e.Repaid)


@pytest.mark.req("MAR-24")
@pytest.mark.parametrize(("left", "is_lent"), [(LOT * 1_000, True), (LOT * 1_000 - 1, False)])
def test_the_lender_must_have_it(floor: Floor, left: int, is_lent: bool) -> None:
    lend_everything(floor)
    available, _ = floor.balance(LENDER, BTC)
    floor.operate(c.Transfer(LENDER, m.FEES, BTC, available - left))
    events = floor.enter(ALPHA_M, SELL, LOT, 10_000)
    assert bool(borrowed(events)) is is_lent
    assert is_lent or refusal(events) == INSUFFICIENT


@pytest.mark.req("MAR-24")
def test_without_a_lender_a_mark_or_a_market_nobody_borrows() -> None:
    without_mark = Floor(tuple(k for k in OPENING if not (isinstance(k, c.SetMark) and k.symbol_id == BTC_USDT)))
    assert refusal(without_mark.enter(ALPHA_M, SELL, LOT, 10_000)) == INSUFFICIENT
    without_lender = Floor()
    without_lender.operate(c.SetCollateral(BTC, 950_000, 0))
    assert refusal(without_lender.enter(ALPHA_M, SELL, LOT, 10_000)) == INSUFFICIENT
    delisted = Floor()
    assert borrowed(delisted.enter(ALPHA_M, SELL, LOT, 10_000))
    delisted.enter(BRAVO, BUY, LOT, 10_000)
    delisted.operate(c.DelistInstrument(BTC_USDT))
    order = {"account": ALPHA_M, "side": BUY, "price": 10_000, "symbol": m.ETH_USDT}
    assert refusal(delisted.enter(**order, qty=10_000)) == INSUFFICIENT
    assert accepted(delisted.enter(**order, qty=10)), "with its own funds it may"


@pytest.mark.req("MAR-24", "ACC-02")
def test_spot_accounts_never_borrow_and_a_debtor_withdraws_nothing(floor: Floor) -> None:
    available, _ = floor.balance(BRAVO, BTC)
    floor.operate(c.Transfer(BRAVO, CHARLIE, BTC, available))
    assert refusal(floor.enter(BRAVO, SELL, LOT, 10_000)) == INSUFFICIENT
    order = accepted(floor.enter(ALPHA_M, SELL, LOT, 10_000))
    assert refusal(floor.operate(c.Transfer(ALPHA_M, CHARLIE, USDT, 1))) == INSUFFICIENT
    floor.cancel(order)
    assert isinstance(floor.operate(c.Transfer(ALPHA_M, CHARLIE, USDT, 1))[0], e.Transferred)


@pytest.mark.req("ACC-31")
@pytest.mark.parametrize(
    ("asset", "weight", "lender", "code"),
    [
        (USDT, limits.WEIGHT_PPM_MAX, LENDER, None),
        (USDT, 0, LENDER, None),
        (USDT, limits.WEIGHT_PPM_MAX + 1, LENDER, Code.BOUND_EXCEEDED),
        (ETH, 900_000, 0, None),
        (ETH, 900_000, m.FEES, None),
        (ETH, 900_000, BRAVO, Code.BOUND_EXCEEDED),
        (ETH, 900_000, m.BTC_PNL, Code.BOUND_EXCEEDED),
        (ETH, 900_000, 999, Code.UNKNOWN_REFERENCE),
        (9, 900_000, LENDER, Code.UNKNOWN_REFERENCE),
    ],
)
def test_weights_and_lenders_have_bounds(floor: Floor, asset: int, weight: int, lender: int, code: Code | None) -> None:
    events = floor.operate(c.SetCollateral(asset, weight, lender))
    assert events == ((e.CommandRefused(code),) if code else (e.CollateralSet(),))


@pytest.mark.req("ACC-31")
def test_a_lender_stays_while_something_is_lent_but_weights_change(floor: Floor) -> None:
    order = accepted(floor.enter(ALPHA_M, BUY, 50_000, 10_000))
    assert refusal(floor.operate(c.SetCollateral(USDT, 10**6, m.FEES))) == Code.NOT_EMPTY
    assert floor.operate(c.SetCollateral(USDT, 500_000, LENDER)) == (e.CollateralSet(),)
    assert refusal(floor.enter(ALPHA_M, BUY, 120_000, 10_000)) == INSUFFICIENT, "15 USDT carry 135"
    floor.cancel(order)
    assert floor.operate(c.SetCollateral(USDT, 10**6, 0)) == (e.CollateralSet(),)


@pytest.mark.req("MAR-24")
def test_a_closed_account_owes_nothing(floor: Floor) -> None:
    floor.enter(ALPHA_M, SELL, LOT, 10_000)
    floor.enter(BRAVO, BUY, LOT, 10_000)
    assert refusal(floor.operate(c.SetAccountStatus(ALPHA_M, AccountStatus.CLOSED))) == Code.NOT_EMPTY


@pytest.mark.req("MAR-24")
def test_a_loan_given_in_the_pre_open_is_the_same(floor: Floor) -> None:
    floor.status(SymbolStatus.PRE_OPEN)
    (lent, taken) = floor.send(ALPHA_OE, c.NewOrder(ALPHA_M, BTC_USDT, SELL, m.LIMIT, m.GTC, LOT, 10_000, "x"))
    assert isinstance(lent, e.Borrowed) and isinstance(taken, e.OrderAccepted)
    assert closed(floor.cancel(taken.order_id)) == [(taken.order_id, LOT, Code.USER_REQUESTED)]


WEI, RICH_M, BIG = 4, 131, 7
HUGE: tuple[c.Command, ...] = (
    *OPENING,
    c.RegisterAsset(WEI, "WEI", 18),
    c.OpenAccount(RICH_M, 1, AccountKind.MARGIN, "RICH-M"),
    c.ListInstrument(
        Instrument(
            symbol_id=BIG,
            symbol="ETH/WEI",
            kind=InstrumentKind.SPOT,
            base_asset_id=ETH,
            quote_asset_id=WEI,
            tick=Step(1, 6),
            lot=Step(1, 0),
            min_qty=1,
            max_qty=limits.ORDER_QTY_LOTS_MAX,
            min_notional=0,
            max_notional=limits.NOTIONAL_MINOR_MAX,
            maker_ppm=0,
            taker_ppm=0,
            band_ppm=limits.BAND_PPM_MAX,
            fee_account_id=m.FEES,
        )
    ),
    c.Deposit(LENDER, ETH, 10**34, "eth"),
    c.SetCollateral(ETH, 10**6, LENDER),
    c.Deposit(RICH_M, WEI, 10**35, "wei"),
    c.SetMark(BIG, limits.PRICE_TICKS_MAX),
)


@pytest.mark.req("MAR-24")
def test_a_loan_worth_more_than_can_be_told_is_not_given() -> None:
    """A lot is worth 10**24 minor units, so 10**10 lots are worth COLLATERAL_MINOR_MAX, which is all that the
    account's own assets count: nine tenths of them can be sold for nothing."""
    lots = limits.COLLATERAL_MINOR_MAX // (limits.PRICE_TICKS_MAX * limits.TICK_LOT_MINOR_MAX)
    floor = Floor(HUGE)
    lend_everything(floor)
    most = lots * 9 // 10
    for too_many in (lots + 1, most + 1):
        assert refusal(floor.enter(RICH_M, SELL, too_many, 1, symbol=BIG, source=0)) == INSUFFICIENT
    assert accepted(floor.enter(RICH_M, SELL, most, 1, symbol=BIG, source=0))


@pytest.mark.req("MAR-24", "RES-94")
@pytest.mark.parametrize("paid", [10_500, 9_000])
def test_what_is_borrowed_is_judged_by_the_equity_after_the_trade_too(floor: Floor, paid: int) -> None:
    """Who pays more than the mark has less behind its loans; who pays less has not gained before the trade."""
    per_lot = paid * 10 + paid // 100

    def is_covered(lots: int) -> bool:
        after = OWN - lots * per_lot + lots * 95 // 100 * 100_000
        return lots * per_lot - OWN <= 9 * min(OWN, after)

    most = next(lots for lots in range(10 * OWN // per_lot, 0, -1) if is_covered(lots))
    assert refusal(floor.enter(ALPHA_M, BUY, most + 1, paid)) == INSUFFICIENT
    assert accepted(floor.enter(ALPHA_M, BUY, most, paid))


@pytest.mark.req("MAR-24", "RES-100")
@pytest.mark.parametrize(("parameter", "owner"), [(24, ALPHA_M), (25, 1)])
def test_one_account_and_one_firm_borrow_no_more_than_their_share(floor: Floor, parameter: int, owner: int) -> None:
    """The pool is 10 BTC, lent or not: a lot is a millionth of it."""
    lend_everything(floor)
    other = 131
    floor.operate(c.OpenAccount(other, 1, AccountKind.MARGIN, "OTHER-M"))
    floor.operate(c.Deposit(other, USDT, OWN, "other"))
    borrower = ALPHA_M if owner == ALPHA_M else other
    floor.operate(c.SetParameter(Parameter(parameter), owner, 3 * LOT, 0))
    first = accepted(floor.enter(ALPHA_M, SELL, LOT, 10_000))
    assert accepted(floor.enter(borrower, SELL, LOT, 10_000, source=0))
    assert refusal(floor.enter(borrower, SELL, LOT + 1, 10_000, source=0)) == Code.EXCEEDS_LIMIT
    last = accepted(floor.enter(borrower, SELL, LOT, 10_000, source=0))
    assert accepted(floor.enter(BRAVO_M, SELL, 1_000_000 // 100, 10_000)), "others may"
    floor.cancel(first)
    assert accepted(floor.enter(borrower, SELL, LOT, 10_000, source=0))
    floor.core.check()
    assert last


@pytest.mark.req("MAR-24", "RES-100")
def test_by_default_no_borrower_empties_a_pool(floor: Floor) -> None:
    floor.operate(c.Deposit(ALPHA_M, USDT, 10**6 * USDT_UNIT, "rich"))
    quarter = 10 * 10**8 // 4 // 1_000
    assert refusal(floor.enter(ALPHA_M, SELL, quarter + 1, 10_000)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(ALPHA_M, SELL, quarter, 10_000))
