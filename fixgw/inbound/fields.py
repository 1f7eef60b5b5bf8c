"""Fields of members' messages, and what several messages ask of them."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Mapping

import msgspec

from engine.api.errors import WireError
from engine.api.ids import NO_ORDER, UNRESOLVED, AccountId, FirmId, OrderId, Seq, SessionId, parse_order_id
from fixgw.directory import Directory

Fields = Mapping[str, str]

TRANSACT_TIME_S_MAX = 60
"""How far TransactTime <60> may be from the gateway's clock (TIM-06)."""

NO_SUCH_ORDER = OrderId(Seq(0xFFFF_FFFF_FFFF_FFFF))
"""Stands for an OrderID <37> that is none: it matches nothing."""

UNKNOWN_ACCOUNT = AccountId(UNRESOLVED)
"""Stands for an Account <1> that the firm does not have."""

_CL_ORD_ID = re.compile(r"[A-Za-z0-9._:-]{1,36}", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]*", re.ASCII)


class Sender(msgspec.Struct, frozen=True):
    """The session a message came from."""

    session_id: SessionId
    comp_id: str
    firm_id: FirmId
    default_account: str


def split_fields(text: str) -> dict[str, str]:
    """Split a message that the dictionary has passed: no tag comes twice in what this exchange takes."""
    fields = {}
    for field in text.split("\x01")[:-1]:
        tag, _, value = field.partition("=")
        fields[tag] = value
    return fields


def is_cl_ord_id(text: str) -> bool:
    """Tell whether ``text`` may name an order."""
    return _CL_ORD_ID.fullmatch(text) is not None


def is_printable(text: str) -> bool:
    """Tell whether ``text`` is ASCII without control characters."""
    return _PRINTABLE.fullmatch(text) is not None


def is_resend(fields: Fields) -> bool:
    """Tell whether the message may have arrived before: PossResend <97> or PossDupFlag <43>."""
    return fields.get("97") == "Y" or fields.get("43") == "Y"


def order_id_of(fields: Fields) -> OrderId:
    """Return the order that OrderID <37> names."""
    text = fields.get("37")
    if text is None:
        return NO_ORDER
    try:
        return parse_order_id(text)
    except WireError:
        return NO_SUCH_ORDER


def account_of(fields: Fields, sender: Sender, directory: Directory) -> AccountId:
    """Find the account; another firm's is as unknown as one that does not exist."""
    name = fields.get("1") or sender.default_account
    return directory.account_ids.get((sender.firm_id, name), UNKNOWN_ACCOUNT)


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
