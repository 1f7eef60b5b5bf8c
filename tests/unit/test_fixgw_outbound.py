"""Reports as text: the fields of each ExecType, exact to the last one, from records of the log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountKind, InstrumentKind, OrderState, OrdType, SessionKind, Side, TimeInForce
from engine.api.ids import order_id_text, trade_id_text
from engine.api.instrument import Instrument
from engine.api.rejects import ErrorCode
from engine.api.units import Step
from engine.api.wire import Record, decode_record, encode_command, encode_event, encode_frame
from fixgw.order_chain import OrderChain, Report
from fixgw.outbound import Writer
from fixgw.registry import Registry

T0 = 1_700_000_000_123_456_789
BTC = Instrument(1, "BTC/USDT", InstrumentKind.SPOT, 2, 1, Step.parse("0.01"), Step.parse("0.00001"),
                 1, 10**9, 0, 10**30, 200, 1000, 100_000, 1)  # fmt: skip
GTC = TimeInForce.GOOD_TILL_CANCEL


class Log:
    """Feeds a chain with records, made as the engine makes them."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.chain = OrderChain(self.registry)
        self.writer = Writer(self.registry)
        self.writer.epoch = 9
        self.seq = 0
        self.put(0, c.RegisterAsset(1, "USDT", 8), e.AssetRegistered())
        self.put(0, c.RegisterFirm(1, "ALPHA"), e.FirmRegistered())
        self.put(0, c.OpenAccount(101, 1, AccountKind.SPOT, "ALPHA"), e.AccountOpened())
        self.put(0, c.RegisterSession(11, 1, SessionKind.ORDER_ENTRY, "ALPHA"), e.SessionRegistered())
        self.put(0, c.ListInstrument(BTC), e.InstrumentListed())

    def put(self, source: int, command: c.Command, *events: e.Event) -> list[Report]:
        self.seq += 1
        encode_command(command)
        return self.chain.apply(Record(self.seq, T0 + self.seq, source, self.seq, command, events))

    def fields(self, report: Report) -> dict[int, str]:
        pairs = [field.split("=", 1) for field in self.writer.body(report).split("\x01")[:-1]]
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


def test_an_orders_terms_are_kept_until_its_last_report_is_written(log: Log) -> None:
    (accepted,) = log.put(11, limit("a", Side.BUY, 5, 5), e.OrderAccepted(6, 0))
    order = accepted.order
    assert order is not None and order.terms == ""
    first = log.fields(accepted)
    assert f"37={first[37]}\x01" in order.terms
    (canceled,) = log.put(11, c.CancelOrder("x", "a"), e.OrderCanceled(6, 5, 0, ErrorCode.USER_REQUESTED))
    assert order.terms
    last = log.fields(canceled)
    assert order.terms == "" and all(last[tag] == first[tag] for tag in (37, 1, 55, 54, 38, 40, 44, 59))
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
        (limit("a", Side.BUY, 5, 5), "8"),
        (c.CancelOrder("x", "a"), "9"),
        (c.RequestOrderStatus("a"), "I"),
        (c.Malformed(b"?"), None),
    ],
)
def test_a_refused_command_is_answered_in_its_family(log: Log, command: c.Command, kind: str | None) -> None:
    record = Record(6, T0, 11, 6, command, (e.CommandRefused(2001),))
    reports = log.chain.apply(record)
    assert [report.kind for report in reports] == ([kind] if kind else [])
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
    """The chain sees what the wire carries: encode as the engine does, decode, fold, write."""
    command = limit("a", Side.BUY, 5, 5)
    frame = encode_frame(11, 1, encode_command(command)) + encode_event(e.OrderAccepted(6, 0))
    raw = bytearray(frame)
    raw[0:4] = len(raw).to_bytes(4, "little")
    raw[8:16], raw[16:24] = (6).to_bytes(8, "little"), T0.to_bytes(8, "little")
    raw[44:48] = (1).to_bytes(4, "little")
    from engine.api.wire import crc32c

    raw[4:8] = crc32c(bytes(raw[8:])).to_bytes(4, "little")
    (report,) = log.chain.apply(decode_record(bytes(raw), 0, len(raw)))
    assert log.fields(report)[17] == "9-6-0"
