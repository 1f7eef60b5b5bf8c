"""NewOrderSingle <D>."""

from __future__ import annotations

from engine.api.commands import Command, NewOrder, RefuseOrder, RequestOrderStatus
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.errors import UnitError
from engine.api.ids import ABSENT, AccountId
from engine.api.limits import (
    CL_ORD_ID_LENGTH_MAX,
    NAME_LENGTH_MAX,
    ORDER_QTY_LOTS_MAX,
    PRICE_TICKS_MAX,
    TEXT_LENGTH_MAX,
)
from engine.api.rejects import ErrorCode
from engine.api.units import Lots, Ticks
from fixgw.directory import Directory, Market
from fixgw.inbound.fields import (
    UNKNOWN_ACCOUNT,
    Fields,
    Sender,
    TimeWindow,
    account_of,
    is_cl_ord_id,
    is_printable,
    is_resend,
)
from fixgw.outbound.business_message_reject import BusinessReject, conditional, refusal

UNSUPPORTED_TAGS = ("18", "62", "99", "110", "111", "126", "152", "211", "432")
"""Fields of an order that the dictionary knows and this exchange does not offer yet."""

_SIDES = {chr(member): member for member in Side}
_ORD_TYPES = {chr(member): member for member in (OrdType.MARKET, OrdType.LIMIT)}
_OFFERED_TIMES = (TimeInForce.GOOD_TILL_CANCEL, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
_TIMES_IN_FORCE = {chr(member): member for member in _OFFERED_TIMES}

_Wrong = tuple[ErrorCode, int] | None
"""Why an order is refused, and the tag that is to blame."""


class NewOrderSingle:
    """Converts the order."""

    def __init__(self, directory: Directory, window: TimeWindow) -> None:
        self._directory = directory
        self._window = window

    def command(self, fields: Fields, sender: Sender, now_s: float) -> Command | BusinessReject:
        """Convert the order; the first check that fails decides the code (ORD-01).

        A copy that comes too late to be entered asks for the state of the order it repeats: a rejection would be
        wrong when the first one was taken.
        """
        cl_ord_id = fields["11"]
        if len(cl_ord_id) > CL_ORD_ID_LENGTH_MAX or not is_printable(cl_ord_id):
            return refusal(ErrorCode.UNSUPPORTED, 11)
        ord_type = _ORD_TYPES.get(fields["40"])
        if ord_type is OrdType.LIMIT and "44" not in fields:
            return conditional(44)
        if is_resend(fields) and self._window.is_stale(fields["60"], now_s):
            return RequestOrderStatus(cl_ord_id)
        account_id = account_of(fields, sender, self._directory)
        market = self._directory.symbols.get(fields["55"])
        wrong = _unsupported(fields, ord_type) or self._not_now(fields, account_id, market, now_s)
        if wrong is not None:
            return _refuse(fields, account_id, *wrong)
        assert market is not None and ord_type is not None
        return _expressed(fields, account_id, market, ord_type)

    def _not_now(self, fields: Fields, account_id: AccountId, market: Market | None, now_s: float) -> _Wrong:
        if self._window.is_stale(fields["60"], now_s):
            return ErrorCode.STALE, 60
        if market is None:
            return ErrorCode.UNKNOWN_SYMBOL, 55
        if account_id == UNKNOWN_ACCOUNT:
            return ErrorCode.UNKNOWN_ACCOUNT, 1
        return None


def _unsupported(fields: Fields, ord_type: OrdType | None) -> _Wrong:
    """Name the first field this exchange does not offer."""
    is_market = ord_type is OrdType.MARKET
    checks = (
        (11, is_cl_ord_id(fields["11"])),
        (40, ord_type),
        (54, fields["54"] in _SIDES),
        (59, _time_in_force(fields) in _TIMES_IN_FORCE and not (is_market and fields.get("59") == "1")),
        (44, not (is_market and "44" in fields)),
        (21, fields.get("21", "1") == "1"),
        (58, len(fields.get("58", "")) <= TEXT_LENGTH_MAX and is_printable(fields.get("58", ""))),
    )
    for tag, is_offered in checks:
        if not is_offered:
            return ErrorCode.UNSUPPORTED, tag
    known = next((int(tag) for tag in UNSUPPORTED_TAGS if tag in fields), 0)
    return (ErrorCode.UNSUPPORTED, known) if known else None


def _expressed(fields: Fields, account_id: AccountId, market: Market, ord_type: OrdType) -> Command:
    """Put an order into ticks and lots, or refuse it because it has none."""
    instrument = market.instrument
    try:
        price = instrument.price_to_ticks(fields["44"]) if ord_type is OrdType.LIMIT else Ticks(0)
    except UnitError:
        price = Ticks(-1)
    if price < 0 or (price == 0 and ord_type is OrdType.LIMIT):
        return _refuse(fields, account_id, ErrorCode.PRICE_OFF_TICK, 44)
    try:
        order_qty = instrument.qty_to_lots(fields["38"])
    except UnitError:
        order_qty = Lots(0)
    if order_qty <= 0:
        return _refuse(fields, account_id, ErrorCode.SIZE_OFF_LOT, 38)
    if price > PRICE_TICKS_MAX or order_qty > ORDER_QTY_LOTS_MAX:
        return _refuse(fields, account_id, ErrorCode.EXCEEDS_LIMIT, 44 if price > PRICE_TICKS_MAX else 38)
    return NewOrder(
        account_id,
        instrument.symbol_id,
        _SIDES[fields["54"]],
        ord_type,
        _TIMES_IN_FORCE[_time_in_force(fields)],
        order_qty,
        price,
        fields["11"],
        fields.get("58", ""),
        is_resend(fields),
    )


def _refuse(fields: Fields, account_id: AccountId, code: ErrorCode, tag: int) -> RefuseOrder:
    """Put on record what the member wrote, each text cut to what a record holds."""
    return RefuseOrder(
        AccountId(ABSENT) if account_id == UNKNOWN_ACCOUNT else account_id,
        ord(fields["54"]),
        ord(fields["40"]),
        ord(_time_in_force(fields)),
        code,
        tag,
        fields["11"],
        _written(fields["55"], NAME_LENGTH_MAX),
        _written(fields["38"], NAME_LENGTH_MAX),
        _written(fields.get("44", ""), NAME_LENGTH_MAX),
        _written(fields.get("58", ""), TEXT_LENGTH_MAX),
    )


def _time_in_force(fields: Fields) -> str:
    """Return TimeInForce <59>; absent it means GTC, and IOC for a market order."""
    return fields.get("59") or ("3" if fields["40"] == "1" else "1")


def _written(text: str, length_max: int) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text[:length_max])
