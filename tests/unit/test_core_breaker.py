"""Circuit breakers: a mark that moves too far too fast keeps new orders out for five minutes."""

from __future__ import annotations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import BreakerReason
from engine.api.parameters import RULES, Parameter
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BTC_USDT, BUY
from tests.unit.floor import LOT, SECOND_NS, Events, Floor, accepted, refusal, those

MOVED = BreakerReason.MARK_MOVE


@pytest.fixture
def floor() -> Floor:
    """The mark has been 10,000 since the opening, and nothing else for a long time before."""
    floor = Floor()
    floor.now_ns = (m.NOW_NS // SECOND_NS + 1_000) * SECOND_NS
    floor.mark(10_000)
    return floor


def breaks(events: Events) -> list[tuple[int, int]]:
    """Reason and change of each breaker triggered."""
    return [(b.reason, b.change_ppm) for b in those(events, e.BreakerTriggered)]


@pytest.mark.req("MAR-43")
@pytest.mark.parametrize(
    ("mark", "change"),
    [(11_000, None), (11_001, 100_100), (9_000, None), (8_999, -100_100), (20_000, 1_000_000), (1, -999_900)],
)
def test_a_move_of_more_than_ten_percent_triggers(floor: Floor, mark: int, change: int | None) -> None:
    events = floor.mark(mark)
    assert breaks(events) == ([] if change is None else [(MOVED, change)])
    order = floor.enter(ALPHA, BUY, LOT, mark) if mark > 5_000 else ()
    if change is not None and order:
        assert refusal(order) == Code.SYMBOL_CLOSED
        assert accepted(floor.enter(ALPHA, BUY, 10, 10_000, symbol=m.ETH_USDT)), "the others go on"


@pytest.mark.req("MAR-43")
def test_the_change_is_rounded_down_in_size(floor: Floor) -> None:
    floor.operate(c.SetMark(m.ETH_USDT, 9_999))
    floor.now_ns += 100 * SECOND_NS
    floor.mark(9_999, m.ETH_USDT)
    assert breaks(floor.mark(11_000, m.ETH_USDT)) == [(MOVED, 100_110)]
    floor.mark(30_003, m.ETH_PRO)
    floor.now_ns += 100 * SECOND_NS
    floor.mark(30_003, m.ETH_PRO)
    assert breaks(floor.mark(27_002, m.ETH_PRO)) == [(MOVED, -100_023)]


@pytest.mark.req("MAR-43")
@pytest.mark.parametrize(("ns", "triggers"), [(0, True), (60 * SECOND_NS, True), (60 * SECOND_NS + 1, False)])
def test_the_move_is_judged_over_a_minute_to_the_nanosecond(floor: Floor, ns: int, triggers: bool) -> None:
    floor.now_ns += ns
    assert bool(breaks(floor.mark(11_001))) is triggers


@pytest.mark.req("MAR-43")
def test_the_lowest_and_the_highest_within_the_minute_count(floor: Floor) -> None:
    for mark in (10_500, 9_800, 10_200):
        floor.now_ns += 5 * SECOND_NS
        assert breaks(floor.mark(mark)) == []
    assert breaks(floor.mark(10_780)) == [], "ten percent above 9,800"
    assert breaks(floor.mark(9_702)) == [], "ten percent below 10,780"
    assert breaks(floor.mark(10_673)) == [(MOVED, 100_082)], "above 9,702"


@pytest.mark.req("MAR-43")
@pytest.mark.parametrize(("ns", "triggers"), [(0, True), (1, False)])
def test_a_mark_leaves_the_window_with_its_own_time_and_the_next_lowest_takes_its_place(
    floor: Floor, ns: int, triggers: bool
) -> None:
    floor.now_ns += 61 * SECOND_NS + SECOND_NS // 2
    for mark in (10_000, 10_100, 10_050):
        floor.mark(mark)
        floor.now_ns += SECOND_NS
    floor.now_ns += 57 * SECOND_NS + ns
    assert bool(breaks(floor.mark(11_001))) is triggers
    if not triggers:
        floor.now_ns += 2 * SECOND_NS - 1
        assert breaks(floor.mark(11_056)) == [(MOVED, 100_099)], "against 10,050, a minute old"


@pytest.mark.req("MAR-43")
def test_of_more_marks_than_there_is_room_for_the_last_counts_on(floor: Floor) -> None:
    most = limits.MARKS_IN_WINDOW_MAX
    floor.operate(c.SetParameter(Parameter.BREAKER_MOVE_PPM, BTC_USDT, 1_000_000, 0))
    for mark in range(most + 10):
        floor.mark(10_001 + mark)
    floor.now_ns = floor.core.ts_ns + 60 * SECOND_NS - 5
    last_kept = 10_000 + most - 1  # but only what came last is within the minute
    assert breaks(floor.mark(2 * last_kept)) == []
    assert breaks(floor.mark(2 * last_kept + 1)) == [(MOVED, 1_000_070)]


@pytest.mark.req("MAR-43")
def test_a_breaker_lasts_five_minutes_to_the_nanosecond(floor: Floor) -> None:
    (breaker,) = those(floor.mark(11_001), e.BreakerTriggered)
    assert breaker.until_ns == floor.core.ts_ns - 1 + RULES[Parameter.BREAKER_NS].default
    floor.now_ns = breaker.until_ns - 1
    assert floor.operate(c.AdvanceTime()) == (e.TimeAdvanced(),)
    assert floor.operate(c.AdvanceTime()) == (e.BreakerReleased(BTC_USDT), e.TimeAdvanced())
    assert accepted(floor.enter(ALPHA, BUY, LOT, 11_000))


@pytest.mark.req("MAR-43")
def test_an_order_that_comes_just_when_a_breaker_ends_is_taken(floor: Floor) -> None:
    (breaker,) = those(floor.mark(11_001), e.BreakerTriggered)
    floor.now_ns = breaker.until_ns
    events = floor.enter(ALPHA, BUY, LOT, 11_000)
    assert events[0] == e.BreakerReleased(BTC_USDT) and accepted(events)


@pytest.mark.req("MAR-43")
def test_an_active_breaker_is_not_triggered_again_by_marks_and_its_window_starts_anew(floor: Floor) -> None:
    (breaker,) = those(floor.mark(11_001), e.BreakerTriggered)
    assert breaks(floor.mark(15_000)) == []
    floor.now_ns = breaker.until_ns - 10 * SECOND_NS
    assert breaks(floor.mark(10_000)) == []
    floor.now_ns = breaker.until_ns
    assert breaks(floor.mark(11_000)) == []
    assert breaks(floor.mark(11_001)) == [(MOVED, 100_100)], "against 10,000, set while the breaker was active"


@pytest.mark.req("MAR-43")
@pytest.mark.parametrize("reason", list(BreakerReason))
def test_operations_trigger_and_prolong_a_breaker(floor: Floor, reason: BreakerReason) -> None:
    (first,) = those(floor.operate(c.TriggerBreaker(BTC_USDT, reason)), e.BreakerTriggered)
    assert (first.reason, first.change_ppm, first.until_ns) == (
        reason,
        0,
        floor.core.ts_ns + RULES[Parameter.BREAKER_NS].default,
    )
    floor.now_ns += 100 * SECOND_NS
    (second,) = those(floor.operate(c.TriggerBreaker(BTC_USDT, reason)), e.BreakerTriggered)
    assert second.until_ns == floor.now_ns + RULES[Parameter.BREAKER_NS].default
    floor.now_ns = first.until_ns
    assert floor.operate(c.AdvanceTime()) == (e.TimeAdvanced(),)


@pytest.mark.req("MAR-43")
def test_breakers_end_in_the_order_of_their_time(floor: Floor) -> None:
    for symbol in (m.ETH_USDT, BTC_USDT):
        floor.operate(c.TriggerBreaker(symbol, BreakerReason.OPERATIONS))
    assert floor.wait(301 * SECOND_NS) == (e.BreakerReleased(m.ETH_USDT), e.BreakerReleased(BTC_USDT))


@pytest.mark.req("MAR-10", "MAR-43")
@pytest.mark.parametrize(
    ("price", "is_taken"),
    [(0, False), (-1, False), (1, True), (limits.PRICE_TICKS_MAX, True), (limits.PRICE_TICKS_MAX + 1, False)],
)
def test_marks_have_a_range(floor: Floor, price: int, is_taken: bool) -> None:
    events = floor.mark(price)
    if is_taken:
        assert events[0] == e.MarkSet()
    else:
        assert refusal(events) == Code.BOUND_EXCEEDED
    assert refusal(floor.send(m.ALPHA_OE, c.SetMark(BTC_USDT, 10_000))) == Code.NOT_AUTHORISED
