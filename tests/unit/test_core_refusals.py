"""Each refusal code, and each bound of a command from both sides. Whatever is refused changes nothing."""

from __future__ import annotations

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, SessionKind
from engine.api.ids import Seq
from engine.api.instrument import Instrument
from engine.api.rejects import ErrorCode as Code
from engine.api.units import Step
from engine.api.wire import encode_command, encode_frame
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_OE, BTC_LISTING, BTC_USDT, BUY, ETH, FEES, GTC, LIMIT, USDT, Market

QTY = 20_000
ORDER = c.NewOrder(ALPHA, BTC_USDT, BUY, LIMIT, GTC, QTY, 10_000, "a")


@pytest.fixture(scope="module")
def opened() -> bytes:
    return Market().core.snapshot()


@pytest.fixture
def market(opened: bytes) -> Market:
    market = Market(())
    market.core = market.core.restore(opened)
    return market


def state(market: Market) -> tuple[object, ...]:
    """All that a refused command must not change."""
    return market.core.balances(), market.core.open_orders, market.core.snapshot()[40:-4]


@pytest.mark.req("ORD-01", "ORD-02")
@pytest.mark.parametrize(
    ("code", "source", "changes"),
    [
        (Code.NOT_AUTHORISED, 99, {}),
        (Code.NOT_AUTHORISED, m.ALPHA_DC, {}),
        (Code.NOT_AUTHORISED, m.BRAVO_OE, {}),
        (Code.UNKNOWN_ACCOUNT, ALPHA_OE, {"account_id": 0}),
        (Code.UNKNOWN_ACCOUNT, ALPHA_OE, {"account_id": c.UNRESOLVED}),
        (Code.UNKNOWN_ACCOUNT, ALPHA_OE, {"account_id": FEES}),
        (Code.UNKNOWN_SYMBOL, ALPHA_OE, {"symbol_id": 0}),
        (Code.UNKNOWN_SYMBOL, ALPHA_OE, {"symbol_id": c.UNRESOLVED}),
        (Code.UNSUPPORTED, ALPHA_OE, {"ord_type": m.MARKET, "price": 0}),
        (Code.UNSUPPORTED, ALPHA_OE, {"ord_type": m.MARKET, "price": 1, "time_in_force": m.IOC}),
        (Code.PRICE_OFF_TICK, ALPHA_OE, {"price": 0}),
        (Code.PRICE_OFF_TICK, ALPHA_OE, {"price": -1}),
        (Code.PRICE_OFF_TICK, ALPHA_OE, {"price": limits.PRICE_TICKS_MAX + 1}),
        (Code.EXCEEDS_LIMIT, ALPHA_OE, {"price": limits.PRICE_TICKS_MAX}),
        (Code.SIZE_OFF_LOT, ALPHA_OE, {"order_qty": 0}),
        (Code.SIZE_OFF_LOT, ALPHA_OE, {"order_qty": -(2**63)}),
        (Code.SIZE_OFF_LOT, ALPHA_OE, {"symbol_id": m.ETH_USDT, "order_qty": 4}),
        (Code.EXCEEDS_LIMIT, ALPHA_OE, {"order_qty": 1_000_001}),
        (Code.EXCEEDS_LIMIT, ALPHA_OE, {"order_qty": 2**63 - 1}),
        (Code.EXCEEDS_LIMIT, ALPHA_OE, {"order_qty": 9_999}),
        (Code.EXCEEDS_LIMIT, ALPHA_OE, {"order_qty": 1_000_000, "price": 50_000_001}),
        (Code.INSUFFICIENT_BALANCE, ALPHA_OE, {"order_qty": 1_000_000, "price": 50_000_000}),
    ],
)
def test_an_order_is_rejected_and_changes_nothing(
    market: Market, code: Code, source: int, changes: dict[str, int]
) -> None:
    before = state(market)
    assert market.send(source, msgspec.structs.replace(ORDER, **changes)) == (e.OrderRejected(0, code),)
    assert state(market) == before


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize("changes", [{"order_qty": 10_000}, {"order_qty": 1_000_000}, {"order_qty": 5, "symbol_id": 2}])
def test_an_order_at_its_bounds_is_accepted(market: Market, changes: dict[str, int]) -> None:
    (event,) = market.send(ALPHA_OE, msgspec.structs.replace(ORDER, **changes))
    assert isinstance(event, e.OrderAccepted)


