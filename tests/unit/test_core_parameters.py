"""Rules that governance sets: bounds, whose they are, when they hold, and what they do (section 12)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import BreakerReason, MarginMode, OrderState
from engine.api.errors import SnapshotError
from engine.api.link import BracketsRow, FeeRatesRow, ParameterRow
from engine.api.parameters import MARGIN_BRACKETS, RULES, UNSET, MarginBracket, Parameter, Subject
from engine.api.rejects import ErrorCode as Code
from engine.api.wire import crc32c, decode_command, encode_command
from engine.host.rules import list_rules
from tests.model.market import (
    ALPHA,
    ALPHA_F,
    ALPHA_OE,
    BRAVO,
    BRAVO_F,
    BTC_PERP,
    BTC_USDT,
    BUY,
    ETH_PERP,
    ETH_USDT,
    FEES,
    IOC,
    SELL,
    USDT,
)
from tests.unit.floor import LOT, SECOND_NS, Events, Floor, accepted, refusal, those

P = Parameter
WHOSE = {Subject.ACCOUNT: ALPHA, Subject.FIRM: 1, Subject.SYMBOL: BTC_USDT, Subject.SESSION: ALPHA_OE}


@pytest.fixture
def floor() -> Floor:
    return Floor()


def put(floor: Floor, parameter: P, value: int, subject_id: int = 0, effective_ns: int = 0) -> Events:
    return floor.operate(c.SetParameter(parameter, subject_id, value, effective_ns))


def is_set(events: Events) -> bool:
    return isinstance(events[-1], e.ParameterSet)


# --- bounds and subjects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", P, ids=lambda parameter: parameter.name)
def test_every_parameter_takes_its_bounds_and_nothing_beyond(floor: Floor, parameter: P) -> None:
    rule = RULES[parameter]
    whose = WHOSE[Subject.SYMBOL] if parameter is P.BAND_PPM else 0
    for value in (rule.minimum, rule.maximum):
        assert is_set(put(floor, parameter, value, whose))
    before = floor.state_bytes()
    for value in (rule.minimum - 1, rule.maximum + 1):
        assert refusal(put(floor, parameter, value, whose)) == Code.BOUND_EXCEEDED
    assert floor.state_bytes() == before


@pytest.mark.parametrize("parameter", P, ids=lambda parameter: parameter.name)
def test_a_parameter_is_set_for_those_who_can_have_their_own(floor: Floor, parameter: P) -> None:
    rule = RULES[parameter]
    if rule.subject is Subject.NONE:
        assert refusal(put(floor, parameter, rule.maximum, 1)) == Code.BOUND_EXCEEDED
        return
    assert is_set(put(floor, parameter, rule.maximum, WHOSE[rule.subject]))
    assert refusal(put(floor, parameter, rule.maximum, 9_999)) == Code.UNKNOWN_REFERENCE
    unset = put(floor, parameter, UNSET, WHOSE[rule.subject])
    assert refusal(unset) == Code.BOUND_EXCEEDED if parameter is P.BAND_PPM else is_set(unset)
    assert refusal(put(floor, parameter, UNSET)) == Code.BOUND_EXCEEDED


@pytest.mark.req("ORD-02")
def test_only_operations_set_rules(floor: Floor) -> None:
    rules: list[c.Command] = [
        c.SetParameter(P.BREAKER_NS, 0, SECOND_NS, 0),
        c.SetMarginBrackets(0, MARGIN_BRACKETS, 0),
        c.SetFeeRates(ALPHA, BTC_USDT, 0, 0, 0),
    ]
    for rule in rules:
        assert refusal(floor.send(ALPHA_OE, rule)) == Code.NOT_AUTHORISED


# --- when -------------------------------------------------------------------------------------------------


def test_a_rule_holds_from_its_time_on_and_each_has_a_version(floor: Floor) -> None:
    at_ns = floor.now_ns + 10 * SECOND_NS
    assert put(floor, P.BREAKER_NS, 2 * SECOND_NS) == (e.ParameterSet(1, floor.core.ts_ns),)
    assert put(floor, P.BREAKER_NS, 5 * SECOND_NS, 0, at_ns) == (e.ParameterSet(2, at_ns),)
    assert floor.core.next_due_ns == at_ns
    floor.now_ns = at_ns - 1
    (breaker,) = floor.operate(c.TriggerBreaker(BTC_USDT, BreakerReason.OPERATIONS))
    assert isinstance(breaker, e.BreakerTriggered) and breaker.until_ns == floor.core.ts_ns + 2 * SECOND_NS
    told, breaker = floor.operate(c.TriggerBreaker(ETH_USDT, BreakerReason.OPERATIONS))
    assert told == e.ParameterTookEffect(2)
    assert isinstance(breaker, e.BreakerTriggered) and breaker.until_ns == floor.core.ts_ns - 1 + 5 * SECOND_NS


def test_changes_hold_by_time_and_a_later_one_does_not_undo_an_earlier(floor: Floor) -> None:
    for version, seconds in enumerate((30, 10, 10), 1):
        put(floor, P.BREAKER_NS, version * SECOND_NS, 0, floor.now_ns + seconds * SECOND_NS)
    assert floor.wait(10 * SECOND_NS) == (e.ParameterTookEffect(2), e.ParameterTookEffect(3))
    (breaker,) = floor.operate(c.TriggerBreaker(BTC_USDT, BreakerReason.OPERATIONS))
    assert isinstance(breaker, e.BreakerTriggered) and breaker.until_ns == floor.core.ts_ns + 3 * SECOND_NS
    assert e.ParameterTookEffect(1) in floor.wait(20 * SECOND_NS)


@pytest.mark.req("RPL-34")
def test_a_restored_core_knows_the_rules_and_those_to_come(floor: Floor) -> None:
    put(floor, P.OPEN_ORDERS_PER_SYMBOL_MAX, 1, ALPHA)
    floor.operate(c.SetMarginBrackets(BTC_PERP, (MarginBracket(0, 7, 20_000),), 0))
    floor.operate(c.SetFeeRates(BRAVO, 0, -5, 10, 0))
    put(floor, P.BREAKER_MOVE_PPM, 200_000, BTC_USDT, floor.now_ns + SECOND_NS)
    floor.core = floor.core.restore(floor.core.snapshot(), hash_seed=3)
    floor.rest(ALPHA, BUY, LOT, 9_000)
    assert refusal_of_order(floor.enter(ALPHA, BUY, LOT, 9_000)) == Code.EXCEEDS_LIMIT
    assert floor.wait(2 * SECOND_NS) == (e.ParameterTookEffect(4),)


@pytest.mark.req("RPL-20", "RPL-34")
@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (c.SetParameter(P.BAND_PPM, BTC_USDT, 1, 0), {"subject_id": 999}),
        (c.SetParameter(P.BAND_PPM, BTC_USDT, 1, 0), {"subject_id": 0}),
        (c.SetParameter(P.BAND_PPM, BTC_USDT, 1, 0), {"value": -1}),
        (c.SetParameter(P.OPEN_ORDERS_PER_SYMBOL_MAX, ALPHA, 1, 0), {"subject_id": 9_999}),
        (c.SetParameter(P.BREAKER_NS, 0, SECOND_NS, 0), {"value": 1}),
        (c.SetMarginBrackets(BTC_PERP, (MarginBracket(0, 7, 20_000),), 0), {"symbol_id": 999}),
        (c.SetFeeRates(0, BTC_USDT, -5, 10, 0), {"symbol_id": 999}),
        (c.SetFeeRates(0, BTC_USDT, -5, 10, 0), {"symbol_id": 0}),
        (c.SetFeeRates(BRAVO, 0, -5, 10, 0), {"account_id": 9_999}),
    ],
)
def test_a_change_to_come_of_what_is_not_there_is_not_restored(
    floor: Floor, change: c.Command, wrong: dict[str, int]
) -> None:
    change = replace(change, effective_ns=floor.now_ns + SECOND_NS)
    assert is_set(floor.operate(change))
    raw = floor.core.snapshot()[:-4]
    spoiled = raw.replace(encode_command(change), encode_command(replace(change, **wrong)))
    assert spoiled != raw and len(spoiled) == len(raw)
    with pytest.raises(SnapshotError):
        floor.core.restore(spoiled + crc32c(spoiled).to_bytes(4, "little"))
    assert floor.core.restore(raw + crc32c(raw).to_bytes(4, "little")).seq == floor.core.seq


@pytest.mark.req("RPL-20", "RPL-34")
def test_a_change_to_come_of_a_symbol_that_was_delisted_is_restored(floor: Floor) -> None:
    assert is_set(put(floor, P.BAND_PPM, 1, BTC_USDT, floor.now_ns + SECOND_NS))
    floor.operate(c.DelistInstrument(BTC_USDT))
    floor.core = floor.core.restore(floor.core.snapshot())
    assert e.ParameterTookEffect(1) in floor.wait(2 * SECOND_NS)


def test_times_and_numbers_of_changes_are_bounded(floor: Floor) -> None:
    most = limits.TIMESTAMP_NS_MAX
    assert is_set(put(floor, P.BREAKER_NS, SECOND_NS, 0, most))
    assert refusal(put(floor, P.BREAKER_NS, SECOND_NS, 0, most + 1)) == Code.BOUND_EXCEEDED
    for _ in range(limits.SCHEDULED_CHANGES_MAX - 1):
        assert is_set(put(floor, P.BREAKER_NS, SECOND_NS, 0, most))
    assert refusal(put(floor, P.BREAKER_NS, SECOND_NS, 0, most)) == Code.TOO_MANY_CHANGES
    assert is_set(put(floor, P.BREAKER_NS, SECOND_NS))


# --- what they do -----------------------------------------------------------------------------------------


def refusal_of_order(events: Events) -> int:
    (rejected,) = those(events, e.OrderRejected)
    return rejected.code


@pytest.mark.req("ORD-22")
def test_open_orders_of_one_account_and_of_all(floor: Floor) -> None:
    put(floor, P.OPEN_ORDERS_PER_SYMBOL_MAX, 2)
    put(floor, P.OPEN_ORDERS_PER_SYMBOL_MAX, 1, ALPHA)
    floor.rest(ALPHA, BUY, LOT, 9_000)
    assert refusal_of_order(floor.enter(ALPHA, BUY, LOT, 9_000)) == Code.EXCEEDS_LIMIT
    floor.rest(BRAVO, BUY, LOT, 9_000)
    floor.rest(BRAVO, BUY, LOT, 9_000)
    assert refusal_of_order(floor.enter(BRAVO, BUY, LOT, 9_000)) == Code.EXCEEDS_LIMIT
    put(floor, P.OPEN_ORDERS_PER_SYMBOL_MAX, UNSET, ALPHA)
    floor.rest(ALPHA, BUY, LOT, 9_000)
    put(floor, P.OPEN_ORDERS_PER_ACCOUNT_MAX, 2, ALPHA)
    assert refusal_of_order(floor.enter(ALPHA, BUY, 5, 9_900, symbol=ETH_USDT)) == Code.EXCEEDS_LIMIT


@pytest.mark.req("ORD-03")
def test_a_flood_shortens_the_window_of_its_own_session_only(floor: Floor) -> None:
    put(floor, P.CL_ORD_IDS_SPENT_MAX, 3)
    for account in (ALPHA, BRAVO):
        floor.enter(account, BUY, LOT, 9_000, tif=IOC, cl_ord_id="first")
    for n in range(2):
        floor.enter(ALPHA, BUY, LOT, 9_000, tif=IOC, cl_ord_id=f"flood{n}")
    assert refusal_of_order(floor.enter(ALPHA, BUY, LOT, 9_000, tif=IOC, cl_ord_id="first")) == Code.DUPLICATE_CL_ORD_ID
    floor.enter(ALPHA, BUY, LOT, 9_000, tif=IOC, cl_ord_id="flood2")
    assert accepted(floor.enter(ALPHA, BUY, LOT, 9_000, tif=IOC, cl_ord_id="first"))
    assert refusal_of_order(floor.enter(BRAVO, BUY, LOT, 9_000, tif=IOC, cl_ord_id="first")) == Code.DUPLICATE_CL_ORD_ID


@pytest.mark.req("ORD-03")
def test_a_window_made_longer_does_not_bring_back_what_is_forgotten(floor: Floor) -> None:
    put(floor, P.CL_ORD_ID_WINDOW_NS, SECOND_NS)
    floor.enter(ALPHA, BUY, LOT, 9_000, tif=IOC, cl_ord_id="mine")
    floor.now_ns = floor.core.ts_ns + SECOND_NS
    put(floor, P.CL_ORD_ID_WINDOW_NS, 1_000 * SECOND_NS)
    floor.core = floor.core.restore(floor.core.snapshot())
    (told,) = floor.send(ALPHA_OE, c.RequestOrderStatus("mine"))
    assert told == e.StatusReported(0, OrderState.UNKNOWN)


@pytest.mark.req("MAR-43")
def test_a_symbol_has_a_breaker_of_its_own(floor: Floor) -> None:
    put(floor, P.BREAKER_MOVE_PPM, 10_000, BTC_USDT)
    put(floor, P.BREAKER_WINDOW_S, 5, BTC_USDT)
    put(floor, P.BREAKER_NS, 7 * SECOND_NS, BTC_USDT)
    assert len(floor.mark(10_100)) == 1
    floor.now_ns += 6 * SECOND_NS
    assert len(floor.mark(10_201)) == 1, "the window is over"
    _, breaker = floor.mark(10_400)
    assert isinstance(breaker, e.BreakerTriggered) and breaker.until_ns == floor.core.ts_ns - 1 + 7 * SECOND_NS
    assert len(floor.mark(10_400, ETH_USDT)) == 1


@pytest.mark.req("MAR-03")
def test_leverage_and_position_limits_of_tiers(floor: Floor) -> None:
    def lever(leverage: int) -> Events:
        return floor.operate(c.SetLeverage(ALPHA_F, BTC_PERP, leverage, MarginMode.CROSS))

    assert refusal(lever(21)) == Code.LEVERAGE_EXCEEDED
    put(floor, P.TIER1_LEVERAGE_MAX, 21)
    assert isinstance(lever(21)[0], e.PositionChanged)
    put(floor, P.TIER1_POSITION_MAX, 100)
    assert refusal_of_order(floor.enter(ALPHA_F, BUY, 101, 10_000, symbol=BTC_PERP)) == Code.EXCEEDS_LIMIT
    floor.rest(ALPHA_F, BUY, 100, 10_000, symbol=BTC_PERP)
    put(floor, P.LEVERAGE_DEFAULT, 3)
    put(floor, P.POSITIONS_PER_ACCOUNT_MAX, 1, BRAVO_F)
    (_, told, *_) = floor.enter(BRAVO_F, SELL, 10, 10_000, symbol=BTC_PERP)[1:]
    assert isinstance(told, e.PositionChanged)
    assert refusal_of_order(floor.enter(BRAVO_F, BUY, 10, 10_000, symbol=ETH_PERP)) == Code.EXCEEDS_LIMIT


@pytest.mark.req("MAR-04")
def test_brackets_of_the_venue_and_of_a_symbol(floor: Floor) -> None:
    def lever(leverage: int, symbol: int) -> Events:
        return floor.operate(c.SetLeverage(ALPHA_F, symbol, leverage, MarginMode.CROSS))

    assert is_set(floor.operate(c.SetMarginBrackets(0, (MarginBracket(0, 9, 100_000),), 0)))
    assert is_set(floor.operate(c.SetMarginBrackets(ETH_PERP, (MarginBracket(0, 11, 50_000),), 0)))
    assert refusal(lever(10, BTC_PERP)) == Code.LEVERAGE_EXCEEDED
    assert isinstance(lever(11, ETH_PERP)[0], e.PositionChanged)
    assert refusal(lever(12, ETH_PERP)) == Code.LEVERAGE_EXCEEDED
    assert is_set(floor.operate(c.SetMarginBrackets(ETH_PERP, (), 0)))
    assert refusal(lever(10, ETH_PERP)) == Code.LEVERAGE_EXCEEDED


ROWS = (MarginBracket(1_000, 50, 8_000), MarginBracket(2_000, 20, 20_000), MarginBracket(0, 10, 100_000))
UNSOUND: list[Callable[[], tuple[MarginBracket, ...]]] = [
    lambda: (),
    lambda: ROWS[:2],
    lambda: (ROWS[1], ROWS[0], ROWS[2]),
    lambda: (MarginBracket(1_000, 10, 8_000), *ROWS[1:]),
    lambda: (MarginBracket(1_000, 20, 20_001), *ROWS[1:]),
    lambda: (*ROWS[:2], MarginBracket(0, 10, 100_001)),
    lambda: (*ROWS[:2], MarginBracket(0, 0, 100_000)),
    lambda: (MarginBracket(1_000, 126, 7_000), *ROWS[1:]),
    lambda: (MarginBracket(1_000, 50, 0), *ROWS[1:]),
    lambda: (MarginBracket(limits.BRACKET_UNITS_MAX + 1, 50, 8_000), ROWS[2]),
    lambda: (MarginBracket(-1, 50, 8_000), *ROWS[1:]),
]


@pytest.mark.req("ORD-02")
@pytest.mark.parametrize("rows", UNSOUND)
def test_brackets_that_do_not_fit_together_are_refused(
    floor: Floor, rows: Callable[[], tuple[MarginBracket, ...]]
) -> None:
    assert is_set(floor.operate(c.SetMarginBrackets(0, ROWS, 0)))
    before = floor.state_bytes()
    assert refusal(floor.operate(c.SetMarginBrackets(0, rows(), 0))) == Code.BOUND_EXCEEDED
    assert refusal(floor.operate(c.SetMarginBrackets(BTC_USDT, ROWS, 0))) == Code.UNKNOWN_REFERENCE
    assert floor.state_bytes() == before


def test_what_holds_and_what_is_to_come_is_listed(floor: Floor) -> None:
    soon_ns = floor.now_ns + SECOND_NS
    put(floor, P.BREAKER_NS, SECOND_NS, BTC_USDT)
    floor.operate(c.SetMarginBrackets(BTC_PERP, ROWS, 0))
    floor.operate(c.SetFeeRates(ALPHA, 0, -5, 10, 0))
    scheduled = c.SetParameter(P.LEVERAGE_DEFAULT, 0, 3, soon_ns)
    floor.operate(scheduled)
    seq, rules = floor.core.seq, list_rules(floor.core)
    assert (rules.seq, rules.rules_version, rules.version) == (seq, limits.RULES_VERSION, 4)
    venue_wide = [(row.parameter, row.value, row.version) for row in rules.parameters if not row.subject_id]
    assert venue_wide == [(parameter.name, rule.default, 0) for parameter, rule in RULES.items()]
    assert rules.parameters[-1] == ParameterRow("BREAKER_NS", BTC_USDT, SECOND_NS, 1, seq - 3)
    assert rules.brackets == [
        BracketsRow(0, list(MARGIN_BRACKETS), 0, 0),
        BracketsRow(BTC_PERP, list(ROWS), 2, seq - 2),
    ]
    assert rules.fee_rates == [FeeRatesRow(ALPHA, 0, -5, 10, 3, seq - 1)]
    assert [(row.version, decode_command(row.command)) for row in rules.scheduled] == [(4, scheduled)]


# --- fees -------------------------------------------------------------------------------------------------


def fees(floor: Floor, **terms: int) -> tuple[int, int]:
    """Let ALPHA make and BRAVO take. Returns: what each pays on a notional of 2,000 units in the ninth decimal."""
    (trade,) = those(floor.trade(BRAVO, ALPHA, LOT, 10_000), e.Traded)
    return trade.maker_fee, trade.taker_fee


@pytest.mark.req("FEE-05")
def test_an_account_has_rates_of_its_own_in_one_symbol_and_in_all(floor: Floor) -> None:
    worth = 10_000 * LOT * 10
    assert fees(floor) == (worth * 200 // 10**6, worth * 1_000 // 10**6)
    floor.operate(c.SetFeeRates(ALPHA, 0, 300, 300, 0))
    floor.operate(c.SetFeeRates(BRAVO, BTC_USDT, 0, 700, 0))
    assert fees(floor) == (worth * 300 // 10**6, worth * 700 // 10**6)
    floor.operate(c.SetFeeRates(ALPHA, BTC_USDT, 400, 400, 0))
    assert fees(floor)[0] == worth * 400 // 10**6
    floor.operate(c.SetFeeRates(ALPHA, BTC_USDT, 0, 0, 0, is_unset=True))
    floor.operate(c.SetFeeRates(BRAVO, BTC_USDT, 0, 0, 0, is_unset=True))
    assert fees(floor) == (worth * 300 // 10**6, worth * 1_000 // 10**6)


@pytest.mark.req("RES-21")
def test_an_order_keeps_the_rates_it_was_accepted_under(floor: Floor) -> None:
    worth = 10_000 * LOT * 10
    maker = floor.rest(ALPHA, BUY, LOT, 10_000)
    locked = floor.balance(ALPHA, USDT)[1]
    floor.operate(c.SetFeeRates(0, BTC_USDT, 20_000, 20_000, 0))
    (trade,) = those(floor.enter(BRAVO, SELL, LOT, 10_000), e.Traded)
    assert (trade.maker_order_id, trade.maker_fee) == (maker, worth * 200 // 10**6)
    assert trade.taker_fee == worth * 20_000 // 10**6 and locked >= worth + trade.maker_fee


@pytest.mark.req("FEE-05", "INV-01")
def test_no_maker_is_paid_more_than_the_taker_pays(floor: Floor) -> None:
    """The maker was promised a rebate; then the taker's rate fell. The fee account never pays."""
    floor.operate(c.SetFeeRates(ALPHA, BTC_USDT, -300, 300, 0))
    floor.operate(c.SetFeeRates(BRAVO, BTC_USDT, 0, 100, 0))
    before = floor.balance(FEES, USDT)
    maker_fee, taker_fee = fees(floor)
    assert taker_fee > 0 and maker_fee == -taker_fee
    assert floor.balance(FEES, USDT) == before


