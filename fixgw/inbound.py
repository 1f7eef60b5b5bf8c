"""Messages into commands: the dictionary has checked their form, here they become ticks, lots and numbers.

What cannot be expressed becomes a :class:`RefuseOrder`, so that its rejection is sequenced like any other; what
not even that can carry is answered on the session by a BusinessMessageReject.
Source: rules of engagement, sections 3, 5, 6 and 11.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Mapping

import msgspec

from engine.api.commands import (
    ABSENT,
    UNRESOLVED,
    CancelOrder,
    Command,
    NewOrder,
    RefuseOrder,
    RequestOrderStatus,
)
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.errors import UnitError, WireError
from engine.api.ids import parse_order_id
from engine.api.limits import (
    CL_ORD_ID_LENGTH_MAX,
    NAME_LENGTH_MAX,
    ORDER_QTY_LOTS_MAX,
    PRICE_TICKS_MAX,
    TEXT_LENGTH_MAX,
)
from engine.api.rejects import FIX_TWINS, ErrorCode
from fixgw.registry import Market, Registry

Fields = Mapping[str, str]

TRANSACT_TIME_S_MAX = 60
"""How far TransactTime <60> may be from the gateway's clock (TIM-06)."""

UNSUPPORTED_TAGS = ("18", "62", "99", "110", "111", "126", "152", "211", "432")
"""Fields of an order that the dictionary knows and this exchange does not offer yet."""

NO_SUCH_ORDER = 0xFFFF_FFFF_FFFF_FFFF
"""Stands for an OrderID <37> that is none: it matches nothing."""

BUSINESS_OTHER, BUSINESS_UNSUPPORTED, BUSINESS_NOT_AVAILABLE, BUSINESS_CONDITIONAL = 0, 3, 4, 5
"""BusinessRejectReason <380>."""