@pytest.mark.req("ORD-01")
def test_the_first_failing_check_decides(market: Market) -> None:
    wrong = [
        (Code.UNKNOWN_ACCOUNT, {"account_id": 999}, {"account_id": ALPHA}),
        (Code.UNKNOWN_SYMBOL, {"symbol_id": 999}, {"symbol_id": BTC_USDT}),
        (Code.PRICE_OFF_TICK, {"price": 0}, {"price": 50_000_000}),
        (Code.SIZE_OFF_LOT, {"order_qty": 0}, {"order_qty": 1_000_000}),
    ]
    order = ORDER
    for _, broken, _ in wrong:
        order = msgspec.structs.replace(order, **broken)
    assert market.send(m.ALPHA_DC, order) == (e.OrderRejected(0, Code.NOT_AUTHORISED),)
    for code, _, mended in wrong:
        assert market.send(ALPHA_OE, order) == (e.OrderRejected(0, code),)
        order = msgspec.structs.replace(order, **mended)
    assert market.send(ALPHA_OE, order) == (e.OrderRejected(0, Code.INSUFFICIENT_BALANCE),)


LONG = "n" * limits.NAME_LENGTH_MAX


@pytest.mark.parametrize(
    ("code", "command"),
    [
        (Code.BOUND_EXCEEDED, c.RegisterAsset(0, "NEW", 8)),
        (Code.BOUND_EXCEEDED, c.RegisterAsset(limits.ASSETS_MAX + 1, "NEW", 8)),
        (Code.BOUND_EXCEEDED, c.RegisterAsset(4, "", 8)),
        (Code.BOUND_EXCEEDED, c.RegisterAsset(4, "NEW", limits.ASSET_DECIMALS_MAX + 1)),
        (Code.ALREADY_REGISTERED, c.RegisterAsset(USDT, "NEW", 8)),
        (Code.ALREADY_REGISTERED, c.RegisterAsset(4, "USDT", 8)),
        (Code.BOUND_EXCEEDED, c.RegisterFirm(0, "NEW")),
        (Code.BOUND_EXCEEDED, c.RegisterFirm(limits.FIRMS_MAX + 1, "NEW")),
        (Code.ALREADY_REGISTERED, c.RegisterFirm(1, "NEW")),
        (Code.ALREADY_REGISTERED, c.RegisterFirm(9, "ALPHA")),
        (Code.BOUND_EXCEEDED, c.OpenAccount(limits.ACCOUNTS_MAX + 1, 1, AccountKind.SPOT, "NEW")),
        (Code.ALREADY_REGISTERED, c.OpenAccount(ALPHA, 1, AccountKind.SPOT, "NEW")),
        (Code.ALREADY_REGISTERED, c.OpenAccount(104, 1, AccountKind.SPOT, "ALPHA")),
        (Code.UNKNOWN_REFERENCE, c.OpenAccount(104, 0, AccountKind.SPOT, "NEW")),
        (Code.UNKNOWN_REFERENCE, c.OpenAccount(104, 9, AccountKind.SPOT, "NEW")),
        (Code.UNKNOWN_REFERENCE, c.OpenAccount(104, 1, AccountKind.SYSTEM, "NEW")),
        (Code.BOUND_EXCEEDED, c.RegisterSession(limits.SESSIONS_MAX + 1, 1, SessionKind.ORDER_ENTRY, "NEW")),
        (Code.ALREADY_REGISTERED, c.RegisterSession(ALPHA_OE, 1, SessionKind.ORDER_ENTRY, "NEW")),
        (Code.ALREADY_REGISTERED, c.RegisterSession(13, 1, SessionKind.ORDER_ENTRY, "ALPHA-DC")),
        (Code.UNKNOWN_REFERENCE, c.RegisterSession(13, 9, SessionKind.ORDER_ENTRY, "NEW")),
        (Code.UNKNOWN_REFERENCE, c.Deposit(999, USDT, 1, "d")),
        (Code.UNKNOWN_REFERENCE, c.Deposit(ALPHA, 9, 1, "d")),
        (Code.BOUND_EXCEEDED, c.Deposit(ALPHA, USDT, 0, "d")),
        (Code.BOUND_EXCEEDED, c.Deposit(ALPHA, USDT, -1, "d")),
        (Code.BOUND_EXCEEDED, c.Deposit(ALPHA, USDT, 1, "")),
        (Code.BOUND_EXCEEDED, c.Deposit(ALPHA, USDT, limits.ASSET_UNITS_MAX * 10**8 - 3 * 10**14 + 1, "d")),
        (Code.BOUND_EXCEEDED, c.Deposit(ALPHA, USDT, 2**127 - 1, "d")),
        (Code.DUPLICATE_DEPOSIT, c.Deposit(ALPHA, USDT, 1, f"opening:{ALPHA}:{USDT}")),
    ],
)
def test_a_command_of_operations_is_refused_and_changes_nothing(market: Market, code: Code, command: c.Command) -> None:
    before = state(market)
    assert market.send(0, command) == (e.CommandRefused(code),)
    assert state(market) == before


