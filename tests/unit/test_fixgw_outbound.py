"""Reports as text: the fields of each ExecType, exact to the last one, from records of the log."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import (
    AccountKind,
    BreakerReason,
    InstrumentKind,
    OrderState,
    OrdType,
    Peg,
    PositionReason,
    RestateReason,
    SessionKind,
    Side,
    SymbolStatus,
    TimeInForce,
)
from engine.api.ids import Seq, order_id_text, trade_id_text
from engine.api.instrument import Instrument
from engine.api.rejects import ErrorCode
from engine.api.units import Step
from engine.api.wire import Record, decode_record, encode_command, encode_event, encode_frame
from engine.standing import Standing
from fixgw import reports as r
from fixgw.directory import Directory
from fixgw.outbound.writer import Writer
from fixgw.reporting import Reporting

T0 = 1_700_000_000_123_456_789
BTC = Instrument(1, "BTC/USDT", InstrumentKind.SPOT, 2, 1, Step.parse("0.01"), Step.parse("0.00001"),
                 1, 10**9, 0, 10**30, 200, 1000, 100_000, 1)  # fmt: skip
GTC = TimeInForce.GOOD_TILL_CANCEL


class Log:
    """Feeds the reporting with records, made as the engine makes them."""

    def __init__(self) -> None:
        self.standing, directory = Standing(), Directory()
        directory.open(self.standing.registry)
        self.reporting = Reporting(self.standing, directory)
        self.writer = Writer(directory)
        self.writer.set_epoch(9)
        self.seq = 0
        self.put(0, c.RegisterAsset(1, "USDT", 8), e.AssetRegistered())
        self.put(0, c.RegisterFirm(1, "ALPHA"), e.FirmRegistered())
        self.put(0, c.OpenAccount(101, 1, AccountKind.SPOT, "ALPHA"), e.AccountOpened())
        self.put(0, c.RegisterSession(11, 1, SessionKind.ORDER_ENTRY, "ALPHA"), e.SessionRegistered())
        self.put(0, c.ListInstrument(BTC), e.InstrumentListed())

    def put(self, source: int, command: c.Command, *events: e.Event) -> list[r.Report]:
        self.seq += 1
        encode_command(command)
        return self.reporting.apply(Record(self.seq, T0 + self.seq, source, self.seq, command, events))

    def terms(self, order_id: int) -> c.NewOrder:
        order = self.standing.find(order_id)
        assert order is not None
        return order.terms

    def fields(self, report: r.Report) -> dict[int, str]:
        pairs = [field.split("=", 1) for field in self.writer.text(report)[1].split("\x01")[:-1]]
        assert len({tag for tag, _ in pairs}) == len(pairs), "a tag comes twice"
        return {int(tag): value for tag, value in pairs}


@pytest.fixture
def log() -> Log:
    return Log()


def limit(cl_ord_id: str, side: Side, qty: int, price: int, text: str = "") -> c.NewOrder:
    return c.NewOrder(101, 1, side, OrdType.LIMIT, GTC, qty, price, cl_ord_id, text)


OF_ORDER = {37, 17, 150, 39, 11, 55, 54, 38, 40, 44, 59, 151, 14, 6, 60, 1, 20018}


def test_accepted(log: Log) -> None:
    (report,) = log.put(11, limit("a", Side.BUY, 100_000, 5_000_000, "hi"), e.OrderAccepted(6, 0))
    assert report.sessions == (11,)
    assert log.fields(report) == {
        37: order_id_text(6, T0 + 6), 17: "9-6-0", 150: "0", 39: "0", 11: "a", 55: "BTC/USDT", 54: "1", 38: "1",
        40: "2", 44: "50000", 59: "1", 151: "1", 14: "0", 6: "0", 60: "20231114-22:13:20.123456", 1: "ALPHA",
        20018: "6", 636: "Y", 58: "hi",
    }  # fmt: skip


def trade(
    log: Log, taker_id: int, maker_id: int, qty: int, price: int, taker_leaves: int, maker_leaves: int
) -> e.Traded:
    return e.Traded(taker_id, maker_id, price, qty, taker_leaves, maker_leaves, 101, 101, 1, Side.SELL, 50, -7, 0)


def test_traded_for_both_sides(log: Log) -> None:
    log.put(11, limit("m", Side.BUY, 100_000, 5_000_000), e.OrderAccepted(6, 0))
    taker, made = limit("t", Side.SELL, 40_000, 4_900_000), trade(log, 7, 6, 40_000, 5_000_000, 0, 60_000)
    _, taken, passive = log.put(11, taker, e.OrderAccepted(7, 0), made)
    trade_id = trade_id_text(7, 1, T0 + 8)
    fields = log.fields(taken)
    assert set(fields) == OF_ORDER | {31, 32, 880, 527, 851, 75, 136, 137, 138, 139, 381}
    assert {tag: fields[tag] for tag in (17, 39, 14, 151, 6, 31, 32, 851, 75, 136, 137, 138, 139, 381)} == {
        17: "9-7-2", 39: "2", 14: "0.4", 151: "0", 6: "50000", 31: "50000", 32: "0.4", 851: "2", 75: "20231114",
        136: "1", 137: "0.0000005", 138: "USDT", 139: "4", 381: "20000",
    }  # fmt: skip
    assert fields[880] == fields[527] == trade_id
    maker = log.fields(passive)
    assert (maker[17], maker[39], maker[851], maker[137], maker[151], maker[880]) == (
        "9-7-3", "1", "1", "-0.00000007", "0.6", trade_id,
    )  # fmt: skip


def test_canceled_by_request_and_unasked(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    log.put(11, limit("b", Side.BUY, 5, 5), e.OrderAccepted(7, 0))
    (asked,) = log.put(11, c.CancelOrder("x", "a"), e.OrderCanceled(6, 5, 0, ErrorCode.USER_REQUESTED))
    fields = log.fields(asked)
    assert set(fields) == OF_ORDER | {41}
    assert (fields[11], fields[41], fields[150], fields[39], fields[151]) == ("x", "a", "4", "4", "0")
    (unasked,) = log.put(11, limit("c", Side.SELL, 5, 5), e.OrderCanceled(7, 5, 0, ErrorCode.SELF_TRADE))
    fields = log.fields(unasked)
    assert set(fields) == OF_ORDER | {378, 58, 20016}
    assert (fields[11], fields[378], fields[20016]) == ("b", "99", "1015")


def test_every_report_of_an_order_tells_its_terms(log: Log) -> None:
    (accepted,) = log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    first = log.fields(accepted)
    (canceled,) = log.put(11, c.CancelOrder("x", "a"), e.OrderCanceled(6, 5, 0, ErrorCode.USER_REQUESTED))
    last = log.fields(canceled)
    assert all(last[tag] == first[tag] for tag in (37, 1, 55, 54, 38, 40, 44, 59))
    assert log.fields(canceled) == last


def test_expired(log: Log) -> None:
    accepted, gone = e.OrderAccepted(6, 0), e.OrderExpired(6, 5, 0, ErrorCode.IOC_REMAINDER)
    _, report = log.put(11, limit("a", Side.BUY, 5, 5), accepted, gone)
    fields = log.fields(report)
    assert set(fields) == OF_ORDER | {58, 20016}
    assert (fields[150], fields[39], fields[17], fields[58]) == ("C", "C", "9-6-2", "1017: IOC remainder")


def test_rejected_as_sent_and_as_written(log: Log) -> None:
    (report,) = log.put(11, limit("a", Side.BUY, 5, 5), e.OrderRejected(0, ErrorCode.INSUFFICIENT_BALANCE))
    fields = log.fields(report)
    assert set(fields) == OF_ORDER | {103, 58, 20016}
    assert (fields[37], fields[103], fields[150], fields[39]) == ("NONE", "3", "8", "8")
    written = c.RefuseOrder(101, ord("1"), ord("3"), ord("0"), 1011, 40, "b", "X/Y", "1.23", "", "t")
    (report,) = log.put(11, written, e.OrderRejected(0, ErrorCode.UNSUPPORTED))
    fields = log.fields(report)
    assert set(fields) == (OF_ORDER - {44}) | {103, 58, 20016, 20006}
    assert (fields[55], fields[38], fields[40], fields[20006]) == ("X/Y", "1.23", "3", "40")


def test_a_duplicate_names_the_original(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    (report,) = log.put(11, limit("a", Side.BUY, 5, 5), e.OrderRejected(6, ErrorCode.DUPLICATE_CL_ORD_ID))
    fields = log.fields(report)
    assert (fields[37], fields[198], fields[103]) == ("NONE", order_id_text(6, T0 + 6), "6")


def test_cancel_rejected(log: Log) -> None:
    (report,) = log.put(11, c.CancelOrder("x", "no"), e.CancelRejected(0, ErrorCode.UNKNOWN_ORDER, OrderState.UNKNOWN))
    assert log.fields(report) == {
        37: "NONE", 11: "x", 41: "no", 39: "8", 434: "1", 102: "1", 60: "20231114-22:13:20.123456", 20018: "6",
        58: "1005: unknown order", 20016: "1005",
    }  # fmt: skip


def test_status(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    (report,) = log.put(11, c.RequestOrderStatus("a", 0, "q"), e.StatusReported(6, OrderState.PENDING))
    fields = log.fields(report)
    assert set(fields) == OF_ORDER | {790}
    assert (fields[17], fields[150], fields[790], fields[20018]) == ("9-6-0", "I", "q", "7")
    (report,) = log.put(11, c.RequestOrderStatus("zz"), e.StatusReported(0, OrderState.UNKNOWN))
    fields = log.fields(report)
    assert set(fields) == {17, 150, 39, 60, 20018, 11, 37, 55, 54, 151, 14, 6, 103, 58, 20016}
    assert (fields[39], fields[103], fields[37], fields[54]) == ("8", "5", "NONE", "7")


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (limit("a", Side.BUY, 5, 5), r.Rejected),
        (c.CancelOrder("x", "a"), r.CancelReject),
        (c.RequestOrderStatus("a"), r.UnknownStatus),
        (c.Malformed(b"?"), None),
    ],
)
def test_a_refused_command_is_answered_in_its_family(log: Log, command: c.Command, kind: type[r.Report] | None) -> None:
    record = Record(6, T0, 11, 6, command, (e.CommandRefused(2001),))
    reports = log.reporting.apply(record)
    assert [type(report) for report in reports] == ([kind] if kind else [])
    for report in reports:
        assert log.fields(report)[58]


@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 10**6)), min_size=1, max_size=20))
def test_the_average_price_is_within_half_a_unit_and_never_zero(fills: list[tuple[int, int]]) -> None:
    log = Log()
    total = sum(qty for _, qty in fills)
    log.put(11, limit("a", Side.BUY, total, 10**7), e.OrderAccepted(6, 0))
    left, cum, notional = total, 0, 0
    for price, qty in fills:
        left, cum, notional = left - qty, cum + qty, notional + price * qty
        maker = log.seq + 1
        sell = limit(f"s{maker}", Side.SELL, qty, price)
        log.put(11, sell, e.OrderAccepted(maker, 0))
        reports = log.put(11, c.RequestOrderStatus("a"), trade(log, 6, maker, qty, price, left, 0))
        text = log.fields(reports[0])[6]
        whole, _, decimals = text.partition(".")
        shown = int(whole + decimals.ljust(8, "0"))
        assert shown > 0
        assert abs(shown * cum - notional * 10**6) * 2 <= cum


@pytest.mark.req("RES-62", "DET-03")
def test_the_average_price_rounds_a_tie_away_from_zero(log: Log) -> None:
    """127 lots at one tick and one lot at two: 1.0078125 ticks, between 0.01007812 and 0.01007813."""
    log.put(11, limit("a", Side.BUY, 128, 2), e.OrderAccepted(6, 0))
    for price, qty, leaves in ((1, 127, 1), (2, 1, 0)):
        maker = log.seq + 1
        log.put(11, limit(f"s{maker}", Side.SELL, qty, price), e.OrderAccepted(maker, 0))
        reports = log.put(11, c.RequestOrderStatus("a"), trade(log, 6, maker, qty, price, leaves, 0))
    assert log.fields(reports[0])[6] == "0.01007813"


def test_reports_of_a_record_are_numbered_upwards(log: Log) -> None:
    log.put(11, limit("m", Side.BUY, 9, 5), e.OrderAccepted(6, 0))
    events = (e.OrderAccepted(7, 0), trade(log, 7, 6, 3, 5, 6, 6), trade(log, 7, 6, 3, 5, 3, 3))
    reports = log.put(11, limit("t", Side.SELL, 9, 5), *events)
    assert [report.ordinal for report in reports] == [1, 3, 4, 5, 6]


def test_a_record_survives_its_bytes(log: Log) -> None:
    """The reporting sees what the wire carries: encode as the engine does, decode, fold, write."""
    command = limit("a", Side.BUY, 5, 5)
    frame = encode_frame(11, 1, encode_command(command)) + encode_event(e.OrderAccepted(6, 0))
    raw = bytearray(frame)
    raw[0:4] = len(raw).to_bytes(4, "little")
    raw[8:16], raw[16:24] = (6).to_bytes(8, "little"), T0.to_bytes(8, "little")
    raw[44:48] = (1).to_bytes(4, "little")
    from engine.api.wire import crc32c

    raw[4:8] = crc32c(bytes(raw[8:])).to_bytes(4, "little")
    (report,) = log.reporting.apply(decode_record(bytes(raw), 0, len(raw)))
    assert log.fields(report)[17] == "9-6-0"


# --- what the engine does by itself, and what operations do --------------------------------------------------


def sell(cl_ord_id: str, qty: int = 40_000) -> c.NewOrder:
    return limit(cl_ord_id, Side.SELL, qty, 4_900_000)


@pytest.mark.req("OST-12")
def test_an_order_that_falls_due_with_somebody_elses_command_is_told_its_owner_alone(log: Log) -> None:
    """What was due comes before the command's own events."""
    log.put(11, limit("mine", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    due = e.OrderExpired(6, 5, 0, ErrorCode.GTD_EXPIRED)
    expired, new = log.put(21, sell("theirs"), due, e.OrderAccepted(7, 0))
    fields = log.fields(expired)
    assert expired.sessions == (11,)
    assert (fields[11], fields[150], fields[39], fields[17], fields[20016]) == ("mine", "C", "C", "9-7-0", "1036")
    assert (new.sessions, log.fields(new)[17], log.fields(new)[11]) == ((21,), "9-7-2", "theirs")


def test_a_maker_that_a_cancel_of_another_order_took_out_is_not_told_as_asked_for(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    log.put(21, sell("b"), e.OrderAccepted(7, 0))
    canceled = (e.OrderCanceled(7, 40_000, 0, ErrorCode.USER_REQUESTED), e.OrderCanceled(6, 5, 0, ErrorCode.SELF_TRADE))
    asked, unasked = log.put(21, c.CancelOrder("x", "b"), *canceled)
    assert (asked.sessions, log.fields(asked)[41]) == ((21,), "b")
    fields = log.fields(unasked)
    assert (unasked.sessions, fields[11], fields[378], 41 in fields) == ((11,), "a", "99", False)


@pytest.mark.req("ORD-09")
def test_replaced_has_the_new_terms_and_a_later_report_too(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 100_000, 5_000_000, "hi"), e.OrderAccepted(6, 0))
    request = c.ReplaceOrder("g", 80_000, 5_100_000, "a")
    log.put(21, sell("m"), e.OrderAccepted(7, 0))
    made = e.Traded(6, 7, 4_900_000, 30_000, 50_000, 10_000, 101, 101, 1, Side.BUY, 1, 1, 0)
    replaced, taken, _ = log.put(11, request, e.OrderReplaced(6, 80_000, 80_000, 5_100_000, 0, False), made)
    fields = log.fields(replaced)
    assert set(fields) == OF_ORDER | {41, 58}
    assert {tag: fields[tag] for tag in (150, 39, 11, 41, 38, 44, 151, 14)} == {
        150: "5", 39: "0", 11: "g", 41: "a", 38: "0.8", 44: "51000", 151: "0.8", 14: "0",
    }  # fmt: skip
    fields = log.fields(taken)
    assert {tag: fields[tag] for tag in (11, 38, 44, 151, 14)} == {
        11: "g",
        38: "0.8",
        44: "51000",
        151: "0.5",
        14: "0.3",
    }
    below = e.OrderCanceled(6, 50_000, 0, ErrorCode.REPLACED_BELOW_FILLED)
    (canceled,) = log.put(11, c.ReplaceOrder("g2", 10_000, 0, "g"), below)
    fields = log.fields(canceled)
    assert (fields[150], fields[11], fields[41], fields[20016]) == ("4", "g2", "g", "1038")


def test_a_replace_changes_what_it_names_and_nothing_else(log: Log) -> None:
    pegged = c.NewOrder(101, 1, Side.BUY, OrdType.PEGGED, GTC, 5, 9, "p", max_floor=2, peg_offset=-3, peg=Peg.PRIMARY)
    log.put(11, pegged, e.OrderAccepted(6, 0))
    asked: dict[str, dict[str, Any]] = {"p1": {"peg_offset": 0}, "p2": {"max_floor": 3}, "p3": {"peg_offset": -1}}
    for name, changes in asked.items():
        before = log.terms(6)
        log.put(11, c.ReplaceOrder(name, 5, order_id=6, **changes), e.OrderReplaced(6, 5, 5, 9, 0, True))
        assert log.terms(6) == msgspec.structs.replace(before, cl_ord_id=name, **changes)


@pytest.mark.req("ORD-08")
def test_a_decrement_is_restated_and_reports_before_it_keep_the_quantity(log: Log) -> None:
    log.put(11, limit("m", Side.BUY, 30_000, 5_000_000), e.OrderAccepted(6, 0))
    gone = e.OrderCanceled(6, 30_000, 0, ErrorCode.SELF_TRADE)
    less = e.OrderRestated(7, RestateReason.DECREMENT, 10_000, 10_000, 4_900_000, 10_000, 0)
    new, canceled, restated = log.put(11, sell("t"), e.OrderAccepted(7, 0), gone, less)
    assert (log.fields(new)[38], log.fields(new)[151]) == ("0.4", "0.4")
    assert log.fields(canceled)[378] == "99"
    fields = log.fields(restated)
    assert set(fields) == OF_ORDER | {378}
    assert (fields[150], fields[39], fields[38], fields[151], fields[378]) == ("D", "0", "0.1", "0.1", "5")
    assert log.fields(new)[38] == "0.4", "also when it is written once more"


def test_a_slide_is_restated_and_a_peg_or_a_refill_is_not(log: Log) -> None:
    slid = e.OrderRestated(6, RestateReason.SLIDE, 5, 5, 4, 5, 0)
    _, restated = log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0), slid)
    assert (log.fields(restated)[378], log.fields(restated)[44]) == ("3", "0.04")
    for reason in (RestateReason.PEG, RestateReason.REFILL):
        assert log.put(21, sell("x"), e.OrderRestated(6, reason, 5, 5, 3, 5, 0)) == []