_CL_ORD_ID = re.compile(r"[A-Za-z0-9._:-]{1,36}", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]*", re.ASCII)
_SIDES = {chr(member): member for member in Side}
_ORD_TYPES = {chr(member): member for member in (OrdType.MARKET, OrdType.LIMIT)}
_OFFERED_TIMES = (TimeInForce.GOOD_TILL_CANCEL, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
_TIMES_IN_FORCE = {chr(member): member for member in _OFFERED_TIMES}


class Sender(msgspec.Struct, frozen=True):
    """The session a message came from."""

    session_id: int
    comp_id: str
    firm_id: int
    default_account: str


class BusinessReject(msgspec.Struct, frozen=True):
    """An answer by BusinessMessageReject <j>: ``reason`` is its tag 380, ``code`` its 20016, ``tag`` its 20006."""

    reason: int
    text: str
    code: int = 0
    tag: int = 0


def split_fields(text: str) -> dict[str, str]:
    """Split a message that the dictionary has passed: no tag comes twice in what this exchange takes."""
    fields = {}
    for field in text.split("\x01")[:-1]:
        tag, _, value = field.partition("=")
        fields[tag] = value
    return fields


def refusal(code: ErrorCode, tag: int = 0) -> BusinessReject:
    """Answer a request of another kind than D by a coded BusinessMessageReject."""
    return BusinessReject(BUSINESS_OTHER, f"{code}: {FIX_TWINS[code].text}", code, tag)


def conditional(tag: int) -> BusinessReject:
    """Answer a message without a field that its other fields demand."""
    return BusinessReject(BUSINESS_CONDITIONAL, f"conditionally required field {tag} is missing", 0, tag)


class TimeWindow:
    """Tells whether a UTCTimestamp is near the present. Not shared between threads that race: the cache is one pair."""

    def __init__(self) -> None:
        self._minute = ("", 0)

    def is_stale(self, text: str, now_s: float) -> bool:
        """Tell whether ``text`` is further than TRANSACT_TIME_S_MAX from ``now_s``, as every impossible date is."""
        minute, start_s = self._minute
        if text[:14] != minute:
            minute = text[:14]
            try:
                start_s = calendar.timegm(time.strptime(minute, "%Y%m%d-%H:%M"))
            except ValueError:
                return True
            self._minute = (minute, start_s)
        return not -TRANSACT_TIME_S_MAX <= now_s - start_s - float(text[15:]) <= TRANSACT_TIME_S_MAX


class Inbound:
    """Converts the messages members may send. Safe to call from several threads: it only reads the registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._window = TimeWindow()
        self._convert = {"D": self.new_order, "F": self.cancel_order, "H": self.request_order_status}

    def command(self, fields: Fields, sender: Sender, now_s: float) -> Command | BusinessReject:
        """Convert one application message. Cost: about 5 us for an order."""
        convert = self._convert.get(fields["35"])
        if convert is None:
            return BusinessReject(BUSINESS_UNSUPPORTED, "unsupported message type")
        return convert(fields, sender, now_s)

    # --- D ------------------------------------------------------------------------------------------------

    def new_order(self, fields: Fields, sender: Sender, now_s: float) -> Command | BusinessReject:
        """Convert a NewOrderSingle; the first check that fails decides the code (ORD-01).

        A copy that comes too late to be entered asks for the state of the order it repeats: a rejection would be
        wrong when the first one was taken.
        """
        cl_ord_id = fields["11"]
        if len(cl_ord_id) > CL_ORD_ID_LENGTH_MAX or not _PRINTABLE.fullmatch(cl_ord_id):
            return refusal(ErrorCode.UNSUPPORTED, 11)
        ord_type = _ORD_TYPES.get(fields["40"])
        if ord_type is OrdType.LIMIT and "44" not in fields:
            return conditional(44)
        if _is_resend(fields) and self._window.is_stale(fields["60"], now_s):
            return RequestOrderStatus(cl_ord_id)
        account_id = self._account(fields, sender)
        market = self._registry.symbols.get(fields["55"])
        wrong = self._unsupported(fields, ord_type) or self._not_now(fields, account_id, market, now_s)
        if wrong is not None:
            return self._refuse(fields, account_id, *wrong)
        assert market is not None and ord_type is not None
        return self._expressed(fields, account_id, market, ord_type)

    def _unsupported(self, fields: Fields, ord_type: OrdType | None) -> tuple[ErrorCode, int] | None:
        """Name the first field this exchange does not offer."""
        is_market = ord_type is OrdType.MARKET
        checks = (
            (11, _CL_ORD_ID.fullmatch(fields["11"])),
            (40, ord_type),
            (54, fields["54"] in _SIDES),
            (59, _time_in_force(fields) in _TIMES_IN_FORCE and not (is_market and fields.get("59") == "1")),
            (44, not (is_market and "44" in fields)),
            (21, fields.get("21", "1") == "1"),
            (58, "58" not in fields or _is_text(fields["58"])),
        )
        for tag, is_offered in checks:
            if not is_offered:
                return ErrorCode.UNSUPPORTED, tag
        known = next((int(tag) for tag in UNSUPPORTED_TAGS if tag in fields), 0)
        return (ErrorCode.UNSUPPORTED, known) if known else None

    def _not_now(
        self, fields: Fields, account_id: int, market: Market | None, now_s: float
    ) -> tuple[ErrorCode, int] | None:
        if self._window.is_stale(fields["60"], now_s):
            return ErrorCode.STALE, 60
        if market is None:
            return ErrorCode.UNKNOWN_SYMBOL, 55
        if account_id == UNRESOLVED:
            return ErrorCode.UNKNOWN_ACCOUNT, 1
        return None

    def _expressed(self, fields: Fields, account_id: int, market: Market, ord_type: OrdType) -> Command:
        """Put an order into ticks and lots, or refuse it because it has none."""
        instrument = market.instrument
        try:
            price = instrument.price_to_ticks(fields["44"]) if ord_type is OrdType.LIMIT else 0
        except UnitError:
            price = -1
        if price < 0 or (price == 0 and ord_type is OrdType.LIMIT):
            return self._refuse(fields, account_id, ErrorCode.PRICE_OFF_TICK, 44)
        try:
            order_qty = instrument.qty_to_lots(fields["38"])
        except UnitError:
            order_qty = 0
        if order_qty <= 0:
            return self._refuse(fields, account_id, ErrorCode.SIZE_OFF_LOT, 38)
        if price > PRICE_TICKS_MAX or order_qty > ORDER_QTY_LOTS_MAX:
            return self._refuse(fields, account_id, ErrorCode.EXCEEDS_LIMIT, 44 if price > PRICE_TICKS_MAX else 38)
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
            _is_resend(fields),
        )

    def _account(self, fields: Fields, sender: Sender) -> int:
        """Find the account; another firm's is as unknown as one that does not exist."""
        name = fields.get("1") or sender.default_account
        return self._registry.account_ids.get((sender.firm_id, name), UNRESOLVED)

    @staticmethod
    def _refuse(fields: Fields, account_id: int, code: ErrorCode, tag: int) -> RefuseOrder:
        """Put on record what the member wrote, each text cut to what a record holds."""
        return RefuseOrder(
            ABSENT if account_id == UNRESOLVED else account_id,
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

    # --- F and H ------------------------------------------------------------------------------------------

    def cancel_order(self, fields: Fields, sender: Sender, now_s: float) -> Command | BusinessReject:
        """Convert an OrderCancelRequest; OrderID <37> wins over OrigClOrdID <41>."""
        orig_cl_ord_id = fields.get("41", "")
        if not _CL_ORD_ID.fullmatch(fields["11"]):
            return refusal(ErrorCode.UNSUPPORTED, 11)
        if "37" not in fields and not orig_cl_ord_id:
            return conditional(41)
        if orig_cl_ord_id and not _CL_ORD_ID.fullmatch(orig_cl_ord_id):
            return refusal(ErrorCode.UNSUPPORTED, 41)
        if self._window.is_stale(fields["60"], now_s):
            return refusal(ErrorCode.STALE, 60)
        market = self._registry.symbols.get(fields["55"]) if "55" in fields else None
        symbol_id = market.instrument.symbol_id if market else UNRESOLVED if "55" in fields else ABSENT
        return CancelOrder(
            fields["11"],
            orig_cl_ord_id,
            _order_id(fields),
            self._account(fields, sender) if "1" in fields else ABSENT,
            symbol_id,
            ord(fields["54"]) if "54" in fields else ABSENT,
            _is_resend(fields),
        )

    def request_order_status(self, fields: Fields, sender: Sender, now_s: float) -> Command | BusinessReject:
        """Convert an OrderStatusRequest."""
        cl_ord_id, request = fields.get("11", ""), fields.get("790", "")
        if "37" not in fields and not cl_ord_id:
            return conditional(11)
        for tag, text in ((11, cl_ord_id), (790, request)):
            if text and not _CL_ORD_ID.fullmatch(text):
                return refusal(ErrorCode.UNSUPPORTED, tag)
        return RequestOrderStatus(cl_ord_id, _order_id(fields), request)


def _time_in_force(fields: Fields) -> str:
    """Return TimeInForce <59>; absent it means GTC, and IOC for a market order."""
    return fields.get("59") or ("3" if fields["40"] == "1" else "1")


def _is_text(text: str) -> bool:
    return len(text) <= TEXT_LENGTH_MAX and _PRINTABLE.fullmatch(text) is not None


def _is_resend(fields: Fields) -> bool:
    """Tell whether the message may have arrived before: PossResend <97> or PossDupFlag <43>."""
    return fields.get("97") == "Y" or fields.get("43") == "Y"


def _order_id(fields: Fields) -> int:
    text = fields.get("37")
    if text is None:
        return ABSENT
    try:
        return parse_order_id(text)
    except WireError:
        return NO_SUCH_ORDER


def _written(text: str, length_max: int) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text[:length_max])