@pytest.mark.parametrize(
    "command",
    [
        c.RegisterAsset(limits.ASSETS_MAX, LONG, limits.ASSET_DECIMALS_MAX),
        c.RegisterFirm(limits.FIRMS_MAX, LONG),
        c.OpenAccount(limits.ACCOUNTS_MAX, 1, AccountKind.SPOT, LONG),
        c.RegisterSession(limits.SESSIONS_MAX, 1, SessionKind.DROP_COPY, LONG),
        c.Deposit(ALPHA, USDT, limits.ASSET_UNITS_MAX * 10**8 - 3 * 10**14, "d" * limits.DEPOSIT_REF_LENGTH_MAX),
    ],
)
def test_a_command_of_operations_is_taken_at_its_bounds_and_only_from_operations(
    market: Market, command: c.Command
) -> None:
    assert market.send(ALPHA_OE, command) == (e.CommandRefused(Code.NOT_AUTHORISED),)
    (event,) = market.send(0, command)
    assert not isinstance(event, e.CommandRefused)


LISTED = msgspec.structs.replace(BTC_LISTING, symbol_id=limits.SYMBOLS_MAX, symbol="NEW")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (Code.BOUND_EXCEEDED, {"symbol_id": limits.SYMBOLS_MAX + 1}),
        (Code.BOUND_EXCEEDED, {"symbol": ""}),
        (Code.ALREADY_REGISTERED, {"symbol": "BTC/USDT"}),
        (Code.ALREADY_REGISTERED, {"symbol_id": BTC_USDT}),
        (Code.UNKNOWN_REFERENCE, {"base_asset_id": 9}),
        (Code.UNKNOWN_REFERENCE, {"quote_asset_id": 9}),
        (Code.UNKNOWN_REFERENCE, {"fee_account_id": 9}),
        (Code.BOUND_EXCEEDED, {"fee_account_id": ALPHA}),
        (Code.BOUND_EXCEEDED, {"base_asset_id": USDT}),
        (Code.BOUND_EXCEEDED, {"tick": Step(0, 2)}),
        (Code.BOUND_EXCEEDED, {"lot": Step(-1, 5)}),
        (Code.BOUND_EXCEEDED, {"min_qty": 0}),
        (Code.BOUND_EXCEEDED, {"min_qty": 1_000_001}),
        (Code.BOUND_EXCEEDED, {"max_qty": limits.ORDER_QTY_LOTS_MAX + 1}),
        (Code.BOUND_EXCEEDED, {"min_notional": -1}),
        (Code.BOUND_EXCEEDED, {"min_notional": BTC_LISTING.max_notional + 1}),
        (Code.BOUND_EXCEEDED, {"max_notional": limits.NOTIONAL_MINOR_MAX + 1}),
        (Code.BOUND_EXCEEDED, {"taker_ppm": limits.FEE_PPM_MAX + 1}),
        (Code.BOUND_EXCEEDED, {"taker_ppm": -1}),
        (Code.BOUND_EXCEEDED, {"maker_ppm": limits.FEE_PPM_MAX + 1}),
        (Code.BOUND_EXCEEDED, {"maker_ppm": -1001}),
        (Code.BOUND_EXCEEDED, {"band_ppm": limits.BAND_PPM_MAX + 1}),
        (Code.INEXACT_NOTIONAL, {"lot": Step(1, 7)}),
        (Code.INEXACT_NOTIONAL, {"lot": Step(1, 9), "tick": Step(100, 0)}),
        (Code.INEXACT_NOTIONAL, {"tick": Step(limits.TICK_LOT_MINOR_MAX // 1000 + 1, 0)}),
        (Code.INEXACT_NOTIONAL, {"tick": Step(2**63 - 1, 0), "lot": Step(2**63 - 1, 0)}),
        (Code.INEXACT_NOTIONAL, {"quote_asset_id": ETH, "tick": Step(1, 4), "lot": Step(1, 5)}),
        (Code.INEXACT_NOTIONAL, {"base_asset_id": ETH, "lot": Step(10**6 + 1, 0), "tick": Step(1, 8)}),
    ],
)
def test_a_listing_is_refused(market: Market, code: Code, changes: dict[str, object]) -> None:
    before = state(market)
    listing = msgspec.structs.replace(LISTED, **changes)
    assert market.send(0, c.ListInstrument(listing)) == (e.CommandRefused(code),)
    assert state(market) == before


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"min_qty": 1_000_000},
        {"max_qty": limits.ORDER_QTY_LOTS_MAX, "max_notional": limits.NOTIONAL_MINOR_MAX, "min_notional": 0},
        {"taker_ppm": limits.FEE_PPM_MAX, "maker_ppm": -limits.FEE_PPM_MAX},
        {"band_ppm": limits.BAND_PPM_MAX},
        {"tick": Step(limits.TICK_LOT_MINOR_MAX // 1000, 0)},
        {"lot": Step(1, 6)},
        {"base_asset_id": ETH, "lot": Step(10**6, 0), "tick": Step(1, 8)},
    ],
)
def test_a_listing_is_taken_at_its_bounds(market: Market, changes: dict[str, object]) -> None:
    listing: Instrument = msgspec.structs.replace(LISTED, **changes)
    assert market.send(0, c.ListInstrument(listing)) == (e.InstrumentListed(),)