@pytest.mark.req("ORD-02")
@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ((999, 0, 0, 0), Code.UNKNOWN_REFERENCE),
        ((FEES, 0, 0, 0), Code.UNKNOWN_REFERENCE),
        ((ALPHA, 99, 0, 0), Code.UNKNOWN_REFERENCE),
        ((0, 0, 0, 0), Code.BOUND_EXCEEDED),
        ((ALPHA, 0, -301, 300), Code.BOUND_EXCEEDED),
        ((ALPHA, 0, 0, 20_001), Code.BOUND_EXCEEDED),
        ((ALPHA, 0, 20_001, 0), Code.BOUND_EXCEEDED),
        ((ALPHA, 0, 0, -1), Code.BOUND_EXCEEDED),
    ],
)
def test_fee_rates_that_are_refused(floor: Floor, rule: tuple[int, int, int, int], code: Code) -> None:
    before = floor.state_bytes()
    assert refusal(floor.operate(c.SetFeeRates(*rule, 0))) == code
    assert floor.state_bytes() == before
    for wrong in (c.SetFeeRates(0, BTC_USDT, 0, 0, 0, True), c.SetFeeRates(ALPHA, 0, 1, 1, 0, True)):
        assert refusal(floor.operate(wrong)) == Code.BOUND_EXCEEDED
