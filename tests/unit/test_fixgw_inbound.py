"""Messages into commands: every decimal text becomes exact ticks and lots, or a refusal with the right code."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.commands import ABSENT, UNRESOLVED, CancelOrder, NewOrder, RefuseOrder, RequestOrderStatus
from engine.api.enums import InstrumentKind, OrdType, Side, TimeInForce
from engine.api.ids import order_id_text
from engine.api.instrument import Instrument
from engine.api.limits import ORDER_QTY_LOTS_MAX, PRICE_TICKS_MAX
from engine.api.rejects import ErrorCode
from engine.api.units import Step
from engine.api.wire import encode_command
from fixgw.directory import Directory, Market
from fixgw.inbound.conversion import Inbound
from fixgw.inbound.fields import NO_SUCH_ORDER, Sender, TimeWindow, split_fields
from fixgw.outbound.business_message_reject import BusinessReject

NOW_S = 1_700_000_000.0
NOW = "20231114-22:13:20"
SENDER = Sender(11, "ALPHA", 1, "ALPHA")
BTC = Instrument(1, "BTC/USDT", InstrumentKind.SPOT, 2, 1, Step.parse("0.01"), Step.parse("0.00001"),
                 1, 10**9, 0, 10**30, 200, 1000, 100_000, 1)  # fmt: skip


@pytest.fixture(scope="module")
def inbound() -> Inbound:
    directory = Directory()
    directory.account_ids.update({(1, "ALPHA"): 101, (2, "BRAVO"): 102})
    directory.symbols["BTC/USDT"] = Market(BTC, "USDT", 8, 10)
    return Inbound(directory)


def order(**changes: str | None) -> dict[str, str]:
    fields: dict[str, str | None] = {
        "35": "D", "34": "2", "49": "ALPHA", "11": "id", "55": "BTC/USDT", "54": "1", "60": NOW, "38": "1", "40": "2",
        "44": "50000",
    }  # fmt: skip
    fields.update({name[1:]: value for name, value in changes.items()})
    return {tag: value for tag, value in fields.items() if value is not None}


@given(ticks=st.integers(1, PRICE_TICKS_MAX), lots=st.integers(1, ORDER_QTY_LOTS_MAX), zeros=st.integers(0, 3))
def test_every_multiple_of_the_steps_is_exact(inbound: Inbound, ticks: int, lots: int, zeros: int) -> None:
    price, qty = f"{Decimal(ticks) / 100:f}", f"{Decimal(lots) / 100_000:f}"
    padded = price + ("." if "." not in price else "") + "0" * (zeros + 1)
    command = inbound.command(order(t44=padded, t38="0" * zeros + qty), SENDER, NOW_S)
    assert isinstance(command, NewOrder)
    assert (command.price, command.order_qty) == (ticks, lots)


DECIMALS = st.from_regex(r"[+-]?[0-9]{0,35}(\.[0-9]{0,35})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(price=DECIMALS, qty=DECIMALS)
def test_any_number_is_taken_exactly_or_refused_by_code(inbound: Inbound, price: str, qty: str) -> None:
    command = inbound.command(order(t44=price, t38=qty), SENDER, NOW_S)
    if isinstance(command, NewOrder):
        assert Decimal(price) == Decimal(command.price) / 100
        assert Decimal(qty) == Decimal(command.order_qty) / 100_000
        assert command.price > 0 and command.order_qty > 0
    else:
        assert isinstance(command, RefuseOrder)
        assert command.code in (ErrorCode.PRICE_OFF_TICK, ErrorCode.SIZE_OFF_LOT, ErrorCode.EXCEEDS_LIMIT)
        assert command.ref_tag in (38, 44)
    encode_command(command)


@given(
    cl_ord_id=st.text(max_size=60),
    text=st.text(max_size=100),
    symbol=st.text(min_size=1, max_size=50),
    account=st.text(min_size=1, max_size=50),
)
def test_whatever_the_texts_are_the_answer_can_be_sent(
    inbound: Inbound, cl_ord_id: str, text: str, symbol: str, account: str
) -> None:
    fields = order(t11=cl_ord_id, t58=text, t55=symbol, t1=account)
    command = inbound.command(fields, SENDER, NOW_S)
    if not isinstance(command, BusinessReject):
        encode_command(command)


@pytest.mark.parametrize(
    ("changes", "code", "tag"),
    [
        ({"t44": "0.00"}, ErrorCode.PRICE_OFF_TICK, 44),
        ({"t44": f"{PRICE_TICKS_MAX // 100}.01"}, ErrorCode.EXCEEDS_LIMIT, 44),
        ({"t38": f"{ORDER_QTY_LOTS_MAX // 100_000}.00001"}, ErrorCode.EXCEEDS_LIMIT, 38),
        ({"t11": "a b"}, ErrorCode.UNSUPPORTED, 11),
        ({"t58": "x" * 65}, ErrorCode.UNSUPPORTED, 58),
        ({"t40": "4"}, ErrorCode.UNSUPPORTED, 40),
        ({"t40": "1", "t44": None, "t59": "1"}, ErrorCode.UNSUPPORTED, 59),
        ({"t40": "1"}, ErrorCode.UNSUPPORTED, 44),
        ({"t21": "2"}, ErrorCode.UNSUPPORTED, 21),
        ({"t432": "20300101"}, ErrorCode.UNSUPPORTED, 432),
        ({"t60": "20231114-22:12:19.999"}, ErrorCode.STALE, 60),
        ({"t60": "20231114-22:14:20.000001"}, ErrorCode.STALE, 60),
        ({"t55": "BTCUSDT"}, ErrorCode.UNKNOWN_SYMBOL, 55),
        ({"t1": "BRAVO"}, ErrorCode.UNKNOWN_ACCOUNT, 1),
    ],
)
def test_the_first_thing_wrong_decides_the_code(
    inbound: Inbound, changes: dict[str, str | None], code: ErrorCode, tag: int
) -> None:
    command = inbound.command(order(**changes), SENDER, NOW_S)
    assert isinstance(command, RefuseOrder)
    assert (command.code, command.ref_tag) == (code, tag)


@pytest.mark.parametrize(
    "changes",
    [
        {"t44": f"{PRICE_TICKS_MAX // 100}"},
        {"t38": f"{ORDER_QTY_LOTS_MAX // 100_000}"},
        {"t11": "A" * 36},
        {"t58": "x" * 64},
        {"t60": "20231114-22:12:20"},
        {"t60": "20231114-22:14:20.000000000"},
        {"t21": "1"},
    ],
)
def test_a_bound_itself_is_accepted(inbound: Inbound, changes: dict[str, str | None]) -> None:
    assert isinstance(inbound.command(order(**changes), SENDER, NOW_S), NewOrder)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL, False)),
        ({"t59": "4"}, (OrdType.LIMIT, TimeInForce.FILL_OR_KILL, False)),
        ({"t40": "1", "t44": None}, (OrdType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL, False)),
        ({"t40": "1", "t44": None, "t59": "4"}, (OrdType.MARKET, TimeInForce.FILL_OR_KILL, False)),
        ({"t97": "Y"}, (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL, True)),
        ({"t43": "Y"}, (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL, True)),
        ({"t43": "N"}, (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL, False)),
    ],
)
def test_defaults_and_flags(
    inbound: Inbound, changes: dict[str, str | None], expected: tuple[OrdType, TimeInForce, bool]
) -> None:
    command = inbound.command(order(**changes), SENDER, NOW_S)
    assert isinstance(command, NewOrder)
    assert (command.ord_type, command.time_in_force, command.poss_resend) == expected
    assert (command.account_id, command.symbol_id, command.side) == (101, 1, Side.BUY)


def test_a_cancel_carries_what_it_names(inbound: Inbound) -> None:
    fields = {"35": "F", "11": "c", "41": "o", "60": NOW, "55": "BTC/USDT", "54": "2", "1": "ALPHA"}
    assert inbound.command(fields, SENDER, NOW_S) == CancelOrder("c", "o", ABSENT, 101, 1, Side.SELL)
    fields |= {"55": "X", "1": "BRAVO", "37": order_id_text(7, 10**18)}
    assert inbound.command(fields, SENDER, NOW_S) == CancelOrder("c", "o", 7, UNRESOLVED, UNRESOLVED, Side.SELL)
    only_id = {"35": "F", "11": "c", "37": "junk", "60": NOW}
    assert inbound.command(only_id, SENDER, NOW_S) == CancelOrder("c", "", NO_SUCH_ORDER)


def test_a_status_request_needs_one_id(inbound: Inbound) -> None:
    assert inbound.command({"35": "H", "11": "o", "790": "q"}, SENDER, NOW_S) == RequestOrderStatus("o", ABSENT, "q")
    answer = inbound.command({"35": "H", "11": ""}, SENDER, NOW_S)
    assert isinstance(answer, BusinessReject) and answer.reason == 5


@given(shift_s=st.integers(-200, 200))
def test_the_window_is_a_minute_either_way(shift_s: int) -> None:
    window = TimeWindow()
    assert window.is_stale(NOW, NOW_S + shift_s) == (abs(shift_s) > 60)


def test_split_keeps_equal_signs_in_values() -> None:
    assert split_fields("8=FIX.4.4\x0158=a=b\x0110=000\x01") == {"8": "FIX.4.4", "58": "a=b", "10": "000"}