@pytest.mark.req("RES-96")
def test_a_suspended_order_is_told_9_until_it_comes_back(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    suspended, resumed = (RestateReason.SUSPENDED, RestateReason.RESUMED)
    (told,) = log.put(0, c.AdvanceTime(), e.OrderRestated(6, suspended, 5, 5, 5, 0, 0))
    fields = log.fields(told)
    assert set(fields) == OF_ORDER | {636}
    assert (told.sessions, fields[150], fields[39], fields[636], fields[151]) == ((11,), "9", "9", "N", fields[38])
    (status,) = log.put(11, c.RequestOrderStatus("a"), e.StatusReported(6, OrderState.PENDING))
    assert (log.fields(status)[150], log.fields(status)[39]) == ("I", "9")
    (back,) = log.put(0, c.AdvanceTime(), e.OrderRestated(6, resumed, 5, 5, 5, 0, 0))
    fields = log.fields(back)
    assert (fields[150], fields[39], fields[378], fields[636]) == ("D", "0", "99", "Y")
    log.put(0, c.AdvanceTime(), e.OrderRestated(6, suspended, 5, 5, 5, 0, 0))
    (gone,) = log.put(11, c.CancelOrder("x", "a"), e.OrderCanceled(6, 5, 0, ErrorCode.USER_REQUESTED))
    assert (log.fields(gone)[150], log.fields(gone)[39]) == ("4", "4")


def test_a_stop_waits_and_is_triggered(log: Log) -> None:
    stop = c.NewOrder(101, 1, Side.BUY, OrdType.STOP_LIMIT, GTC, 5, 7, "s", stop_px=6)
    (new,) = log.put(11, stop, e.OrderAccepted(6, 0))
    assert (log.fields(new)[636], log.fields(new)[99], log.fields(new)[40]) == ("N", "0.06", "4")
    (triggered,) = log.put(0, c.SetMark(1, 6), e.MarkSet(), e.OrderTriggered(6, 7))
    fields = log.fields(triggered)
    assert (triggered.sessions, fields[150], fields[39], fields[636], fields[17]) == ((11,), "L", "0", "Y", "9-7-2")


@pytest.mark.req("OST-12")
def test_what_operations_cause_is_told_the_owner(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    log.put(11, limit("b", Side.BUY, 5, 5), e.OrderAccepted(7, 0))
    everything = c.MassCancel("ops", code=ErrorCode.OPERATIONS)
    gone = e.OrderCanceled(6, 5, 0, ErrorCode.OPERATIONS)
    (canceled,) = log.put(0, everything, gone, e.MassCanceled(Seq(9), 1, True))
    assert canceled.sessions == (11,)
    assert (log.fields(canceled)[378], log.fields(canceled)[20016]) == ("99", "1042")
    (expired,) = log.put(0, c.AdvanceTime(), e.OrderExpired(7, 5, 0, ErrorCode.DAY_EXPIRED), e.TimeAdvanced())
    assert log.fields(expired)[150] == "C"


def test_a_mass_cancel_of_its_own_is_asked_for(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    gone = e.OrderCanceled(6, 5, 0, ErrorCode.MASS_CANCELED)
    (canceled,) = log.put(11, c.MassCancel("q"), gone, e.MassCanceled(Seq(9), 1, True))
    fields = log.fields(canceled)
    assert (fields[11], fields[150], 378 in fields, fields[20016]) == ("a", "4", False, "1045")


def test_a_replace_that_is_refused_is_a_cancel_reject_to_a_replace(log: Log) -> None:
    log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    rejected = e.ReplaceRejected(6, ErrorCode.PRICE_OUTSIDE_BAND, OrderState.PENDING)
    (refused,) = log.put(11, c.ReplaceOrder("g", 5, 900, "a"), rejected)
    fields = log.fields(refused)
    assert (fields[434], fields[102], fields[39], fields[11], fields[41]) == ("2", "99", "0", "g", "a")
    (unread,) = log.put(11, c.ReplaceOrder("h", 5, 900, "a"), e.CommandRefused(ErrorCode.MALFORMED_COMMAND))
    assert log.fields(unread)[434] == "2"


def test_events_that_have_no_report_do_no_harm(log: Log) -> None:
    position = e.PositionChanged(101, 1, PositionReason.TRADE, 10, False, 1, 5, 1, 0, 0, 0, 0, 9, 1)
    unreported = (
        *(position, e.Borrowed(101, 1, 5, 5), e.Repaid(101, 1, 5, 0), e.MarkSet(), e.TimeAdvanced(), e.DebtCovered(1)),
        *(e.SymbolStatusSet(1, SymbolStatus.HALT), e.VenueStatusSet(), e.Uncrossed(1, 5, 5), e.BreakerReleased(1)),
        *(
            e.BreakerTriggered(1, BreakerReason.OPERATIONS, 0, 9),
            e.KillSwitchSet(11, True, False),
            e.MassCanceled(Seq(9), 0, True),
        ),
        *(e.MassCancelRejected(1011), e.Transferred(1, 1), e.InstrumentDelisted(), e.AccountStatusSet()),
        *(e.AccountLimitsSet(), e.MarginStateSet(), e.CollateralSet()),
    )
    for source in (0, 11):
        assert log.put(source, c.AdvanceTime(), *unreported) == []


def test_a_changed_instrument_counts_from_then_on(log: Log) -> None:
    log.put(0, c.ChangeInstrument(msgspec.structs.replace(BTC, tick=Step.parse("0.5"))), e.InstrumentChanged())
    (report,) = log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(7, 0))
    assert log.fields(report)[44] == "2.5"