def texts(length: int) -> list[c.Command]:
    """A command for every text field, with a text of that length in it."""
    text = "t" * length
    return [
        msgspec.structs.replace(ORDER, cl_ord_id=text),
        msgspec.structs.replace(ORDER, text=text),
        c.CancelOrder(text, "a"),
        c.CancelOrder("x", text),
        c.RequestOrderStatus(text),
        c.RequestOrderStatus("", 0, text),
        c.RefuseOrder(ALPHA, 1, 1, 1, 1007, 44, text, "", "", "", ""),
        c.RefuseOrder(ALPHA, 1, 1, 1, 1007, 44, "a", "", "", "", text),
        c.RegisterFirm(9, text),
        c.RegisterAsset(9, text, 0),
        c.OpenAccount(9, 1, AccountKind.SPOT, text),
        c.RegisterSession(9, 1, SessionKind.DROP_COPY, text),
        c.ListInstrument(msgspec.structs.replace(LISTED, symbol=text)),
        c.Deposit(ALPHA, USDT, 1, text),
        c.ReplaceOrder(text, 1, orig_cl_ord_id="a"),
        c.ReplaceOrder("x", 1, orig_cl_ord_id=text),
        c.MassCancel(text),
    ]


@pytest.mark.parametrize("code, is_sound", [(1007, True), (1043, True), (0, False), (1021, False), (65_535, False)])
def test_a_code_that_is_not_assigned_is_not_handed_on(market: Market, code: int, is_sound: bool) -> None:
    refusal = c.RefuseOrder(ALPHA, 1, 1, 1, code, 44, "a", "", "", "", "")
    told = e.OrderRejected(0, code) if is_sound else e.CommandRefused(Code.MALFORMED_COMMAND)
    assert market.send(0, refusal) == (told,)
    done = e.MassCanceled(Seq(market.core.seq + 1), 0, True)
    canceled = done if is_sound or code == 0 else e.CommandRefused(Code.MALFORMED_COMMAND)
    assert market.send(0, c.MassCancel("all", code=code)) == (canceled,)


ID, TEXT, NAME = limits.CL_ORD_ID_LENGTH_MAX, limits.TEXT_LENGTH_MAX, limits.NAME_LENGTH_MAX
LENGTHS = [
    ID,
    TEXT,
    ID,
    ID,
    ID,
    TEXT,
    ID,
    TEXT,
    NAME,
    NAME,
    NAME,
    NAME,
    NAME,
    limits.DEPOSIT_REF_LENGTH_MAX,
    ID,
    ID,
    ID,
]


@pytest.mark.parametrize(("field", "length"), list(enumerate(LENGTHS)))
def test_every_text_has_its_length(market: Market, field: int, length: int) -> None:
    refused = (e.CommandRefused(Code.MALFORMED_COMMAND),)
    for spoiled, is_refused in ((length, False), (length + 1, True)):
        command = texts(spoiled)[field]
        source = ALPHA_OE if isinstance(command, c.NewOrder | c.CancelOrder) else 0
        assert (market.send(source, command) == refused) is is_refused


RAW = encode_command(ORDER)


@pytest.mark.parametrize(
    ("code", "raw"),
    [
        (Code.MALFORMED_COMMAND, b""),
        (Code.MALFORMED_COMMAND, b"\x10"),
        (Code.UNKNOWN_COMMAND, b"\x00\x01"),
        (Code.UNKNOWN_COMMAND, b"\xff\x01" + RAW[2:]),
        (Code.UNKNOWN_COMMAND, RAW[:1] + b"\x02" + RAW[2:]),
        (Code.MALFORMED_COMMAND, RAW[:31]),
        (Code.MALFORMED_COMMAND, RAW[:-1]),
        (Code.MALFORMED_COMMAND, RAW + b"a"),
        (Code.MALFORMED_COMMAND, RAW[:2] + b"3" + RAW[3:]),
        (Code.MALFORMED_COMMAND, RAW[:3] + b"5" + RAW[4:]),
        (Code.MALFORMED_COMMAND, RAW[:4] + b"2" + RAW[5:]),
        (Code.MALFORMED_COMMAND, RAW[:5] + b"\x02" + RAW[6:]),
        (Code.MALFORMED_COMMAND, RAW[:-1] + b"\x1f"),
        (Code.MALFORMED_COMMAND, RAW[:-1] + b"\x7f"),
        (Code.MALFORMED_COMMAND, RAW[:-1] + b"\xe9"),
        (Code.MALFORMED_COMMAND, encode_command(msgspec.structs.replace(ORDER, cl_ord_id=""))),
        (Code.MALFORMED_COMMAND, encode_command(c.CancelOrder("", "a"))),
        (Code.MALFORMED_COMMAND, encode_command(c.CancelOrder("x", "a", side=3))),
    ],
)
def test_bytes_that_are_no_command_are_refused_on_record(market: Market, code: Code, raw: bytes) -> None:
    seq, before = market.core.seq, state(market)
    assert market.send_frame(encode_frame(ALPHA_OE, 1, raw)) == (e.CommandRefused(code),)
    assert market.core.seq == seq + 1
    assert state(market) == before
